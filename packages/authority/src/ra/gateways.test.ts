import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import {
  buildName,
  buildRequest,
  decryptContent,
  localDecrypter,
  localSigner,
  parseCertificate,
} from '@chancery/smime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EscrowOffice, escrowOffice } from '../../test/escrow-office.ts';
import { createGateway } from '../identity/gateways.ts';
import { changeNoticeTemplate } from '../notices/rules.ts';
import { perform } from '../operation.ts';
import type { Principal } from '../principal.ts';
import { escrowedKeysOfPerson } from '../store/escrow.ts';
import { enrolGateway, issueGatewaySigning } from './enrollment.ts';
import { gatewayConfiguration, readGatewayKeys, usableCertificates } from './gateways.ts';
import { removePerson } from './offboarding.ts';
import { changePerson } from './onboarding.ts';

let office: EscrowOffice;
let relay: Principal;
let now = new Date('2026-03-01T12:00:00Z');
const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
const local: Principal = { kind: 'local', id: 'local', name: 'here' };

beforeAll(async () => {
  office = await escrowOffice({ clock: () => now });
  relay = await gateway('relay');
});
afterAll(() => office.close());

async function gateway(name: string): Promise<Principal> {
  await perform(office.world, createGateway, local, { name });
  const [row] = await office.query('SELECT id FROM gateways WHERE name = $1', [name]);
  return { kind: 'gateway', id: String(row?.id), name };
}
const csrFor = async (own: KeyObject) =>
  Buffer.from(
    await buildRequest({ subject: buildName([{ type: 'commonName', value: 'relay' }]), signer: localSigner(own) }),
  ).toString('base64');
const ecKey = () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
const keysOf = (address: string, by = relay) => perform(office.world, readGatewayKeys, by, { address });
const opens = async (lock: string, own: KeyObject) =>
  (await decryptContent({ der: Buffer.from(lock, 'base64'), keys: [{ decrypter: localDecrypter(own) }] })).content
    .length;

describe('a gateway', () => {
  let early: string;
  it('that enrols later leads to fresh keys for whoever lets it open mail, and opens those only', async () => {
    early = await office.person('early@example.com', { gatewayDecrypts: true });
    expect(await keysOf('early@example.com')).toEqual([]);
    now = new Date(now.getTime() + 1000);
    const csr = await csrFor(key);
    const first = await enrolGateway(office.world, relay, csr);
    await office.drain();
    const [one, ...more] = await keysOf('early@example.com');
    expect(more).toEqual([]);
    expect(await opens(one?.lock ?? '', key)).toBe(32);
    await expect(opens(one?.lock ?? '', ecKey())).rejects.toThrow();
    const keys = await office.world.database.snapshot((snapshot) => escrowedKeysOfPerson(snapshot, early));
    expect(keys.map(({ id }) => id === one?.escrowedKeyId)).toEqual([true, false]);
    // A gateway opens it in the owner's stead: it may be used before its owner has it.
    const usable = await office.world.database.snapshot((snapshot) =>
      usableCertificates(snapshot, 'early@example.com', now),
    );
    expect(usable.map((row) => row.escrowed_key_id)).toEqual([one?.escrowedKeyId]);

    // The answer was lost: the same one again, and no more keys.
    expect((await enrolGateway(office.world, relay, csr)).serialNumber).toBe(first.serialNumber);
    await office.drain();
    expect(await keysOf('early@example.com')).toHaveLength(1);
    const again = await office.world.database.snapshot((snapshot) => escrowedKeysOfPerson(snapshot, early));
    expect(again).toHaveLength(2);
  });

  it('reads no keys of who does not let it, who left, or of another gateway', async () => {
    const id = await office.person('later@example.com');
    expect(await keysOf('later@example.com')).toEqual([]);
    now = new Date(now.getTime() + 1000);
    await perform(office.world, changePerson, local, { id, gatewayDecrypts: true });
    await office.drain();
    const [one] = await keysOf('later@example.com');
    const keys = await office.world.database.snapshot((snapshot) => escrowedKeysOfPerson(snapshot, id));
    expect(keys[0]?.id).toBe(one?.escrowedKeyId);
    expect(keys).toHaveLength(2);
    expect(await keysOf('later@example.com', await gateway('second'))).toEqual([]);

    await perform(office.world, changePerson, local, { id, gatewayDecrypts: false });
    expect(await keysOf('later@example.com')).toEqual([]);
    const locks = await office.query(
      `SELECT 1 FROM escrow_locks l JOIN escrowed_keys e ON e.id = l.escrowed_key_id WHERE e.person_id = $1 AND l.kind = 'gateway'`,
      [id],
    );
    expect(locks).toEqual([]);
    await perform(office.world, removePerson, local, { id: early });
    expect(await keysOf('early@example.com')).toEqual([]);
    await expect(keysOf('nobody@example.com')).rejects.toMatchObject({ code: 'not-found' });
    await expect(keysOf('later@example.com', local)).rejects.toMatchObject({ code: 'forbidden' });
  });

  it('is certified for people whose mail it signs, and for nobody else', async () => {
    const id = await office.person('signed@example.com');
    const own = ecKey();
    const ask = async (address: string) =>
      issueGatewaySigning(office.world, relay, { address, csr: await csrFor(own) });
    await expect(ask('signed@example.com')).rejects.toMatchObject({ code: 'forbidden' });
    await perform(office.world, changePerson, local, { id, signingKey: 'gateway', aliases: ['s@example.com'] });
    const issued = await ask('s@example.com');
    expect(parseCertificate(issued.certificate).subjectAltNames.emails).toEqual([
      'signed@example.com',
      's@example.com',
    ]);
    expect((await ask('signed@example.com')).serialNumber).toBe(issued.serialNumber);
    await expect(ask('nobody@example.com')).rejects.toMatchObject({ code: 'not-found' });
  });

  it('is told whom it serves and whom it trusts', async () => {
    const told = await office.world.database.snapshot((snapshot) => gatewayConfiguration(snapshot, new Date()));
    expect(told).toMatchObject({ organisation: 'Example Corp', domains: ['example.com'] });
    expect(told.people.map(({ address, signingKey, decrypts }) => [address, signingKey, decrypts])).toEqual(
      expect.arrayContaining([
        ['signed@example.com', 'gateway', false],
        ['later@example.com', 'device', false],
      ]),
    );
    expect(told.people.map(({ address }) => address)).not.toContain('early@example.com');
    expect(told.people.map(({ groups }) => groups)).toEqual(told.people.map(() => []));
    expect([told.trustAnchors.length, told.intermediates.length, told.crls.length]).toEqual([1, 1, 2]);
  });

  it('is told the groups of everybody, those around their groups too', async () => {
    const before = await office.world.database.snapshot((snapshot) => gatewayConfiguration(snapshot, new Date()));
    const person = before.people.find(({ address }) => address === 'signed@example.com');
    await office.query(`INSERT INTO sources (name, kind, created_at) VALUES ('idp', 'scim', now())`);
    await office.query(
      `INSERT INTO source_records (id, source, key, person_id, active, presented, created_at, changed_at)
       VALUES (gen_random_uuid(), 'idp', 'k-signed', $1, true, '{}', now(), now())`,
      [person?.personId],
    );
    await office.query(
      `INSERT INTO source_groups (id, source, key, name, created_at, changed_at)
       SELECT gen_random_uuid(), 'idp', key, name, now(), now() FROM (VALUES ('g1', 'Litigation'), ('g2', 'Legal'), ('g3', 'Sales')) AS g (key, name)`,
    );
    await office.query(
      `INSERT INTO source_members (group_id, member_key, member_kind)
       SELECT g.id, m.member, m.kind FROM (VALUES ('g1', 'k-signed', 'person'), ('g2', 'g1', 'group'), ('g1', 'g2', 'group')) AS m (grp, member, kind)
       JOIN source_groups g ON g.key = m.grp`,
    );
    const told = await office.world.database.snapshot((snapshot) => gatewayConfiguration(snapshot, new Date()));
    const groupsOf = (address: string) => told.people.find((one) => one.address === address)?.groups;
    expect(groupsOf('signed@example.com')).toEqual(['Legal', 'Litigation']);
    expect(groupsOf('later@example.com')).toEqual([]);
  });

  it('is told in which words, and in which language of whom, it writes of mail that was held too long', async () => {
    const told = () => office.world.database.snapshot((snapshot) => gatewayConfiguration(snapshot, new Date()));
    const languageOf = async (address: string) =>
      (await told()).people.find((one) => one.address === address)?.language;
    expect(await languageOf('later@example.com')).toBeUndefined();
    await office.query(
      `UPDATE people SET attributes = '{"language": "de-CH"}' WHERE id = (SELECT person_id FROM person_addresses WHERE key = 'later@example.com')`,
    );
    expect(await languageOf('later@example.com')).toBe('de');
    await office.query(
      `INSERT INTO notice_preferences (person_id, language, muted, changed_at)
       SELECT person_id, 'fr', '{}', now() FROM person_addresses WHERE key = 'later@example.com'`,
    );
    expect(await languageOf('later@example.com')).toBe('fr');

    const shipped = (await told()).heldMailEnded;
    expect(shipped?.language).toBe('en');
    expect(shipped?.texts.de.subject).toBe('Eine Nachricht an Sie wurde zurückgehalten und ist abgelaufen');
    const content = { subject: 'Zurückgehalten', text: 'Von {by} seit {since}: {reason}\n' };
    const change = { event: 'held-mail-ended', language: 'de', expectedVersion: 0 } as const;
    await perform(office.world, changeNoticeTemplate, local, { ...change, content });
    expect((await told()).heldMailEnded?.texts.de).toEqual(content);
    await expect(
      perform(office.world, changeNoticeTemplate, local, {
        ...{ ...change, expectedVersion: 1 },
        content: { ...content, text: '{claimLink}' },
      }),
    ).rejects.toMatchObject({ code: 'invalid-request' });
  });
});
