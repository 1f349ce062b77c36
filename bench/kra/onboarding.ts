/** People of one CSV, from the import to the last encryption certificate, through the product as a process of its own. */
import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from '@chancery/api';
import { OfficeProcess } from '../../e2e/support/office-process.ts';
import { setUpOffice } from '../../e2e/support/operators.ts';

export interface Onboarding {
  readonly name: string;
  readonly spec: 'p256' | 'rsa-3072';
  readonly count: number;
  readonly seconds: number;
  /** Seconds of the processor, of all threads. */
  readonly processor: { readonly office: number; readonly database: number };
  readonly cores: number;
  /** Keys of the pool: handed out at once, and made first. */
  readonly taken: { readonly ready: number; readonly made: number } | null;
}

export async function onboard(asked: {
  readonly name: string;
  readonly spec: 'p256' | 'rsa-3072';
  readonly count: number;
  readonly pool: number;
}): Promise<Onboarding> {
  const { name, spec, count, pool } = asked;
  const office = await OfficeProcess.prepare({ authorityToml: `[escrow]\nspareKeys = ${pool}\n` });
  try {
    await office.start();
    const ada = await setUpOffice(office.url, await office.setupToken(), { caAlgorithm: 'ecdsa' });
    const client = createClient({ baseUrl: office.url, token: office.localToken, timeout: 600_000 });
    if (spec === 'p256') await generateP256(ada.client);
    if (pool >= count) await untilFull(client, pool);
    const before = processorOf(office.home);
    const began = performance.now();
    for (let from = 0; from < count; from += 5000)
      await client.importPeople({ body: { csv: csvOf(from, Math.min(count, from + 5000)) } });
    while ((await waiting(ada.client)) > 0) await sleep(500);
    const seconds = (performance.now() - began) / 1000;
    const after = processorOf(office.home);
    const { keyPool } = await client.status();
    say(`${name}: ${count} people in ${seconds.toFixed(1)} s`);
    return {
      name,
      spec,
      count,
      seconds,
      processor: { office: after.office - before.office, database: after.database - before.database },
      cores: availableParallelism(),
      taken: keyPool === null || keyPool.size === 0 || spec === 'p256' ? null : keyPool.taken,
    };
  } finally {
    await office.dispose();
  }
}

type Client = ReturnType<typeof createClient>;

async function generateP256(client: Client): Promise<void> {
  const { document, version } = await client.profile({ params: { id: 'encryption' } });
  await client.applyProfile({
    params: { id: 'encryption' },
    body: { document: { ...document, keys: { ...document.keys, generate: 'p256' } }, expectedVersion: version },
  });
}

/** How many wait for their certificate; the overview's counts may be of a while ago. */
async function waiting(client: Client): Promise<number> {
  const params = { id: 'encryption' };
  const { document } = await client.profile({ params });
  return (await client.compareProfile({ params, body: { document } })).affected.waiting;
}

async function untilFull(client: Client, size: number): Promise<void> {
  for (;;) {
    const { keyPool } = await client.status();
    if ((keyPool?.ready ?? 0) >= size) return;
    await sleep(1000);
  }
}

function csvOf(from: number, to: number): string {
  const lines = Array.from(
    { length: to - from },
    (_, index) => `person${from + index}@example.com,Person ${from + index},,,device,false`,
  );
  return `address,name,aliases,external_id,signing_key,gateway_decrypts\n${lines.join('\n')}\n`;
}

/** Of the office's process and of its database's, since they began; what has ended counts with whoever waited for it. */
function processorOf(home: string): { office: number; database: number } {
  const processes = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const [, command = '', rest = ''] = /\((.*)\) (.*)$/s.exec(readFileSync(`/proc/${pid}/stat`, 'latin1')) ?? [];
        const fields = rest.split(' ');
        const ticks = [11, 12, 13, 14].reduce((sum, at) => sum + Number(fields[at]), 0);
        const environment =
          readFileSync(`/proc/${pid}/environ`, 'latin1') + readFileSync(`/proc/${pid}/cmdline`, 'latin1');
        return [{ pid: Number(pid), parent: Number(fields[1]), command, ticks, ours: environment.includes(home) }];
      } catch {
        // It has ended.
        return [];
      }
    });
  const ours = new Set(processes.filter((one) => one.ours).map(({ pid }) => pid));
  for (const { pid, parent } of processes.toSorted((one, other) => one.pid - other.pid))
    if (ours.has(parent)) ours.add(pid);
  const seconds = (isDatabase: boolean) =>
    processes
      .filter(({ pid, command }) => ours.has(pid) && command.startsWith('postgres') === isDatabase)
      .reduce((sum, { ticks }) => sum + ticks, 0) / 100;
  return { office: seconds(false), database: seconds(true) };
}

const say = (text: string): void => void process.stderr.write(`${text}\n`);
