/** The gateway in its places beside a real Postfix, as docs/operations/gateway-postfix.md and gateway-exchange.md describe them. */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../e2e/support/office-process.ts';
import type { SmtpDownstream } from '../packages/gateway/src/config-smtp.ts';
import { openTransport } from '../packages/gateway/src/relay/transport.ts';
import { submit } from '../packages/gateway/test/support/client.ts';
import type { NextServer } from '../packages/gateway/test/support/next-server.ts';
import { until } from '../packages/gateway/test/support/next-server.ts';
import { startTestGateway, type TestGateway } from '../packages/gateway/test/support/test-gateway.ts';
import { makeTlsCa } from '../packages/gateway/test/support/tls-files.ts';
import { missing } from './peers.ts';
import { Postfix } from './postfix.ts';
import { run } from './run-program.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'beside-postfix-'));
const dkim = generateKeyPairSync('rsa', { modulusLength: 2048 });
const processed = randomBytes(16).toString('hex');
let gateway: TestGateway;
/** The one beside the stand-in for Exchange Online. */
let connector: TestGateway;
let postfix: Postfix | undefined;
/** How somebody in Exchange hands in mail. */
let asExchangeItself: SmtpDownstream;
let ports: Record<'before' | 'after' | 'again' | 'exchange', number>;

beforeAll(async () => {
  chmodSync(folder, 0o755);
  const tls = await makeTlsCa(folder, 'Connector Root');
  const [ours, theirs] = [await tls.issue('gateway.example.com'), await tls.issue('exchange.example.com')];
  const [before = 0, after = 0, again = 0, exchange = 0] = await Promise.all([0, 0, 0, 0].map(() => freePort()));
  ports = { before, after, again, exchange };
  const secret = (name: string, value: string) => {
    const file = path.join(folder, name);
    writeFileSync(file, value, { mode: 0o600 });
    return { file };
  };
  const pem = dkim.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  gateway = await startTestGateway(
    [
      {
        name: 'no-invoices',
        when: { direction: 'inbound', header: { name: 'X-Invoice' } },
        do: { refuse: 'No invoices' },
      },
    ],
    {},
    {
      outbound: { listen: '127.0.0.1:0', downstream: { port: again, tls: 'never' } },
      inbound: { downstream: { port: again, tls: 'never' } },
      dkim: [{ domain: 'example.com', selector: 'mail', key: secret('dkim.pem', pem) }],
    },
  );
  connector = await startTestGateway(
    [],
    {},
    {
      outbound: {
        listen: '127.0.0.1:0',
        tls: {
          certificate: ours.certificate,
          key: ours.key,
          clientCertificates: 'required',
          clientCa: [tls.ca],
          allow: [{ name: 'exchange.example.com' }],
        },
        processed: { header: 'X-Example-Processed', value: secret('processed', processed) },
        downstream: {
          port: exchange,
          tls: 'required',
          certificateName: 'exchange.example.com',
          ca: [tls.ca],
          certificate: ours.certificate,
          key: ours.key,
        },
      },
    },
  );
  for (const { authority } of [gateway, connector]) {
    await authority.addPerson({ address: 'anna@example.com' });
    await authority.addPerson({ address: 'ben@example.com', encryption: 'p256' });
  }
  asExchangeItself = {
    host: '127.0.0.1',
    port: exchange,
    tls: 'required',
    certificateName: 'exchange.example.com',
    ca: [tls.ca],
    certificate: theirs.certificate,
    key: theirs.key,
  };
  const { outboundPort, inboundPort } = gateway.gateway();
  writeFileSync(
    path.join(folder, 'processed.re'),
    `/^X-Example-Processed: ${processed}$/ FILTER away:[127.0.0.1]:${gateway.outside.port}\n`,
  );
  writeFileSync(path.join(folder, 'strip.re'), '/^X-Example-Processed:/ IGNORE\n');
  const route = (to: NextServer) => `smtp:[127.0.0.1]:${to.port}`;
  postfix = new Postfix({
    folder: path.join(folder, 'postfix'),
    main: [
      `transport_maps = inline:{ { example.com=${route(gateway.inside)} } { partner.example=${route(gateway.outside)} } }`,
      'smtpd_forbid_bare_newline = normalize',
      'smtpd_forbid_bare_newline_exclusions =',
      'smtpd_authorized_xforward_hosts = 127.0.0.0/8',
      `smtp_tls_CAfile = ${tls.ca}`,
    ],
    servers: {
      [before]: [`smtpd_proxy_filter=127.0.0.1:${inboundPort}`, 'smtpd_proxy_options=speed_adjust'],
      [after]: [`content_filter=sign:[127.0.0.1]:${outboundPort}`],
      [again]: ['receive_override_options=no_unknown_recipient_checks,no_header_body_checks,no_milters'],
      [exchange]: [
        'smtpd_tls_security_level=encrypt',
        'smtpd_tls_req_ccert=yes',
        `smtpd_tls_cert_file=${theirs.certificate}`,
        `smtpd_tls_key_file=${theirs.key}`,
        `smtpd_tls_CAfile=${tls.ca}`,
        `content_filter=connector:[127.0.0.1]:${connector.gateway().outboundPort}`,
        'cleanup_service_name=processed',
      ],
    },
    clients: {
      sign: ['smtp_send_xforward_command=yes', 'disable_mime_output_conversion=yes'],
      connector: [
        'smtp_tls_security_level=secure',
        'smtp_tls_secure_cert_match=gateway.example.com',
        `smtp_tls_cert_file=${theirs.certificate}`,
        `smtp_tls_key_file=${theirs.key}`,
        `smtp_header_checks=regexp:${folder}/strip.re`,
      ],
      // The last hop: what the value was good for is over, and nobody outside learns it.
      away: [`smtp_header_checks=regexp:${folder}/strip.re`],
    },
    cleanups: { processed: [`header_checks=regexp:${folder}/processed.re`] },
  });
  if (missing('postfix')) return;
  await postfix.start();
  await Promise.all([gateway.ready(), connector.ready()]);
});
afterAll(async () => {
  postfix?.stop();
  await gateway?.stop();
  await connector?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const text = (message: Buffer | undefined) => message?.toString('latin1') ?? '';
const letter = (subject: string, more = '') =>
  `From: anna@example.com\r\nTo: rob@partner.example\r\nSubject: ${subject}\r\nMessage-ID: <${randomBytes(8).toString('hex')}@example.com>\r\n${more}\r\nhello\r\n`;
const toRob = { sender: 'anna@example.com', recipients: ['rob@partner.example'] };
const toBen = { sender: 'rob@partner.example', recipients: ['ben@example.com'] };
const withSubject = (server: NextServer, subject: string) =>
  server.delivered.find(({ message }) => text(message).includes(`Subject: ${subject}\r\n`));

describe.skipIf(missing('postfix'))('beside Postfix', () => {
  it('as content_filter, after the queue: what our people send leaves signed, and keeps its first client', async () => {
    expect(await submit(ports.after, { ...toRob, message: letter('after the queue') })).toMatchObject({ code: 250 });
    await until(() => withSubject(gateway.outside, 'after the queue') !== undefined);
    const { message } = withSubject(gateway.outside, 'after the queue') ?? {};
    expect(text(message)).toMatch(/^Content-Type: multipart\/signed/m);
    expect(text(message)).toMatch(/\r\n\tby gateway\.example\.com \(Chancery\) with ESMTP;/);
    await postfix?.logged(
      /smtpd\[\d+\]: \w+: client=unknown\[127\.0\.0\.1\], orig_queue_id=\w+, orig_client=unknown\[127\.0\.0\.1\]/,
    );
  });

  it.skipIf(missing('opendkim'))('and OpenDKIM finds its signature good, until an octet changes', async () => {
    const { message = Buffer.alloc(0) } = withSubject(gateway.outside, 'after the queue') ?? {};
    const spki = dkim.publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
    writeFileSync(path.join(folder, 'keys'), `mail._domainkey.example.com v=DKIM1; k=rsa; p=${spki}\n`);
    writeFileSync(path.join(folder, 'opendkim.conf'), `Mode v\nTestPublicKeys ${folder}/keys\n`);
    const verify = (octets: Buffer) => {
      writeFileSync(path.join(folder, 'mail.eml'), octets);
      return run('opendkim', ['-x', path.join(folder, 'opendkim.conf'), '-v', '-t', path.join(folder, 'mail.eml')])
        .text;
    };
    expect(verify(message)).toMatch(/verification \(s=mail,? d=example\.com, 2048-bit key\) succeeded/);
    expect(verify(Buffer.from(text(message).replace('hello', 'hallo'), 'latin1'))).not.toMatch(/succeeded/);
  });

  it('as smtpd_proxy_filter, before the queue: refused while the client waits, or taken with a verdict', async () => {
    const refused = await submit(ports.before, { ...toBen, message: letter('before the queue', 'X-Invoice: 1\r\n') });
    expect(refused).toMatchObject({ code: 550, reply: expect.stringContaining('No invoices') });
    expect(await submit(ports.before, { ...toBen, message: letter('before the queue') })).toMatchObject({ code: 250 });
    await until(() => withSubject(gateway.inside, 'before the queue') !== undefined);
    const { message } = withSubject(gateway.inside, 'before the queue') ?? {};
    expect(text(message)).toMatch(/^Authentication-Results: gateway\.example\.com;/m);
    expect(gateway.inside.delivered.filter(({ message }) => text(message).includes('X-Invoice'))).toEqual([]);
  });

  it('as a relay by itself: Postfix is its next server', async () => {
    const mail = { ...toRob, recipients: ['rob@partner.example', 'ben@example.com'], message: letter('by itself') };
    expect(await gateway.send('outbound', mail)).toMatchObject({ code: 250 });
    await until(() => withSubject(gateway.outside, 'by itself') !== undefined);
    await until(() => withSubject(gateway.inside, 'by itself') !== undefined);
  });

  it('as a pair of connectors: TLS and a certificate each way, and round only once', async () => {
    // Exchange hands its mail to us because the field is not there, and sends what comes back away because it is.
    const plain = await submit(ports.exchange, { ...toRob, message: letter('without TLS') });
    expect(plain).toMatchObject({ code: 530 });
    const inTheClear = await connector.send('outbound', { ...toRob, message: letter('from anywhere') });
    expect(inTheClear).toMatchObject({ code: 530 });

    const author = openTransport(asExchangeItself, 'outlook.example', folder);
    const parcel = { id: 'x', ...toRob, message: Buffer.from(letter('round once')) };
    expect(await author.deliver(parcel)).toMatchObject([{ outcome: 'accepted' }]);
    await author.close();
    await until(() => withSubject(gateway.outside, 'round once') !== undefined);
    const { message } = withSubject(gateway.outside, 'round once') ?? {};
    expect(text(message)).toMatch(/^Content-Type: multipart\/signed/m);
    expect(text(message)).not.toContain(processed);
    expect(text(message).match(/^X-Chancery-Gateway:/gm)).toHaveLength(1);
    expect(gateway.outside.delivered.filter(({ message }) => text(message).includes('round once'))).toHaveLength(1);
  });
});

describe.skipIf(missing('postfix'))('SMTP smuggling, all six forms', () => {
  const forms: Record<string, string> = {
    'LF . LF': '\n.\n',
    'LF . CRLF': '\n.\r\n',
    'CRLF . LF': '\r\n.\n',
    'CR . CR': '\r.\r',
    'CR . CRLF': '\r.\r\n',
    'CRLF NUL . CRLF': '\r\n\0.\r\n',
  };
  const second = 'MAIL FROM:<ceo@example.com>\r\nRCPT TO:<ben@example.com>\r\nDATA\r\nSubject: smuggled\r\n\r\npay\r\n';

  /** Says all at once after DATA; the reply to the message, or that there was none. */
  function smuggle(port: number, form: string, recipient: string): Promise<string> {
    const lines = ['EHLO attacker.example', 'MAIL FROM:<a@attacker.example>', `RCPT TO:<${recipient}>`, 'DATA'];
    return new Promise((resolve) => {
      const socket = connect(port, '127.0.0.1');
      let step = 0;
      socket.on('data', (chunk) => {
        const last = chunk.toString('latin1').trimEnd().split('\r\n').at(-1) ?? '';
        if (!/^\d{3} /.test(last)) return;
        const line = lines[step++];
        if (line !== undefined) socket.write(`${line}\r\n`);
        else if (step === lines.length + 1)
          socket.write(`From: a@attacker.example\r\nSubject: first\r\n\r\nx${form}${second}.\r\n`);
        else {
          socket.destroy();
          resolve(last);
        }
      });
      socket.on('error', () => undefined);
      socket.on('close', () => resolve('closed'));
    });
  }

  it('neither inbound nor outbound, before or behind Postfix, does one message become two', async () => {
    const { outboundPort, inboundPort } = gateway.gateway();
    const doors = { before: ports.before, after: ports.after, inbound: inboundPort, outbound: outboundPort };
    const replies: Record<string, string> = {};
    await Promise.all(
      Object.entries(doors).flatMap(([door, port]) =>
        Object.entries(forms).map(async ([name, form]) => {
          const recipient = door === 'outbound' || door === 'after' ? 'rob@partner.example' : 'ben@example.com';
          replies[`${door}: ${name}`] = await smuggle(port, form, recipient);
        }),
      ),
    );
    // The gateway itself says no to each; Postfix takes a line feed for a line's end, and for nothing more.
    for (const [what, reply] of Object.entries(replies)) {
      if (/^(?:in|out)bound:/.test(what)) expect(`${what}: ${reply}`).toMatch(/: 5\d\d |closed/);
    }
    const mark = letter('after the smuggling');
    await submit(ports.after, { ...toRob, message: mark });
    await until(() => withSubject(gateway.outside, 'after the smuggling') !== undefined);
    for (const { sender, message } of [...gateway.inside.delivered, ...gateway.outside.delivered]) {
      expect(sender).not.toBe('ceo@example.com');
      expect(text(message).slice(0, text(message).indexOf('\r\n\r\n'))).not.toContain('smuggled');
    }
  });
});
