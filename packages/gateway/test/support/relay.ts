/** A relay without policy: what it takes goes through the real listener, spool and queue, in two copies. */
import { ClientLimits } from '../../src/config-smtp.ts';
import { startQueue } from '../../src/relay/queue.ts';
import { openTransport } from '../../src/relay/transport.ts';
import { listen } from '../../src/smtp/listener.ts';
import { accepted } from '../../src/smtp/reply.ts';
import { openSpool, repetitionKey } from '../../src/spool/spool.ts';
import { wholeOf } from './whole.ts';

/** @param downstream port of the next server */
export async function startRelay(folder: string, downstream: number): Promise<{ port: number; stop(): Promise<void> }> {
  const quiet = () => undefined;
  const log = { info: quiet, warn: quiet, error: quiet };
  const spool = await openSpool(folder, Date.now, log);
  const transport = openTransport({ host: '127.0.0.1', port: downstream, tls: 'never', ca: [] }, 'gateway.test', '.');
  const queue = startQueue({
    spool,
    transports: { outbound: transport, inbound: transport },
    retry: { firstSeconds: 0.02, longestSeconds: 0.1, expireSeconds: 600 },
    name: 'gateway.test',
    directionTo: () => 'inbound',
    now: Date.now,
    log,
  });
  const listener = await listen(
    {
      host: '127.0.0.1',
      port: 0,
      name: 'gateway.test',
      maxMessageSize: 1_000_000,
      maxRecipients: 10,
      maxConnections: 10,
      trustedPeers: [],
      clients: ['127.0.0.1'],
      limits: ClientLimits.parse({}),
      baseDirectory: '.',
      log,
    },
    {
      answer: async ({ sender, recipients, message: arrived }) => {
        const message = await wholeOf(arrived);
        const key = await repetitionKey('outbound', sender, recipients, message);
        const {
          id,
          repeated,
          message: kept,
        } = await spool.commit({
          id: crypto.randomUUID(),
          direction: 'outbound',
          sender,
          key,
          copies: [
            { recipients: recipients.slice(0, 1), message },
            { recipients: recipients.slice(1), message: Buffer.concat([Buffer.from('X-Copy: 2\r\n'), message]) },
          ],
          mayBounce: false,
          journal: [],
        });
        if (!repeated && kept !== undefined) queue.add(kept);
        return { reply: accepted(id), confirms: id };
      },
      confirmed: (id) => void spool.confirm(id),
    },
  );
  return {
    port: listener.port,
    async stop() {
      await listener.stop();
      await queue.stop();
      await transport.close();
    },
  };
}
