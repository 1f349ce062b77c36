import { createPrivateKey, generateKeyPairSync, type KeyObject, randomUUID } from 'node:crypto';
import {
  buildName,
  buildOcspRequest,
  buildRequest,
  createPkcs12,
  decryptContent,
  encryptContent,
  localDecrypter,
  localSigner,
  parseCertificate,
  parseOcspResponse,
  readPkcs12,
} from '@chancery/smime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EscrowOffice, escrowOffice, type OperatorPrincipal } from '../../test/escrow-office.ts';
import { type OutsideKey, type OutsideOffice, outsideOffice, sealKey } from '../../test/outside-office.ts';
import { importAuthority } from '../ca/grow-hierarchy.ts';
import { revokeCertificate } from '../ca/revoke.ts';
import { createGateway } from '../identity/gateways.ts';
import { decideRecovery, requestRecovery } from '../kra/recovery.ts';
import { releaseKey, releasePassword } from '../kra/release.ts';
import { destroyEndedTransportKeys, transportKeyFor } from '../kra/transport.ts';
import { perform } from '../operation.ts';
import { type Principal, system } from '../principal.ts';
import { OcspResponder } from '../status/ocsp-responder.ts';
import { renewResponder } from '../status/renew-responder.ts';
import { listAuthorities } from '../store/authorities.ts';
import { certificatesOfPerson } from '../store/certificates.ts';
import { escrowedKeysOfPerson, locksOfKeys, newestKeys } from '../store/escrow.ts';
import { importedOfPerson } from '../store/imported-certificates.ts';
import { enrolGateway } from './enrollment.ts';
import { usableCertificates } from './gateways.ts';
import { revokeImportedCertificate } from './imported-status.ts';
import { removePerson } from './offboarding.ts';
import { personDetail } from './people.ts';
import { takeIn } from './take-in.ts';

let office: EscrowOffice;
let old: OutsideOffice;
let admin: OperatorPrincipal;
let ahead = 0;
const clock = () => new Date(Date.now() + ahead);
beforeAll(async () => {
  office = await escrowOffice({ clock });
  old = await outsideOffice();
  admin = await office.operator('Ada', 'administrator');
});
afterAll(() => office.close());
const read: EscrowOffice['world']['database']['snapshot'] = (run) => office.world.database.snapshot(run);

const REAL = { dryRun: false, createPeople: false };
const item = (certificate: Uint8Array, more: { source?: string; revoked?: { at: Date; reason: string } } = {}) => ({
  certificate,
  source: more.source ?? 'a test',
  revoked: more.revoked ?? null,
});
const certificates = (list: readonly Uint8Array[], how = REAL) =>
  takeIn(
    office.world,
    admin,
    'certificates',
    list.map((one) => item(one)),
    how,
  );
async function keys(list: readonly OutsideKey[], how = REAL) {
  const { certificate } = await transportKeyFor(office.world);
  const items = await Promise.all(
    list.map(async (one) => ({ ...item(one.certificate), sealed: await sealKey(certificate, one) })),
  );
  return takeIn(office.world, admin, 'keys', items, how);
}
const outcomes = (items: readonly { outcome: string; code: string | null }[]) =>
  items.map(({ outcome, code }) => (code === null ? outcome : `${outcome}: ${code}`));

describe('certificates of another office', () => {
  it('go to the person whose address they name, whatever its case, and are known the next time', async () => {
    const personId = await office.person('anna@example.com', { aliases: ['a.old@example.com'] });
    const one = await old.issue(['A.Old@Example.COM'], { usage: ['digitalSignature'] });
    const other = await old.issue(['anna@example.com']);
    const [first, second] = await certificates([one.certificate, other.certificate]);
    expect([first?.outcome, second?.outcome]).toEqual(['imported', 'imported']);
    expect([first?.use, second?.use]).toEqual(['signing', 'encryption']);
    expect(first).toMatchObject({ personId, issuer: 'CN=Old Office CA', created: false });
    const before = await office.trail(`person:${personId}`);
    expect(outcomes(await certificates([one.certificate, other.certificate]))).toEqual(['known', 'known']);
    expect(await office.trail(`person:${personId}`)).toEqual(before);
    expect(before.filter((one) => one === 'certificate.import succeeded')).toHaveLength(2);
    const detail = await read((snapshot) => personDetail(office.world, snapshot, personId));
    expect(detail.importedCertificates).toHaveLength(2);
    expect(detail.importedCertificates[0]).toMatchObject({
      issuer: 'CN=Old Office CA',
      authorityId: null,
      state: 'valid',
    });
    // The inventory is what this office issued.
    expect((await read((snapshot) => certificatesOfPerson(snapshot, personId))).map(({ use }) => use)).toEqual([
      'encryption',
    ]);
  });

  it('stay out for a reason each', async () => {
    const mine = await office.person('bea@example.com');
    await office.person('carl@example.com');
    const of = async (...given: Parameters<OutsideOffice['issue']>) => (await old.issue(...given)).certificate;
    const result = await certificates([
      await of(['stranger@example.com']),
      await of(['bea@example.com', 'CARL@example.com']),
      await of(['bea@example.com'], { purposes: ['1.3.6.1.5.5.7.3.1'] }),
      await of([]),
      await of(['bea@example.com'], { usage: ['cRLSign'] }),
      await of(['bea@example.com'], { usage: ['keyCertSign'] }),
      old.authority.certificate,
      Buffer.from('no certificate'),
      await of(['bea@example.com']),
    ]);
    expect(outcomes(result)).toEqual([
      'nobody: nobody',
      'refused: two-people',
      'refused: not-for-mail',
      'refused: no-address',
      'refused: no-use',
      'refused: authority',
      'refused: authority',
      'refused: unreadable',
      'imported',
    ]);
    expect(await read((snapshot) => importedOfPerson(snapshot, mine))).toHaveLength(1);
  });

  it('of one group may be the same', async () => {
    await office.person('twice@example.com');
    const { certificate } = await old.issue(['twice@example.com']);
    expect(outcomes(await certificates([certificate, certificate]))).toEqual(['imported', 'known']);
  });

  it('change nothing in a dry run, which says the same', async () => {
    const personId = await office.person('dry@example.com');
    const { certificate } = await old.issue(['dry@example.com']);
    const how = { dryRun: true, createPeople: true };
    const stranger = await old.issue(['dry-stranger@example.com'], { name: 'Dry Stranger' });
    const rehearsed = await certificates([certificate, certificate, stranger.certificate, stranger.certificate], how);
    expect(outcomes(rehearsed)).toEqual(['imported', 'known', 'imported', 'imported']);
    expect(rehearsed.map(({ created }) => created)).toEqual([false, false, true, false]);
    expect(await read((snapshot) => importedOfPerson(snapshot, personId))).toEqual([]);
    expect(await office.query(`SELECT 1 FROM person_addresses WHERE key = 'dry-stranger@example.com'`)).toEqual([]);
  });

  it('make people where that is wanted, once, with the name in the certificate', async () => {
    const first = await old.issue(['new@example.com', 'alias@example.com'], { name: 'Nora New' });
    const second = await old.issue(['alias@example.com']);
    const done = await certificates([first.certificate, second.certificate], { dryRun: false, createPeople: true });
    expect(outcomes(done)).toEqual(['imported', 'imported']);
    expect(done.map(({ created }) => created)).toEqual([true, false]);
    expect(done[0]?.personId).toBe(done[1]?.personId);
    const detail = await read((snapshot) => personDetail(office.world, snapshot, done[0]?.personId ?? ''));
    expect(detail).toMatchObject({ name: 'Nora New', address: 'new@example.com', aliases: ['alias@example.com'] });
  });

  it('do not reach anybody by letters that only look alike', async () => {
    await office.person('kim@example.com');
    // U+212A is a `k` in lower case.
    const { certificate } = await old.issue(['\u212aim@example.com']);
    expect(outcomes(await certificates([certificate]))).toEqual(['nobody: nobody']);
  });

  it('of a person whose address they name are not to be had without the permission', async () => {
    const auditor = await office.operator('Otto', 'auditor');
    await expect(takeIn(office.world, auditor, 'certificates', [], REAL)).rejects.toThrow(/certificate:import/);
    const registrar = await office.operator('Rita', 'registration-officer');
    await expect(takeIn(office.world, registrar, 'keys', [], REAL)).rejects.toThrow(/escrow:import/);
  });

  it('bring what their list said of them, and hear of it later', async () => {
    const personId = await office.person('listed@example.com');
    const one = item((await old.issue(['listed@example.com'])).certificate);
    const at = new Date('2024-05-06T07:08:09Z');
    const take = (revoked: { at: Date; reason: string } | null) =>
      takeIn(office.world, admin, 'certificates', [{ ...one, revoked }], REAL);
    expect(outcomes(await take(null))).toEqual(['imported']);
    expect(outcomes(await take({ at, reason: 'certificateHold' }))).toEqual(['updated']);
    expect(outcomes(await take({ at, reason: 'certificateHold' }))).toEqual(['known']);
    expect(outcomes(await take({ at, reason: 'keyCompromise' }))).toEqual(['updated']);
    expect(outcomes(await take({ at, reason: 'superseded' }))).toEqual(['known']);
    const [row] = await read((snapshot) => importedOfPerson(snapshot, personId));
    expect(row).toMatchObject({ revoked_at: at, revocation_reason: 'keyCompromise' });
    await expect(
      perform(office.world, revokeImportedCertificate, admin, { id: row?.id ?? '', reason: 'superseded' }),
    ).rejects.toThrow(/CN=Old Office CA issued this certificate and is not here/);
  });
});

describe('keys of another office', () => {
  it('are escrowed and recovered by a quorum, and open old mail', async () => {
    const personId = await office.person('old-mail@example.com');
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
    const elliptic = await old.issue(['old-mail@example.com'], { from: -900, until: -100 });
    const both = await old.issue(['old-mail@example.com'], {
      key: rsa,
      usage: ['digitalSignature', 'keyEncipherment'],
    });
    const mail = await Promise.all(
      [elliptic, both].map(({ certificate }) =>
        encryptContent({ content: Buffer.from('an old secret'), recipients: [parseCertificate(certificate)] }),
      ),
    );
    expect(outcomes(await keys([elliptic, both]))).toEqual(['imported', 'imported']);
    expect(outcomes(await keys([elliptic, both]))).toEqual(['known', 'known']);

    const rows = (await read((snapshot) => escrowedKeysOfPerson(snapshot, personId))).filter(
      ({ origin }) => origin === 'imported',
    );
    expect(rows).toHaveLength(2);
    const locks = await read((snapshot) =>
      locksOfKeys(
        snapshot,
        rows.map(({ id }) => id),
      ),
    );
    // No claim link opens them: whoever may make links must not read years of mail.
    expect(locks.map(({ kind }) => kind)).toEqual(['vault', 'vault']);
    // The newest key is the one that is certified anew when somebody is renamed: never an imported one.
    const newest = await read((snapshot) => newestKeys(snapshot, [personId]));
    expect(rows.map(({ id }) => id)).not.toContain(newest.get(personId));

    const opened = await recovered(personId);
    for (const der of mail) expect(await openedBy(der, opened)).toBe('an old secret');
    expect(opened).toHaveLength(3);
  });

  it('are locked to gateways where the person lets them open mail, and not of somebody who left', async () => {
    const gatewayKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
    await enrolledGateway(gatewayKey);
    const letting = await office.person('letting@example.com', { gatewayDecrypts: true });
    const gone = await office.person('gone@example.com', { gatewayDecrypts: true });
    await perform(office.world, removePerson, system, { id: gone });
    const result = await keys([await old.issue(['letting@example.com']), await old.issue(['gone@example.com'])]);
    expect(outcomes(result)).toEqual(['imported', 'imported']);
    const kinds = async (personId: string) => {
      const [key] = (await read((snapshot) => escrowedKeysOfPerson(snapshot, personId))).filter(
        ({ origin }) => origin === 'imported',
      );
      return (await read((snapshot) => locksOfKeys(snapshot, [key?.id ?? '']))).map(({ kind }) => kind);
    };
    expect(await kinds(letting)).toEqual(['vault', 'gateway']);
    expect(await kinds(gone)).toEqual(['vault']);
  });

  it('for signing are refused by name, whichever of their certificates comes first', async () => {
    const personId = await office.person('signer@example.com');
    const only = await old.issue(['signer@example.com'], { usage: ['digitalSignature', 'nonRepudiation'] });
    const [refused] = await keys([only]);
    expect(refused).toMatchObject({ outcome: 'refused', code: 'signing-key' });
    expect(refused?.reason).toMatch(
      /^The key of CN=signer@example.com is for signing\. A signing key is never escrowed/,
    );

    // One key with a certificate for each use: the signing certificate came first.
    const signs = await old.issue(['signer@example.com'], { usage: ['digitalSignature'] });
    const encrypts = await old.issue(['signer@example.com'], { key: signs.privateKey });
    expect(outcomes(await certificates([signs.certificate]))).toEqual(['imported']);
    expect(outcomes(await keys([encrypts]))).toEqual(['refused: signing-key']);
    // Or the key did.
    const later = await old.issue(['signer@example.com']);
    const laterSigns = await old.issue(['signer@example.com'], { key: later.privateKey, usage: ['digitalSignature'] });
    expect(outcomes(await keys([later]))).toEqual(['imported']);
    expect(outcomes(await certificates([laterSigns.certificate]))).toEqual(['refused: key-escrowed']);
    // And the database says it to whoever writes SQL.
    await expect(
      office.query(`INSERT INTO imported_certificates SELECT gen_random_uuid(), person_id, NULL, issuer, 'ff', 'signing', false,
        subject, addresses, key_algorithm, spki_sha256, '\\x00', certificate, NULL, not_before, not_after, source, imported_at
        FROM imported_certificates WHERE escrowed_key_id IS NOT NULL AND person_id = '${personId}'`),
    ).rejects.toThrow(/certified for encryption only/);
    await expect(
      office.query(`UPDATE imported_certificates SET escrowed_key_id = (SELECT id FROM escrowed_keys LIMIT 1)
        WHERE use = 'signing'`),
    ).rejects.toThrow();
  });

  it('must belong to the certificate beside which they come, and were sealed with', async () => {
    await office.person('pair@example.com');
    const { certificate: transport } = await transportKeyFor(office.world);
    const one = await old.issue(['pair@example.com']);
    const other = await old.issue(['pair@example.com']);
    const take = (sealed: Uint8Array) =>
      takeIn(office.world, admin, 'keys', [{ ...item(one.certificate), sealed }], REAL);
    const cases: [Uint8Array, RegExp][] = [
      [await sealKey(transport, { ...other, certificate: one.certificate }), /does not belong to the certificate/],
      [await sealKey(transport, one, other.certificate), /another certificate than the one beside it/],
      [await sealKey(one.certificate, one), /does not open with a transport key/],
      [new Uint8Array(), /does not open with a transport key/],
    ];
    for (const [sealed, why] of cases) {
      const [refused] = await take(sealed);
      expect(refused?.outcome).toBe('refused');
      expect(refused?.reason).toMatch(why);
    }
    expect(outcomes(await take(await sealKey(transport, one)))).toEqual(['imported']);
  });

  it('of which one is bad leave the others of its group alone', async () => {
    await office.person('group@example.com');
    const { certificate: transport } = await transportKeyFor(office.world);
    const good = await old.issue(['group@example.com']);
    const bad = await old.issue(['group@example.com']);
    const items = [
      { ...item(bad.certificate), sealed: await sealKey(transport, good, bad.certificate) },
      { ...item(good.certificate), sealed: await sealKey(transport, good) },
    ];
    expect(outcomes(await takeIn(office.world, admin, 'keys', items, REAL))).toEqual([
      'refused: unusable-input',
      'imported',
    ]);
  });

  it('have their renewed certificates with them, and are nobody else’s', async () => {
    const personId = await office.person('renewed@example.com');
    await office.person('thief@example.com');
    const first = await old.issue(['renewed@example.com'], { from: -800, until: -400 });
    const renewed = await old.issue(['renewed@example.com'], { key: first.privateKey });
    const stolen = await old.issue(['thief@example.com'], { key: first.privateKey });
    expect(outcomes(await certificates([renewed.certificate]))).toEqual(['imported']);
    expect(outcomes(await keys([first]))).toEqual(['imported']);
    const rows = await read((snapshot) => importedOfPerson(snapshot, personId));
    expect(new Set(rows.map(({ escrowed_key_id }) => escrowed_key_id)).size).toBe(1);
    expect(rows).toHaveLength(2);
    expect(outcomes(await keys([stolen]))).toEqual(['refused: key-of-another']);
    expect(outcomes(await certificates([stolen.certificate]))).toEqual(['refused: key-of-another']);
    // A third certificate of the key that is in escrow comes without opening anything.
    const third = await old.issue(['renewed@example.com'], { key: first.privateKey });
    expect(outcomes(await keys([third]))).toEqual(['imported']);
    expect(await read((snapshot) => escrowedKeysOfPerson(snapshot, personId))).toHaveLength(2);
  });

  it('are on record with file, names and locks, and without a secret', async () => {
    const personId = await office.person('record@example.com');
    const key = await old.issue(['record@example.com']);
    const { certificate: transport } = await transportKeyFor(office.world);
    const sealed = await sealKey(transport, key);
    await takeIn(office.world, admin, 'keys', [{ ...item(key.certificate, { source: 'p12/r.p12' }), sealed }], REAL);
    const [record] = await office.query(
      `SELECT details FROM audit_records WHERE action = 'key.import' AND subject = $1`,
      [`person:${personId}`],
    );
    const text = JSON.stringify(record);
    expect(text).toContain('p12/r.p12');
    expect(text).toContain('"addresses":["record@example.com"]');
    const secret = key.privateKey.export({ format: 'jwk' }).d ?? '';
    const hidden = Buffer.from(secret, 'base64url');
    expect(text).not.toContain(secret);
    expect(text).not.toContain(hidden.toString('hex'));
    const [stored] = await office.query(
      `SELECT sealed FROM escrowed_keys WHERE person_id = $1 AND origin = 'imported'`,
      [personId],
    );
    expect(Buffer.from(stored?.sealed as Uint8Array).includes(hidden)).toBe(false);
    expect(office.logged.filter((one) => JSON.stringify(one).includes(secret))).toEqual([]);
  });

  it('are never certified here, whoever writes SQL', async () => {
    await office.person('uncertified@example.com');
    await keys([await old.issue(['uncertified@example.com'])]);
    await expect(
      office.query(`INSERT INTO certificates (serial_number, authority_id, use, profile, person_id, subject, addresses,
          key_algorithm, key_origin, spki_sha256, fingerprint, certificate, escrowed_key_id, not_before, not_after, issued_at)
        SELECT 'aa', authority_id, use, profile, person_id, subject, addresses, key_algorithm, key_origin,
          (SELECT spki_sha256 FROM escrowed_keys WHERE origin = 'imported' LIMIT 1), '\\x01', certificate,
          (SELECT id FROM escrowed_keys WHERE origin = 'imported' LIMIT 1), not_before, not_after, issued_at
        FROM certificates WHERE use = 'encryption' LIMIT 1`),
    ).rejects.toThrow(/it is not certified here/);
  });

  it('travel under a key that is destroyed in time', async () => {
    const first = await transportKeyFor(office.world);
    expect((await transportKeyFor(office.world)).certificate).toEqual(first.certificate);
    ahead += 12 * 86_400_000;
    const second = await transportKeyFor(office.world);
    expect(second.certificate).not.toEqual(first.certificate);
    await office.person('late@example.com');
    const late = await old.issue(['late@example.com']);
    const under = async (transport: Uint8Array) =>
      takeIn(
        office.world,
        admin,
        'keys',
        [{ ...item(late.certificate), sealed: await sealKey(transport, late) }],
        REAL,
      );
    ahead += 3 * 86_400_000;
    const count = (await office.world.keyStore.list()).length;
    await destroyEndedTransportKeys(office.world);
    expect(await office.world.keyStore.list()).toHaveLength(count - 1);
    expect(outcomes(await under(first.certificate))).toEqual(['refused: unusable-input']);
    expect(outcomes(await under(second.certificate))).toEqual(['imported']);
    ahead = 0;
  });
});

describe('who is written to by an imported certificate', () => {
  const senders = async (address: string) =>
    (await read((snapshot) => usableCertificates(snapshot, address, clock()))).map(({ certificate }) =>
      parseCertificate(certificate)
        .issuer.attributes.flat()
        .map(({ value }) => value)
        .join(),
    );

  it('is whoever has none of this office in use yet, and only where its key is in escrow', async () => {
    const personId = await office.person('moving@example.com');
    const without = await old.issue(['moving@example.com']);
    const ended = await old.issue(['moving@example.com'], { from: -700, until: -1 });
    await certificates([without.certificate]);
    await keys([ended]);
    expect(await senders('moving@example.com')).toEqual([]);
    await keys([without]);
    expect(await senders('moving@example.com')).toEqual(['Old Office CA']);
    // The person collects the key of this office.
    await office.query(`UPDATE escrowed_keys SET delivered_at = now() WHERE person_id = $1 AND origin = 'kra'`, [
      personId,
    ]);
    const [issuer, ...more] = await senders('moving@example.com');
    expect(issuer).toMatch(/Issuing CA/);
    expect(more).toEqual([]);
  });

  it('is nobody by one that was revoked', async () => {
    await office.person('revoked@example.com');
    const key = await old.issue(['revoked@example.com']);
    await keys([key]);
    expect(await senders('revoked@example.com')).toEqual(['Old Office CA']);
    const revoked = { at: new Date(), reason: 'keyCompromise' };
    await takeIn(office.world, admin, 'certificates', [item(key.certificate, { revoked })], REAL);
    expect(await senders('revoked@example.com')).toEqual([]);
  });
});

describe('the status of imported certificates', () => {
  it('is said by this office once their issuer is here, and by nobody before', async () => {
    const other = await outsideOffice('Moved Office CA');
    const personId = await office.person('moved@example.com');
    const good = await other.issue(['moved@example.com'], { serialNumber: '4001' });
    const before = await other.issue(['moved@example.com'], { serialNumber: '4002' });
    const forged = await (await outsideOffice('Moved Office CA')).issue(['moved@example.com'], {
      serialNumber: '4009',
    });
    await takeIn(
      office.world,
      admin,
      'certificates',
      [
        item(good.certificate),
        item(before.certificate, { revoked: { at: new Date('2025-01-02T03:04:05Z'), reason: 'superseded' } }),
        item(forged.certificate),
      ],
      REAL,
    );
    const file = await createPkcs12({
      privateKey: other.authority.privateKey.export({ format: 'der', type: 'pkcs8' }),
      certificate: other.authority.certificate,
      password: 'of the old office',
      profile: 'modern',
    });
    await perform(office.world, importAuthority, admin, {
      name: 'Moved Office CA',
      source: { kind: 'pkcs12', file, password: 'of the old office' },
      chain: [],
    });
    const authority = (await read(listAuthorities)).find(({ name }) => name === 'Moved Office CA');
    if (authority === undefined) throw new Error('no authority');
    const rows = await read((snapshot) => importedOfPerson(snapshot, personId));
    const bySerial = new Map(rows.map((row) => [row.serial_number, row.authority_id]));
    expect(bySerial.get('4001')).toBe(authority.id);
    expect(bySerial.get('4002')).toBe(authority.id);
    expect(bySerial.get('4009')).toBeNull();

    await renewResponder(office.world, authority);
    const responder = new OcspResponder(office.world);
    const ask = async (serialNumber: string) => {
      const request = buildOcspRequest({ cert: { serialNumber }, issuer: authority.certificate });
      const { der } = await responder.answer(Buffer.from(request));
      const answer = parseOcspResponse(der);
      const status = answer.basic?.responses[0]?.status;
      return typeof status === 'object' ? 'revoked' : status;
    };
    expect(await Promise.all(['4001', '4002', '4009', '4003'].map(ask))).toEqual([
      'good',
      'revoked',
      'unknown',
      'unknown',
    ]);

    // Of the same authority, imported now that it is here; a serial number twice is refused.
    const late = await other.issue(['moved@example.com'], { serialNumber: '4003' });
    const again = await other.issue(['moved@example.com'], { serialNumber: '4003' });
    expect(outcomes(await certificates([late.certificate, again.certificate]))).toEqual([
      'imported',
      'refused: serial-taken',
    ]);
    expect(await ask('4003')).toBe('good');
    const lists = () =>
      office.query(
        `SELECT serial_number, reason FROM revocations WHERE authority_id = '${authority.id}' ORDER BY serial_number`,
      );
    expect(await lists()).toEqual([{ serial_number: '4002', reason: 'superseded' }]);
    const id = rows.find((row) => row.serial_number === '4001')?.id ?? '';
    await perform(office.world, revokeImportedCertificate, admin, { id, reason: 'keyCompromise' });
    expect(await ask('4001')).toBe('revoked');
    expect(await lists()).toEqual([
      { serial_number: '4001', reason: 'keyCompromise' },
      { serial_number: '4002', reason: 'superseded' },
    ]);
    await expect(perform(office.world, revokeImportedCertificate, admin, { id, reason: 'superseded' })).rejects.toThrow(
      /revoked already/,
    );
    await expect(
      perform(office.world, revokeImportedCertificate, admin, { id: randomUUID(), reason: 'superseded' }),
    ).rejects.toThrow(/no such imported certificate/);
    // Whoever leaves signs no more and is written to no more, with what was issued elsewhere either; old mail is for the quorum.
    const signing = await other.issue(['moved@example.com'], { serialNumber: '4011', usage: ['digitalSignature'] });
    expect(outcomes(await certificates([signing.certificate]))).toEqual(['imported']);
    await perform(office.world, removePerson, admin, { id: personId });
    expect(await Promise.all(['4011', '4003'].map(ask))).toEqual(['revoked', 'revoked']);
    // By its serial number it is not to be had: the inventory holds what this office issued.
    await expect(
      perform(office.world, revokeCertificate, admin, { serialNumber: '4003', reason: 'superseded' }),
    ).rejects.toThrow(/No certificate has that serial number/);
  });
});

async function enrolledGateway(key: KeyObject): Promise<void> {
  await perform(office.world, createGateway, system, { name: 'gate' });
  const [row] = await office.query(`SELECT id FROM gateways WHERE name = 'gate'`);
  const by: Principal = { kind: 'gateway', id: String(row?.id), name: 'gate' };
  const csr = await buildRequest({
    subject: buildName([{ type: 'commonName', value: 'gate' }]),
    signer: localSigner(key),
  });
  await enrolGateway(office.world, by, Buffer.from(csr).toString('base64'));
  await office.drain();
}

/** The keys of a person by request, two officers and release; as PKCS#12 with the password that an officer is told. */
async function recovered(personId: string) {
  const requester = await office.operator(`Requester-${randomUUID().slice(0, 8)}`, 'registration-officer');
  const officers = await quorum();
  const id = await perform(office.world, requestRecovery, requester, {
    personId,
    reason: 'lost-device',
    explanation: 'a test',
    delivery: { kind: 'pkcs12' },
  });
  for (const officer of officers)
    await perform(office.world, decideRecovery, officer, {
      id,
      decision: 'approve',
      ...(await office.approval(id, officer)),
    });
  const file = await perform(office.world, releaseKey, requester, { id });
  const [first] = officers;
  if (first === undefined) throw new Error('no officer');
  const { password } = await perform(office.world, releasePassword, first, { id });
  return (await readPkcs12(file.data, password)).keys;
}

let holders: OperatorPrincipal[] = [];

/** Two officers who hold the vault's shares; the first call founds it. */
async function quorum(): Promise<readonly OperatorPrincipal[]> {
  if (holders.length === 0) {
    holders = [await office.operator('Olga', 'recovery-officer'), await office.operator('Omar', 'recovery-officer')];
    await office.holdCeremony(holders);
  }
  return holders;
}

async function openedBy(der: Uint8Array, list: Awaited<ReturnType<typeof recovered>>): Promise<string> {
  const keys = list.map(({ privateKey, certificate }) => ({
    decrypter: localDecrypter(createPrivateKey({ key: Buffer.from(privateKey), format: 'der', type: 'pkcs8' })),
    certificate: parseCertificate(certificate as Uint8Array),
  }));
  return Buffer.from((await decryptContent({ der, keys })).content).toString();
}
