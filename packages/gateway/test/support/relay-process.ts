/**
 * A relay without policy, as a process of its own: what it takes goes through the real listener, spool and queue.
 * Arguments: spool folder, port of the next server, and the file operation at which it is to die as by kill -9 (0: never).
 */
import { promises } from 'node:fs';
import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';

const [folder = '', downstream = '', killAt = '0'] = process.argv.slice(2);

let operations = 0;
function countOperation(): void {
  operations++;
  if (operations === Number(killAt)) process.kill(process.pid, 'SIGKILL');
}

/** Only what changes something on disk: dying between two readings is dying before the next change. */
const changing = ['rename', 'unlink', 'appendFile', 'writeFile'] as const;
const patched = fs as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>;
for (const name of changing) {
  const original = patched[name];
  if (original === undefined) throw new Error(`fs has no ${name}`);
  patched[name] = (...args) => {
    countOperation();
    return original.apply(promises, args);
  };
}
const originalOpen = fs.open;
patched.open = async (...args) => {
  const handle = (await (originalOpen as (...args: unknown[]) => Promise<fs.FileHandle>)(...args)) as unknown as Record<
    string,
    (...args: unknown[]) => Promise<unknown>
  >;
  for (const name of ['write', 'sync', 'datasync']) {
    const original = handle[name];
    if (original === undefined) throw new Error(`a file handle has no ${name}`);
    handle[name] = (...rest) => {
      countOperation();
      return original.apply(handle, rest);
    };
  }
  return handle;
};
syncBuiltinESMExports();

const { ClientLimits } = await import('../../src/config-smtp.ts');
const { listen } = await import('../../src/smtp/listener.ts');
const { accepted } = await import('../../src/smtp/reply.ts');
const { openSpool, repetitionKey } = await import('../../src/spool/spool.ts');
const { startQueue } = await import('../../src/relay/queue.ts');
const { openTransport } = await import('../../src/relay/transport.ts');

const quiet = () => undefined;
const log = { info: quiet, warn: quiet, error: quiet };
const spool = await openSpool(folder, Date.now, log);
const transport = openTransport(
  { host: '127.0.0.1', port: Number(downstream), tls: 'never', ca: [] },
  'gateway.test',
  '.',
);
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
  async ({ sender, recipients, message }) => {
    const key = repetitionKey('outbound', sender, recipients, message);
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
    return { reply: accepted(id), confirmed: () => void spool.confirm(id) };
  },
);
process.stdout.write(`${listener.port}\n`);
process.on('SIGTERM', () => process.exit(0));
