/**
 * One database for all test files to copy: made, migrated and with the tables of the queue, by the first that needs it. Making
 * it takes three seconds, copying it a fraction of one.
 */
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { copyDatabase, startTemporaryPostgres } from '@chancery/embedded-postgres';
import { openJobQueue } from '../src/jobs/queue.ts';
import { openDatabase } from '../src/store/database.ts';

/** For `globalSetup` of vitest: a folder for this run. */
export function setup(): void {
  // Once for all the projects of a run.
  process.env[FOLDER] ??= mkdtempSync(path.join(tmpdir(), 'chancery-template-'));
}

/** And its removal. */
export function teardown(): void {
  rmSync(process.env[FOLDER] ?? '', { recursive: true, force: true, maxRetries: 5 });
}

const FOLDER = 'CHANCERY_TEST_TEMPLATE';

/** An office's database before anything is in it. */
export async function startDatabase() {
  return startTemporaryPostgres({ copyOf: await template() });
}

/** Lets an office begin with a copy of it in that folder; nothing outside of a test run, where it makes its own. */
export async function beginWithMadeDatabase(folder: string): Promise<void> {
  const made = await template();
  if (made === undefined) return;
  mkdirSync(folder, { mode: 0o700 });
  copyDatabase(made, folder);
}

/** @returns undefined outside of a test run: then each database is made */
async function template(): Promise<string | undefined> {
  const folder = process.env[FOLDER];
  if (folder === undefined) return undefined;
  const made = path.join(folder, 'made');
  for (; !existsSync(made); await sleep(50)) {
    if (!isFirst(path.join(folder, 'claimed'))) continue;
    const making = path.join(folder, 'making');
    const postgres = await startTemporaryPostgres({ keepIn: making });
    const database = await openDatabase(postgres.connection);
    const jobs = await openJobQueue(postgres.connection, { info: () => {}, warn: () => {}, error: () => {} });
    await jobs.stop();
    await database.close();
    await postgres.stop();
    renameSync(making, made);
  }
  return made;
}

function isFirst(claim: string): boolean {
  try {
    mkdirSync(claim);
    return true;
  } catch {
    return false;
  }
}
