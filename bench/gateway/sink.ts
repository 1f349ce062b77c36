/** The last server: Postfix's smtp-sink for throughput, and one that says when a message came for latency. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createServer, type Server, type Socket } from 'node:net';

export interface Sink {
  readonly port: number;
  /** Resolves when so many messages have come since the last call. Rejects when none comes for a minute. */
  took(messages: number): Promise<void>;
  stop(): Promise<void>;
}

const mostSilence = 60_000;

/** Keeps nothing of a message but its count; in this process, and as small as a server can be. */
export async function openSink(): Promise<Sink> {
  let taken = 0;
  let wanted = { messages: Number.POSITIVE_INFINITY, met: () => {} };
  let lastAt = Date.now();
  let watch: NodeJS.Timeout | undefined;
  const sockets = new Set<Socket>();
  const look = () => {
    if (taken < wanted.messages) return;
    taken -= wanted.messages;
    wanted.met();
    wanted = { messages: Number.POSITIVE_INFINITY, met: () => {} };
  };
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    socket.write('220 sink ESMTP\r\n');
    let inData = false;
    let rest = '';
    let tail = Buffer.alloc(0);
    socket.on('data', (chunk) => {
      let octets: Buffer = chunk;
      while (octets.length > 0) {
        if (inData) {
          const joined = Buffer.concat([tail, octets]);
          const end = joined.indexOf('\r\n.\r\n');
          if (end === -1) {
            tail = Buffer.from(joined.subarray(-4));
            return;
          }
          octets = joined.subarray(end + 5);
          tail = Buffer.alloc(0);
          inData = false;
          taken++;
          lastAt = Date.now();
          socket.write('250 2.0.0 taken\r\n');
          look();
          continue;
        }
        const end = octets.indexOf(0x0a);
        if (end === -1) {
          rest += octets.toString('latin1');
          return;
        }
        const verb = (rest + octets.toString('latin1', 0, end)).slice(0, 4).toUpperCase();
        rest = '';
        octets = octets.subarray(end + 1);
        if (verb === 'EHLO') socket.write('250-sink\r\n250-PIPELINING\r\n250-SIZE 200000000\r\n250 8BITMIME\r\n');
        else if (verb === 'DATA') {
          inData = true;
          // The line end before the message counts for one that is empty.
          tail = Buffer.from('\r\n');
          socket.write('354 go on\r\n');
        } else if (verb === 'QUIT') socket.end('221 2.0.0 bye\r\n');
        else socket.write('250 2.0.0 fine\r\n');
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    took(messages) {
      return new Promise((resolve, reject) => {
        lastAt = Date.now();
        // Whoever asks anew awaits the answer to that alone.
        clearInterval(watch);
        watch = setInterval(() => {
          if (Date.now() - lastAt < mostSilence) return;
          clearInterval(watch);
          reject(new Error(`Only ${taken} of ${messages} messages came, and none for a minute`));
        }, 1_000);
        const met = () => {
          clearInterval(watch);
          resolve();
        };
        wanted = { messages, met };
        look();
      });
    },
    async stop() {
      clearInterval(watch);
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** Runs smtp-source until it has handed everything over. */
export function source(port: number, options: readonly string[]): Promise<void> {
  return finished(spawn('smtp-source', [...options, `127.0.0.1:${port}`], { stdio: ['ignore', 'ignore', 'pipe'] }));
}

function finished(child: ChildProcess): Promise<void> {
  let said = '';
  child.stderr?.on('data', (chunk) => {
    said += chunk;
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => (code === 0 ? resolve() : reject(new Error(`smtp-source: ${said.slice(0, 500)}`))));
  });
}
