/** A gateway that delivers by MX tells domains that ask for it how TLS went (RFC 8460): zones of BIND's behind unbound, OpenDKIM as the reader. */
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../e2e/support/office-process.ts';
import { type NextServer, startNextServer, until } from '../packages/gateway/test/support/next-server.ts';
import { startTestGateway, type TestGateway } from '../packages/gateway/test/support/test-gateway.ts';
import { keyDigest, makeTlsCa, readTls } from '../packages/gateway/test/support/tls-files.ts';
import { SignedZone } from './bind.ts';
import { missing } from './peers.ts';
import { startPolicyServer } from './policy-server.ts';
import { run } from './run-program.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'chancery-tls-reports-'));
const isMissing = [missing('bind'), missing('unbound'), missing('opendkim')].includes(true);
const hour = 3_600_000;
/** When reports are sent: some hours after midnight, and not ahead of OpenDKIM's clock. */
const sentAt = Date.now() % (24 * hour) < 5 * hour ? -5 * hour : 0;
/** When mail is delivered: at noon of the day before. */
const deliveredAt = -((Date.now() + sentAt) % (24 * hour)) - 12 * hour + sentAt;

describe.skipIf(isMissing)('reports of how TLS went', () => {
  let zone: SignedZone;
  let web: Server;
  let gateway: TestGateway;
  /** One with TLS and the promised key, one without TLS. */
  let good: NextServer;
  let clear: NextServer;
  let later = deliveredAt;
  let refusing = false;
  const posted: { path: string | undefined; type: string | undefined; body: Buffer }[] = [];
  const dkim = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;

  const send = (domain: string) =>
    gateway.send('outbound', {
      ...{ sender: 'anna@example.com', recipients: [`b@${domain}`] },
      message: `From: anna@example.com\r\nTo: b@${domain}\r\nSubject: x\r\n\r\nx\r\n`,
    });
  const reports = () => clear.delivered.filter(({ recipients }) => recipients[0]?.startsWith('reports@') === true);
  const reportAbout = (domain: string) =>
    reports().find(({ message }) => message.includes(`TLS-Report-Domain: ${domain}\r\n`));
  const jsonIn = (message: Buffer | undefined) => {
    const part = /application\/tlsrpt\+gzip[\s\S]*?\r\n\r\n([\s\S]*?)\r\n--/.exec(message?.toString() ?? '')?.[1] ?? '';
    return JSON.parse(gunzipSync(Buffer.from(part, 'base64')).toString());
  };

  beforeAll(async () => {
    chmodSync(folder, 0o755);
    const [a, b, port, webPort] = await Promise.all([freePort(), freePort(), freePort(), freePort()]);
    const ca = await makeTlsCa(folder, 'Trusted Root');
    const files = await ca.issue('mx.plain.example');
    const tls = readTls(files);
    const digest = keyDigest(tls.cert);
    zone = new SignedZone(path.join(folder, 'zone'), a, b, {
      records: `
dane MX 10 mx.dane
mx.dane A 127.0.0.82
_${port}._tcp.mx.dane TLSA 3 1 1 ${digest}
_smtp._tls.dane TXT "v=TLSRPTv1; rua=mailto:reports@stripped.example.com"
wrong MX 10 mx.wrong
mx.wrong A 127.0.0.82
_${port}._tcp.mx.wrong TLSA 3 1 1 ${'ab'.repeat(32)}
_smtp._tls.wrong TXT "v=TLSRPTv1; rua=mailto:reports@stripped.example.com," "https://rua.plain.example:${webPort}/tlsrpt"
stripped MX 10 mx.stripped
mx.stripped A 127.0.0.84
_${port}._tcp.mx.stripped TLSA 3 1 1 ${digest}
_smtp._tls.stripped TXT "v=TLSRPTv1; rua=mailto:reports@stripped.example.com"
silent MX 10 mx.dane`,
      unsigned: {
        'plain.example': `
mx A 127.0.0.82
rua A 127.0.0.90
mta-sts.enforced A 127.0.0.90
_mta-sts.enforced TXT "v=STSv1; id=1;"
enforced MX 10 mx
enforced MX 20 stranger
_smtp._tls.enforced TXT "v=TLSRPTv1; rua=https://rua.plain.example:${webPort}/enforced"
clear MX 10 clear
clear A 127.0.0.84
_smtp._tls.clear TXT "v=TLSRPTv1; rua=https://rua.plain.example:${webPort}/clear"`,
      },
    });
    web = await startPolicyServer(
      webPort,
      (name) => ca.issue(name),
      async (request, response) => {
        const body = await buffer(request);
        if (request.method === 'POST') posted.push({ path: request.url, type: request.headers['content-type'], body });
        response.writeHead(refusing ? 503 : 200, { 'content-type': 'text/plain' });
        response.end('version: STSv1\nmode: enforce\nmx: mx.plain.example\nmax_age: 86400\n');
      },
    );
    good = await startNextServer(port, { host: '127.0.0.82', ...tls });
    clear = await startNextServer(port, { host: '127.0.0.84' });
    await zone.start();
    writeFileSync(path.join(folder, 'dkim.pem'), dkim.export({ type: 'pkcs8', format: 'pem' }));
    const mx = {
      port,
      resolver: `127.0.0.1:${zone.resolverPort}`,
      networks: ['127.0.0.0/8'],
      ca: [ca.ca],
      timeoutSeconds: 5,
    };
    gateway = await startTestGateway(
      [{ name: 'as it is', do: { sign: 'never', encrypt: 'never' } }],
      { now: () => Date.now() + later, mx: { policyPort: webPort, reportEvery: 100 } },
      {
        outbound: { listen: '127.0.0.1:0', downstream: { mx } },
        dkim: [{ domain: 'example.com', selector: 'mail', key: { file: path.join(folder, 'dkim.pem') } }],
      },
    );
    await gateway.authority.addPerson({ address: 'anna@example.com' });
    await gateway.heard();
  });
  afterAll(async () => {
    await gateway?.stop();
    web?.closeAllConnections();
    web?.close();
    await Promise.all([good?.stop(), clear?.stop(), zone?.stop()]);
    rmSync(folder, { recursive: true, force: true });
  });

  it('are counted by policy, and not lost by a restart', async () => {
    for (const domain of [
      'dane.example.com',
      'dane.example.com',
      'silent.example.com',
      'enforced.plain.example',
      'clear.plain.example',
    ])
      expect(await send(domain)).toMatchObject({ code: 250 });
    for (const domain of ['wrong.example.com', 'stripped.example.com'])
      expect(await send(domain)).toMatchObject({ code: 451, reply: expect.stringContaining('4.7.5') });
    await gateway.restart();
    expect(await send('wrong.example.com')).toMatchObject({ code: 451 });
    const counts = path.join(gateway.folder, 'tls-reports');
    const failures = () =>
      readdirSync(counts).filter((file) => readFileSync(path.join(counts, file)).includes('mx.wrong.example.com'));
    await until(() => failures().length === 2);
    expect(reports()).toEqual([]);
    refusing = true;
    later = sentAt;
    await until(() => reports().length >= 3 && posted.length >= 2);
  });

  it('reach a domain in the clear whose TLS is what failed, signed so that OpenDKIM finds it good', async () => {
    const report = reportAbout('stripped.example.com');
    expect(report).toMatchObject({ secure: false, sender: 'noreply-smtp-tls-reporting@example.com' });
    expect(jsonIn(report?.message)).toMatchObject({
      'organization-name': 'example.com',
      policies: [
        {
          policy: { 'policy-type': 'tlsa', 'policy-domain': 'mx.stripped.example.com' },
          summary: { 'total-successful-session-count': 0, 'total-failure-session-count': 1 },
          'failure-details': [{ 'result-type': 'starttls-not-supported', 'receiving-ip': '127.0.0.84' }],
        },
      ],
    });
    const spki = createPublicKey(dkim).export({ type: 'spki', format: 'der' }).toString('base64');
    writeFileSync(path.join(folder, 'keys'), `mail._domainkey.example.com v=DKIM1; k=rsa; s=tlsrpt:email; p=${spki}\n`);
    writeFileSync(path.join(folder, 'opendkim.conf'), `Mode v\nTestPublicKeys ${folder}/keys\n`);
    writeFileSync(path.join(folder, 'mail.eml'), report?.message ?? '');
    const read = run('opendkim', ['-x', path.join(folder, 'opendkim.conf'), '-v', '-t', path.join(folder, 'mail.eml')]);
    expect(read.text).toMatch(/verification \(s=mail,? d=example\.com, 2048-bit key\) succeeded/);
  });

  it('say what went well, and what not', async () => {
    const [dane, wrong] = ['dane', 'wrong'].map((name) => jsonIn(reportAbout(`${name}.example.com`)?.message));
    // One connection for two messages.
    expect(dane.policies).toMatchObject([
      {
        policy: { 'policy-type': 'tlsa', 'policy-string': [expect.stringMatching(/^3 1 1 [0-9a-f]{64}$/)] },
        summary: { 'total-successful-session-count': 1, 'total-failure-session-count': 0 },
      },
    ]);
    expect(wrong.policies).toMatchObject([
      {
        summary: { 'total-successful-session-count': 0, 'total-failure-session-count': 2 },
        'failure-details': [{ 'result-type': 'certificate-not-trusted', 'failed-session-count': 2 }],
      },
    ]);
    // Nobody asked for one, and nobody counts the sessions of reports.
    expect(reports()).toHaveLength(3);
  });

  it('are posted again to whoever did not take them, and then no more', async () => {
    const before = posted.length;
    await until(() => posted.length > before + 2);
    refusing = false;
    await until(
      () =>
        gateway.events.filter(
          ({ event, fields }) => event === 'tls-reports.sent' && `${(fields as { to: string }).to}`.startsWith('rua'),
        ).length >= 2,
    );
    const after = posted.length;
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(posted).toHaveLength(after);
    const last = (where: string) => {
      const { type, body } = posted.findLast((one) => one.path === where) ?? {};
      expect(type).toBe('application/tlsrpt+gzip');
      return JSON.parse(gunzipSync(body ?? Buffer.alloc(0)).toString()).policies;
    };
    expect(last('/enforced')).toMatchObject([
      {
        policy: { 'policy-type': 'sts', 'mx-host': ['mx.plain.example'], 'policy-domain': 'enforced.plain.example' },
        summary: { 'total-successful-session-count': 1, 'total-failure-session-count': 0 },
      },
    ]);
    expect(last('/clear')).toMatchObject([
      {
        policy: { 'policy-type': 'no-policy-found' },
        'failure-details': [{ 'result-type': 'starttls-not-supported' }],
      },
    ]);
    // The mail had arrived where there was one address besides.
    expect(posted.filter((one) => one.path === '/tlsrpt')).toHaveLength(1);
  });
});
