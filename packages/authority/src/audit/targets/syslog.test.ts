/** A collector on loopback that takes everything, and some that break off in the middle of it. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { sendToSyslog } from './syslog.ts';

/** More than sockets hold by themselves: who sends them has to wait for whoever reads. */
const messages = Array.from({ length: 2000 }, (_, n) => Buffer.from(`<110>1 - - - - - - ${n} ${'x'.repeat(10_000)}`));

const syslog = {
  kind: 'syslog',
  transport: 'tcp',
  host: '127.0.0.1',
  facility: 13,
  dataId: 'chancery@32473',
  maxOctets: 20_000,
} as const;

async function sendTo(collect: (socket: Socket) => void): Promise<void> {
  const server = createServer(collect).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await sendToSyslog({ ...syslog, port }, '/', messages);
}

it('waits for whoever reads slowly, and says that all is sent when the collector has closed', async () => {
  let octets = 0;
  await sendTo((socket) => {
    socket.on('data', (piece: Buffer) => {
      octets += piece.length;
      socket.pause();
      setImmediate(() => socket.resume());
    });
  });
  const counted = messages.reduce((sum, { length }) => sum + String(length).length + 1 + length, 0);
  expect(octets).toBe(counted);
});

it.each<[how: string, collect: (socket: Socket) => void]>([
  ['at once', (socket) => socket.resetAndDestroy()],
  ['after the first octets', (socket) => socket.once('data', () => socket.resetAndDestroy())],
  ['as if it were done', (socket) => socket.once('data', () => socket.destroy())],
])('is told, and nothing else happens, when the collector breaks off %s', async (_, collect) => {
  const rejected: unknown[] = [];
  const note = (reason: unknown) => void rejected.push(reason);
  process.on('unhandledRejection', note);
  onTestFinished(() => void process.off('unhandledRejection', note));
  await expect(
    sendTo((socket) => {
      // Its own side fails as well.
      socket.on('error', () => undefined);
      collect(socket);
    }),
  ).rejects.toThrow(/^It cannot be reached: /);
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(rejected).toEqual([]);
});
