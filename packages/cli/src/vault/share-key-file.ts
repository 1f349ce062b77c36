/** Share keys in files, under a passphrase that never comes by the command line. */
import { argon2 } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import {
  type Argon2id,
  deriveShareKey,
  LEAST_PASSPHRASE,
  newSeed,
  openShareKey,
  type ShareKey,
  sealShareKey,
  VaultError,
} from '@chancery/vault';
import { askHidden } from '../ask-hidden.ts';
import { CommandError } from '../exit-codes.ts';

export interface ShareKeyOptions {
  readonly shareKey: string;
  readonly passphraseFile?: string;
}

/** Makes a share key and writes it; a file that is there stays as it is. @param holder whose it is, for a person */
export async function makeShareKeyFile(file: string, passphrase: string, holder: string): Promise<ShareKey> {
  const seed = newSeed();
  try {
    const sealed = await saying(() => sealShareKey(seed, passphrase, holder, new Date(), native));
    writeFileSync(file, `${JSON.stringify(sealed, null, 2)}\n`, { mode: 0o600, flag: 'wx' });
    return deriveShareKey(seed);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    throw new CommandError(`${file} is there already. Nothing was made; a share key is never overwritten.`);
  } finally {
    seed.fill(0);
  }
}

/** @throws CommandError for a file that is none, or another passphrase */
export async function openShareKeyFile(options: ShareKeyOptions): Promise<ShareKey> {
  let file: unknown;
  try {
    file = JSON.parse(readFileSync(options.shareKey, 'utf8'));
  } catch (error) {
    throw new CommandError(`${options.shareKey} cannot be read: ${(error as Error).message}. Nothing was decided.`);
  }
  const passphrase = await readPassphrase(options.passphraseFile, 'Passphrase of your share key: ');
  return saying(() => openShareKey(file, passphrase, native));
}

/** From the file, else `CHANCERY_SHARE_PASSPHRASE`, else from whoever sits there. */
export async function readPassphrase(file: string | undefined, question: string): Promise<string> {
  if (file !== undefined) return readFileSync(file, 'utf8').replace(/\r?\n$/, '');
  const given = process.env.CHANCERY_SHARE_PASSPHRASE;
  if (given !== undefined) return given;
  if (process.stdin.isTTY) return askHidden(question);
  throw new CommandError(
    `No passphrase: give --passphrase-file or CHANCERY_SHARE_PASSPHRASE (${LEAST_PASSPHRASE} characters or more). Nothing was done.`,
  );
}

/** Node's own Argon2id (RFC 9106). */
const native: Argon2id = async (message, nonce, { memory, passes, lanes }) =>
  promisify(argon2)('argon2id', { message, nonce, memory, passes, parallelism: lanes, tagLength: 32 });

async function saying<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof VaultError)) throw error;
    throw new CommandError(
      error.code === 'cannot-open' ? 'The passphrase does not open this share key.' : error.message,
    );
  }
}
