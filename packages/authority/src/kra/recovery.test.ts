import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { decryptContent, derToPem, localDecrypter, parseCertificate, readPkcs12 } from '@chancery/smime';
import { approve as approveAs, canonical, digestOf as digestOfDocument, PURPOSES, signDocument } from '@chancery/vault';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EscrowOffice, escrowOffice, type OperatorPrincipal } from '../../test/escrow-office.ts';
import { selfSigned } from '../../test/self-signed.ts';
import { perform } from '../operation.ts';
import type { Principal } from '../principal.ts';
import { type RecoveryRow, recoveryById } from '../store/recovery.ts';
import { currentVault } from '../store/vaults.ts';
import { openingOf } from './canonical-request.ts';
import { endRecoveries } from './end-recoveries.ts';
import { originsOfRequest } from './origins.ts';
import { decideRecovery, requestRecovery } from './recovery.ts';
import { releaseKey, releasePassword } from './release.ts';

let now = new Date('2026-03-01T12:00:00.000Z');
let office: EscrowOffice;
let admin: OperatorPrincipal;
let olga: OperatorPrincipal;
let otto: OperatorPrincipal;
let both: OperatorPrincipal;
let sam: string;

beforeAll(async () => {
  office = await escrowOffice({ clock: () => now });
  admin = await office.operator('Ada', 'administrator');
  olga = await office.operator('Olga', 'recovery-officer');
  otto = await office.operator('Otto', 'recovery-officer');
  both = await office.operator('Bo', 'registration-officer', 'recovery-officer');
  await office.holdCeremony([olga, otto, both]);
  sam = await office.person('sam@example.com');
});
afterAll(() => office.close());

type Asked = Parameters<typeof perform<typeof requestRecovery.input, string>>[3];
const ask = (by: Principal = admin, more: Partial<Asked> = {}) =>
  perform(office.world, requestRecovery, by, {
    personId: sam,
    reason: 'lost-device',
    explanation: 'The laptop fell into the canal.',
    delivery: { kind: 'pkcs12' },
    ...more,
  });
const digestOf = async (id: string) =>
  String((await office.query('SELECT digest FROM recovery_requests WHERE id = $1', [id]))[0]?.digest);
const stateOf = async (id: string) =>
  (await office.query('SELECT state FROM recovery_requests WHERE id = $1', [id]))[0]?.state;
const approve = async (id: string, by: Principal, digest?: string) =>
  perform(office.world, decideRecovery, by, {
    id,
    decision: 'approve',
    // Whoever holds no share has nothing to send but the wish.
    ...([olga, otto, both].some((officer) => officer.id === by.id)
      ? await office.approval(id, by as OperatorPrincipal)
      : { digest: await digestOf(id), signature: '' }),
    ...(digest !== undefined && { digest }),
  });
const release = (id: string, by: Principal = admin) => perform(office.world, releaseKey, by, { id });
const approved = async (more: Partial<Asked> = {}) => {
  const id = await ask(admin, more);
  expect(await approve(id, olga)).toBe('open');
  expect(await approve(id, otto)).toBe('approved');
  return id;
};
const samsCertificate = async () => {
  const [row] = await office.query(`SELECT certificate FROM certificates WHERE person_id = $1 AND use = 'encryption'`, [
    sam,
  ]);
  return parseCertificate(row?.certificate as Buffer);
};
const spkiOf = (pkcs8: Uint8Array) =>
  createPublicKey({ key: Buffer.from(pkcs8), format: 'der', type: 'pkcs8' } as never).export({
    format: 'der',
    type: 'spki',
  });

describe('a PKCS#12', () => {
  it('goes to whoever asked, and its password, once, to an officer who approved', async () => {
    const id = await approved();
    const file = await release(id);
    expect(file).toMatchObject({ fileName: 'sam@example.com.recovered.p12', mediaType: 'application/x-pkcs12' });
    await expect(perform(office.world, releasePassword, admin, { id })).rejects.toMatchObject({ code: 'forbidden' });
    await expect(perform(office.world, releasePassword, both, { id })).rejects.toMatchObject({
      code: 'quorum-refused',
    });
    const { password } = await perform(office.world, releasePassword, otto, { id });
    await expect(perform(office.world, releasePassword, olga, { id })).rejects.toMatchObject({ code: 'wrong-state' });
    const { keys } = await readPkcs12(file.data, password);
    const certificate = await samsCertificate();
    expect(keys).toHaveLength(1);
    expect(Buffer.compare(spkiOf(keys[0]?.privateKey ?? Buffer.alloc(0)), Buffer.from(certificate.spki))).toBe(0);
    expect(Buffer.compare(keys[0]?.certificate ?? Buffer.alloc(0), Buffer.from(certificate.der))).toBe(0);

    expect(await office.trail(`recovery:${id}`)).toEqual([
      'recovery.decide succeeded',
      'recovery.decide succeeded',
      'recovery.release attempted',
      'recovery.release succeeded',
      'recovery.release-password denied',
      'recovery.release-password attempted',
      'recovery.release-password denied',
      'recovery.release-password attempted',
      'recovery.release-password succeeded',
      'recovery.release-password attempted',
      'recovery.release-password failed',
    ]);
    const [record] = await office.query(
      `SELECT details FROM audit_records WHERE subject = $1 AND action = 'recovery.release' AND outcome = 'succeeded'`,
      [`recovery:${id}`],
    );
    expect(record?.details).toMatchObject({
      personId: sam,
      approvedBy: [
        { officerId: olga.id, officerName: 'Olga' },
        { officerId: otto.id, officerName: 'Otto' },
      ],
    });
    const everything = JSON.stringify([await office.query('SELECT canonical FROM audit_records'), office.logged]);
    expect(everything).not.toContain(password);
  });

  it('is released once', async () => {
    const id = await approved();
    await release(id);
    await expect(release(id)).rejects.toMatchObject({ code: 'quorum-refused' });
    expect((await office.trail(`recovery:${id}`)).slice(-2)).toEqual([
      'recovery.release attempted',
      'recovery.release denied',
    ]);
  });

  it('is released once of two calls at the same time', async () => {
    const id = await approved();
    const outcomes = await Promise.allSettled([release(id), release(id), release(id)]);
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });
});

describe('a named certificate', () => {
  it('alone opens what is released to it: a message with the PKCS#12 and its password', async () => {
    const key = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
    const recipient = await selfSigned(key, ['keyEncipherment']);
    const id = await approved({ delivery: { kind: 'certificate', certificate: derToPem(recipient, 'CERTIFICATE') } });
    const file = await release(id);
    expect(file).toMatchObject({ fileName: 'sam@example.com.recovered.p7m', mediaType: 'application/pkcs7-mime' });
    const opened = await decryptContent({ der: file.data, keys: [{ decrypter: localDecrypter(key) }] });
    expect(opened.authenticated).toBe(true);
    const text = Buffer.from(opened.content).toString('latin1');
    const password = /password:\r\n\r\n(\S+)\r\n/.exec(text)?.[1] ?? '';
    const base64 = /filename="[^"]+"\r\n\r\n([\s\S]+?)\r\n--/.exec(text)?.[1] ?? '';
    const { keys } = await readPkcs12(Buffer.from(base64, 'base64'), password);
    const certificate = await samsCertificate();
    expect(Buffer.compare(spkiOf(keys[0]?.privateKey ?? Buffer.alloc(0)), Buffer.from(certificate.spki))).toBe(0);

    const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
    await expect(
      decryptContent({ der: file.data, keys: [{ decrypter: localDecrypter(stranger) }] }),
    ).rejects.toMatchObject({ code: 'decryption-failed' });
    await expect(perform(office.world, releasePassword, olga, { id })).rejects.toMatchObject({ code: 'wrong-state' });
  });

  it.each([
    ['is not a certificate', async () => 'bm90IGEgY2VydGlmaWNhdGU='],
    ['signs only', async () => derToPem(await selfSigned(ecKey(), ['digitalSignature']), 'CERTIFICATE')],
    [
      'has ended',
      async () => derToPem(await selfSigned(ecKey(), ['keyAgreement'], new Date('2026-02-01')), 'CERTIFICATE'),
    ],
  ])('is refused where it %s', async (_, certificate) => {
    await expect(
      ask(admin, { delivery: { kind: 'certificate', certificate: await certificate() } }),
    ).rejects.toMatchObject({ code: 'unusable-input' });
  });
});

describe('refused, each with a record', () => {
  const refused = async (id: string, work: Promise<unknown>, code = 'quorum-refused') => {
    await expect(work).rejects.toMatchObject({ code });
    expect((await office.trail(`recovery:${id}`)).at(-1)).toMatch(/ denied$/);
  };

  it('a release with one approval', async () => {
    const id = await ask();
    await approve(id, olga);
    await refused(id, release(id));
    expect(await stateOf(id)).toBe('open');
  });

  it("the requester's own approval, even of one who is an officer", async () => {
    const id = await ask(both);
    await approve(id, olga);
    await refused(id, approve(id, both));
    await refused(id, release(id, both));
    await refused(id, approve(id, admin), 'forbidden');
    await approve(id, otto);
    await release(id, both);
  });

  it("the subject's own approval", async () => {
    const id = await ask(admin, {
      personId: await office.person('olga2@example.com', { aliases: ['Olga@example.com'] }),
    });
    await refused(id, approve(id, olga));
  });

  it('an approval without the officer’s part, with another’s, for another request, or signed by another', async () => {
    const id = await ask();
    const [mine, anothers, elsewhere] = [
      await office.approval(id, olga),
      await office.approval(id, otto),
      await office.approval(await ask(), olga),
    ];
    const send = (evidence: object) =>
      perform(office.world, decideRecovery, olga, { id, decision: 'approve', ...mine, ...evidence });
    for (const evidence of [
      { partial: undefined },
      { partial: anothers.partial },
      { partial: { ...anothers.partial, officer: mine.partial.officer } },
      { partial: elsewhere.partial },
      { partial: { ...mine.partial, points: [] } },
      { signature: anothers.signature },
      { signature: elsewhere.signature },
      { signature: '' },
    ]) {
      await expect(send(evidence)).rejects.toMatchObject({ code: 'unusable-input' });
    }
    expect(await stateOf(id)).toBe('open');
    expect(await send({})).toBe('open');
  });

  it('to contribute, by the officer’s own client, to anything but what the request says', async () => {
    const [id, other] = [await ask(), await ask(admin, { personId: await office.person('elsewhere@example.com') })];
    const read = (which: string) =>
      office.world.database.snapshot((snapshot) => recoveryById(snapshot, which)) as Promise<RecoveryRow>;
    const [request, another] = [await read(id), await read(other)];
    const { transcript } = await office.world.database.snapshot(currentVault);
    const [mine, theirs] = [openingOf(request), openingOf(another)];
    const origins = await originsOfRequest(office.world, request);
    const contribute = (opening: typeof mine, document = request.canonical, evidence = { origins, known: null }) =>
      approveAs(JSON.parse(transcript ?? ''), olga.id, office.shareKey(olga), opening, document, {
        ...evidence,
        acceptAttested: false,
      });
    // A server that puts other records under this request, or another request's text over them.
    for (const opening of [{ ...mine, records: theirs.records }, { ...mine, vaultId: id }, { ...theirs }]) {
      await expect(contribute(opening)).rejects.toMatchObject({ code: 'bad-proof' });
    }
    await expect(contribute(mine, another.canonical)).rejects.toMatchObject({ code: 'bad-proof' });
    expect((await contribute(mine)).partial.points).toHaveLength(1);
    // A server that makes a request of its own, for this person's record, with the point of another's in it: all is signed
    // and shown as it should be. The trail knows that point as another's, and even a false record brings no proof.
    const point = theirs.records[0]?.encapsulation ?? '';
    const crafted = JSON.parse(request.canonical) as { records: { id: string; encapsulation: string }[] };
    crafted.records = [{ id: mine.records[0]?.id ?? '', encapsulation: point }];
    const document = Buffer.from(canonical(crafted)).toString();
    const opening = { ...mine, request: digestOfDocument(crafted), records: crafted.records };
    const shown = await originsOfRequest(office.world, another);
    const asMine = (origins: typeof shown) => ({
      ...origins,
      points: origins.points.map((one) => ({ ...one, record: mine.records[0]?.id ?? '' })),
    });
    for (const evidence of [origins, shown, asMine(shown)]) {
      await expect(contribute(opening, document, { origins: evidence, known: null })).rejects.toMatchObject({
        code: 'bad-proof',
        message: expect.stringContaining('does not say that this point was made for the record'),
      });
    }
  });

  it('a decision of a recovery officer who holds no share', async () => {
    const oscar = await office.operator('Oscar', 'recovery-officer');
    const id = await ask();
    await refused(id, approve(id, oscar));
  });

  it('an approval of another digest', async () => {
    const id = await ask();
    await refused(id, approve(id, olga, await digestOf(await ask())));
  });

  it('a second approval of the same officer', async () => {
    const id = await ask();
    await approve(id, olga);
    await refused(id, approve(id, olga));
  });

  it('a release by somebody else than who asked', async () => {
    const id = await approved();
    await refused(id, release(id, both));
    await refused(id, release(id, olga), 'forbidden');
  });

  it('the command line on this machine', async () => {
    const local: Principal = { kind: 'local', id: 'local', name: 'here' };
    await expect(ask(local)).rejects.toMatchObject({ code: 'forbidden' });
    const id = await approved();
    await refused(id, approve(id, local), 'forbidden');
    await refused(id, release(id, local));
  });

  it('anything after a rejection', async () => {
    const id = await approved();
    const request = await digestOf(id);
    await perform(office.world, decideRecovery, both, {
      id,
      decision: 'reject',
      digest: request,
      signature: signDocument(office.shareKey(both), PURPOSES.decision, { request, decision: 'reject' }),
    });
    expect(await stateOf(id)).toBe('rejected');
    await refused(id, release(id));
  });

  it('a release on the word of an officer who was disabled since', async () => {
    const id = await approved();
    await office.query(`UPDATE operators SET state = 'disabled' WHERE id = $1`, [otto.id]);
    await refused(id, release(id));
    await approve(id, both);
    await release(id);
    await office.query(`UPDATE operators SET state = 'active' WHERE id = $1`, [otto.id]);
  });

  it('anything after its end; the scheduler writes that down', async () => {
    const id = await approved({ expiresInHours: 1 });
    now = new Date(now.getTime() + 3_600_000);
    await refused(id, release(id));
    const open = await ask(admin, { expiresInHours: 1 });
    now = new Date(now.getTime() + 3_600_000);
    await refused(open, approve(open, olga));
    expect(await stateOf(id)).toBe('approved');
    await endRecoveries(office.world);
    expect([await stateOf(id), await stateOf(open)]).toEqual(['expired', 'expired']);
    const records = async () => (await office.trail(`recovery:${id}`)).length;
    const before = await records();
    await endRecoveries(office.world);
    expect(await records()).toBe(before);
    const told = await office.query('SELECT subject, body FROM notices WHERE about = $1 ORDER BY queued_at DESC', [
      `recovery:${id}`,
    ]);
    expect(told[0]).toMatchObject({
      subject: 'A request for your encryption keys has ended',
      body: expect.stringContaining('nothing was opened'),
    });
  });

  it('a request that was rewritten in the database', async () => {
    const id = await approved();
    const other = await office.person('victim@example.com');
    await office.query('UPDATE recovery_requests SET person_id = $2 WHERE id = $1', [id, other]);
    await refused(id, release(id));
    const canonical = await approved();
    await office.query(`UPDATE recovery_requests SET canonical = replace(canonical, 'canal', 'river') WHERE id = $1`, [
      canonical,
    ]);
    await refused(canonical, release(canonical));
  });

  it('parts that were exchanged in the database', async () => {
    const [id, other] = [await approved(), await approved()];
    await office.query(
      `UPDATE recovery_decisions d SET partial = o.partial FROM recovery_decisions o
       WHERE d.request_id = $1 AND o.request_id = $2 AND o.officer_id = d.officer_id`,
      [id, other],
    );
    await expect(release(id)).rejects.toMatchObject({ code: 'unusable-input' });
    expect(await stateOf(id)).toBe('approved');
  });
});

describe('what officers contributed', () => {
  const partsOf = async (id: string) =>
    (await office.query('SELECT partial FROM recovery_decisions WHERE request_id = $1', [id])).map(
      ({ partial }) => partial !== null,
    );

  it('is forgotten once the key is released, or the request over', async () => {
    const id = await approved();
    expect(await partsOf(id)).toEqual([true, true]);
    await release(id);
    expect(await partsOf(id)).toEqual([false, false]);
  });
});

describe('what is asked for', () => {
  it('must be in escrow, and that very person’s', async () => {
    const other = await office.person('other@example.com');
    const [key] = await office.query('SELECT id FROM escrowed_keys WHERE person_id = $1', [other]);
    await expect(ask(admin, { escrowedKeyIds: [String(key?.id)] })).rejects.toMatchObject({ code: 'not-found' });
    await expect(ask(admin, { personId: '00000000-0000-4000-8000-000000000000' })).rejects.toMatchObject({
      code: 'not-found',
    });
  });

  it('does not open where the record was altered, and stays unreleased', async () => {
    const victim = await office.person('altered@example.com');
    const id = await approved({ personId: victim });
    // As whoever owns the database can.
    await office.query('ALTER TABLE escrowed_keys DISABLE TRIGGER keep_escrowed_key');
    await office.query(
      'UPDATE escrowed_keys SET sealed = set_byte(sealed, 40, get_byte(sealed, 40) # 1) WHERE person_id = $1',
      [victim],
    );
    await office.query('ALTER TABLE escrowed_keys ENABLE TRIGGER keep_escrowed_key');
    await expect(release(id)).rejects.toMatchObject({ code: 'internal' });
    expect(await stateOf(id)).toBe('approved');
    expect((await office.trail(`recovery:${id}`)).slice(-2)).toEqual([
      'recovery.release attempted',
      'recovery.release failed',
    ]);
  });
});

const ecKey = (): KeyObject => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
