/** Both ends of a secured connection: our client speaks to our listener, as two gateways do. */
import { scryptSync } from 'node:crypto';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect as connectPlain } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connect as connectTls } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../../test/support/next-server.ts';
import { makeTlsCa, type TlsCa } from '../../test/support/tls-files.ts';
import { resolveGatewayConfig } from '../config.ts';
import { ClientLimits, type FixedDownstream, ListenerSecurity } from '../config-smtp.ts';
import { type MailTransport, openTransport, type Parcel } from '../relay/transport.ts';
import { type Arrival, type Listener, type ListenerOptions, listen } from './listener.ts';
import { watchTls } from './listener-tls.ts';
import { accepted } from './reply.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'secure-'));
const quiet = () => undefined;
const log = { info: quiet, warn: quiet, error: quiet };
let ca: TlsCa;
let strangers: TlsCa;
let server: Awaited<ReturnType<TlsCa['issue']>>;
const open: { listeners: Listener[]; transports: MailTransport[] } = { listeners: [], transports: [] };

beforeAll(async () => {
  ca = await makeTlsCa(folder, 'House Root');
  strangers = await makeTlsCa(folder, 'Strange Root');
  server = await ca.issue('mx.example.com');
});
afterEach(async () => {
  for (const one of open.transports.splice(0)) await one.close();
  for (const one of open.listeners.splice(0)) await one.stop();
});
afterAll(() => rmSync(folder, { recursive: true }));

const parcel: Parcel = {
  id: 'm1',
  sender: 'anna@example.com',
  recipients: ['b@x.example', 'c@x.example'],
  message: Buffer.from('Subject: x\r\n\r\nhello\r\n'),
};

async function start(security: { tls?: object; login?: object }, more: Partial<ListenerOptions> = {}) {
  const arrivals: Arrival[] = [];
  const tls = ListenerSecurity.tls.parse(
    security.tls === undefined ? undefined : { certificate: server.certificate, key: server.key, ...security.tls },
  );
  const listener = await listen(
    {
      host: '127.0.0.1',
      port: 0,
      name: 'gateway.test',
      maxMessageSize: 1_000_000,
      maxRecipients: 100,
      maxConnections: 50,
      trustedPeers: [],
      clients: ['127.0.0.0/8'],
      tls,
      login: ListenerSecurity.login.parse(security.login),
      limits: ClientLimits.parse({}),
      baseDirectory: folder,
      log,
      ...more,
    },
    {
      answer: async (arrival) => {
        arrivals.push(arrival);
        return { reply: accepted('x') };
      },
      confirmed: () => undefined,
    },
  );
  open.listeners.push(listener);
  return { arrivals, port: listener.port };
}

async function deliver(port: number, how: object, what: Parcel = parcel) {
  const { inbound } = resolveGatewayConfig(
    { gateway: { inbound: { downstream: { port, ...how } as FixedDownstream } } },
    folder,
  );
  const transport = openTransport(inbound.downstream, 'client.test', folder);
  open.transports.push(transport);
  const receipts = await transport.deliver(what);
  return { outcome: receipts[0]?.outcome, reply: receipts[0]?.reply ?? '' };
}

/** Speaks line after line in the clear, and returns the replies. */
function talk(port: number, lines: readonly string[]): Promise<string[]> {
  return new Promise((resolve) => {
    const socket = connectPlain(port, '127.0.0.1');
    const replies: string[] = [];
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      while (/^\d{3} .*\r\n/m.test(text)) {
        const whole = /(?:\d{3}-.*\r\n)*\d{3} .*\r\n/.exec(text)?.[0] ?? text;
        text = text.slice(whole.length);
        replies.push(whole.trim());
        const next = lines[replies.length - 1];
        if (next === undefined) socket.destroy();
        else socket.write(`${next}\r\n`);
      }
    });
    socket.on('close', () => resolve(replies));
    socket.on('error', () => undefined);
  });
}

describe('TLS of a listener and of the next server', () => {
  it('is STARTTLS or implicit, and its certificate is judged by roots, name or fingerprint', async () => {
    const known = { ca: [ca.ca], certificateName: 'mx.example.com' };
    for (const mode of ['starttls', 'implicit'] as const) {
      const { port, arrivals } = await start({ tls: { mode } });
      const tls = mode === 'implicit' ? 'implicit' : 'required';
      expect(await deliver(port, { tls, ...known })).toMatchObject({ outcome: 'accepted' });
      expect(await deliver(port, { tls, fingerprint: server.fingerprint })).toMatchObject({ outcome: 'accepted' });
      expect(arrivals.map(({ client }) => client.protocol)).toEqual(['ESMTPS', 'ESMTPS']);
      for (const bad of [
        { certificateName: 'mx.example.com' },
        { ca: [strangers.ca], certificateName: 'mx.example.com' },
        { ca: [ca.ca], certificateName: 'other.example.com' },
        { fingerprint: 'ab'.repeat(32) },
      ]) {
        expect(await deliver(port, { tls, ...bad }), JSON.stringify(bad)).toMatchObject({ outcome: 'later' });
      }
      expect(arrivals).toHaveLength(2);
    }
  });

  it('is TLS 1.2 at least', async () => {
    const { port } = await start({ tls: { mode: 'implicit' } });
    const attempt = (maxVersion: 'TLSv1.1' | 'TLSv1.2') =>
      new Promise<string>((resolve) => {
        const ciphers = 'DEFAULT@SECLEVEL=0';
        const socket = connectTls({
          port,
          host: '127.0.0.1',
          rejectUnauthorized: false,
          minVersion: 'TLSv1',
          maxVersion,
          ciphers,
        });
        socket.on('secureConnect', () => resolve(socket.getProtocol() ?? ''));
        socket.on('error', (error) => resolve(error.message));
        socket.on('data', () => socket.destroy());
      });
    expect(await attempt('TLSv1.2')).toBe('TLSv1.2');
    expect(await attempt('TLSv1.1')).toMatch(/version|alert|disconnected/i);
  });

  it('takes no mail in the clear where it is required, and no certificate but an allowed one', async () => {
    const client = await ca.issue('mta.partner.example');
    const other = await ca.issue('other.partner.example');
    const stranger = await strangers.issue('mta.partner.example');
    const demands = {
      name: { clientCa: [ca.ca], allow: [{ name: 'mta.partner.example' }] },
      fingerprint: { allow: [{ fingerprint: client.fingerprint }] },
      issuer: { clientCa: [ca.ca, strangers.ca], allow: [{ issuer: 'House Root', name: 'mta.partner.example' }] },
    };
    for (const [what, demand] of Object.entries(demands)) {
      const refused: unknown[] = [];
      const warn = (event: string, fields?: object) => void refused.push({ event, ...fields });
      const required = { tls: { clientCertificates: 'required', ...demand } };
      const { port, arrivals } = await start(required, { log: { ...log, warn } });
      const to = (shown?: { certificate: string; key: string }) =>
        deliver(port, {
          tls: 'required',
          fingerprint: server.fingerprint,
          ...(shown === undefined ? {} : { certificate: shown.certificate, key: shown.key }),
        });
      expect(await to(client), what).toMatchObject({ outcome: 'accepted' });
      for (const wrong of [other, stranger, undefined]) {
        expect(await to(wrong), what).toMatchObject({
          outcome: 'later',
          reply: expect.stringMatching(/^554 5\.7\.1|closed/),
        });
      }
      // What an administrator needs who wants to let it in.
      const names = 'other.partner.example';
      expect(refused[0]).toMatchObject({ event: 'smtp.certificate-refused', names, issuer: 'House Root' });
      expect(await deliver(port, { tls: 'never' }), what).toMatchObject({ outcome: 'refused', reply: /^530 5\.7\.0/ });
      expect(arrivals).toHaveLength(1);
    }
  });

  it('takes a renewed certificate, and keeps the old one while the new one is half there', async () => {
    const [certificate, key] = [path.join(folder, 'live.pem'), path.join(folder, 'live.key')];
    copyFileSync(server.certificate, certificate);
    copyFileSync(server.key, key);
    const renewed = await ca.issue('mx.example.com');
    const seen: string[] = [];
    const events: string[] = [];
    const tls = ListenerSecurity.tls.parse({ certificate, key });
    if (tls === undefined) throw new Error('no TLS');
    const note = (event: string) => void events.push(event);
    const end = watchTls(tls, ({ cert }) => void seen.push(String(cert)), { info: note, warn: note, error: note }, 10);
    copyFileSync(renewed.certificate, certificate);
    await until(() => events.includes('smtp.certificate-not-renewed'));
    expect(seen).toEqual([]);
    copyFileSync(renewed.key, key);
    await until(() => seen.length === 1);
    end();
    expect(events.at(-1)).toBe('smtp.certificate-renewed');
  });
});

describe('AUTH', () => {
  const salt = Buffer.from('saltsaltsalt');
  const hash = `scrypt:1024:8:1:${salt.toString('base64')}:${scryptSync('right', salt, 32, { N: 1024 }).toString('base64')}`;

  it('is offered and taken under TLS only, by name and hash, and guessing is throttled', async () => {
    const { port, arrivals } = await start({ tls: {}, login: { users: [{ name: 'mta', scrypt: hash }] } });
    const secret = (name: string, value: string) => {
      const file = path.join(folder, name);
      writeFileSync(file, value);
      return { file };
    };
    const as = (user: string, password: string) =>
      deliver(port, {
        tls: 'required',
        fingerprint: server.fingerprint,
        login: { user, password: secret('password', password) },
      });
    const [hello, auth, mail] = (
      await talk(port, ['EHLO a', 'AUTH PLAIN AG10YQByaWdodA==', 'MAIL FROM:<a@b.c>'])
    ).slice(1);
    expect(hello).toMatch(/STARTTLS/);
    expect(hello).not.toMatch(/AUTH/);
    expect(auth).toMatch(/^538/);
    expect(mail).toMatch(/^530 5\.7\.0/);
    expect(await as('mta', 'right')).toMatchObject({ outcome: 'accepted' });
    expect(arrivals[0]?.client.protocol).toBe('ESMTPSA');
    for (let guess = 0; guess < 5; guess++) {
      expect(await as(guess % 2 === 0 ? 'mta' : 'nobody', 'wrong')).toMatchObject({
        reply: expect.stringMatching(/^535 5\.7\.8/),
      });
    }
    expect(await as('mta', 'right')).toMatchObject({ reply: expect.stringMatching(/^454 4\.7\.0/) });
    expect(arrivals).toHaveLength(1);
  });
});

describe('what an envelope says', () => {
  it('goes on to a server that knows it: DSN by recipient, SMTPUTF8, XFORWARD', async () => {
    const { port, arrivals } = await start({}, { trustedPeers: ['127.0.0.1'] });
    const notes = {
      ret: 'HDRS',
      envid: 'QQ+1=',
      recipients: {
        'b@x.example': { notify: ['SUCCESS', 'FAILURE'], orcpt: 'rfc822;b+old@x.example' },
        'c@x.example': { notify: ['NEVER'] },
      },
      forwarded: { ADDR: '192.0.2.7', NAME: 'client.example', HELO: 'client.example', PORT: '4711', PROTO: 'ESMTP' },
    } as const;
    const sent = { ...structuredClone(notes), smtpUtf8: true } as Parcel['notes'] & object;
    expect(
      await deliver(port, { tls: 'never' }, { ...parcel, sender: 'jürgen@example.com', notes: sent }),
    ).toMatchObject({ outcome: 'accepted' });
    expect(arrivals[0]?.notes).toEqual({ ...notes, smtpUtf8: true });
    expect(arrivals[0]).toMatchObject({
      sender: 'jürgen@example.com',
      client: { address: '192.0.2.7', name: 'client.example' },
    });
  });

  it('is believed of a trusted peer alone', async () => {
    const { port } = await start({});
    const [hello, forward] = (await talk(port, ['EHLO a', 'XFORWARD ADDR=192.0.2.7'])).slice(1);
    expect(hello).toMatch(/8BITMIME.*DSN/s);
    expect(hello).not.toMatch(/XFORWARD/);
    expect(forward).toMatch(/^550/);
  });
});

describe('limits of one client', () => {
  const limits = (more: object) => ({ limits: ClientLimits.parse(more) });

  it('count connections, messages, recipients and errors, and leave trusted peers alone', async () => {
    const messages = await start({}, limits({ messagesPerMinute: 1, recipientsPerMinute: 3 }));
    expect(await deliver(messages.port, { tls: 'never' })).toMatchObject({ outcome: 'accepted' });
    expect(await deliver(messages.port, { tls: 'never' })).toMatchObject({
      outcome: 'later',
      reply: expect.stringMatching(/^450 4\.7\.0/),
    });
    const recipients = await start({}, limits({ recipientsPerMinute: 1 }));
    const dialogue = ['EHLO a', 'MAIL FROM:<a@b.c>', 'RCPT TO:<a@b.c>', 'RCPT TO:<b@b.c>'];
    expect((await talk(recipients.port, dialogue)).at(-1)).toMatch(/^450 4\.7\.0/);
    const connections = await start({}, limits({ connectionsPerMinute: 1 }));
    expect(await talk(connections.port, ['NOOP'])).toHaveLength(2);
    expect(await talk(connections.port, ['NOOP'])).toEqual([expect.stringMatching(/^421 4\.7\.0/)]);
    const errors = await start({}, limits({ errorsPerConnection: 2 }));
    expect((await talk(errors.port, ['EHLO a', 'MAIL', 'RCPT', 'DATA', 'NOOP'])).at(-1)).toMatch(/^421 4\.7\.0/);
    const trusted = await start({}, { ...limits({ messagesPerMinute: 1 }), trustedPeers: ['127.0.0.1'] });
    for (let time = 0; time < 3; time++) {
      expect(await deliver(trusted.port, { tls: 'never' })).toMatchObject({ outcome: 'accepted' });
    }
  });
});
