import { createHash, createPublicKey, generateKeyPairSync } from 'node:crypto';
import {
  decryptContent,
  derToPem,
  encryptMessage,
  localDecrypter,
  parseCertificate,
  readPkcs12,
} from '@chancery/smime';
import { approve as approveAs, PURPOSES, signDocument } from '@chancery/vault';
import canonicalize from 'canonicalize';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EscrowOffice, escrowOffice, type OperatorPrincipal } from '../../test/escrow-office.ts';
import { selfSigned } from '../../test/self-signed.ts';
import { claimant, collectKey, openClaim } from '../delivery/claim.ts';
import { sendDueNotices } from '../notices/send.ts';
import { perform } from '../operation.ts';
import type { Principal } from '../principal.ts';
import { newClaimLink } from '../ra/claim-link.ts';
import { rotateEncryptionKey } from '../ra/onboarding.ts';
import { type RecoveryRow, recoveryById } from '../store/recovery.ts';
import { currentVault } from '../store/vaults.ts';
import type { World } from '../world.ts';
import { openingOf, readCanonical } from './canonical-request.ts';
import { liftHold, placeHold } from './hold.ts';
import { originsOfRequest } from './origins.ts';
import { decideRecovery, requestRecovery, tellRecovery } from './recovery.ts';
import { checkIdentity, recordManagerApproval } from './recovery-steps.ts';
import { releaseKey, releaseMessages, releasePassword, releaseToOwner } from './release.ts';

const HOUR = 3_600_000;
let now = new Date('2026-03-01T12:00:00.000Z');
let office: EscrowOffice;
let ada: OperatorPrincipal;
let rosa: OperatorPrincipal;
let olga: OperatorPrincipal;
let otto: OperatorPrincipal;
let omar: OperatorPrincipal;
let sam: string;
let kim: string;
/** The same office, where mail goes somewhere. */
let world: World;
const sent: { to: string; subject: string; text: string }[] = [];

beforeAll(async () => {
  office = await escrowOffice({ clock: () => now });
  ada = await office.operator('Ada', 'administrator');
  rosa = await office.operator('Rosa', 'registration-officer');
  olga = await office.operator('Olga', 'recovery-officer');
  otto = await office.operator('Otto', 'recovery-officer');
  omar = await office.operator('Omar', 'recovery-officer');
  await office.holdCeremony([olga, otto, omar]);
  sam = await office.person('sam@example.com');
  kim = await office.person('kim@example.com');
  world = { ...office.world, mail: { send: async (mail) => void sent.push(mail) } };
});
afterAll(() => office.close());

type Asked = Parameters<typeof perform<typeof requestRecovery.input, string>>[3];
const ask = (more: Partial<Asked> = {}, by: Principal = ada, where = world) =>
  perform(where, requestRecovery, by, {
    ...(more.personIds === undefined && { personId: sam }),
    reason: 'lost-device',
    explanation: 'The laptop fell into the canal.',
    delivery: { kind: 'pkcs12' },
    ...more,
  });
const under = (recovery: Partial<World['config']['escrow']['recovery']>): World => ({
  ...world,
  config: {
    ...world.config,
    escrow: { ...world.config.escrow, recovery: { ...world.config.escrow.recovery, ...recovery } },
  },
});
const rowOf = async (id: string) =>
  (await world.database.snapshot((snapshot) => recoveryById(snapshot, id))) as RecoveryRow;
const approve = async (id: string, ...officers: OperatorPrincipal[]) => {
  for (const by of officers) {
    await perform(world, decideRecovery, by, { id, decision: 'approve', ...(await office.approval(id, by)) });
  }
};
const reject = async (id: string, by: OperatorPrincipal) => {
  const { digest } = await rowOf(id);
  const signature = signDocument(office.shareKey(by), PURPOSES.decision, { request: digest, decision: 'reject' });
  return perform(world, decideRecovery, by, { id, decision: 'reject', digest, signature });
};
const approved = async (more: Partial<Asked> = {}) => {
  const id = await ask(more);
  await approve(id, olga, otto);
  return id;
};
const refused = async (work: Promise<unknown>, says: RegExp, code = 'quorum-refused') => {
  await expect(work).rejects.toMatchObject({ code, message: expect.stringMatching(says) });
};
const stateOf = async (id: string) => (await rowOf(id)).state;
const certificatesOf = async (personId: string) =>
  (
    await office.query(
      `SELECT certificate FROM certificates WHERE person_id = $1 AND use = 'encryption' ORDER BY issued_at`,
      [personId],
    )
  ).map(({ certificate }) => parseCertificate(certificate as Buffer));
const certificateOf = async (personId: string) => {
  const [certificate] = await certificatesOf(personId);
  if (certificate === undefined) throw new Error('They have no certificate');
  return certificate;
};
const belongs = (privateKey: Uint8Array, spki: Uint8Array) =>
  createPublicKey({ key: Buffer.from(privateKey), format: 'der', type: 'pkcs8' } as never)
    .export({ format: 'der', type: 'spki' })
    .equals(Buffer.from(spki));

describe('the steps', () => {
  const identity = async (id: string) => ({
    id,
    digest: (await rowOf(id)).digest,
    of: 'subject' as const,
    who: 'Rolf at the front desk',
    how: 'in-person' as const,
    evidence: 'Identity card L01X00T47, copy in the case file.',
  });
  const manager = async (id: string, address = 'mona@example.com') => ({
    id,
    digest: (await rowOf(id)).digest,
    manager: { name: 'Mona', address },
    how: 'ticket' as const,
    evidence: 'IT-2041, answered from her account.',
  });

  it('come before any approval and before the release, each with a record of its own', async () => {
    const strict = under({ identityCheck: 'always', managerApproval: ['lost-device'] });
    const id = await ask({}, ada, strict);
    await refused(approve(id, olga), /identity check is not recorded yet\. Nothing was decided\. Ask an operator/);
    await refused(perform(world, checkIdentity, ada, await identity(id)), /own request/);
    await refused(perform(world, checkIdentity, rosa, { ...(await identity(id)), digest: '0'.repeat(64) }), /digest/);
    await perform(world, checkIdentity, rosa, await identity(id));
    await refused(perform(world, checkIdentity, rosa, await identity(id)), /recorded already/);
    await refused(approve(id, olga), /manager's approval is not recorded yet/);
    await refused(perform(world, recordManagerApproval, rosa, await manager(id, 'ADA@example.com')), /Name another/);
    await refused(perform(world, recordManagerApproval, rosa, await manager(id, 'sam@example.com')), /Name another/);
    await perform(world, recordManagerApproval, omar, await manager(id));
    await refused(approve(id, omar), /recorded a step/);
    await approve(id, olga, otto);
    await perform(world, releaseKey, ada, { id });
    expect((await office.trail(`recovery:${id}`)).filter((line) => line.endsWith('succeeded'))).toEqual([
      'recovery.check-identity succeeded',
      'recovery.record-manager-approval succeeded',
      'recovery.decide succeeded',
      'recovery.decide succeeded',
      'recovery.release succeeded',
    ]);
    const [record] = await office.query(`SELECT details FROM audit_records WHERE action = 'recovery.check-identity'
      AND outcome = 'succeeded'`);
    expect(record?.details).toMatchObject({ who: 'Rolf at the front desk', how: 'in-person', personId: sam });
  });

  it('stand in the request: what is configured later loosens nothing, and reasons differ', async () => {
    const strict = under({ identityCheck: ['forgotten-password'] });
    const free = await ask({}, ada, strict);
    await approve(free, olga, otto);
    const id = await ask({ reason: 'forgotten-password' }, ada, strict);
    await refused(approve(id, olga), /identity check/);
    await reject(id, olga);
  });

  it('are neither forged by whoever decides, nor changed, even in SQL', async () => {
    const id = await ask();
    await approve(id, olga);
    const insert = (by: string) =>
      office.query(
        `INSERT INTO recovery_steps VALUES ($1, 'identity', $2, now(), (SELECT digest FROM recovery_requests WHERE id = $1), '{}')`,
        [id, by],
      );
    await expect(insert(ada.id)).rejects.toThrow('never records a step');
    await expect(insert(olga.id)).rejects.toThrow('never records a step');
    await insert(omar.id);
    await expect(office.query('DELETE FROM recovery_steps')).rejects.toThrow();
    await expect(
      office.query(`INSERT INTO recovery_decisions VALUES ($1, $2, 'approve', '', '', now())`, [id, omar.id]),
    ).rejects.toThrow('never decides on it');
  });
});

describe('time', () => {
  it('must pass after the last approval, and whoever approved may reject in it', async () => {
    const slow = under({ coolOffHours: 4 });
    const [id, doubted] = [await ask({}, ada, slow), await ask({}, ada, slow)];
    await approve(id, olga, otto);
    await approve(doubted, olga, otto);
    await refused(perform(world, releaseKey, ada, { id }), /may still think better of it for 4 hours.*until 2026/);
    expect(await reject(doubted, olga)).toBe('rejected');
    now = new Date(now.getTime() + 4 * HOUR);
    await refused(perform(world, releaseKey, ada, { id: doubted }), /rejected/);
    await perform(world, releaseKey, ada, { id });
  });

  it('must pass after the request, where it or the office says so', async () => {
    const notBefore = new Date(now.getTime() + 5 * HOUR).toISOString();
    const [locked, young] = [await ask({ notBefore }), await ask({}, ada, under({ leastAgeHours: 2 }))];
    await approve(locked, olga, otto);
    await approve(young, olga, otto);
    now = new Date(now.getTime() + 2 * HOUR);
    await perform(world, releaseKey, ada, { id: young });
    await refused(perform(world, releaseKey, ada, { id: locked }), /locked until/);
    now = new Date(now.getTime() + 3 * HOUR);
    await perform(world, releaseKey, ada, { id: locked });
  });

  it('must be enough: what would lapse first is not asked for', async () => {
    await refused(ask({ expiresInHours: 4 }, ada, under({ coolOffHours: 4 })), /cool-off/, 'unusable-input');
    const notBefore = new Date(now.getTime() + 4 * HOUR).toISOString();
    await refused(ask({ expiresInHours: 4, notBefore }), /time lock/, 'unusable-input');
  });
});

describe('to the owner', () => {
  const linkIn = (text: string) => /\/claim#(\S+)/.exec(text)?.[1] ?? '';
  const everything = async () =>
    JSON.stringify([
      await office.query('SELECT canonical FROM audit_records'),
      await office.query('SELECT body, sealed_body::text FROM notices'),
      await office.query('SELECT data FROM jobs.job'),
      office.logged,
    ]);

  it('goes a link that nobody else sees, and it opens what was recovered', async () => {
    const before = sent.length;
    const id = await approved({ delivery: { kind: 'owner' } });
    await refused(perform(world, releaseKey, ada, { id }), /for the owner of the keys/);
    await refused(perform(world, releaseToOwner, rosa, { id }), /Only whoever asked/);
    const links = await perform(world, releaseToOwner, ada, { id });
    expect(Object.keys(links[0] ?? {}).sort()).toEqual(['address', 'claimId', 'expiresAt', 'id', 'keys', 'name']);
    await sendDueNotices(world);
    const mail = sent.slice(before).find(({ text }) => text.includes('/claim#'));
    expect(mail?.to).toBe('sam@example.com');
    const secret = linkIn(mail?.text ?? '');
    expect(await everything()).not.toContain(secret);
    expect((await openClaim(world, secret)).encryption).toBe('ready');
    const password = 'a password of sam';
    const by = await claimant(world, secret);
    const { data } = await perform(world, collectKey, by, { secret, profile: 'modern', password });
    const { keys } = await readPkcs12(data, password);
    expect(keys).toHaveLength(1);
    expect(belongs(keys[0]?.privateKey ?? Buffer.alloc(0), (await certificateOf(sam)).spki)).toBe(true);
    await refused(perform(world, releaseToOwner, ada, { id }), /released already/);
    await refused(perform(world, releasePassword, olga, { id }), /no password to tell/, 'wrong-state');
  });

  it('is of no use to an administrator who makes a link of their own: it opens a fresh key', async () => {
    const lee = await office.person('lee@example.com');
    const [old] = await certificatesOf(lee);
    await newClaimLink(world, ada, lee); // shown, and lost
    const id = await approved({ personId: lee, delivery: { kind: 'owner' } });
    await perform(world, releaseToOwner, ada, { id });
    const { url } = await newClaimLink(world, ada, lee);
    const secret = url.slice(url.indexOf('#') + 1);
    const by = await claimant(world, secret);
    const { data } = await perform(world, collectKey, by, {
      secret,
      profile: 'modern',
      password: 'the password of ada',
    });
    const { keys } = await readPkcs12(data, 'the password of ada');
    expect(keys.map(({ privateKey }) => belongs(privateKey, old?.spki ?? Buffer.alloc(0)))).toEqual([false]);
  });

  it('brings along a newer key whose link nobody had seen', async () => {
    const before = sent.length;
    const may = await office.person('may@example.com');
    const [first] = await office.query('SELECT id FROM escrowed_keys WHERE person_id = $1', [may]);
    await perform(world, rotateEncryptionKey, ada, { id: may });
    await office.drain();
    const id = await approved({ personId: may, escrowedKeyIds: [String(first?.id)], delivery: { kind: 'owner' } });
    await perform(world, releaseToOwner, ada, { id });
    await sendDueNotices(world);
    const secret = linkIn(
      sent.slice(before).find(({ to, text }) => to.startsWith('may@') && text.includes('/claim#'))?.text ?? '',
    );
    const by = await claimant(world, secret);
    const { data } = await perform(world, collectKey, by, { secret, profile: 'modern', password: 'password of may' });
    expect((await readPkcs12(data, 'password of may')).keys).toHaveLength(2);
  });

  it('needs mail, and an owner who is there', async () => {
    await refused(ask({ delivery: { kind: 'owner' } }, ada, office.world), /can send none/, 'unusable-input');
    const gone = await office.person('gone@example.com');
    await office.query(`UPDATE people SET state = 'left', left_at = now() WHERE id = $1`, [gone]);
    await refused(ask({ personId: gone, delivery: { kind: 'owner' } }), /has left/, 'unusable-input');
  });
});

describe('decryption without release', () => {
  const mailTo = async (personId: string, text: string) =>
    Buffer.from(
      await encryptMessage({
        message: Buffer.from(`From: a@b.example\r\nTo: sam@example.com\r\nSubject: Hi\r\n\r\n${text}\r\n`),
        recipients: [await certificateOf(personId)],
        cipher: 'aes-256-gcm',
      }),
    );
  const nameOf = (message: Buffer, name = 'one.eml') => ({
    sha256: createHash('sha256').update(message).digest('hex'),
    name,
  });

  it('opens the named messages and nothing else; only their text leaves', async () => {
    const [first, second, other] = [
      await mailTo(sam, 'First.'),
      await mailTo(sam, 'Second.'),
      await mailTo(kim, 'Kim.'),
    ];
    const messages = [nameOf(first), nameOf(second), nameOf(other, 'other.eml')];
    const id = await approved({ delivery: { kind: 'decrypt', messages } });
    const open = (...handed: Buffer[]) =>
      perform(world, releaseMessages, ada, { id, messages: handed.map((one) => new Uint8Array(one)) });
    await refused(perform(world, releaseKey, ada, { id }), /no key leaves/);
    const altered = Buffer.from(first);
    altered[altered.length - 40] = (altered.at(-40) ?? 0) ^ 1;
    await refused(open(altered, second, other), /not one that the officers approved/);
    await refused(open(await mailTo(sam, 'Another.'), first, second, other), /not one that the officers approved/);
    await refused(open(first, second), /1 of the 3 messages.*is missing/);
    expect(await stateOf(id)).toBe('approved');
    const { opened, notOpened, data, mediaType } = await open(other, second, first);
    expect([opened, notOpened]).toEqual([[messages[0]?.sha256, messages[1]?.sha256], [messages[2]?.sha256]]);
    expect(mediaType).toBe('application/zip');
    const files = unzip(Buffer.from(data));
    expect([...files.keys()]).toEqual(['one.decrypted.eml', 'one.decrypted-2.eml']);
    expect([...files.values()].map(String).join('')).toMatch(/Subject: Hi[\s\S]*First\.[\s\S]*Second\./);
    expect(Buffer.from(data).includes(Buffer.from('Kim.'))).toBe(false);
    await refused(open(first, second, other), /released already/);
    const [record] = await office.query(
      `SELECT details FROM audit_records WHERE subject = $1 AND action = 'recovery.release-messages' AND outcome = 'succeeded'`,
      [`recovery:${id}`],
    );
    expect(record?.details).toMatchObject({ opened, notOpened, personId: sam });
  });

  it('is not spent on messages that no recovered key opens', async () => {
    const other = await mailTo(kim, 'Kim.');
    const id = await approved({ delivery: { kind: 'decrypt', messages: [nameOf(other)] } });
    const work = perform(world, releaseMessages, ada, { id, messages: [new Uint8Array(other)] });
    await refused(work, /None of these messages opens/, 'unusable-input');
    expect(await stateOf(id)).toBe('approved');
    const named = [nameOf(other), nameOf(other)];
    await refused(ask({ delivery: { kind: 'decrypt', messages: named } }), /named twice/, 'unusable-input');
  });

  it('is no road to another request’s messages', async () => {
    const message = await mailTo(sam, 'Once.');
    const id = await approved();
    await refused(
      perform(world, releaseMessages, ada, { id, messages: [new Uint8Array(message)] }),
      /for a PKCS#12 file/,
    );
  });
});

describe('several people of one case', () => {
  it('are one request and one approval, and a file for each', async () => {
    const id = await approved({ personIds: [sam, kim], reason: 'legal-hold', caseNumber: 'C-7' });
    expect((await rowOf(id)).person_id).toBeNull();
    const file = await perform(world, releaseKey, ada, { id });
    expect(file).toMatchObject({ fileName: 'recovered-keys.zip', mediaType: 'application/zip' });
    const { password } = await perform(world, releasePassword, olga, { id });
    const files = unzip(Buffer.from(file.data));
    expect([...files.keys()].sort()).toEqual(['kim@example.com.recovered.p12', 'sam@example.com.recovered.p12']);
    for (const [person, name] of [
      [sam, 'sam@example.com.recovered.p12'],
      [kim, 'kim@example.com.recovered.p12'],
    ] as const) {
      const { keys } = await readPkcs12(files.get(name) ?? Buffer.alloc(0), password);
      expect(keys.map(({ privateKey }) => privateKey.length > 0)).toEqual([true]);
      expect(belongs(keys[0]?.privateKey ?? Buffer.alloc(0), (await certificateOf(person)).spki)).toBe(true);
    }
    const told = await office.query('SELECT DISTINCT recipient FROM notices WHERE about = $1 ORDER BY 1', [
      `recovery:${id}`,
    ]);
    expect(told.map(({ recipient }) => recipient)).toEqual(['kim@example.com', 'sam@example.com']);
  });

  it('go to one certificate in one message', async () => {
    const key = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
    const certificate = derToPem(await selfSigned(key, ['keyEncipherment']), 'CERTIFICATE');
    const id = await approved({ personIds: [kim, sam], delivery: { kind: 'certificate', certificate } });
    const file = await perform(world, releaseKey, ada, { id });
    const opened = await decryptContent({ der: file.data, keys: [{ decrypter: localDecrypter(key) }] });
    const text = Buffer.from(opened.content).toString('latin1');
    expect(text.match(/filename="(sam|kim)@example\.com\.recovered\.p12"/g)).toHaveLength(2);
  });

  it('leave out whoever has no key of that time', async () => {
    const certificate = await certificateOf(sam);
    const period = (from: Date, until: Date) => ({ from: from.toISOString(), until: until.toISOString() });
    const long = new Date('2020-01-01T00:00:00Z');
    await refused(
      ask({ personIds: [sam, kim], period: period(long, new Date(certificate.notBefore.getTime() - 1)) }),
      /valid in that time/,
      'wrong-state',
    );
    const id = await ask({ personIds: [sam, kim], period: period(long, certificate.notBefore) });
    const { people, period: asked } = readCanonical(await rowOf(id));
    expect(people.length).toBeGreaterThan(0);
    expect(asked?.from).toBe(long.toISOString());
    await refused(ask({ personId: sam, personIds: [kim] }), /Name one person/, 'unusable-input');
  });

  it('hide no record behind the people whom the page shows', async () => {
    const id = await ask();
    const request = await rowOf(id);
    const { transcript } = await world.database.snapshot(currentVault);
    const canonical = readCanonical(request);
    const stranger = readCanonical(await rowOf(await ask({ personId: kim }))).records;
    // A server that writes a request of its own making: Kim's key opens with it, and the page shows Sam alone.
    const text = canonicalize({ ...canonical, records: [...canonical.records, ...stranger] }) ?? '';
    const digest = createHash('sha256').update(text).digest('hex');
    const opening = openingOf({ canonical: text, digest });
    const evidence = { origins: await originsOfRequest(world, request), known: null, acceptAttested: true };
    await expect(
      approveAs(JSON.parse(transcript ?? ''), olga.id, office.shareKey(olga), opening, text, evidence),
    ).rejects.toMatchObject({ code: 'bad-proof', message: expect.stringContaining('something else') });
  });
});

describe('its subject', () => {
  it('is told what is asked, released and refused', async () => {
    await sendDueNotices(world);
    const before = sent.length;
    const id = await approved({ caseNumber: 'IT-1' });
    await perform(world, releaseKey, ada, { id });
    await reject(await ask(), olga);
    await sendDueNotices(world);
    expect(sent.slice(before).map(({ subject }) => subject)).toEqual([
      'Your encryption keys have been asked for',
      'Your encryption keys have been recovered',
      'Your encryption keys have been asked for',
      'A request for your encryption keys was refused',
    ]);
    expect(sent[before]).toMatchObject({ to: 'sam@example.com' });
    expect(sent[before]?.text).toMatch(/Ada <ada@example\.com>[\s\S]*IT-1/);
  });

  it('is not told of a legal hold before somebody lifts that, and never kept from one for another reason', async () => {
    const before = sent.length;
    await refused(ask({ withholdNotice: true }), /legal hold or an investigation only/, 'unusable-input');
    const investigation = { reason: 'investigation' as const, withholdNotice: true };
    await refused(ask({ ...investigation, delivery: { kind: 'owner' } }), /cannot be kept/, 'unusable-input');
    const id = await approved(investigation);
    expect(readCanonical(await rowOf(id)).withholdNotice).toBe(true);
    await perform(world, releaseKey, ada, { id });
    await sendDueNotices(world);
    expect(sent.slice(before)).toEqual([]);
    await perform(world, tellRecovery, rosa, { id, reason: 'The investigation is over.' });
    await refused(perform(world, tellRecovery, rosa, { id, reason: 'Again.' }), /kept from anybody/, 'wrong-state');
    await sendDueNotices(world);
    expect(sent.slice(before)).toHaveLength(2);
    expect((await office.trail(`recovery:${id}`)).includes('recovery.tell-subjects succeeded')).toBe(true);
  });

  it('is not told while they are under a legal hold, whoever says so, and told once it is lifted', async () => {
    const before = sent.length;
    const hold = await perform(world, placeHold, olga, { personId: sam, caseNumber: 'C-9', reason: 'A court asks.' });
    const id = await ask();
    await refused(perform(world, tellRecovery, rosa, { id, reason: 'Why not.' }), /kept from anybody/, 'wrong-state');
    await sendDueNotices(world);
    expect(sent.slice(before)).toEqual([]);
    await perform(world, liftHold, otto, { id: hold.id, reason: 'The court has decided.' });
    await sendDueNotices(world);
    expect(sent.slice(before).map(({ subject }) => subject)).toEqual(['Your encryption keys have been asked for']);
  });
});

it('a request of version 2 is read, approved and released as it was', async () => {
  const template = readCanonical(await rowOf(await ask()));
  const { people, period: _p, rules: _r, withholdNotice: _w, ...rest } = template;
  const { id: personId, name, address } = people[0] as (typeof people)[number];
  const id = crypto.randomUUID();
  const old = { ...rest, version: 2, id, person: { id: personId, name, address } };
  const text = canonicalize(old) ?? '';
  await office.query(
    `INSERT INTO recovery_requests (id, person_id, requested_by, canonical, digest, threshold, state, requested_at, expires_at)
     VALUES ($1, $2, $3, $4, $5, 2, 'open', $6, $7)`,
    [id, sam, ada.id, text, createHash('sha256').update(text).digest('hex'), old.requestedAt, old.expiresAt],
  );
  await approve(id, olga, otto);
  expect((await perform(world, releaseKey, ada, { id })).fileName).toBe('sam@example.com.recovered.p12');
});

/** Of stored files, by the central directory. */
function unzip(zip: Buffer): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  const end = zip.length - 22;
  expect(zip.readUInt32LE(end)).toBe(0x06054b50);
  let at = zip.readUInt32LE(end + 16);
  for (let left = zip.readUInt16LE(end + 10); left > 0; left--) {
    const [length, name, place] = [zip.readUInt32LE(at + 24), zip.readUInt16LE(at + 28), zip.readUInt32LE(at + 42)];
    const from = place + 30 + name;
    files.set(zip.toString('ascii', at + 46, at + 46 + name), zip.subarray(from, from + length));
    at += 46 + name;
  }
  return files;
}
