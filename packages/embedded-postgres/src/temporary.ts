import { mkdtempSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type EmbeddedPostgres, supervise } from './supervise.ts';

/** A database for one test file: empty, without fsync, in a temporary folder that is removed when it stops or this process ends. */
export async function startTemporaryPostgres(): Promise<EmbeddedPostgres> {
  const directory = mkdtempSync(path.join(realpathSync(tmpdir()), 'chancery-test-'));
  return supervise(directory, { throwaway: true, log: () => undefined });
}
