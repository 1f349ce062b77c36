import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  buildName,
  buildRequest,
  type Certificate,
  DerReader,
  derToPem,
  formatName,
  localSigner,
  parseCertificate,
} from '@chancery/smime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningOffice, runningOffice } from '../../../test/running-office.ts';
import { certificatesIn, deviceKey, rsaKey } from '../../../test/scep-client.ts';
import { selfSigned } from '../../../test/self-signed.ts';

let office: RunningOffice;
let folder: string;
let alice: string;
let bob: string;

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'chancery-est-'));
  const serverKey = deviceKey();
  const file = (name: string, text: string) => {
    writeFileSync(path.join(folder, name), text);
    return path.join(folder, name);
  };
  const certificate = file('est.crt', derToPem(await selfSigned(serverKey, ['digitalSignature']), 'CERTIFICATE'));
  const key = file('est.key', serverKey.export({ format: 'pem', type: 'pkcs8' }) as string);
  office = await runningOffice({
    config: `[server]
port = 0
[enrolment.label.decided]
approval = "always"
[enrolment.label.early]
renewalDays = 3660
[enrolment.est]
port = 0
certificate = "${certificate}"
key = { file = "${key}" }
publicUrl = "https://est.example.com"
[enrolment.est.proxy]
from = ["127.0.0.1"]
`,
  });
  await office.setUp();
  const add = async (name: string) =>
    (await office.local.addPerson({ body: { name, address: `${name.toLowerCase()}@example.com` } })).id;
  alice = await add('Alice');
  bob = await add('Bob');
});
afterAll(async () => {
  await office.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Answer {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly body: string;
}

interface Device {
  readonly challenge?: string;
  readonly user?: string;
  readonly certificate?: Certificate;
  readonly key?: KeyObject;
  readonly userAgent?: string;
}

/** Over TLS, as a device that checks nothing: whom it speaks to is not what is tested here. */
function est(operation: string, device: Device = {}, body?: string | Buffer): Promise<Answer> {
  const { challenge, user = '', certificate, key, userAgent } = device;
  return new Promise((resolve, reject) => {
    const sent = httpsRequest(
      {
        host: '127.0.0.1',
        port: office.authority.estPort,
        path: operation.startsWith('/') ? operation : `/.well-known/est/${operation}`,
        method: body === undefined ? 'GET' : 'POST',
        rejectUnauthorized: false,
        agent: false,
        ...(certificate && {
          cert: derToPem(certificate.der, 'CERTIFICATE'),
          key: key?.export({ format: 'pem', type: 'pkcs8' }) as string,
        }),
        headers: {
          ...(body !== undefined && { 'content-type': 'application/pkcs10' }),
          ...(challenge !== undefined && {
            authorization: `Basic ${Buffer.from(`${user}:${challenge}`).toString('base64')}`,
          }),
          ...(userAgent !== undefined && { 'user-agent': userAgent }),
        },
      },
      (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('end', () =>
          resolve({
            status: answer.statusCode ?? 0,
            headers: answer.headers,
            body: Buffer.concat(chunks).toString('latin1'),
          }),
        );
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}

async function csr(key: KeyObject, emails: readonly string[] = []): Promise<string> {
  const request = await buildRequest({
    subject: buildName([{ type: 'commonName', value: 'a telephone' }]),
    signer: localSigner(key),
    ...(emails.length > 0 && { emails }),
  });
  return Buffer.from(request).toString('base64');
}

const challengeFor = async (id: string, profile?: string): Promise<string> =>
  (await office.local.makeChallenge({ params: { id }, body: profile === undefined ? {} : { profile } })).challenge;

const issuedIn = ({ body }: Pick<Answer, 'body'>): Certificate =>
  certificatesIn(Buffer.from(body, 'base64'))[0] as Certificate;

/** The parts of a multipart body: their types, and what is in them. */
function partsOf({ headers, body }: Answer): { type: string; der: Buffer }[] {
  const boundary = /boundary=(\S+)/.exec(String(headers['content-type']))?.[1];
  return body
    .split(`--${boundary}`)
    .slice(1, -1)
    .map((part) => {
      const [head = '', content = ''] = part.split('\r\n\r\n');
      return { type: /Content-Type: (.+)/.exec(head)?.[1] ?? '', der: Buffer.from(content, 'base64') };
    });
}

describe('EST', () => {
  const key = deviceKey();
  let first: Certificate;

  it('gives the chain of the authorities, in one line, and in lines to libest', async () => {
    const answer = await est('cacerts');
    expect(answer.headers).toMatchObject({
      'content-type': 'application/pkcs7-mime; smime-type=certs-only',
      'content-transfer-encoding': 'base64',
      'content-length': String(answer.body.length),
    });
    expect(answer.body).not.toContain('\n');
    expect(certificatesIn(Buffer.from(answer.body, 'base64'))).toHaveLength(2);
    const wrapped = await est('cacerts', { userAgent: 'libest/3.2' });
    expect(wrapped.body.split('\n')[0]).toHaveLength(64);
    expect(wrapped.body.replaceAll('\n', '')).toBe(answer.body);
    // The label stands behind, or before.
    for (const address of ['decided/cacerts', '/decided/.well-known/est/cacerts'])
      expect((await est(address)).body).toBe(answer.body);
    expect((await est('nowhere/cacerts')).status).toBe(404);
    expect((await est('/api/v1/office')).status).toBe(404);
  });

  it('says what a request is to hold', async () => {
    const { body, headers } = await est('csrattrs');
    expect(headers['content-type']).toBe('application/csrattrs');
    const attributes = new DerReader(Buffer.from(body, 'base64')).enter();
    expect(attributes.enter().oid()).toBe('1.2.840.113549.1.1.1');
    expect(attributes.enter().oid()).toBe('1.2.840.113549.1.9.14');
  });

  it('issues to whoever shows a challenge as the password, once', async () => {
    const challenge = await challengeFor(alice);
    const body = await csr(key, ['alice@example.com']);
    expect((await est('simpleenroll', {}, body)).headers['www-authenticate']).toContain('Basic');
    expect((await est('simpleenroll', { challenge, user: 'bob@example.com' }, body)).status).toBe(401);
    // As some send it: in lines, with white space at the end.
    const lines = `${body.match(/.{1,60}/g)?.join('\r\n')}\r\n`;
    const answer = await est('simpleenroll', { challenge, user: 'Alice@Example.com' }, lines);
    expect(answer.status).toBe(200);
    first = issuedIn(answer);
    expect(formatName(first.subject)).toContain('Alice');
    expect(certificatesIn(Buffer.from(answer.body, 'base64'))).toHaveLength(1);
    const again = await est('simpleenroll', { challenge }, body);
    expect(again).toMatchObject({ status: 403, body: expect.stringContaining('used already') });
  });

  it('refuses the wrong challenge, another’s address, a weak key, a key seen before, what is no request', async () => {
    const wrong = await est('simpleenroll', { challenge: 'A'.repeat(32) }, await csr(deviceKey()));
    expect(wrong.status).toBe(401);
    const challenge = await challengeFor(alice);
    const refused = async (body: string) => (await est('simpleenroll', { challenge }, body)).status;
    expect(await refused(await csr(deviceKey(), ['bob@example.com']))).toBe(403);
    expect(await refused(await csr(rsaKey(1024)))).toBe(400);
    expect(await refused(await csr(key))).toBe(409);
    expect(await refused('not base64!')).toBe(400);
    expect(await refused('AAAA')).toBe(400);
    expect(await refused('A'.repeat(70_000))).toBe(413);
    expect((await est('fullcmc', { challenge }, 'AAAA')).status).toBe(501);
    expect((await est('simpleenroll', { challenge })).status).toBe(404);
    // None of it used the challenge up.
    expect(await refused(derToPem(Buffer.from(await csr(deviceKey()), 'base64'), 'CERTIFICATE REQUEST'))).toBe(200);
  });

  it('renews for whoever proves the certificate by TLS, once', async () => {
    const next = deviceKey();
    const device = { certificate: first, key };
    expect((await est('simplereenroll', { challenge: await challengeFor(alice) }, await csr(next))).status).toBe(403);
    const early = await est('simplereenroll', device, await csr(next));
    expect(early).toMatchObject({ status: 403, body: expect.stringMatching(/not to be renewed before 20\d\d-/) });
    expect((await est('simpleenroll', device, await csr(next))).status).toBe(403);
    // A label may have it otherwise.
    const answer = await est('early/simplereenroll', device, await csr(next));
    expect(answer.status).toBe(200);
    const renewed = issuedIn(answer);
    expect(renewed.subjectAltNames.emails).toEqual(['alice@example.com']);
    const again = await est('early/simplereenroll', device, await csr(deviceKey()));
    expect(again).toMatchObject({ status: 403, body: expect.stringContaining('renewed already') });
    // One that nobody here issued proves nothing, whatever it says.
    const stranger = deviceKey();
    const foreign = parseCertificate(await selfSigned(stranger, ['digitalSignature']));
    expect((await est('simplereenroll', { certificate: foreign, key: stranger }, await csr(deviceKey()))).status).toBe(
      401,
    );
    const { serialNumber } = renewed;
    await office.local.revokeCertificate({ params: { serialNumber }, body: { reason: 'superseded' } });
    const revoked = await est('early/simplereenroll', { certificate: renewed, key: next }, await csr(deviceKey()));
    expect(revoked).toMatchObject({ status: 403, body: expect.stringContaining('was revoked') });
  });

  it('makes an encryption key, puts it into escrow and delivers it, once', async () => {
    const challenge = await challengeFor(bob, 'encryption');
    const body = await csr(deviceKey());
    expect((await est('simpleenroll', { challenge }, body)).status).toBe(403);
    const before = await office.local.person({ params: { id: bob } });
    const answer = await est('serverkeygen', { challenge }, body);
    expect(answer.status).toBe(200);
    const [generated, certificates] = partsOf(answer);
    expect([generated?.type, certificates?.type]).toEqual([
      'application/pkcs8',
      'application/pkcs7-mime; smime-type=certs-only',
    ]);
    const [certificate] = certificatesIn(certificates?.der ?? Buffer.alloc(0));
    const privateKey = createPrivateKey({ key: generated?.der ?? Buffer.alloc(0), format: 'der', type: 'pkcs8' });
    const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
    expect(Buffer.from(certificate?.spki ?? [])).toEqual(spki);
    expect(certificate?.subjectAltNames.emails).toEqual(['bob@example.com']);
    // One key, in escrow, and its owner has it: no link opens it any more.
    const after = await office.local.person({ params: { id: bob } });
    expect(after.escrowedKeys).toHaveLength(Math.max(1, before.escrowedKeys.length));
    const [held] = after.escrowedKeys;
    expect(held?.serialNumber).toBe(certificate?.serialNumber);
    expect(held?.deliveredAt).not.toBeNull();
    expect(held?.locks.map(({ kind }) => kind)).toEqual(['vault']);
    expect((await est('serverkeygen', { challenge }, body)).status).toBe(403);
    const records = (await office.local.auditRecords({ query: { action: 'enrolment.deliver-key' } })).items;
    expect(records.map(({ outcome }) => outcome)).toEqual(['succeeded', 'attempted']);
    expect(JSON.stringify(records)).not.toContain(generated?.der.toString('base64').slice(60, 120) ?? 'nothing');
    // A second device of theirs gets a fresh one, by the certificate that it signs with.
    const signing = deviceKey();
    const his = issuedIn(await est('simpleenroll', { challenge: await challengeFor(bob) }, await csr(signing)));
    const second = await est('serverkeygen', { certificate: his, key: signing }, await csr(deviceKey()));
    expect(second.status).toBe(200);
    expect(partsOf(second)[0]?.der.equals(generated?.der ?? Buffer.alloc(0))).toBe(false);
    expect((await office.local.person({ params: { id: bob } })).escrowedKeys).toHaveLength(
      after.escrowedKeys.length + 1,
    );
  });

  it('tells a device to come again while an operator decides, and then gives it what it asked for', async () => {
    const challenge = await challengeFor(alice);
    const body = await csr(deviceKey());
    const waiting = await est('decided/simpleenroll', { challenge }, body);
    expect(waiting).toMatchObject({ status: 202, headers: { 'retry-after': '300' } });
    expect((await est('decided/simpleenroll', { challenge }, body)).status).toBe(202);
    // With another key it is another request, and the challenge is used.
    expect((await est('decided/simpleenroll', { challenge }, await csr(deviceKey()))).status).toBe(403);
    const [row] = (await office.local.enrolments({ query: { state: 'waiting' } })).items;
    expect(row).toMatchObject({ protocol: 'est', label: 'decided', name: 'Alice' });
    const params = { id: row?.id ?? '' };
    await office.local.decideEnrolment({ params, body: { decision: 'approve', reason: 'She called.' } });
    expect(issuedIn(await est('decided/simpleenroll', { challenge }, body)).subjectAltNames.emails).toEqual([
      'alice@example.com',
    ]);
    expect((await est('decided/simpleenroll', { challenge }, body)).status).toBe(403);
  });

  it('tells a device to come again where the profile asks, at an address that asks nobody', async () => {
    const id = 'signing-multipurpose';
    const { versions } = await office.local.profile({ params: { id } });
    const [newest] = versions;
    if (newest === undefined) throw new Error('expected');
    const document = { ...newest.document, approval: 'first' as const };
    await office.local.applyProfile({ params: { id }, body: { document, expectedVersion: newest.version } });
    const challenge = await challengeFor(alice, id);
    const key = deviceKey();
    const body = await csr(key);
    expect(await est('simpleenroll', { challenge }, body)).toMatchObject({
      status: 202,
      headers: { 'retry-after': '300' },
    });
    const [row] = (await office.local.enrolments({ query: { state: 'waiting' } })).items;
    expect(row).toMatchObject({ protocol: 'est', label: 'default', name: 'Alice' });
    const decide = { params: { id: row?.id ?? '' }, body: { decision: 'approve', reason: 'It is hers.' } } as const;
    await office.local.decideEnrolment(decide);
    const issued = await est('simpleenroll', { challenge }, body);
    expect(issued.status).toBe(200);
    expect(issuedIn(issued).extendedKeyUsage).toContain('1.3.6.1.5.5.7.3.2');
  });

  it('believes a proxy about certificates, and nobody else', async () => {
    const own = deviceKey();
    const certificate = issuedIn(await est('simpleenroll', { challenge: await challengeFor(alice) }, await csr(own)));
    const behind = (headers: Record<string, string>, body: string) =>
      fetch(`${office.authority.url}/.well-known/est/early/simplereenroll`, { method: 'POST', headers, body });
    const header = `:${Buffer.from(certificate.der).toString('base64')}:`;
    expect((await behind({ 'client-cert': 'nonsense%' }, await csr(deviceKey()))).status).toBe(401);
    expect((await behind({ 'x-client-cert': header }, await csr(deviceKey()))).status).toBe(401);
    expect((await behind({ 'client-cert': header }, await csr(deviceKey()))).status).toBe(200);
    // On the TLS listener a header says nothing.
    const { estUrl } = await office.local.makeChallenge({ params: { id: alice }, body: {} });
    expect(estUrl).toBe('https://est.example.com/.well-known/est');
    expect((await fetch(`${office.authority.url}/.well-known/est/cacerts`)).status).toBe(200);
  });
});
