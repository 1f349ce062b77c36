/** A token that goes away and comes back, while an office works with it. */
import { createPublicKey, verify } from 'node:crypto';
import { existsSync, rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { forgetRefusedPin, type KeyStore } from '@chancery/keystore';
import { parseCertificate, verifyCertificateSignature } from '@chancery/smime';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ecKey, pkiOffice } from '../packages/authority/test/pki-office.ts';
import { openTokenKeyStore } from '../packages/keystore/src/pkcs11/store.ts';
import { missing } from './peers.ts';
import { makePullableToken, type PullableToken } from './softhsm.ts';

describe.skipIf(missing('softhsm'))('a token that is pulled', { timeout: 300_000 }, () => {
  let token: PullableToken;
  const opened: KeyStore[] = [];
  const open = (options: { pin?: string; timeoutSeconds?: number } = {}): KeyStore => {
    const store = openTokenKeyStore({
      module: token.module,
      token: token.label,
      pin: () => options.pin ?? token.pin,
      refusalFile: token.refusalFile,
      timeoutSeconds: options.timeoutSeconds ?? 30,
    });
    opened.push(store);
    return store;
  };
  beforeEach(() => {
    token = makePullableToken();
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((store) => store.close()));
    token.remove();
  });

  it('is found again with its keys, by the same signer and without a restart', async () => {
    const store = open();
    const reference = await store.generate('p256', 'survivor');
    const kek = await store.generateKek('survivor');
    const wrapped = await store.wrap(kek, Buffer.from('secret'), Buffer.from('aad'));
    const signer = await store.signer(reference);
    const key = createPublicKey({ key: Buffer.from(signer.spki), format: 'der', type: 'spki' });
    const good = async () => verify('sha256', Buffer.from('x'), key, await signer.sign(Buffer.from('x'), 'sha256'));
    expect(await good()).toBe(true);

    token.pull();
    await expect(good()).rejects.toMatchObject({ code: 'unavailable', message: expect.stringContaining(token.label) });
    await expect(store.unwrap(kek, wrapped, Buffer.from('aad'))).rejects.toMatchObject({ code: 'unavailable' });
    expect(await store.health()).toMatchObject([{ state: 'unavailable', lastError: { message: expect.anything() } }]);
    token.putBack();
    expect(await good()).toBe(true);
    expect(Buffer.from(await store.unwrap(kek, wrapped, Buffer.from('aad'))).toString()).toBe('secret');
    expect(await store.health()).toMatchObject([{ state: 'available', sessions: { free: 4, total: 4 } }]);

    // So quickly that nobody saw it go: only its sessions are invalid.
    token.pull();
    token.putBack();
    expect(await good()).toBe(true);
  });

  it('fails no signature that begins after its return, while forty callers sign', async () => {
    const store = open();
    const signer = await store.signer(await store.generate('p256', 'busy'));
    const key = createPublicKey({ key: Buffer.from(signer.spki), format: 'der', type: 'spki' });
    let returnedAt = 0;
    let outage = false;
    let running = true;
    let made = 0;
    let failed = 0;
    const wrong: string[] = [];
    const caller = async () => {
      while (running) {
        const began = performance.now();
        const duringOutage = outage;
        const data = Buffer.from(String(Math.random()));
        try {
          if (!verify('sha256', data, key, await signer.sign(data, 'sha256'))) wrong.push('a bad signature');
          made += 1;
        } catch (error) {
          failed += 1;
          if (!duringOutage && began > returnedAt && !outage) wrong.push((error as Error).message);
          await sleep(10);
        }
      }
    };
    const callers = Array.from({ length: 40 }, caller);
    for (const seconds of [0.05, 0.5, 2]) {
      const madeBefore = made;
      await until(() => made >= madeBefore + 40);
      outage = true;
      token.pull();
      await sleep(seconds * 1000);
      // On a busy machine it takes longer until somebody notices.
      if (seconds === 2) await until(() => failed > 0);
      token.putBack();
      returnedAt = performance.now();
      outage = false;
      const madeAtReturn = made;
      await until(() => made >= madeAtReturn + 80);
    }
    running = false;
    await Promise.all(callers);
    console.log(`${made} signatures, ${failed} failed while the token was out`);
    expect(wrong).toEqual([]);
    expect(failed).toBeGreaterThan(0);
  });

  it('fails no issuance after its return, gives no serial number twice, and loses no certificate', async () => {
    const office = await pkiOffice({ keyStore: open() });
    opened.pop();
    try {
      const person = await office.person('ada@example.com');
      let outage = false;
      let returnedAt = 0;
      let running = true;
      const acknowledged: { serialNumber: string; certificate: Uint8Array }[] = [];
      const wrong: string[] = [];
      let failed = 0;
      const caller = async () => {
        while (running) {
          const began = performance.now();
          const duringOutage = outage;
          try {
            acknowledged.push(await office.signing(person, ecKey()));
          } catch (error) {
            failed += 1;
            if (!duringOutage && began > returnedAt && !outage) wrong.push((error as Error).message);
            await sleep(20);
          }
        }
      };
      const callers = Array.from({ length: 6 }, caller);
      for (const seconds of [0.05, 0.3, 1.5]) {
        await sleep(1000);
        outage = true;
        token.pull();
        await sleep(seconds * 1000);
        // On a busy machine it takes longer until somebody notices.
        if (seconds === 1.5) await until(() => failed > 0);
        token.putBack();
        returnedAt = performance.now();
        outage = false;
      }
      const madeAtReturn = acknowledged.length;
      await until(() => acknowledged.length >= madeAtReturn + 12);
      running = false;
      await Promise.all(callers);
      console.log(`${acknowledged.length} certificates, ${failed} failed while the token was out`);
      expect(wrong).toEqual([]);
      expect(failed).toBeGreaterThan(0);
      const query = async (text: string) => (await office.world.database.pool.query(text)).rows;
      const issuer = parseCertificate(
        (await query(`SELECT certificate FROM authorities WHERE role = 'issuing'`))[0]?.certificate,
      );
      const rows = await query(`SELECT serial_number, certificate FROM certificates WHERE use = 'signing'`);
      const stored = new Map(rows.map((row) => [row.serial_number, row.certificate]));
      expect(stored.size).toBe(rows.length);
      expect(rows.length).toBe(acknowledged.length);
      for (const { serialNumber, certificate } of acknowledged) {
        expect(stored.get(serialNumber)?.equals(Buffer.from(certificate))).toBe(true);
        expect(verifyCertificateSignature(parseCertificate(certificate), issuer)).toBe(true);
      }
      const twice = await query(
        'SELECT serial_number FROM issuance_intents GROUP BY serial_number HAVING count(*) > 1',
      );
      expect(twice).toEqual([]);
    } finally {
      await office.close();
    }
  });

  it('that does not answer is given up after its time, and the caller gets a signature from the next process', async () => {
    const store = open({ timeoutSeconds: 1 });
    const signer = await store.signer(await store.generate('p256', 'slow'));
    token.hang(true);
    const hanging = signer.sign(Buffer.from('x'), 'sha256');
    setTimeout(() => token.hang(false), 1500);
    expect(await hanging).toBeInstanceOf(Uint8Array);
    expect(await store.health()).toMatchObject([
      { state: 'available', lastError: { message: expect.stringContaining('timed-out') } },
    ]);
    token.hang(true);
    await expect(signer.sign(Buffer.from('x'), 'sha256')).rejects.toMatchObject({ code: 'unavailable' });
    token.hang(false);
  });

  it('is asked for its PIN once where that is wrong, however often the office is started', async () => {
    await open().generate('p256', 'before');
    const before = token.logins();
    const refused = { code: 'pin-refused', message: expect.stringContaining(token.refusalFile) };
    for (let starts = 0; starts < 5; starts += 1) {
      const store = open({ pin: '000000' });
      await Promise.all([
        expect(store.list()).rejects.toMatchObject(refused),
        expect(store.generate('p256', 'never')).rejects.toMatchObject(refused),
      ]);
      expect(await store.health()).toMatchObject([{ state: 'unavailable' }]);
      await store.close();
    }
    expect(token.logins() - before).toBe(1);
    // The right PIN does not help before a person has said that it is right.
    await expect(open().list()).rejects.toMatchObject(refused);
    expect(token.logins() - before).toBe(1);
    expect(existsSync(token.refusalFile)).toBe(true);
    await forgetRefusedPin(token.refusalFile);
    expect(await open().list()).toHaveLength(1);
  });

  it('says what is missing: the module, the token', async () => {
    const noModule = openTokenKeyStore({
      module: path.join(token.folder, 'absent.so'),
      token: token.label,
      pin: () => token.pin,
      refusalFile: token.refusalFile,
    });
    const noToken = openTokenKeyStore({
      module: token.module,
      token: 'another',
      pin: () => token.pin,
      refusalFile: token.refusalFile,
    });
    opened.push(noModule, noToken);
    await expect(noModule.list()).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/absent\.so.*keys\.pkcs11\.module/s),
    });
    await expect(noToken.list()).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/"another"; there are: chancery test.*keys\.pkcs11\.token/s),
    });
    rmSync(token.module);
  });
});

async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; !holds(); tries += 1) {
    if (tries > 600) throw new Error('nothing happened for a minute');
    await sleep(100);
  }
}
