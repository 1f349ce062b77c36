import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { buildName, buildRequest, localSigner, parseCertificate, readPkcs12 } from '@chancery/smime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EscrowOffice, escrowOffice } from '../../test/escrow-office.ts';
import { revokeCertificate } from '../ca/revoke.ts';
import { claimant, collectKey, expireClaims, finishClaim, openClaim } from '../delivery/claim.ts';
import { perform } from '../operation.ts';
import { type Principal, system } from '../principal.ts';
import { escrowedKeysOfPerson, locksOfKeys } from '../store/escrow.ts';
import { newClaimLink } from './claim-link.ts';
import { fulfilEnrollment, issueSigning } from './enrollment.ts';
import { usableCertificates } from './gateways.ts';
import { removePerson } from './offboarding.ts';
import { addPerson, changePerson } from './onboarding.ts';
import { describePerson, peoplePage, personDetail } from './people.ts';

let office: EscrowOffice;
let now = new Date('2026-03-01T12:00:00Z');
beforeAll(async () => {
  office = await escrowOffice({ clock: () => now });
});
afterAll(() => office.close());

const local: Principal = { kind: 'local', id: 'local', name: 'here' };
const PASSWORD = 'correct horse battery';
const tick = (ms = 1000) => {
  now = new Date(now.getTime() + ms);
};
const read: EscrowOffice['world']['database']['snapshot'] = (run) => office.world.database.snapshot(run);
const usable = (address: string) => read((snapshot) => usableCertificates(snapshot, address, now));
const coverage = async (id: string) => (await read((snapshot) => describePerson(office.world, snapshot, id))).coverage;
const link = async (id: string) => {
  tick();
  const { url } = await newClaimLink(office.world, local, id);
  expect(url).toMatch(/^http:\/\/127\.0\.0\.1:8080\/claim#[\w-]{43}$/);
  return url.slice(url.indexOf('#') + 1);
};
const collect = async (secret: string) => {
  const by = await claimant(office.world, secret);
  const input = { secret, profile: 'modern' as const, password: PASSWORD };
  return (await readPkcs12((await perform(office.world, collectKey, by, input)).data, PASSWORD)).keys;
};
const finish = async (secret: string) =>
  perform(office.world, finishClaim, await claimant(office.world, secret), { secret });
const csrFor = async (key: KeyObject) =>
  Buffer.from(
    await buildRequest({ subject: buildName([{ type: 'commonName', value: 'x' }]), signer: localSigner(key) }),
  ).toString('base64');
const ecKey = () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
const sign = async (secret: string, key: KeyObject) => {
  const by = await claimant(office.world, secret);
  return issueSigning(office.world, by, { personId: by.id, csr: await csrFor(key), keyOrigin: 'browser' });
};
const encryptionCertificates = (id: string) =>
  office.query(
    `SELECT serial_number, addresses, revocation_reason, escrowed_key_id FROM certificates
     WHERE person_id = $1 AND use = 'encryption' ORDER BY issued_at`,
    [id],
  );

describe('a person joins', () => {
  it('and is covered once they have collected their keys', async () => {
    const id = await office.person('ada@example.com', { aliases: ['countess@example.com'] });
    expect(await coverage(id)).toEqual({
      signing: 'pending',
      encryption: 'pending',
      published: 'no-target',
      reason: 'Has not collected the encryption key yet: give them their claim link.',
    });
    expect(await usable('ada@example.com')).toEqual([]);

    const secret = await link(id);
    expect(await openClaim(office.world, secret)).toMatchObject({
      organisation: 'Example Corp',
      name: 'ada Example',
      address: 'ada@example.com',
      signing: 'needed',
      encryption: 'ready',
    });
    expect((await coverage(id)).reason).toMatch(/the claim link waits to be opened/);

    const key = ecKey();
    const issued = await sign(secret, key);
    // The browser lost the answer and asks again: the same certificate.
    expect((await sign(secret, key)).serialNumber).toBe(issued.serialNumber);
    await expect(sign(secret, ecKey())).rejects.toMatchObject({ code: 'wrong-state' });
    expect(parseCertificate(issued.certificate).subjectAltNames.emails).toEqual([
      'ada@example.com',
      'countess@example.com',
    ]);

    await expect(finish(secret)).rejects.toMatchObject({ code: 'wrong-state' });
    const [first] = await collect(secret);
    const [again] = await collect(secret);
    expect(again?.privateKey).toEqual(first?.privateKey);
    const certificate = parseCertificate(first?.certificate ?? Buffer.alloc(0));
    expect(
      createPublicKey({
        key: Buffer.from(first?.privateKey ?? []),
        format: 'der',
        type: 'pkcs8',
      } as never).equals(certificate.publicKey),
    ).toBe(true);
    expect(await coverage(id)).toEqual({
      signing: 'valid',
      encryption: 'valid',
      published: 'no-target',
      reason: null,
    });
    for (const address of ['ada@example.com', 'COUNTESS@example.com']) {
      expect((await usable(address)).map((row) => row.serial_number)).toEqual([certificate.serialNumber]);
    }
    expect(await openClaim(office.world, secret)).toMatchObject({ signing: 'done', encryption: 'delivered' });
    await finish(secret);
    await expect(openClaim(office.world, secret)).rejects.toMatchObject({ code: 'wrong-state' });
    await expect(collect(secret)).rejects.toMatchObject({ code: 'wrong-state' });
    const detail = await read((snapshot) => personDetail(office.world, snapshot, id));
    expect(detail.escrowedKeys).toMatchObject([
      { serialNumber: certificate.serialNumber, locks: [{ kind: 'vault', expiresAt: null }] },
    ]);
    expect(detail.certificates.map(({ use }) => use).toSorted()).toEqual(['encryption', 'signing']);
  });

  it('but not with an address that is another’s', async () => {
    await office.person('taken@example.com', { aliases: ['alias@example.com'] });
    const add = (address: string, aliases: string[] = [], externalId: string | null = null) =>
      perform(office.world, addPerson, local, {
        address,
        name: 'New',
        aliases,
        externalId,
        signingKey: 'device',
        gatewayDecrypts: false,
      });
    for (const [address, aliases] of [
      ['TAKEN@example.com', []],
      ['alias@example.com', []],
      ['new@example.com', ['taken@example.com']],
    ] as const) {
      await expect(add(address, [...aliases])).rejects.toMatchObject({
        code: 'conflict',
        message: expect.stringContaining('taken Example'),
      });
    }
    await add('one@example.com', [], 'id-1');
    await expect(add('two@example.com', [], 'id-1')).rejects.toMatchObject({ code: 'conflict' });
  });

  it('and waits in the list of those who are not covered', async () => {
    const id = await office.person('zoe@example.com');
    const page = await read((snapshot) => peoplePage(office.world, snapshot, { limit: 100, uncovered: true }));
    expect(page.items.map((one) => one.address)).toContain('zoe@example.com');
    expect(page.items.map((one) => one.address)).not.toContain('ada@example.com');
    await collect(await link(id));
    const after = await read((snapshot) => peoplePage(office.world, snapshot, { limit: 100, uncovered: true }));
    expect(after.items.map((one) => one.address)).not.toContain('zoe@example.com');
  });

  it('and is found page by page, each once', async () => {
    const seen: string[] = [];
    for (let after: string | undefined; ; ) {
      const page = await read((snapshot) => peoplePage(office.world, snapshot, { limit: 2, after }));
      seen.push(...page.items.map(({ id }) => id));
      if (page.next === null) {
        expect(new Set(seen).size).toBe(page.total);
        break;
      }
      after = page.next;
    }
    const found = await read((snapshot) => peoplePage(office.world, snapshot, { limit: 5, search: 'countess' }));
    expect(found.items.map(({ address }) => address)).toEqual(['ada@example.com']);
  });
});

describe('a claim link', () => {
  it('is shown once; a second one has a fresh key, and the first opens nothing', async () => {
    const id = await office.person('twice@example.com');
    const first = await link(id);
    const [old] = await collect(first);
    const second = await link(id);
    expect(second).not.toBe(first);
    await expect(collect(first)).rejects.toMatchObject({ code: 'wrong-state' });
    // The first key is with its owner: until the new one is, it stays in use.
    const [before] = await usable('twice@example.com');
    expect(before?.certificate).toEqual(old?.certificate);
    const [fresh] = await collect(second);
    expect(fresh?.privateKey).not.toEqual(old?.privateKey);
    const [newest, older] = await usable('twice@example.com');
    expect(newest?.certificate).toEqual(fresh?.certificate);
    expect(older?.certificate).toEqual(old?.certificate);
    const keys = await read((snapshot) => escrowedKeysOfPerson(snapshot, id));
    const locks = await read((snapshot) =>
      locksOfKeys(
        snapshot,
        keys.map((key) => key.id),
      ),
    );
    expect(locks.filter(({ kind }) => kind === 'vault')).toHaveLength(2);
  });

  it('lapses, and its lock goes', async () => {
    const id = await office.person('late@example.com');
    const secret = await link(id);
    tick(14 * 86_400_000 - 1);
    expect(await openClaim(office.world, secret)).toMatchObject({ encryption: 'ready' });
    tick(1);
    await expect(openClaim(office.world, secret)).rejects.toMatchObject({ code: 'wrong-state' });
    await expireClaims(office.world);
    const [key] = await read((snapshot) => escrowedKeysOfPerson(snapshot, id));
    const locks = await read((snapshot) => locksOfKeys(snapshot, [key?.id ?? '']));
    expect(locks.map(({ kind }) => kind)).toEqual(['vault']);
    await collect(await link(id));
  });

  it('is made at once, before the queue comes to it', async () => {
    const { id } = await perform(office.world, addPerson, system, {
      address: 'hurry@example.com',
      name: 'In a Hurry',
      aliases: [],
      externalId: null,
      signingKey: 'device',
      gatewayDecrypts: false,
    });
    expect(await collect(await link(id))).toHaveLength(1);
    await office.drain();
    expect(await encryptionCertificates(id)).toHaveLength(1);
  });

  it('makes a signing certificate again once the lost one is revoked', async () => {
    const id = await office.person('lost@example.com');
    const secret = await link(id);
    const { serialNumber } = await sign(secret, ecKey());
    await perform(office.world, revokeCertificate, local, { serialNumber, reason: 'keyCompromise' });
    expect((await sign(secret, ecKey())).serialNumber).not.toBe(serialNumber);
  });

  it('is for nobody who makes secrets up, nor for another person', async () => {
    await expect(claimant(office.world, 'x'.repeat(43))).rejects.toMatchObject({ code: 'not-found' });
    const secret = await link(await office.person('mine@example.com'));
    const other: Principal = { kind: 'person', id: await office.person('yours@example.com'), name: 'other' };
    await expect(
      perform(office.world, collectKey, other, { secret, profile: 'modern', password: PASSWORD }),
    ).rejects.toMatchObject({ code: 'wrong-state' });
    await expect(
      perform(office.world, collectKey, local, { secret, profile: 'modern', password: PASSWORD }),
    ).rejects.toMatchObject({ code: 'forbidden' });
  });
});

describe('a person changes', () => {
  it('an alias more: the same key, certified anew', async () => {
    const id = await office.person('more@example.com');
    await collect(await link(id));
    tick();
    await perform(office.world, changePerson, local, { id, aliases: ['m@example.com'] });
    await office.drain();
    const rows = await encryptionCertificates(id);
    expect(rows.map((row) => row.addresses)).toEqual([['more@example.com'], ['more@example.com', 'm@example.com']]);
    expect(rows[0]?.escrowed_key_id).toBe(rows[1]?.escrowed_key_id);
    // The owner has that key already.
    expect(await usable('m@example.com')).toHaveLength(1);
  });

  it('an alias less: no certificate says any more that it is theirs', async () => {
    const id = await office.person('less@example.com', { aliases: ['l@example.com'] });
    const secret = await link(id);
    const { serialNumber } = await sign(secret, ecKey());
    await collect(secret);
    tick();
    await perform(office.world, changePerson, local, { id, aliases: [] });
    await office.drain();
    expect((await encryptionCertificates(id)).map((row) => row.revocation_reason)).toEqual(['superseded', null]);
    const [signing] = await office.query('SELECT revocation_reason FROM certificates WHERE serial_number = $1', [
      serialNumber,
    ]);
    expect(signing?.revocation_reason).toBe('affiliationChanged');
    expect(await usable('l@example.com')).toEqual([]);
    expect(await usable('less@example.com')).toHaveLength(1);
  });
});

describe('a person leaves', () => {
  it('signs no more, is given nothing more, and stays in escrow', async () => {
    const id = await office.person('bye@example.com');
    const secret = await link(id);
    const { serialNumber } = await sign(secret, ecKey());
    await collect(secret);
    await perform(office.world, removePerson, local, { id });
    const [signing] = await office.query('SELECT revocation_reason FROM certificates WHERE serial_number = $1', [
      serialNumber,
    ]);
    expect(signing?.revocation_reason).toBe('affiliationChanged');
    await expect(openClaim(office.world, secret)).rejects.toMatchObject({ code: 'wrong-state' });
    await expect(newClaimLink(office.world, local, id)).rejects.toMatchObject({ code: 'wrong-state' });
    await expect(perform(office.world, removePerson, local, { id })).rejects.toMatchObject({ code: 'wrong-state' });
    expect(await usable('bye@example.com')).toEqual([]);
    expect(await read((snapshot) => escrowedKeysOfPerson(snapshot, id))).toHaveLength(1);
    expect((await coverage(id)).reason).toMatch(/^Has left/);
  });
});

describe('fulfilling an enrolment', () => {
  /** The office, in which the n-th transaction from now on fails, before or after it commits. */
  const failing = (n: number, when: 'before' | 'after'): EscrowOffice['world'] => {
    let count = 0;
    const { database } = office.world;
    return {
      ...office.world,
      database: {
        ...database,
        operations: {
          async transaction(run) {
            count += 1;
            if (count > n || (count === n && when === 'before')) throw new Error('the power went');
            const result = await database.operations.transaction(run);
            if (count === n) throw new Error('the power went');
            return result;
          },
        },
      },
    };
  };
  const joined = async (address: string) => {
    const { id } = await perform(office.world, addPerson, system, {
      address,
      name: 'Crash',
      aliases: [],
      externalId: null,
      signingKey: 'device',
      gatewayDecrypts: false,
    });
    const [row] = await office.query(`SELECT id FROM enrollments WHERE person_id = $1 AND use = 'encryption'`, [id]);
    return { id, enrollmentId: String(row?.id) };
  };

  // Escrow, prepare, the attempted record, sign.
  it.each([1, 2, 3, 4].flatMap((n) => [[n, 'before'] as const, [n, 'after'] as const]))(
    'goes on after a crash in transaction %i, %s it commits',
    async (n, when) => {
      const { id, enrollmentId } = await joined(`crash-${n}-${when}@example.com`);
      await expect(fulfilEnrollment(failing(n, when), enrollmentId)).rejects.toThrow('the power went');
      const made = await read((snapshot) => escrowedKeysOfPerson(snapshot, id));
      await fulfilEnrollment(office.world, enrollmentId);
      await fulfilEnrollment(office.world, enrollmentId);
      const keys = await read((snapshot) => escrowedKeysOfPerson(snapshot, id));
      expect(keys).toHaveLength(1);
      if (made[0] !== undefined) expect(keys[0]?.id).toBe(made[0].id);
      expect(await encryptionCertificates(id)).toMatchObject([{ escrowed_key_id: keys[0]?.id }]);
      const open = await office.query(`SELECT 1 FROM issuance_intents WHERE person_id = $1 AND state = 'prepared'`, [
        id,
      ]);
      expect(open).toEqual([]);
      expect(await collect(await link(id))).toHaveLength(1);
    },
  );

  it('gives one certificate to one enrolment, of several workers at once', async () => {
    const { id, enrollmentId } = await joined('at-once@example.com');
    await Promise.allSettled([1, 2, 3, 4].map(() => fulfilEnrollment(office.world, enrollmentId)));
    await fulfilEnrollment(office.world, enrollmentId);
    expect(await encryptionCertificates(id)).toHaveLength(1);
    expect(await read((snapshot) => escrowedKeysOfPerson(snapshot, id))).toHaveLength(1);
  });
});
