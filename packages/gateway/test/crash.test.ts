/** kill -9 at every change that the relay makes on disk: no message is lost, and none comes twice unless SMTP itself cannot tell. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { submit } from './support/client.ts';
import { type NextServer, startNextServer, until } from './support/next-server.ts';

const children = new Set<ChildProcess>();
let next: NextServer | undefined;
afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  await next?.stop();
});

const script = fileURLToPath(new URL('./support/relay-process.ts', import.meta.url));

async function startRelay(folder: string, downstream: number, killAt: number) {
  const child = spawn(process.execPath, [script, folder, `${downstream}`, `${killAt}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.add(child);
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const port = await Promise.race([
    new Promise<number>((resolve) => child.stdout?.once('data', (chunk) => resolve(Number(`${chunk}`)))),
    exited.then(() => 0),
  ]);
  return {
    port,
    exited,
    isAlive: () => child.exitCode === null && child.signalCode === null,
    kill: () => child.kill('SIGKILL'),
  };
}

const mail = {
  sender: 'anna@example.com',
  recipients: ['b@x.example', 'c@x.example'],
  message: 'Message-ID: <1@example.com>\r\nSubject: once\r\n\r\nonce\r\n',
};

describe('a relay that dies', () => {
  it('at any change on disk loses nothing and repeats nothing', { timeout: 120_000 }, async () => {
    const outcomes: string[] = [];
    for (let killAt = 1; ; killAt++) {
      const folder = await mkdtemp(path.join(tmpdir(), 'crash-'));
      next = await startNextServer();
      const first = await startRelay(folder, next.port, killAt);
      const reply = first.port === 0 ? 'lost' : await submit(first.port, mail);
      // Either it dies at its change, or it does all there is to do: two deliveries, and an empty spool.
      let done = false;
      await Promise.race([
        first.exited,
        (async () => {
          while (!done && first.isAlive()) {
            await new Promise((resolve) => setTimeout(resolve, 10));
            done = next?.delivered.length === 2 && (await readdir(folder)).length === 0;
          }
        })(),
      ]);
      const before = next.delivered.length;
      first.kill();
      await first.exited;

      const second = await startRelay(folder, next.port, 0);
      expect(second.port, `starts again after ${killAt}`).toBeGreaterThan(0);
      // A client without a reply repeats the message, octet for octet.
      if (reply === 'lost') expect(await submit(second.port, mail)).toMatchObject({ code: 250 });
      const server = next;
      await until(() => ['b@x.example', 'c@x.example'].every((one) => countFor(server, one) >= 1));
      while ((await readdir(folder)).some((name) => name.endsWith('.message')))
        await new Promise((resolve) => setTimeout(resolve, 5));
      second.kill();
      await second.exited;
      const counts = ['b@x.example', 'c@x.example'].map((one) => countFor(server, one)).join();
      outcomes.push(`${killAt}: ${reply === 'lost' ? 'lost' : 'accepted'}, ${before} before, ${counts}`);
      // The next server had answered and the answer was not yet written down: the window that RFC 5321 4.5.3.2.6 leaves.
      const window = before > 0 && /^(2,1|1,2)$/.test(counts);
      expect(counts === '1,1' || window, outcomes.at(-1)).toBe(true);
      await next.stop();
      await rm(folder, { recursive: true });
      if (done) break;
    }
    // The run saw deaths before the acceptance, after it, and between the two deliveries.
    expect(outcomes.some((one) => one.includes('lost, 0 before'))).toBe(true);
    expect(outcomes.some((one) => one.includes('accepted, 1 before'))).toBe(true);
    expect(outcomes.filter((one) => /2,1|1,2/.test(one)).length).toBeLessThanOrEqual(4);
    expect(outcomes.length).toBeGreaterThan(10);
  });
});

function countFor(server: NextServer, recipient: string): number {
  return server.delivered.filter(({ recipients }) => recipients.includes(recipient)).length;
}
