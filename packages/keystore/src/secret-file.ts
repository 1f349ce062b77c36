import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { createFile, isErrno, makeFolder } from './durable-file.ts';
import { explainFileError, KeyStoreError } from './errors.ts';

export interface SecretFile {
  /** The file's text without the line end: the passphrase, in UTF-8. */
  readonly secret: Uint8Array;
  readonly path: string;
  /** True where the file was made just now: say where it is, for who loses it loses the keys. */
  readonly created: boolean;
}

/**
 * Reads a secret from `file`, or makes the file (mode 0600) with 256 random bits. A passphrase may be put there by hand.
 * Throws `damaged` for an empty file: a new secret would open nothing.
 */
export async function openOrCreateSecretFile(file: string): Promise<SecretFile> {
  const resolved = path.resolve(file);
  const found = await readSecret(resolved);
  if (found) return { secret: found, path: resolved, created: false };
  await makeFolder(path.dirname(resolved));
  const created = await createFile(resolved, Buffer.from(`${randomBytes(32).toString('base64url')}\n`));
  const secret = await readSecret(resolved);
  if (secret) return { secret, path: resolved, created };
  throw new KeyStoreError('damaged', `The secret file ${resolved} disappeared while it was being made. Try again.`, {
    path: resolved,
  });
}

async function readSecret(file: string): Promise<Uint8Array | undefined> {
  let bytes: Buffer;
  try {
    bytes = await readFile(file);
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw explainFileError(error, file);
  }
  const end = bytes.at(-1) === 0x0a ? (bytes.at(-2) === 0x0d ? -2 : -1) : bytes.length;
  const secret = bytes.subarray(0, end);
  if (secret.length > 0) return secret;
  throw new KeyStoreError(
    'damaged',
    `The secret file ${file} is empty. Nothing was changed. Put the secret back from a backup: a new one would not open the keys.`,
    { path: file },
  );
}
