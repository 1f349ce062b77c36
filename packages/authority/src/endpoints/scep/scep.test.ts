import { createPublicKey } from 'node:crypto';
import type { Challenge } from '@chancery/api';
import {
  type Certificate,
  encryptContent,
  formatName,
  isIssuedBy,
  parseCertificate,
  parseCrl,
  pkiFailures,
  pkiMessageTypes,
  pkiStatuses,
  verifyCertificateSignature,
  verifyCrlSignature,
} from '@chancery/smime';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningOffice, runningOffice } from '../../../test/running-office.ts';
import {
  type Answered,
  type Asking,
  askScep,
  deviceKey,
  getCaCerts,
  raOf,
  rsaKey,
  scepMessage,
  sendScep,
} from '../../../test/scep-client.ts';
import { selfSigned } from '../../../test/self-signed.ts';

process.env.SCEP_STATIC = 'open sesame';
process.env.SCEP_MANAGER = 'a-token-of-a-manager-of-devices';

let office: RunningOffice;
let pool: pg.Pool;
let url: string;
let alice: string;
let bob: string;

beforeAll(async () => {
  office = await runningOffice({
    config: `[server]
port = 0
[enrolment.label.kiosk]
staticChallenge = { env = "SCEP_STATIC" }
[enrolment.label.careless]
staticChallenge = { env = "SCEP_STATIC" }
approval = "never"
[enrolment.label.decided]
approval = "always"
[enrolment.label.early]
renewalDays = 3660
[enrolment.label.multi]
profile = "signing-multipurpose"
renewalDays = 3660
[enrolment.manager.mdm]
token = { env = "SCEP_MANAGER" }
`,
  });
  pool = new pg.Pool({ ...office.connection, max: 1 });
  await office.setUp();
  url = `${office.authority.url}/scep`;
  const add = async (name: string) =>
    (await office.local.addPerson({ body: { name, address: `${name.toLowerCase()}@example.com` } })).id;
  alice = await add('Alice');
  bob = await add('Bob');
});
afterAll(async () => {
  await pool.end();
  await office.close();
});

const challengeFor = async (person: string, profile?: string): Promise<Challenge> =>
  office.local.makeChallenge({ params: { id: person }, body: profile === undefined ? {} : { profile } });

const key = rsaKey();
const anotherKey = deviceKey();

async function enrol(person: string, asking: Partial<Asking> = {}, label = ''): Promise<Answered> {
  const { challenge } = await challengeFor(person);
  return askScep(`${url}${label}`, { key: deviceKey(), challenge, ...asking });
}

function expectFailure({ reply }: Answered, failInfo: keyof typeof pkiFailures, text: RegExp): void {
  expect(reply).toMatchObject({ status: pkiStatuses.FAILURE, failure: pkiFailures[failInfo], envelope: undefined });
  expect(reply.failureText).toMatch(text);
}

const refusals = async () =>
  (await office.local.auditRecords({ query: { action: 'enrolment.request', limit: 500 } })).items.filter(
    ({ outcome }) => outcome !== 'succeeded',
  );

describe('SCEP', () => {
  let first: Certificate;

  it('says what it can do, and who it is', async () => {
    const caps = await fetch(`${url}?operation=GetCACaps&message=CAIdentifier`);
    expect(caps.headers.get('content-type')).toContain('text/plain');
    expect((await caps.text()).split('\n')).toEqual([
      'AES',
      'POSTPKIOperation',
      'Renewal',
      'SCEPStandard',
      'SHA-256',
      'SHA-384',
      'SHA-512',
    ]);
    const certificates = await getCaCerts(url);
    const ra = await raOf(url);
    expect(certificates).toHaveLength(3);
    const issuer = certificates.find((one) => isIssuedBy(ra, one)) as Certificate;
    expect(verifyCertificateSignature(ra, issuer)).toBe(true);
    // Whoever comes with another client's habits gets the same.
    for (const alias of ['cgi-bin/pkiclient.exe', 'certsrv/mscep/mscep.dll', 'scep/default', 'scep/pkiclient.exe'])
      expect((await getCaCerts(`${office.authority.url}/${alias}`)).map(({ serialNumber }) => serialNumber)).toEqual(
        certificates.map(({ serialNumber }) => serialNumber),
      );
  });

  it('issues to whoever shows a challenge, by the names of the directory', async () => {
    const { challenge, scepUrl } = await challengeFor(alice);
    expect(scepUrl).toBe(url);
    expect(challenge).toMatch(/^[A-Z2-7]{32}$/);
    const sent = await scepMessage(url, { key, challenge, commonName: 'The Emperor', emails: ['ALICE@example.com'] });
    const { reply, certificate } = await sendScep(url, sent, key);
    expect(reply.status).toBe(pkiStatuses.SUCCESS);
    first = certificate as Certificate;
    expect(formatName(first.subject)).toContain('Alice');
    expect(formatName(first.subject)).not.toContain('Emperor');
    expect(first.subjectAltNames.emails).toEqual(['alice@example.com']);
    const [listed] = (await office.local.enrolments({ query: {} })).items;
    expect(listed).toMatchObject({
      personId: alice,
      protocol: 'scep',
      state: 'issued',
      proof: 'challenge',
      subject: 'CN=The Emperor',
      serialNumber: first.serialNumber,
    });
    // Sent again, octet for octet: what was a request is a replay now.
    expectFailure(await sendScep(url, sent, key), 'badRequest', /used already/);
    // Nor is the challenge good for another key.
    expectFailure(await askScep(url, { key: anotherKey, challenge }), 'badRequest', /used already/);
  });

  it('is answered again when it polls: a lost reply costs nothing', async () => {
    const transactionId = 'Base64/+=of something';
    const { certificate } = await enrol(alice, { key: anotherKey, transactionId });
    const poll = { key: anotherKey, transactionId, messageType: pkiMessageTypes.CertPoll };
    const again = await askScep(url, poll);
    expect(again.certificate?.serialNumber).toBe(certificate?.serialNumber);
    expectFailure(await askScep(url, { ...poll, key: deviceKey() }), 'badCertId', /transaction/);
    expectFailure(await askScep(`${url}/multi`, poll), 'badCertId', /transaction/);
    // As devices of Apple do it: with a key that was made to sign the message, which polls too.
    const signer = rsaKey();
    const signedBy = { key: signer, certificate: parseCertificate(await selfSigned(signer, ['digitalSignature'])) };
    const { challenge } = await challengeFor(alice);
    const apple = { key: deviceKey(), challenge, signedBy, transactionId: '9' };
    const given = await askScep(url, apple);
    const polled = await askScep(url, { ...apple, messageType: pkiMessageTypes.CertPoll });
    expect(polled.certificate?.serialNumber).toBe(given.certificate?.serialNumber);
  });

  it('refuses the wrong challenge, another’s address, a weak key, a key that was seen before', async () => {
    expectFailure(
      await askScep(url, { key: deviceKey(), challenge: 'A'.repeat(32) }),
      'badRequest',
      /not one that this/,
    );
    expectFailure(await askScep(url, { key: deviceKey() }), 'badRequest', /not one that this/);
    expectFailure(await enrol(alice, { emails: ['bob@example.com'] }), 'badRequest', /not this person/);
    expectFailure(await enrol(alice, { commonName: 'bob@example.com' }), 'badRequest', /not this person/);
    expectFailure(await enrol(alice, { key: rsaKey(1024) }), 'badRequest', /key/i);
    expectFailure(await enrol(bob, { key }), 'badRequest', /certified before/);
    const outcomes = (await refusals()).map(({ outcome, details }) => [outcome, (details as { code: string }).code]);
    expect(outcomes).toEqual(
      expect.arrayContaining([
        ['denied', 'wrong-credentials'],
        ['denied', 'forbidden'],
        ['failed', 'unusable-input'],
        ['failed', 'conflict'],
        ['failed', 'wrong-state'],
      ]),
    );
    // What was wrong with the request did not use the challenge up.
    const { challenge } = await challengeFor(alice);
    expectFailure(
      await askScep(url, { key: deviceKey(), challenge, emails: ['bob@example.com'] }),
      'badRequest',
      /not/,
    );
    expect((await askScep(url, { key: deviceKey(), challenge })).reply.status).toBe(pkiStatuses.SUCCESS);
    expect(JSON.stringify(await office.local.auditRecords({ query: { limit: 500 } }))).not.toContain(challenge);
  });

  it('takes no challenge that was withdrawn, or has lapsed, or whose person left', async () => {
    const { id, challenge } = await challengeFor(bob);
    const listed = async (state: 'open' | 'ended') =>
      (await office.local.allChallenges({ query: { state } })).items.find((one) => one.id === id);
    expect(await listed('open')).toMatchObject({ personId: bob, name: 'Bob', state: 'open', endedAt: null });
    await office.local.withdrawChallenge({ params: { id } });
    expect(await listed('open')).toBeUndefined();
    expect(await listed('ended')).toMatchObject({ state: 'withdrawn', enrolment: null });
    expectFailure(await askScep(url, { key: deviceKey(), challenge }), 'badRequest', /not one that/);
    const late = await challengeFor(bob);
    office.wait(73 * 3600);
    expectFailure(await askScep(url, { key: deviceKey(), challenge: late.challenge }), 'badRequest', /lapsed/);
    const carol = await office.local.addPerson({ body: { name: 'Carol', address: 'carol@example.com' } });
    const hers = await challengeFor(carol.id);
    await office.local.removePerson({ params: { id: carol.id }, query: {} });
    expectFailure(await askScep(url, { key: deviceKey(), challenge: hers.challenge }), 'badRequest', /left/);
  });

  it('renews no sooner than the profile says, unless the label does; a new challenge enrols anew', async () => {
    const own = deviceKey();
    const { certificate } = await enrol(alice, { key: own });
    const signedBy = { key: own, certificate: certificate as Certificate };
    const tooEarly = { key: deviceKey(), signedBy, challenge: 'used up long ago' };
    expectFailure(await askScep(url, tooEarly), 'badRequest', /not to be renewed before 20\d\d-/);
    expectFailure(
      await askScep(url, { ...tooEarly, messageType: pkiMessageTypes.RenewalReq }),
      'badRequest',
      /renewed before/,
    );
    // As certmonger asks once more where its owner gave it another challenge: it signs with what it has.
    const { challenge } = await challengeFor(alice);
    const asking = { key: deviceKey(), signedBy, challenge, transactionId: '88' };
    expect((await askScep(`${url}/decided`, asking)).reply.status).toBe(pkiStatuses.PENDING);
    const [waiting] = (await office.local.enrolments({ query: { state: 'waiting' } })).items;
    expect(waiting).toMatchObject({ proof: 'challenge', personId: alice });
    const body = { decision: 'approve', reason: 'It is the telephone of before.' } as const;
    await office.local.decideEnrolment({ params: { id: waiting?.id ?? '' }, body });
    const polled = await askScep(`${url}/decided`, { ...asking, messageType: pkiMessageTypes.CertPoll });
    expect(polled.certificate?.subjectAltNames.emails).toEqual(['alice@example.com']);
    // Nobody else's challenge does, and none is spent on trying.
    const his = await challengeFor(bob);
    expectFailure(await askScep(url, { ...tooEarly, challenge: his.challenge }), 'badRequest', /renewed before/);
    expect((await office.local.challenges({ params: { id: bob } })).items.map(({ id }) => id)).toContain(his.id);
    await office.local.withdrawChallenge({ params: { id: his.id } });
    const renewed = await askScep(`${url}/early`, tooEarly);
    expect(renewed.certificate?.serialNumber).not.toBe(certificate?.serialNumber);
  });

  it('renews once for whoever signs with a good certificate of ours, whatever challenge is repeated', async () => {
    const early = `${url}/early`;
    const next = deviceKey();
    const renewal = { key: next, challenge: 'used up long ago', signedBy: { key, certificate: first } };
    const sent = await scepMessage(early, renewal);
    const renewed = await sendScep(early, sent, key);
    expect(renewed.certificate?.subjectAltNames.emails).toEqual(['alice@example.com']);
    expect(Buffer.from(renewed.certificate?.spki ?? [])).not.toEqual(Buffer.from(first.spki));
    expectFailure(await sendScep(early, sent, key), 'badRequest', /renewed already/);
    // The same key once more, as some clients do, by RenewalReq.
    const signedBy = { key: next, certificate: renewed.certificate as Certificate };
    const again = await askScep(early, { key: next, signedBy, messageType: pkiMessageTypes.RenewalReq });
    expect(Buffer.from(again.certificate?.spki ?? [])).toEqual(Buffer.from(renewed.certificate?.spki ?? []));
    expect(again.certificate?.serialNumber).not.toBe(renewed.certificate?.serialNumber);
    // For somebody else's address, by nobody's certificate, by one that is on hold, or revoked.
    const newest = { key: next, certificate: again.certificate as Certificate };
    const asking = { key: deviceKey(), signedBy: newest };
    expectFailure(await askScep(early, { ...asking, emails: ['bob@example.com'] }), 'badRequest', /not this person/);
    expectFailure(
      await askScep(early, { key: deviceKey(), messageType: pkiMessageTypes.RenewalReq }),
      'badCertId',
      /renewal/,
    );
    const params = { serialNumber: newest.certificate.serialNumber };
    await office.local.holdCertificate({ params, body: {} });
    expectFailure(await askScep(early, asking), 'badRequest', /on hold/);
    await office.local.revokeCertificate({ params, body: { reason: 'superseded' } });
    expectFailure(await askScep(early, asking), 'badRequest', /revoked/);
  });

  it('gives a person their own certificates, and nobody else’s; and the list that a certificate would be on', async () => {
    const hers = deviceKey();
    const { certificate } = await enrol(alice, { key: hers });
    const his = (await enrol(bob)).certificate as Certificate;
    const query = ({ issuer, serialNumber }: Certificate) => {
      const number = Buffer.from(serialNumber, 'hex');
      const integer = Buffer.concat([Buffer.from([2, number.length]), number]);
      return Buffer.concat([Buffer.from([0x30, issuer.der.length + integer.length]), issuer.der, integer]);
    };
    const asking = { key: hers, messageType: pkiMessageTypes.GetCert };
    const signedBy = { key: hers, certificate: certificate as Certificate };
    const got = await askScep(url, { ...asking, signedBy, content: query(first) });
    expect(got.certificate?.serialNumber).toBe(first.serialNumber);
    expectFailure(await askScep(url, { ...asking, signedBy, content: query(his) }), 'badCertId', /of yours/);
    expectFailure(await askScep(url, { ...asking, content: query(first) }), 'badCertId', /of yours/);

    const list = { key: hers, signedBy, messageType: pkiMessageTypes.GetCRL };
    const { crl } = await askScep(url, { ...list, content: query(his) });
    const parsed = parseCrl(crl ?? new Uint8Array());
    const issuer = (await getCaCerts(url)).find((one) => isIssuedBy(his, one)) as Certificate;
    expect(verifyCrlSignature(parsed, issuer)).toBe(true);
    const elsewhere = { ...his, issuer: his.subject } as Certificate;
    expectFailure(await askScep(url, { ...list, content: query(elsewhere) }), 'badCertId', /no list/);
    const unknown = { ...his, serialNumber: '4a4b4c' } as Certificate;
    expectFailure(await askScep(url, { ...list, content: query(unknown) }), 'badCertId', /no list/);
    const anybody = { key: deviceKey(), messageType: pkiMessageTypes.GetCRL };
    expectFailure(await askScep(url, { ...anybody, content: query(his) }), 'badCertId', /certificate of this office/);
    expectFailure(await askScep(url, { ...list, content: Buffer.from('hello') }), 'badMessageCheck', /does not open/);
  });

  it('waits for an operator where the profile asks: the first time, or at renewals too', async () => {
    const change = async (approval: 'never' | 'first' | 'always') => {
      const { versions } = await office.local.profile({ params: { id: 'signing-multipurpose' } });
      const [newest] = versions;
      if (newest === undefined) throw new Error('expected');
      const body = { document: { ...newest.document, approval }, expectedVersion: newest.version };
      await office.local.applyProfile({ params: { id: 'signing-multipurpose' }, body });
    };
    const ask = async (asking: Asking) => (await askScep(`${url}/multi`, asking)).reply.status;
    const decide = async () => {
      const [waiting] = (await office.local.enrolments({ query: { state: 'waiting' } })).items;
      const body = { decision: 'approve', reason: 'It is hers.' } as const;
      await office.local.decideEnrolment({ params: { id: waiting?.id ?? '' }, body });
    };
    await change('first');
    const own = deviceKey();
    const made = await challengeFor(alice, 'signing-multipurpose');
    expect(made.approval).toBe(true);
    const asking = { key: own, challenge: made.challenge, transactionId: '90' };
    expect(await ask(asking)).toBe(pkiStatuses.PENDING);
    await decide();
    const poll = { ...asking, messageType: pkiMessageTypes.CertPoll };
    const certificate = (await askScep(`${url}/multi`, poll)).certificate as Certificate;
    expect(certificate.extendedKeyUsage).toContain('1.3.6.1.5.5.7.3.2');
    // Another profile asks nobody.
    expect((await enrol(alice)).reply.status).toBe(pkiStatuses.SUCCESS);
    const next = deviceKey();
    const renewal = { key: next, signedBy: { key: own, certificate }, transactionId: '91' };
    const renewed = (await askScep(`${url}/multi`, renewal)).certificate as Certificate;
    await change('always');
    const again = { key: deviceKey(), signedBy: { key: next, certificate: renewed }, transactionId: '92' };
    expect(await ask(again)).toBe(pkiStatuses.PENDING);
    await decide();
    expect(await ask({ ...again, messageType: pkiMessageTypes.CertPoll })).toBe(pkiStatuses.SUCCESS);
    await change('never');
  });

  it('waits for an operator where the label asks, and tells the device what was decided', async () => {
    const hers = rsaKey();
    const { challenge } = await challengeFor(alice);
    const asking = { key: hers, challenge, transactionId: '77' };
    const poll = { ...asking, messageType: pkiMessageTypes.CertPoll };
    const decided = `${url}/decided`;
    expect((await askScep(decided, asking)).reply).toMatchObject({ status: pkiStatuses.PENDING, envelope: undefined });
    expect((await askScep(decided, asking)).reply.status).toBe(pkiStatuses.PENDING);
    expect((await askScep(decided, poll)).reply.status).toBe(pkiStatuses.PENDING);
    const [waiting, ...more] = (await office.local.enrolments({ query: { state: 'waiting' } })).items;
    expect(more).toEqual([]);
    expect(waiting).toMatchObject({ name: 'Alice', label: 'decided', keyAlgorithm: 'RSA-2048' });
    const params = { id: waiting?.id ?? '' };
    const detail = await office.local.enrolment({ params });
    expect(detail).toMatchObject({ addresses: [], challenge: { madeByName: 'The command line' } });
    const drawn = parseCertificate(Buffer.from(detail.preview?.certificate ?? '', 'base64'));
    expect(Buffer.from(drawn.spki)).toEqual(createPublicKey(hers).export({ format: 'der', type: 'spki' }));
    expect(drawn.subjectAltNames.emails).toEqual(['alice@example.com']);
    // What was shown lies sealed while it waits, and nowhere once it is answered.
    const stored = async () => (await pool.query('SELECT * FROM device_enrolments WHERE id = $1', [params.id])).rows[0];
    const sealed = (await stored()).request as Buffer;
    expect(sealed.length).toBeGreaterThan(300);
    expect(sealed.includes(challenge)).toBe(false);
    await office.local.decideEnrolment({ params, body: { decision: 'approve', reason: 'She is at my desk.' } });
    expect((await stored()).request).toBeNull();
    expect(await office.local.enrolment({ params })).toMatchObject({ state: 'issued', preview: null });
    const { certificate } = await askScep(decided, poll);
    expect(certificate?.subjectAltNames.emails).toEqual(['alice@example.com']);
    // It has what it asked for: from now on the same request is a replay.
    expectFailure(await askScep(decided, asking), 'badRequest', /used already/);
    const again = office.local.decideEnrolment({ params, body: { decision: 'refuse', reason: 'too late' } });
    await expect(again).rejects.toThrow('issued already');

    const refused = { key: deviceKey(), challenge: (await challengeFor(bob)).challenge, transactionId: '78' };
    expect((await askScep(decided, refused)).reply.status).toBe(pkiStatuses.PENDING);
    const [his] = (await office.local.enrolments({ query: { state: 'waiting' } })).items;
    const body = { decision: 'refuse', reason: 'Bob has no such telephone.' } as const;
    await office.local.decideEnrolment({ params: { id: his?.id ?? '' }, body });
    expectFailure(
      await askScep(decided, { ...refused, messageType: pkiMessageTypes.CertPoll }),
      'badRequest',
      /no such telephone/,
    );
  });

  it('issues by the profile of the label, and takes no challenge for another', async () => {
    const { challenge } = await challengeFor(alice, 'signing-multipurpose');
    const { certificate } = await askScep(`${url}/multi`, { key: deviceKey(), challenge });
    expect(certificate?.extendedKeyUsage).toContain('1.3.6.1.5.5.7.3.2');
    expectFailure(await enrol(alice, {}, '/multi'), 'badRequest', /issues by the profile/);
    await expect(challengeFor(alice, 'gateway')).rejects.toThrow('neither');
    await expect(challengeFor(alice, 'nothing')).rejects.toThrow('no profile');
    const forEncryption = await challengeFor(alice, 'encryption');
    expect(forEncryption.scepUrl).toBeNull();
    expectFailure(
      await askScep(url, { key: deviceKey(), challenge: forEncryption.challenge }),
      'badRequest',
      /encryption/,
    );
  });

  it('believes a static challenge as far as the label says', async () => {
    const asking = { key: deviceKey(), challenge: 'open sesame', emails: ['alice@example.com'] };
    expect((await askScep(`${url}/kiosk`, asking)).reply.status).toBe(pkiStatuses.PENDING);
    expect((await askScep(`${url}/careless`, { ...asking, key: deviceKey() })).certificate).toBeDefined();
    expectFailure(await askScep(`${url}/kiosk`, { ...asking, emails: [] }), 'badRequest', /whose request/);
    expectFailure(await askScep(url, asking), 'badRequest', /not one that/);
    const both = { ...asking, emails: ['alice@example.com', 'bob@example.com'] };
    expectFailure(await askScep(`${url}/careless`, both), 'badRequest', /whose request/);
    const ra = await raOf(url);
    const guess = { ...asking, to: ra, challenge: 'open barley' };
    for (let tries = 0; tries < 20; tries++) await askScep(`${url}/kiosk`, guess);
    const sent = await scepMessage(url, asking);
    await expect(sendScep(`${url}/kiosk`, sent, asking.key)).rejects.toThrow('429');
    const { fixed, items } = await office.local.allChallenges({ query: { state: 'ended' } });
    expect(fixed.map(({ label, approval, uses }) => [label, approval, uses])).toEqual([
      ['kiosk', true, 1],
      ['careless', false, 1],
    ]);
    expect(items.find(({ state }) => state === 'used')?.enrolment).toMatchObject({ state: 'issued' });
    expect(JSON.stringify({ fixed, items })).not.toContain('open sesame');
    office.wait(61);
    expect(office.logged.filter(({ event }) => event === 'config.discouraged')).toHaveLength(2);
  });

  it('is not shown old ciphers, other keys, or what is no message', async () => {
    const { challenge } = await challengeFor(alice);
    const own = deviceKey();
    const tampered = Buffer.from(await scepMessage(url, { key: own, challenge }));
    tampered[tampered.length - 5] = (tampered[tampered.length - 5] as number) ^ 1;
    expectFailure(await sendScep(url, tampered, own), 'badMessageCheck', /signature/);
    // The envelope is for somebody else, or there is no request inside: the answer is the same.
    const stranger = (await enrol(bob)).certificate as Certificate;
    expectFailure(await askScep(url, { key: own, challenge, to: stranger }), 'badMessageCheck', /does not open/);
    expectFailure(await askScep(url, { key: own, content: Buffer.from('hello') }), 'badMessageCheck', /does not open/);
    const post = (body: BodyInit) => fetch(`${url}?operation=PKIOperation`, { method: 'POST', body });
    expect((await post('hello')).status).toBe(400);
    expect((await post(Buffer.alloc(200_000))).status).toBe(413);
    const envelope = await encryptContent({ content: Buffer.from('x'), recipients: [await raOf(url)] });
    expect((await post(Buffer.from(envelope))).status).toBe(400);
    expect((await fetch(`${url}?operation=Nothing`)).status).toBe(400);
    expect((await fetch(`${url}?operation=PKIOperation&message=%00`)).status).toBe(400);
    expect((await fetch(`${url}/nowhere?operation=GetCACaps`)).status).toBe(404);
  });

  it('reads a message from the address, whose plus signs have become spaces', async () => {
    const own = deviceKey();
    const { challenge } = await challengeFor(alice);
    const message = Buffer.from(await scepMessage(url, { key: own, challenge })).toString('base64');
    expect(message).toContain('+');
    const answer = await fetch(`${url}?operation=PKIOperation&message=${message}`);
    expect(answer.headers.get('content-type')).toBe('application/x-pki-message');
    expect((await office.local.enrolments({ query: {} })).items[0]).toMatchObject({ state: 'issued', personId: alice });
  });

  it('goes on with the registration authority before, once there is a next one', async () => {
    const before = await raOf(url);
    await office.local.issueScepRa({ body: { key: 'rsa-2048' } });
    const after = await raOf(url);
    expect(after.serialNumber).not.toBe(before.serialNumber);
    const { challenge } = await challengeFor(alice);
    const { reply, certificate } = await askScep(url, { key: deviceKey(), challenge, to: before });
    expect(certificate).toBeDefined();
    expect(reply.signer?.serialNumber).toBe(before.serialNumber);
    expect((await enrol(alice)).reply.signer?.serialNumber).toBe(after.serialNumber);
  });

  it('makes challenges for a program that manages devices, and for nothing else of its', async () => {
    const mdm = office.client(process.env.SCEP_MANAGER ?? '');
    const { challenge } = await mdm.makeChallengeFor({ body: { address: 'Bob@example.com' } });
    expect((await askScep(url, { key: deviceKey(), challenge })).certificate?.subjectAltNames.emails).toEqual([
      'bob@example.com',
    ]);
    await expect(mdm.people({ query: {} })).rejects.toThrow('person:read');
    await expect(mdm.makeChallengeFor({ body: { address: 'nobody@example.com' } })).rejects.toThrow('Nobody');
    const stranger = office.client('a-token-of-nobody-at-all');
    await expect(stranger.makeChallengeFor({ body: { address: 'bob@example.com' } })).rejects.toThrow('not known');
    const records = (await office.local.auditRecords({ query: { action: 'enrolment.make-challenge', limit: 500 } }))
      .items;
    expect(records[0]).toMatchObject({ actor: 'manager:mdm', subject: `person:${bob}` });
  });
});
