import { randomUUID } from 'node:crypto';
import { type KeyReference, KeyStoreError } from '@chancery/keystore';
import { parseCertificate, type Signer } from '@chancery/smime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ecKey, type PkiOffice, pkiOffice, requestFor } from '../../test/pki-office.ts';
import { verifyTrail } from '../audit/verify.ts';
import { perform } from '../operation.ts';
import type { Principal } from '../principal.ts';
import { issuanceById, listItems } from '../store/issuances.ts';
import { issueBatch, retryIssuance, submitIssuance, withdrawIssuance } from './bulk-issuance.ts';

let office: PkiOffice;
beforeAll(async () => {
  office = await pkiOffice();
});
afterAll(() => office.close());

const local: Principal = { kind: 'local', id: 'local', name: 'here' };
const item = (address: string, request: Uint8Array) => ({
  address,
  csr: Buffer.from(request).toString('base64'),
  keyOrigin: 'device' as const,
});
const submit = (id: string, items: ReturnType<typeof item>[], offset = 0) =>
  perform(office.world, submitIssuance, local, { id, note: 'cards', offset, items });
const counts = async (id: string) => (await office.world.database.snapshot((tx) => issuanceById(tx, id)))?.counts;
const items = (id: string) => office.world.database.snapshot((tx) => listItems(tx, id, { after: -1, limit: 1000 }));
const query = async (text: string, values: unknown[] = []) =>
  (await office.world.database.pool.query(text, values)).rows;

describe('a batch of requests', () => {
  it('is issued whole, with three records for each certificate, and says what became of each', async () => {
    const people = Array.from({ length: 230 }, (_, index) => `card${index}@example.com`);
    const requests = [];
    for (const address of people) {
      await office.person(address, { name: `Card ${address}` });
      requests.push(item(address, await requestFor(ecKey())));
    }
    const id = randomUUID();
    const forged = Buffer.from(requests[0]?.csr ?? '', 'base64');
    forged[forged.length - 1] = (forged.at(-1) ?? 0) ^ 1;
    await submit(id, [
      ...requests,
      item('nobody@example.com', await requestFor(ecKey())),
      item('card0@example.com', forged),
      item('card1@example.com', Buffer.from('not a request')),
      // The key of somebody else.
      item('card2@example.com', Buffer.from(requests[3]?.csr ?? '', 'base64')),
    ]);
    await office.drain();
    expect(await counts(id)).toEqual({ waiting: 0, issued: 230, failed: 4, withdrawn: 0 });
    const all = await items(id);
    expect(all.slice(230).map(({ error }) => error)).toEqual([
      expect.stringContaining('Nobody here has the address nobody@example.com'),
      expect.stringContaining('not signed by its own key'),
      expect.stringContaining('cannot be read'),
      expect.stringContaining('certified before'),
    ]);
    const first = parseCertificate(all[7]?.certificate ?? new Uint8Array());
    expect(first.subjectAltNames.emails).toEqual(['card7@example.com']);
    expect(first.serialNumber).toBe(all[7]?.serial_number);
    const serial = all[7]?.serial_number ?? '';
    expect(
      await query(`SELECT action, outcome FROM audit_records WHERE subject = $1 ORDER BY sequence`, [
        `certificate:${serial}`,
      ]),
    ).toEqual([
      { action: 'certificate.sign', outcome: 'attempted' },
      { action: 'certificate.sign', outcome: 'succeeded' },
    ]);
    expect(
      await query(
        `SELECT outcome FROM audit_records WHERE action = 'certificate.prepare' AND details->>'serialNumber' = $1`,
        [serial],
      ),
    ).toEqual([{ outcome: 'succeeded' }]);
    expect(await query(`SELECT 1 FROM issuance_intents WHERE state = 'prepared'`)).toEqual([]);
    expect(await office.world.database.snapshot(verifyTrail)).toMatchObject({ intact: true });
  });

  it('may be submitted again, and in pieces: nothing is issued twice', async () => {
    const id = randomUUID();
    await office.person('again@example.com');
    const one = item('again@example.com', await requestFor(ecKey()));
    const two = item('again@example.com', await requestFor(ecKey()));
    expect(await submit(id, [one])).toEqual({ taken: 1 });
    expect(await submit(id, [one, two])).toEqual({ taken: 1 });
    await office.drain();
    expect(await counts(id)).toMatchObject({ issued: 2, failed: 0 });
    const serials = (await items(id)).map(({ serial_number }) => serial_number);
    // The same key in another batch has the certificate that it has.
    const second = randomUUID();
    await submit(second, [one]);
    await office.drain();
    expect((await items(second)).map(({ serial_number }) => serial_number)).toEqual([serials[0]]);
  });

  it('can be withdrawn while it waits, and tried again where it failed', async () => {
    const id = randomUUID();
    const person = await office.person('late@example.com');
    await query(`UPDATE people SET state = 'left', left_at = now() WHERE id = $1`, [person]);
    await submit(id, [item('late@example.com', await requestFor(ecKey()))]);
    await office.drain();
    expect(await counts(id)).toMatchObject({ failed: 1 });
    await query(`UPDATE people SET state = 'active', left_at = NULL WHERE id = $1`, [person]);
    await perform(office.world, retryIssuance, local, { id });
    await office.drain();
    expect(await counts(id)).toMatchObject({ failed: 0, issued: 1 });
    const other = randomUUID();
    await submit(other, [item('late@example.com', await requestFor(ecKey()))]);
    await perform(office.world, withdrawIssuance, local, { id: other });
    await office.drain();
    expect(await counts(other)).toMatchObject({ withdrawn: 1, issued: 0 });
  });

  it('leaves one behind that fails for no known reason, and issues the others of its group', async () => {
    const id = randomUUID();
    const names = ['one', 'poison', 'two', 'three'];
    const requests = [];
    for (const name of names) {
      await office.person(`${name}@group.example`, { name });
      requests.push(item(`${name}@group.example`, await requestFor(ecKey())));
    }
    const { keyStore } = office.world;
    const poisoned = new Proxy(keyStore, {
      get(target, property) {
        const own: unknown = Reflect.get(target, property);
        if (property !== 'signer') return typeof own === 'function' ? own.bind(target) : own;
        return async (reference: KeyReference): Promise<Signer> => {
          const signer = await target.signer(reference);
          const sign: Signer['sign'] = async (data, ...rest) => {
            if (Buffer.from(data).includes('poison@group.example')) throw new Error('nobody foresaw this');
            return signer.sign(data, ...rest);
          };
          return { ...signer, sign };
        };
      },
    });
    const world = { ...office.world, keyStore: poisoned };
    await submit(id, requests);
    await issueBatch(world, id);
    expect((await items(id)).map(({ state }) => state)).toEqual(['issued', 'failed', 'issued', 'issued']);
    expect((await items(id))[1]?.error).toContain('with this request alone');
    await perform(office.world, retryIssuance, local, { id });
    await office.drain();
    expect(await counts(id)).toEqual({ waiting: 0, issued: 4, failed: 0, withdrawn: 0 });

    // While it is prepared, and where the database says it.
    const again = randomUUID();
    await query(`CREATE FUNCTION test_poison() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      IF EXISTS (SELECT 1 FROM people WHERE id = NEW.person_id AND name = 'poison') THEN RAISE EXCEPTION 'never him'; END IF;
      RETURN NEW; END $$`);
    await query(
      'CREATE TRIGGER test_poison BEFORE INSERT ON issuance_intents FOR EACH ROW EXECUTE FUNCTION test_poison()',
    );
    await submit(
      again,
      await Promise.all(names.map(async (name) => item(`${name}@group.example`, await requestFor(ecKey())))),
    );
    await office.drain();
    expect((await items(again)).map(({ state }) => state)).toEqual(['issued', 'failed', 'issued', 'issued']);
    // Where every one fails the fault is in none of them: they wait.
    const all = randomUUID();
    await query(
      `CREATE OR REPLACE FUNCTION test_poison() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'none'; END $$`,
    );
    await submit(
      all,
      await Promise.all(names.map(async (name) => item(`${name}@group.example`, await requestFor(ecKey())))),
    );
    await expect(issueBatch(office.world, all)).rejects.toThrow('none');
    expect(await counts(all)).toMatchObject({ waiting: 4, failed: 0 });
    await query('DROP TRIGGER test_poison ON issuance_intents');
    await office.drain();
    expect(await counts(all)).toMatchObject({ issued: 4, waiting: 0 });
    expect(await office.world.database.snapshot(verifyTrail)).toMatchObject({ intact: true });
  });

  it('goes on where a crash left intents behind', async () => {
    const id = randomUUID();
    await office.person('crash@example.com');
    await submit(id, [item('crash@example.com', await requestFor(ecKey()))]);
    const { keyStore } = office.world;
    const broken = {
      ...office.world,
      keyStore: { ...keyStore, signer: () => Promise.reject(new KeyStoreError('unavailable', 'pulled')) },
    };
    await expect(issueBatch(broken as typeof office.world, id)).rejects.toThrow('pulled');
    expect(await counts(id)).toMatchObject({ waiting: 1 });
    const [left] = await items(id);
    await office.drain();
    const [done] = await items(id);
    expect(done?.state).toBe('issued');
    expect(done?.serial_number).not.toBe(left?.serial_number);
    expect(await query(`SELECT state FROM issuance_intents WHERE state = 'prepared'`)).toEqual([]);
  });
});
