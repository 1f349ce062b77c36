import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { SMTPServer } from 'smtp-server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type EscrowOffice, escrowOffice } from '../../test/escrow-office.ts';
import { operation, perform } from '../operation.ts';
import { system } from '../principal.ts';
import { queueNotice } from './queue.ts';

/** `NOTICES_KILLS=100` for the full count. */
const KILLS = Number(process.env.NOTICES_KILLS ?? 2);
const NOTICES = KILLS * 10;

let office: EscrowOffice;
let server: SMTPServer;
/** How often each mail was taken, by its Message-ID. */
const taken = new Map<string, number>();
/** Those that the office had on record as sent when they came. */
const afterRecord: string[] = [];

beforeAll(async () => {
  office = await escrowOffice();
  await office.query(`INSERT INTO notice_settings (version, document, author, note, created_at)
    VALUES (1, '{"mostPerMinute": 10000}', 'a test', '', now())`);
  server = new SMTPServer({
    authOptional: true,
    logger: false,
    disableReverseLookup: true,
    disabledCommands: ['STARTTLS'],
    onData(stream, _session, done) {
      const take = async (message: Buffer) => {
        const id = /^Message-ID: <([^@>]+)@/im.exec(message.toString('latin1'))?.[1] ?? '';
        const [row] = await office.query('SELECT state FROM notices WHERE id = $1', [id]);
        if (row?.state === 'sent') afterRecord.push(id);
        taken.set(id, (taken.get(id) ?? 0) + 1);
        done();
      };
      // Of a sender that was killed halfway nothing was taken.
      buffer(stream).then(take, done);
    },
  });
  server.on('error', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
});
afterAll(async () => {
  await new Promise<void>((resolve) => server.close(() => resolve()));
  await office.close();
});

const queue = operation({
  action: 'test.queue',
  permission: 'system',
  input: z.object({ count: z.int() }),
  subject: () => null,
  async run(tx, { count }, _by, world) {
    for (let n = 0; n < count; n++) {
      await queueNotice(tx, world, { to: `p${n}@example.com`, subject: `Notice ${n}`, text: 'It happened.\n' });
    }
    return { result: undefined, audit: {} };
  },
});

function send(how = ''): ChildProcess & { stdout: NonNullable<ChildProcess['stdout']> } {
  const { port } = server.server.address() as { port: number };
  const script = fileURLToPath(new URL('../../test/send-notices.ts', import.meta.url));
  const child = spawn(process.execPath, [script, JSON.stringify(office.connection), String(port), how], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return child as ReturnType<typeof send>;
}

async function says(child: ReturnType<typeof send>, word: string): Promise<void> {
  for await (const chunk of child.stdout) if (String(chunk).includes(word)) return;
  throw new Error(`It ended before it said ${word}`);
}

async function allSent(): Promise<void> {
  while ((await office.query(`SELECT 1 FROM notices WHERE state <> 'sent'`)).length > 0) await sleep(100);
}

async function kill(child: ReturnType<typeof send>): Promise<void> {
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}

describe('kill -9', () => {
  it('between what a server has taken and what the office has on record: the same mail again, and it says so', async () => {
    await perform(office.world, queue, system, { count: 1 });
    const child = send('hang');
    await says(child, 'taken');
    await kill(child);
    const again = send();
    await allSent();
    await kill(again);
    const [row] = await office.query('SELECT id, state, doubtful FROM notices');
    expect(row).toMatchObject({ state: 'sent', doubtful: true });
    expect([...taken]).toEqual([[row?.id, 2]]);
    const records = await office.query(`SELECT details->>'mayHaveArrivedBefore' AS doubt FROM audit_records
      WHERE action = 'notice.send' AND outcome = 'succeeded'`);
    expect(records).toEqual([{ doubt: 'true' }]);
  }, 180_000);

  it(
    `at ${KILLS} moments: everything arrives, nothing once it is on record, and twice only what is said to be in doubt`,
    async () => {
      taken.clear();
      await perform(office.world, queue, system, { count: NOTICES });
      for (let n = 0; n < KILLS; n++) {
        const child = send();
        await says(child, 'begun');
        await sleep(20 + Math.random() * 300);
        await kill(child);
      }
      const last = send();
      await allSent();
      await kill(last);
      const twice = [...taken].filter(([, times]) => times > 1).map(([id]) => id);
      const rows = await office.query(`SELECT id, doubtful FROM notices WHERE subject LIKE 'Notice %'`);
      expect(taken.size).toBe(NOTICES);
      expect(afterRecord).toEqual([]);
      expect(twice.length).toBeLessThanOrEqual(KILLS);
      for (const id of twice) expect(rows.find((row) => row.id === id)).toMatchObject({ doubtful: true });
    },
    240_000 + KILLS * 20_000,
  );
});
