import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { submit } from '../../test/support/client.ts';
import { wholeOf } from '../../test/support/whole.ts';
import { ClientLimits, ListenerSecurity } from '../config-smtp.ts';
import { GatewayError } from '../errors.ts';
import { LargeMessage } from '../large-message.ts';
import { listenInThread } from './listen-in-thread.ts';
import type { Answer, Arrival, Listener, ListenerOptions } from './listener.ts';
import { accepted } from './reply.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'listen-in-thread-'));
afterAll(() => rmSync(folder, { recursive: true }));
const opened: Listener[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((one) => one.stop()));
});

async function open(answer: (arrival: Arrival) => Promise<Answer>, more: Partial<ListenerOptions> = {}) {
  const lines: { level: string; event: string }[] = [];
  const confirmed: string[] = [];
  const line = (level: string) => (event: string) => void lines.push({ level, event });
  const options: ListenerOptions = {
    host: '127.0.0.1',
    port: 0,
    name: 'gateway.test',
    maxMessageSize: 1_000_000,
    maxRecipients: 10,
    maxConnections: 10,
    trustedPeers: [],
    clients: ['127.0.0.0/8'],
    limits: ClientLimits.parse({}),
    baseDirectory: folder,
    log: { info: line('info'), warn: line('warn'), error: line('error') },
    scratchFolder: folder,
    largeFrom: 100_000,
    ...more,
  };
  const handler = { answer, confirmed: (id: string) => void confirmed.push(id) };
  const other = { answer: async () => ({ reply: accepted('other') }), confirmed: () => undefined };
  const listeners = await listenInThread([
    { options, handler },
    { options: { ...options, port: 0 }, handler: other },
  ]);
  opened.push(...listeners);
  const [port = 0, otherPort = 0] = listeners.map((one) => one.port);
  return { port, otherPort, lines, confirmed, listeners };
}

const mail = (octets: number) => Buffer.from(`Subject: x\r\n\r\n${`${'y'.repeat(76)}\r\n`.repeat(octets / 78)}`);
const parcel = { sender: 'anna@example.com', recipients: ['b@x.example', 'c@x.example'] };

describe('listeners in a thread of their own', () => {
  it('hand over octets and envelope, each to what stands behind it, and tell what was confirmed', async () => {
    const arrivals: Arrival[] = [];
    const { port, otherPort, confirmed } = await open(async (arrival) => {
      arrivals.push(arrival);
      return { reply: accepted('mine'), confirms: 'mine' };
    });
    const messages = [20, 5_000, 90_000].map(mail);
    const replies = await Promise.all(messages.map((message) => submit(port, { ...parcel, message })));
    expect(replies).toEqual(messages.map(() => ({ code: 250, reply: '250 2.6.0 Accepted as mine' })));
    expect(await submit(otherPort, { ...parcel, message: mail(100) })).toMatchObject({
      reply: '250 2.6.0 Accepted as other',
    });
    const got = arrivals.map(({ message }) => message.toString()).sort();
    expect(got).toEqual(messages.map(String).sort());
    expect(arrivals[0]).toMatchObject({ ...parcel, client: { address: '127.0.0.1', protocol: 'ESMTP' } });
    await expect.poll(() => confirmed).toEqual(['mine', 'mine', 'mine']);
  });

  it('take mail for the domains that they are told of', async () => {
    const { port, otherPort, listeners } = await open(async () => ({ reply: accepted('x') }));
    listeners[0]?.takeFor(['x.example']);
    expect(await submit(port, { ...parcel, message: mail(100) })).toMatchObject({ code: 250 });
    listeners[0]?.takeFor(['y.example']);
    expect(await submit(port, { ...parcel, message: mail(100) })).toMatchObject({
      code: 550,
      reply: expect.stringContaining('no mail for x.example'),
    });
    expect(await submit(otherPort, { ...parcel, message: mail(100) })).toMatchObject({ code: 250 });
  });

  it('leave a large message in its file, which is gone with the answer', async () => {
    const message = mail(400_000);
    let seen: Uint8Array = new Uint8Array();
    const { port } = await open(async (arrival) => {
      expect(arrival.message).toBeInstanceOf(LargeMessage);
      seen = await wholeOf(arrival.message);
      return { reply: accepted('large') };
    });
    expect(await submit(port, { ...parcel, message })).toMatchObject({ code: 250 });
    expect(message.equals(seen)).toBe(true);
    expect(readdirSync(folder)).toEqual([]);
  });

  it.each([
    [new GatewayError('spool-unavailable', 'full'), 452],
    [new Error('the password is hunter2'), 451],
  ])('answer for what fails behind them: %s', async (error, code) => {
    const { port, lines } = await open(async () => {
      throw error;
    });
    const reply = await submit(port, { ...parcel, message: mail(100) });
    expect(reply).toMatchObject({ code });
    expect(JSON.stringify(reply)).not.toContain('hunter2');
    expect(lines).toEqual([{ level: 'error', event: 'smtp.failed' }]);
  });

  it('end with the transactions under way', async () => {
    const arrived = Promise.withResolvers<void>();
    const go = Promise.withResolvers<void>();
    const { port, listeners } = await open(async () => {
      arrived.resolve();
      await go.promise;
      return { reply: accepted('late') };
    });
    const reply = submit(port, { ...parcel, message: mail(100) });
    await arrived.promise;
    const ended = Promise.all(listeners.map((one) => one.stop()));
    opened.splice(0);
    go.resolve();
    expect(await reply).toMatchObject({ code: 250 });
    await ended;
    expect(await submit(port, { ...parcel, message: mail(100) })).toBe('lost');
  });

  it('open all or none, and say which program to stop', async () => {
    const { port } = await open(async () => ({ reply: accepted('x') }));
    await expect(open(async () => ({ reply: accepted('x') }), { port })).rejects.toMatchObject({
      code: 'port-in-use',
      message: expect.stringContaining(String(port)),
    });
    const tls = ListenerSecurity.tls.parse({ certificate: 'none.pem', key: 'none.pem' });
    await expect(open(async () => ({ reply: accepted('x') }), { tls })).rejects.toMatchObject({
      code: 'configuration',
    });
  });
});
