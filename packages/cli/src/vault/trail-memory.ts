/** What an officer's command line remembers of the audit trail, in a file beside the share key: nothing secret. */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { KnownTrail } from '@chancery/vault';
import { CommandError } from '../exit-codes.ts';

/** Nothing at the first approval. @throws CommandError for a file that is damaged: forgetting would be what a forger wants */
export function readTrailMemory(shareKeyFile: string): { known: KnownTrail | null } {
  let text: string;
  try {
    text = readFileSync(placeOf(shareKeyFile), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { known: null };
    throw error;
  }
  try {
    const { keys, checkpoint } = JSON.parse(text) as Partial<KnownTrail>;
    if (!Array.isArray(keys) || typeof checkpoint !== 'string') throw new TypeError('not a memory of a trail');
    return { known: { keys: keys.map(String), checkpoint } };
  } catch {
    throw new CommandError(`${placeOf(shareKeyFile)} cannot be read: it says what you saw of the audit trail last.`);
  }
}

export function writeTrailMemory(shareKeyFile: string, { known }: { known: KnownTrail | null }): void {
  if (known === null) return;
  const file = placeOf(shareKeyFile);
  writeFileSync(`${file}.new`, `${JSON.stringify(known, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

const placeOf = (shareKeyFile: string): string => `${shareKeyFile}.trail`;
