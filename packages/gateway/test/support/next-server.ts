/** The server behind the gateway, in the test's own process: it keeps what it is given and says what it is told to say. */
import { buffer } from 'node:stream/consumers';
import type { SecureContextOptions } from 'node:tls';
import { SMTPServer } from 'smtp-server';

interface Delivered {
  readonly sender: string;
  readonly recipients: readonly string[];
  readonly message: Buffer;
  /** It came over TLS. */
  readonly secure: boolean;
  /** When its sender was told to go on with the message, ms since 1970: it may read it much later than that was sent. */
  readonly begunAt: number;
}

export interface NextServer {
  readonly port: number;
  readonly delivered: Delivered[];
  /** Called for each message at its end; a string is the reply it is refused with, `CODE text`. */
  onMessage: (delivered: Delivered) => string | undefined;
  /** Called for each recipient, likewise. */
  onRecipient: (address: string) => string | undefined;
  stop(): Promise<void>;
}

/** @param more with a certificate and its key (PEM) it offers STARTTLS */
export async function startNextServer(
  port = 0,
  {
    host = '127.0.0.1',
    ...tls
  }: { host?: string } & Pick<SecureContextOptions, 'cert' | 'key' | 'minVersion' | 'maxVersion'> = {},
): Promise<NextServer> {
  const delivered: Delivered[] = [];
  const refusal = (reply: string) =>
    Object.assign(new Error(reply.slice(4)), { responseCode: Number(reply.slice(0, 3)) });
  const server = new SMTPServer({
    authOptional: true,
    ...tls,
    disabledCommands: tls.cert === undefined ? ['STARTTLS', 'AUTH'] : ['AUTH'],
    disableReverseLookup: true,
    logger: false,
    onRcptTo(address, _session, callback) {
      const no = next.onRecipient(address.address);
      callback(no === undefined ? null : refusal(no));
    },
    onData(stream, session, callback) {
      const { mailFrom, rcptTo } = session.envelope;
      const envelope = {
        sender: mailFrom === false ? '' : mailFrom.address,
        recipients: rcptTo.map(({ address }) => address),
        secure: session.secure,
        begunAt: Date.now(),
      };
      buffer(stream).then(
        (message) => {
          const one = { ...envelope, message };
          const no = next.onMessage(one);
          if (no === undefined) delivered.push(one);
          callback(no === undefined ? null : refusal(no));
        },
        () => callback(refusal('451 broken off')),
      );
    },
  });
  server.on('error', () => undefined);
  await new Promise<void>((resolve) => {
    server.listen(port, host, () => resolve());
  });
  const bound = server.server.address();
  const next: NextServer = {
    port: typeof bound === 'object' && bound !== null ? bound.port : 0,
    delivered,
    onMessage: () => undefined,
    onRecipient: () => undefined,
    async stop() {
      for (const connection of server.connections) connection._socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
  return next;
}

/** Waits until something is so; the test's own time limit is the end of its patience. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}
