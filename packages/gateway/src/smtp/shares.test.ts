/** What one client may take of what there is for all: memory, tries, and the names of others. */
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { ClientLimits } from '../config-smtp.ts';
import { type Listener, listen } from './listener.ts';
import { openLogin } from './login.ts';
import { Pieces } from './pieces.ts';
import { countedAs, openRates } from './rates.ts';

const quiet = () => undefined;
const log = { info: quiet, warn: quiet, error: quiet };
const listeners: Listener[] = [];
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await Promise.all(listeners.splice(0).map((listener) => listener.stop()));
});

async function start(trustedPeers: string[]): Promise<number> {
  const listener = await listen(
    {
      ...{ host: '127.0.0.1', port: 0, name: 'gateway.test', maxMessageSize: 50_000_000, maxRecipients: 10 },
      ...{ maxConnections: 10, trustedPeers, clients: ['127.0.0.1'], limits: ClientLimits.parse({}) },
      ...{ baseDirectory: '.', log },
    },
    { answer: async () => ({ reply: { code: 250, text: '2.0.0 taken' } }), confirmed: quiet },
  );
  listeners.push(listener);
  return listener.port;
}

/** So many octets of a message, and its end where that is said. @returns the next reply */
async function data(port: number, octets: number, ends: boolean): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  sockets.push(socket);
  const reply = () => new Promise<string>((resolve) => socket.once('data', (said) => resolve(said.toString())));
  await reply();
  for (const line of ['HELO x', 'MAIL FROM:<a@x.example>', 'RCPT TO:<b@x.example>', 'DATA']) {
    socket.write(`${line}\r\n`);
    await reply();
  }
  const line = Buffer.from(`${'x'.repeat(998)}\r\n`);
  const head = Buffer.from('Subject: x\r\n\r\n');
  const sent = new Promise((resolve) =>
    socket.write(Buffer.concat([head, ...Array(octets / 1000).fill(line)]), resolve),
  );
  if (!ends) return String(await sent);
  socket.write('.\r\n');
  return reply();
}

describe('a client', () => {
  it('has no more than a part of the memory for messages, however many it sends at once', async () => {
    const [theirs, trusted] = [await start([]), await start(['127.0.0.1'])];
    await data(theirs, 40_000_000, false);
    await data(trusted, 40_000_000, false);
    expect(await data(theirs, 40_000_000, true)).toMatch(/^452 /);
    expect(await data(trusted, 40_000_000, true)).toMatch(/^250 /);
    expect(await data(theirs, 1_000_000, true)).toMatch(/^250 /);
  }, 30_000);

  it('costs little more than what it sends, however it cuts that', () => {
    const pieces = new Pieces();
    for (let n = 0; n < 100_000; n++) pieces.push(Buffer.of(n % 256));
    expect(pieces.octets).toBe(100_000);
    const taken = pieces.take();
    expect(taken.length).toBeLessThan(1_000);
    expect(Buffer.concat(taken).every((octet, n) => octet === n % 256)).toBe(true);
    expect(pieces.octets).toBe(0);
  });

  it('is one, whichever address it takes of its network (IPv6)', () => {
    expect(countedAs('192.0.2.7')).toBe('192.0.2.7');
    for (const address of ['2001:db8:0:1::1', '2001:db8::1:1:2:3:4', '2001:0db8:0000:0001:ffff:0:0:1'])
      expect(countedAs(address)).toBe('2001:db8:0:1::/64');
    expect(countedAs('::1')).toBe('0:0:0:0::/64');
    const rates = openRates(
      ClientLimits.parse({ messagesPerMinute: 2, connectionsAtOnce: 2 }),
      () => false,
      () => 0,
    );
    expect(['::1', '::2', '::3'].map((end) => rates.spend(`2001:db8${end}`, 'messages', 1))).toEqual([
      true,
      true,
      false,
    ]);
    expect(['::1', '::2', '::3'].map((end) => rates.enter(`2001:db8${end}`))).toEqual([true, true, false]);
    rates.leave('2001:db8::2');
    expect(rates.enter('2001:db8::9')).toBe(true);
    expect(rates.spend('2001:db8:0:1::1', 'messages', 1)).toBe(true);
  });

  it('that guesses at a name does not keep out who has logged in with it', async () => {
    process.env.CHANCERY_TEST_LOGIN = 'right';
    const users = [{ name: 'mta', password: { env: 'CHANCERY_TEST_LOGIN' } }];
    const login = openLogin({ required: true, users }, '.', () => 0);
    expect(await login.check('192.0.2.1', 'mta', 'right')).toBe('good');
    for (let n = 0; n < 6; n++) await login.check(`198.51.100.${n}`, 'mta', 'wrong');
    expect(await login.check('198.51.100.77', 'mta', 'right')).toBe('throttled');
    expect(await login.check('192.0.2.1', 'mta', 'right')).toBe('good');
  });
});
