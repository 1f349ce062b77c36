import { generateKeyPairSync } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { type KeyUsage, keyUsage, parseCertificate, pemBlocks } from '@chancery/smime';
import { SMTPServer } from 'smtp-server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Answer,
  type Challenge,
  csr,
  ecKey,
  MailDomain,
  Partner,
  readChallenge,
  replyTo,
  signJws,
} from '../../../test/acme-partner.ts';
import { type RunningOffice, runningOffice } from '../../../test/running-office.ts';
import { nameSecret } from '../../../test/watched.ts';

const partners = new MailDomain('partner.example');
const strangers = new MailDomain('stranger.example');
const arrived: string[] = [];
let isDnsDown = false;
let office: RunningOffice;
let server: SMTPServer;
let gateway: ReturnType<RunningOffice['client']>;
let petra: Partner;
let paul: Partner;

beforeAll(async () => {
  server = new SMTPServer({
    authOptional: true,
    logger: false,
    disableReverseLookup: true,
    disabledCommands: ['STARTTLS'],
    onRcptTo: ({ address }, _session, done) =>
      done(
        address.startsWith('nobody@') ? Object.assign(new Error('5.1.1 no such mailbox'), { responseCode: 550 }) : null,
      ),
    onData(stream, _session, done) {
      void buffer(stream).then((message) => {
        arrived.push(message.toString('latin1'));
        done();
      });
    },
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const address = server.server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  office = await runningOffice({
    config: `[server]
port = 0
[mail]
host = "127.0.0.1"
port = ${port}
tls = "never"
from = "Office <pki@example.com>"
[acme]
address = "acme@example.com"
termsOfService = "https://example.com/terms"
`,
    resolve: async (name, type) => {
      if (isDnsDown) throw Object.assign(new Error('no answer'), { code: 'ETIMEOUT' });
      const found = type === 'TXT' ? (partners.records[name] ?? strangers.records[name]) : undefined;
      if (found === undefined) throw Object.assign(new Error(name), { code: 'ENOTFOUND' });
      return [[found]];
    },
  });
  await office.setUp();
  const { token } = await office.local.createGateway({ body: { name: 'gateway' } });
  gateway = office.client(token);
  petra = new Partner(office.authority.url);
  paul = new Partner(office.authority.url);
});
afterAll(async () => {
  await office.close();
  await new Promise<void>((resolve) => server.close(() => resolve()));
});

async function keyFor(name: string, ...addresses: string[]) {
  const made = await office.local.createAcmeKey({ body: { name, addresses } });
  nameSecret(Buffer.from(made.macKey, 'latin1'));
  return made;
}

/** The challenge in the mailbox of an order that was just placed. */
async function mailTo(address: string, before: number): Promise<Challenge> {
  for (let tries = 0; tries < 200; tries++) {
    const found = arrived.slice(before).find((raw) => raw.includes(`To: ${address}`));
    if (found !== undefined) return readChallenge(found);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`No challenge came to ${address}`);
}

interface Ordered {
  readonly url: string;
  readonly order: Answer;
  readonly challenge: Challenge;
  /** Of the challenge. */
  readonly where: string;
  readonly authorization: string;
  readonly token: string;
}

async function ordered(who: Partner, address: string): Promise<Ordered> {
  const before = arrived.length;
  const order = await who.order(address);
  expect(order.status, order.text).toBe(201);
  const authorization = order.body.authorizations?.[0] ?? '';
  const { body } = await who.post(authorization, undefined);
  const [challenge] = body.challenges ?? [];
  return {
    url: order.headers.get('location') ?? '',
    order,
    challenge: await mailTo(address, before),
    where: challenge?.url ?? '',
    authorization,
    token: challenge?.token ?? '',
  };
}

const handIn = (message: Buffer | string) =>
  gateway.acmeReply({ body: { message: Buffer.from(message).toString('base64') } });

const rightAnswer = ({ challenge, token }: Ordered, who: Partner): Promise<string> =>
  who.response(challenge.subject.slice('ACME: '.length), token);

/** Ordered, answered, ready to be finished. */
async function proven(who: Partner, address: string): Promise<Ordered> {
  const one = await ordered(who, address);
  const reply = replyTo(one.challenge, { from: address, response: await rightAnswer(one, who) });
  expect(await handIn(await partners.sign(reply))).toMatchObject({ outcome: 'proven' });
  return one;
}

async function issued(who: Partner, address: string, key = ecKey(), usages: KeyUsage[] = []) {
  const { url, order } = await proven(who, address);
  const extensions = usages.length > 0 ? [keyUsage(usages)] : [];
  const done = await who.post(order.body.finalize ?? '', { csr: await csr(key, [address], extensions) });
  expect(done.body, done.text).toMatchObject({ status: 'valid' });
  const { text, headers } = await who.post(done.body.certificate ?? '', undefined);
  expect(headers.get('content-type')).toBe('application/pem-certificate-chain');
  const chain = pemBlocks(text).map(({ der }) => parseCertificate(der));
  const [certificate] = chain;
  if (certificate === undefined) throw new Error('No certificate');
  return { url, key, certificate, chain, der: Buffer.from(certificate.der).toString('base64url') };
}

describe('accounts', () => {
  it('are made with a key of the office, once, and with no other', async () => {
    const directory = await (await fetch(`${office.authority.url}/acme/directory`)).json();
    expect(directory).toMatchObject({
      newAccount: `${office.authority.url}/acme/new-account`,
      meta: { externalAccountRequired: true, termsOfService: 'https://example.com/terms' },
    });
    const key = await keyFor('Partner Ltd', 'partner.example');
    expect(key.url).toBe(`${office.authority.url}/acme/directory`);
    const without = { termsOfServiceAgreed: true };
    expect(await petra.post('new-account', without)).toMatchObject({ status: 403, problem: 'externalAccountRequired' });
    const bind = async (externalAccountBinding: unknown, more: object = {}) =>
      (await petra.post('new-account', { ...without, externalAccountBinding, ...more })).problem;
    const wrongMac = { ...key, macKey: Buffer.alloc(32).toString('base64url') };
    expect(await bind(await petra.binding(wrongMac))).toBe('unauthorized');
    expect(await bind(await petra.binding({ ...key, id: crypto.randomUUID() }))).toBe('unauthorized');
    expect(await bind(await petra.binding(key, `${office.authority.url}/acme/new-order`))).toBe('unauthorized');
    // Of another key: whoever saw a binding on its way gets no account by it.
    expect(await bind(await petra.binding(key, undefined, await paul.jwk()))).toBe('unauthorized');
    expect(await bind({ protected: 'AAAA', payload: '', signature: 'AAAA' })).toBe('malformed');
    const binding = await petra.binding(key);
    expect(await bind(binding, { termsOfServiceAgreed: false })).toBe('userActionRequired');
    expect(await bind(binding, { contact: ['tel:+1'] })).toBe('unsupportedContact');
    expect(await bind(binding, { contact: ['mailto:a@b.example,c@d.example'] })).toBe('invalidContact');
    expect((await petra.post('new-account', { onlyReturnExisting: true })).problem).toBe('accountDoesNotExist');
    expect(await petra.join(key)).toMatchObject({
      status: 201,
      body: { status: 'valid', contact: ['mailto:petra@partner.example'] },
    });
    // The key is spent; its account is found again by its own.
    expect(await paul.join(key)).toMatchObject({ status: 403, problem: 'unauthorized' });
    paul.kid = undefined;
    const again = await petra.post('new-account', {}, { header: { jwk: await petra.jwk(), kid: undefined } });
    expect([again.status, again.headers.get('location')]).toEqual([200, petra.kid]);
    const own = await keyFor('Paul', 'paul@partner.example');
    await office.local.revokeAcmeKey({ params: { id: own.id }, body: {} });
    expect((await paul.join(own)).problem).toBe('unauthorized');
    paul.kid = undefined;
    expect((await paul.join(await keyFor('Paul', 'paul@partner.example'))).status).toBe(201);
    const { items } = await office.local.acmeKeys();
    expect(items.map(({ name, state }) => [name, state])).toEqual([
      ['Paul', 'used'],
      ['Paul', 'revoked'],
      ['Partner Ltd', 'used'],
    ]);
    await expect(
      office.local.createAcmeKey({ body: { name: 'Us', addresses: ['example.com'] } }),
    ).rejects.toMatchObject({ code: 'unusable-input' });
  });

  it('believe no request that is not signed as it should be', async () => {
    const order = { identifiers: [{ type: 'email', value: 'petra@partner.example' }] };
    const refused = async (wrong: Parameters<Partner['post']>[2]) => {
      const { status, problem } = await petra.post('new-order', order, wrong);
      return [status, problem];
    };
    const { nonce } = petra;
    expect((await petra.post(petra.kid ?? '', undefined)).status).toBe(200);
    const replayed = await petra.post('new-order', order, { header: { nonce } });
    expect([replayed.status, replayed.problem]).toEqual([400, 'badNonce']);
    expect(replayed.headers.get('replay-nonce')).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(await refused({ header: { nonce: 'A'.repeat(43) } })).toEqual([400, 'badNonce']);
    expect(await refused({ header: { nonce: undefined } })).toEqual([400, 'badNonce']);
    const old = await petra.freshNonce();
    office.wait(3_601);
    expect(await refused({ header: { nonce: old } })).toEqual([400, 'badNonce']);
    petra.nonce = '';
    paul.nonce = '';
    expect(await refused({ header: { url: `${office.authority.url}/acme/revoke-cert` } })).toEqual([
      403,
      'unauthorized',
    ]);
    for (const alg of ['none', 'HS256', 'ES256K'])
      expect(await refused({ alg })).toEqual([400, 'badSignatureAlgorithm']);
    expect((await petra.post('new-order', order, { alg: 'HS256' })).body.algorithms).toContain('ES256');
    expect(await refused({ header: { jwk: await petra.jwk() } })).toEqual([400, 'malformed']);
    expect(await refused({ signedBy: paul.key })).toEqual([400, 'malformed']);
    expect(await refused({ header: { crit: ['exp'], exp: 1 } })).toEqual([400, 'malformed']);
    expect(await refused({ change: (jws) => ({ ...jws, header: { alg: 'none' } }) })).toEqual([400, 'malformed']);
    expect(await refused({ change: () => ({ padding: 'A'.repeat(70_000) }) })).toEqual([413, 'malformed']);
    expect(await refused({ contentType: 'application/json' })).toEqual([415, 'malformed']);
    expect(await refused({ header: { kid: `${petra.kid?.slice(0, -4)}0000` } })).toEqual([400, 'accountDoesNotExist']);
    // A key that is no secret, or hardly one.
    const weak = new Partner(office.authority.url);
    weak.key = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey;
    const jwk = { n: 'AQ', e: 'AQAB', kty: 'RSA' };
    const asked = (header: object) => petra.post('new-account', {}, { header: { kid: undefined, ...header } });
    expect((await asked({ jwk: await weak.jwk() })).problem).toBe('badPublicKey');
    expect((await asked({ jwk })).problem).toBe('badPublicKey');
    expect((await asked({ jwk: petra.key.export({ format: 'jwk' }) })).problem).toBe('badPublicKey');
    expect((await asked({ jwk: { kty: 'oct', k: 'AAAA' } })).problem).toBe('badPublicKey');
    expect((await petra.post('new-order', 'no JSON')).problem).toBe('malformed');
  });
});

describe('an order', () => {
  it('is for addresses that its account may have', async () => {
    const order = async (type: string, value: string, more: object = {}) =>
      (await petra.post('new-order', { identifiers: [{ type, value }], ...more })).problem;
    expect(await order('dns', 'partner.example')).toBe('unsupportedIdentifier');
    expect(await order('email', 'not an address')).toBe('rejectedIdentifier');
    expect(await order('email', 'petra@elsewhere.example')).toBe('rejectedIdentifier');
    expect(await order('email', 'ada@example.com')).toBe('rejectedIdentifier');
    expect(await order('email', 'petra@partner.example', { notAfter: '2030-01-01T00:00:00Z' })).toBe('malformed');
    expect((await petra.post('new-order', { identifiers: [] })).problem).toBe('malformed');
    expect((await paul.order('petra@partner.example')).problem).toBe('rejectedIdentifier');
  });

  it('is proven by a reply of the address itself, and ends in a certificate that is published to gateways', async () => {
    const address = 'petra@partner.example';
    const one = await ordered(petra, address);
    const { challenge, token, where, url } = one;
    // RFC 8823 3.1.
    expect(challenge.from).toBe('acme@example.com');
    expect(challenge.raw).toMatch(/^Auto-Submitted: auto-generated; type=acme/m);
    const first = challenge.subject.slice('ACME: '.length);
    expect(Buffer.from(first, 'base64url')).toHaveLength(18);
    expect(Buffer.from(token, 'base64url')).toHaveLength(18);
    expect(challenge.raw.split('\r\n\r\n').slice(1).join()).not.toContain(token);
    nameSecret(Buffer.from(first, 'latin1'));
    expect((await petra.post(where, undefined)).body).toMatchObject({
      type: 'email-reply-00',
      status: 'pending',
      from: 'acme@example.com',
    });
    expect((await petra.post(where, {})).body.status).toBe('processing');
    const { finalize = '' } = one.order.body;
    expect((await petra.post(finalize, { csr: await csr(ecKey(), [address]) })).problem).toBe('orderNotReady');

    const response = await rightAnswer(one, petra);
    const say = async (message: string | Buffer) => {
      const { outcome, reason } = await handIn(message);
      return `${outcome}: ${reason}`;
    };
    const right = replyTo(challenge, { from: address, response });
    expect(await say(right)).toMatch(/refused.*no DKIM signature/);
    expect(await say(await strangers.sign(right))).toMatch(/refused.*not by the domain of its author/);
    const altered = (await partners.sign(right)).toString().replace('-----END', 'and more\r\n-----END');
    expect(await say(altered)).toMatch(/refused.*no DKIM signature/);
    expect(await say(await partners.sign(right, { maxBodyLength: 10 }))).toMatch(/refused.*whole body/);
    expect(await say(await partners.sign(right, { headerList: ['From', 'Date'] }))).toMatch(
      /refused.*From and Subject/,
    );
    const other = (more: Partial<Parameters<typeof replyTo>[1]>) =>
      replyTo(challenge, { from: address, response, ...more });
    expect(await say(await partners.sign(other({ from: 'paul@partner.example' })))).toMatch(
      /refused.*not from the address/,
    );
    expect(await say(await partners.sign(other({ extra: 'List-Id: <a.partner.example>' })))).toMatch(/mailing list/);
    expect(await say(await partners.sign(other({ extra: 'From: eve@partner.example' })))).toMatch(
      /more than one way|one author/,
    );
    expect(await say(await partners.sign(right.replace(/^In-Reply-To: .*$/m, 'In-Reply-To: <x@y.example>')))).toMatch(
      /no challenge/,
    );
    expect(await say(await partners.sign(right.replace(/^To: .*$/m, 'To: else@example.com')))).toMatch(
      /refused.*not to the address/,
    );
    expect(await say(await partners.sign(right.replace(/^Subject: .*$/m, 'Subject: Re: ACME: AAAA')))).toMatch(
      /refused.*subject/,
    );
    expect(await say(await partners.sign(other({ text: 'I am away until Monday.' })))).toMatch(
      /refused.*no ACME response/,
    );
    expect(await say(Buffer.alloc(132_000, 0x41))).toMatch(/refused.*larger/);
    isDnsDown = true;
    expect(await say(await partners.sign(right))).toMatch(/^later: /);
    isDnsDown = false;
    // None of it has spoiled the challenge.
    const proof = await partners.sign(right);
    expect(await say(proof)).toMatch(/^proven: /);
    expect(await say(proof)).toMatch(/refused.*answered already/);
    expect((await petra.post(where, undefined)).body.status).toBe('valid');
    expect((await petra.post(url, undefined)).body.status).toBe('ready');

    const asked = async (request: string) => {
      const { status, problem } = await petra.post(finalize, { csr: request });
      return [status, problem];
    };
    const bad = [400, 'badCSR'];
    expect(await asked(await csr(ecKey(), ['paul@partner.example']))).toEqual(bad);
    expect(await asked(await csr(ecKey(), [address, 'paul@partner.example']))).toEqual(bad);
    expect(await asked(await csr(generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey, [address]))).toEqual(
      bad,
    );
    expect(await asked(await csr(petra.key, [address]))).toEqual(bad);
    expect(await asked(await csr(ecKey(), [address], [keyUsage(['keyCertSign'])]))).toEqual(bad);
    expect(await asked('AAAA')).toEqual(bad);
    const forged = Buffer.from(await csr(ecKey(), [address]), 'base64url');
    forged.set([(forged.at(-1) ?? 0) ^ 1], forged.length - 1);
    expect(await asked(forged.toString('base64url'))).toEqual(bad);
    // Somebody else's order is none of theirs, whatever they ask.
    for (const path of [url, finalize, `${url}/certificate`, one.authorization, where]) {
      const payload = path === finalize ? { csr: await csr(ecKey(), [address]) } : undefined;
      expect(await paul.post(path, payload)).toMatchObject({ status: 403, problem: 'unauthorized' });
    }
    const done = await petra.post(finalize, { csr: await csr(ecKey(), [address]) });
    expect(done.body).toMatchObject({ status: 'valid', identifiers: [{ type: 'email', value: address }] });
    expect(await paul.post(done.body.certificate ?? '', undefined)).toMatchObject({ status: 403 });
    expect(await asked(await csr(ecKey(), [address]))).toEqual([403, 'orderNotReady']);
    const { text } = await petra.post(done.body.certificate ?? '', undefined);
    const chain = pemBlocks(text).map(({ der }) => parseCertificate(der));
    expect(chain).toHaveLength(2);
    expect(chain[0]?.subjectAltNames.emails).toEqual([address]);
    expect([...(chain[0]?.keyUsage ?? [])].sort()).toEqual(['digitalSignature', 'keyAgreement']);
    expect((await petra.post(`${petra.kid}/orders`, undefined)).body.orders).toEqual([url]);

    const { certificates } = await gateway.gatewayRecipients({ query: { address } });
    expect(certificates.map(({ serialNumber }) => serialNumber)).toEqual([chain[0]?.serialNumber]);
    expect(await gateway.gatewayConfiguration()).toMatchObject({
      partners: [address],
      acmeAddress: 'acme@example.com',
    });
    expect((await office.local.acmeOrders()).items).toMatchObject([
      { partner: 'Partner Ltd', state: 'valid', addresses: [address], serialNumber: chain[0]?.serialNumber },
    ]);
  });

  it('ends where its owner answers with something else, and where nobody takes mail at the address', async () => {
    const address = 'pat@partner.example';
    const one = await ordered(petra, address);
    const elsewhere = await paul.response(one.challenge.subject.slice('ACME: '.length), one.token);
    expect(
      await handIn(await partners.sign(replyTo(one.challenge, { from: address, response: elsewhere }))),
    ).toMatchObject({
      outcome: 'refused',
    });
    const { body } = await petra.post(one.url, undefined);
    expect(body).toMatchObject({ status: 'invalid', error: { type: 'urn:ietf:params:acme:error:incorrectResponse' } });
    const right = await partners.sign(
      replyTo(one.challenge, { from: address, response: await rightAnswer(one, petra) }),
    );
    expect((await handIn(right)).reason).toMatch(/answered already/);
    const nobody = await petra.order('nobody@partner.example');
    await expect
      .poll(async () => (await petra.post(nobody.headers.get('location') ?? '', undefined)).body.error?.type, {
        timeout: 10_000,
      })
      .toBe('urn:ietf:params:acme:error:connection');
    // An order that is given up, or too old, is no more.
    const late = await ordered(petra, address);
    office.wait(73 * 3_600);
    petra.nonce = '';
    paul.nonce = '';
    const answer = await partners.sign(
      replyTo(late.challenge, { from: address, response: await rightAnswer(late, petra) }),
    );
    expect((await handIn(answer)).reason).toMatch(/lapsed/);
    expect((await petra.post(late.url, undefined)).body.status).toBe('invalid');
    const given = await petra.order(address);
    const [authorization = ''] = given.body.authorizations ?? [];
    expect((await petra.post(authorization, { status: 'deactivated' })).body.status).toBe('deactivated');
    expect((await petra.post(given.headers.get('location') ?? '', undefined)).body.status).toBe('invalid');
  });

  it('is not placed without end', async () => {
    const many = [];
    for (let count = 0; count < 6; count++) many.push((await petra.order('flood@partner.example')).problem);
    expect(many).toEqual([undefined, undefined, undefined, undefined, undefined, 'rateLimited']);
  });
});

describe('a certificate', () => {
  it('is for what was asked for, and is revoked by whose it is', async () => {
    const signing = await issued(petra, 'sign@partner.example', ecKey(), ['digitalSignature']);
    expect([...(signing.certificate.keyUsage ?? [])]).toEqual(['digitalSignature']);
    expect((await gateway.gatewayRecipients({ query: { address: 'sign@partner.example' } })).certificates).toEqual([]);
    const again = await proven(petra, 'sign@partner.example');
    const sameKey = { csr: await csr(signing.key, ['sign@partner.example']) };
    expect((await petra.post(again.order.body.finalize ?? '', sameKey)).problem).toBe('badCSR');

    const revoke = async (who: Partner, payload: object, wrong: Parameters<Partner['post']>[2] = {}) =>
      (await who.post('revoke-cert', payload, wrong)).problem;
    const { der } = signing;
    expect(await revoke(paul, { certificate: der })).toBe('unauthorized');
    expect(await revoke(petra, { certificate: der, reason: 6 })).toBe('badRevocationReason');
    expect(await revoke(petra, { certificate: 'AAAA' })).toBe('malformed');
    const another = ecKey();
    const byKey = async (key: typeof another) => ({
      header: { kid: undefined, jwk: await petra.jwk(key) },
      signedBy: key,
    });
    expect(await revoke(petra, { certificate: der }, await byKey(another))).toBe('unauthorized');
    expect(await revoke(petra, { certificate: der, reason: 1 }, await byKey(signing.key))).toBeUndefined();
    expect(await revoke(petra, { certificate: der })).toBe('alreadyRevoked');
    const { serialNumber } = signing.certificate;
    expect(await office.local.certificate({ params: { serialNumber } })).toMatchObject({
      use: 'partner',
      state: 'revoked',
      revocationReason: 'keyCompromise',
      personId: null,
    });
  });

  it('of the office is revoked by nobody here; an account changes its key, and ends', async () => {
    const one = await issued(paul, 'paul@partner.example');
    const { certificate: der } = await office.local.issueScepRa({ body: { key: 'rsa-2048' } });
    const certificate = Buffer.from(der, 'base64').toString('base64url');
    expect((await paul.post('revoke-cert', { certificate })).problem).toBe('unauthorized');

    const next = ecKey();
    const rollover = async (account: string | undefined, oldKey: unknown, key = next) => {
      const header = { alg: 'ES256', jwk: await paul.jwk(key), url: `${office.authority.url}/acme/key-change` };
      return paul.post('key-change', signJws(header, JSON.stringify({ account, oldKey }), key));
    };
    expect((await rollover(petra.kid, await paul.jwk())).problem).toBe('malformed');
    expect((await rollover(paul.kid, await petra.jwk())).problem).toBe('malformed');
    expect((await rollover(paul.kid, await paul.jwk())).status).toBe(200);
    // What the old key signs is nobody's any more.
    expect((await paul.post(paul.kid ?? '', undefined)).problem).toBe('malformed');
    paul.key = next;
    expect((await paul.post(paul.kid ?? '', undefined)).body.status).toBe('valid');
    const conflict = await rollover(paul.kid, await paul.jwk(), petra.key);
    expect([conflict.status, conflict.headers.get('location')]).toEqual([409, petra.kid]);

    expect((await paul.post(petra.kid ?? '', undefined)).problem).toBe('unauthorized');
    expect((await paul.post(paul.kid ?? '', { status: 'deactivated' })).body.status).toBe('deactivated');
    expect(await paul.order('paul@partner.example')).toMatchObject({ status: 403, problem: 'unauthorized' });
    const used = (await office.local.acmeKeys()).items.find(({ name, state }) => name === 'Paul' && state === 'used');
    const ended = await office.local.revokeAcmeKey({ params: { id: used?.id ?? '' }, body: { certificates: true } });
    expect(ended).toEqual({ revoked: 1 });
    const { serialNumber } = one.certificate;
    expect(await office.local.certificate({ params: { serialNumber } })).toMatchObject({
      state: 'revoked',
      revocationReason: 'privilegeWithdrawn',
    });
  });

  it('leaves every step on the trail, and nothing that would let anybody repeat one', async () => {
    const { items } = await office.local.auditRecords({ query: { limit: 500 } });
    const actions = new Set(items.map(({ action, outcome }) => `${action} ${outcome}`));
    for (const expected of [
      'acme.create-key succeeded',
      'acme.create-account succeeded',
      'acme.create-account denied',
      'acme.order succeeded',
      'acme.send-challenge attempted',
      'acme.send-challenge succeeded',
      'acme.take-reply succeeded',
      'acme.take-reply denied',
      'acme.finalize succeeded',
      'acme.settle-order succeeded',
      'acme.revoke succeeded',
      'acme.revoke-key succeeded',
    ])
      expect(actions).toContain(expected);
    const written = `${JSON.stringify(items)}${JSON.stringify(office.logged)}`;
    for (const raw of arrived) expect(written).not.toContain(readChallenge(raw).subject.slice('ACME: '.length));
    expect(office.logged.filter(({ event }) => event === 'acme.failed')).toEqual([]);
  });
});
