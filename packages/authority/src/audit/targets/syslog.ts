/** Sending messages to a syslog collector: over TLS (RFC 5425), TCP (RFC 6587, counted) or UDP (RFC 5426). */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { connect as connectTls } from 'node:tls';
import type { SyslogConfig } from '../../config.ts';
import { counted } from './syslog-message.ts';

/**
 * Sends all of them, or throws: then any may have arrived. TCP and TLS wait until the collector has closed the connection,
 * which is as much as syslog says of an arrival; UDP says nothing.
 */
export async function sendToSyslog(
  { transport, host, port, ca }: SyslogConfig,
  home: string,
  messages: readonly Buffer[],
): Promise<void> {
  if (transport === 'udp') return sendDatagrams(host, port, messages);
  const socket =
    transport === 'tcp'
      ? connectTcp({ host, port })
      : connectTls({
          host,
          port,
          minVersion: 'TLSv1.2',
          ...(isIP(host) === 0 && { servername: host }),
          ...(ca !== undefined && { ca: await readFile(path.resolve(home, ca)) }),
        });
  socket.setTimeout(TIMEOUT_MS, () => socket.destroy(new Error(`It does not answer within ${TIMEOUT_MS / 1000} s.`)));
  try {
    await once(socket, transport === 'tcp' ? 'connect' : 'secureConnect');
    await writeAll(socket, messages);
  } catch (error) {
    throw new Error(`It cannot be reached: ${(error as Error).message}`, { cause: error });
  } finally {
    socket.destroy();
  }
}

const TIMEOUT_MS = 10_000;

async function writeAll(socket: Socket, messages: readonly Buffer[]): Promise<void> {
  // Rejected where the connection breaks, also while nobody awaits it yet: that must not end the office.
  const closed = once(socket, 'close');
  closed.catch(() => undefined);
  // Nothing comes back; what does is read away, so that the end of it is seen.
  socket.resume();
  await pipeline(messages.map(counted), socket);
  await closed;
}

async function sendDatagrams(host: string, port: number, messages: readonly Buffer[]): Promise<void> {
  const socket = createSocket(isIP(host) === 6 ? 'udp6' : 'udp4');
  try {
    for (const message of messages) {
      await new Promise<void>((resolve, reject) =>
        socket.send(message, port, host, (error) => (error === null ? resolve() : reject(error))),
      );
    }
  } finally {
    socket.close();
  }
}
