/** The key that seals every key of a software store: derived from the passphrase, checked before use, never stored. */
import { createSecretKey, hkdfSync, type KeyObject, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { hashRaw } from '@node-rs/argon2';
import { createFile, isErrno } from './durable-file.ts';
import { explainFileError, KeyStoreError } from './errors.ts';

export interface MasterKey {
  readonly key: KeyObject;
  /** Names the store; bound into every sealed file, so that a file of another store does not open here. */
  readonly storeId: string;
}

/**
 * Derives the master key of the store in `directory`, and makes the store's header if the folder holds nothing yet.
 * Throws `wrong-passphrase`; `damaged` for a header that cannot be read, or is gone while keys are there.
 */
export async function openMasterKey(directory: string, secret: Uint8Array | string): Promise<MasterKey> {
  const passphrase = typeof secret === 'string' ? Buffer.from(secret.normalize('NFKC'), 'utf8') : Buffer.from(secret);
  try {
    if (passphrase.length === 0)
      throw new KeyStoreError('invalid-argument', 'The key store needs a passphrase, and it was given an empty one.');
    const file = path.join(directory, HEADER_FILE);
    const header = (await readHeader(file)) ?? (await createHeader(directory, file, passphrase));
    const derived = await derive(passphrase, header);
    if (!timingSafeEqual(derived.verifier, Buffer.from(header.verifier, 'base64'))) {
      throw new KeyStoreError(
        'wrong-passphrase',
        `The passphrase does not open the key store in ${directory}. Nothing was changed. Give the passphrase or secret file that it was made with.`,
        { path: directory },
      );
    }
    return { key: derived.key, storeId: header.id };
  } finally {
    passphrase.fill(0);
  }
}

const HEADER_FILE = 'store.json';

interface Header {
  readonly format: 'chancery-key-store';
  readonly version: 1;
  readonly id: string;
  readonly kdf: {
    readonly name: 'argon2id';
    readonly memoryKiB: number;
    readonly passes: number;
    readonly lanes: number;
    readonly salt: string;
  };
  /** Base64 of 32 octets that only the right passphrase derives; it tells nothing about the master key. */
  readonly verifier: string;
}

/** RFC 9106 section 4, the second recommended option: 64 MiB, three passes, four lanes. */
const COST = { memoryKiB: 64 * 1024, passes: 3, lanes: 4 };
/** A header that asks for more is damaged or hostile: it would only exhaust this machine. */
const HIGHEST = { memoryKiB: 4 * 1024 * 1024, passes: 64, lanes: 64 };

async function readHeader(file: string): Promise<Header | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw explainFileError(error, file);
  }
  const header = parseHeader(text);
  if (header) return header;
  throw new KeyStoreError(
    'damaged',
    `${file} was altered or truncated. No key file was touched. Restore this file from a backup: without it no passphrase opens the store.`,
    { path: file },
  );
}

function parseHeader(text: string): Header | undefined {
  let found: Partial<Header>;
  try {
    found = JSON.parse(text) ?? {};
  } catch {
    return undefined;
  }
  const { format, version, id, kdf, verifier } = found;
  if (format !== 'chancery-key-store' || version !== 1 || kdf?.name !== 'argon2id') return undefined;
  const within = (['memoryKiB', 'passes', 'lanes'] as const).every(
    (name) => Number.isInteger(kdf[name]) && kdf[name] >= 1 && kdf[name] <= HIGHEST[name],
  );
  const whole = typeof id === 'string' && octets(kdf.salt) >= 16 && octets(verifier) === 32;
  return within && whole && kdf.memoryKiB >= 8 * kdf.lanes ? (found as Header) : undefined;
}

async function createHeader(directory: string, file: string, passphrase: Buffer): Promise<Header> {
  const orphans = (await readdir(directory)).filter((name) => name.endsWith('.key'));
  if (orphans.length > 0) {
    throw new KeyStoreError(
      'damaged',
      `${file} is missing, and ${directory} holds ${orphans.length} keys. Nothing was changed. Restore this file from a backup: without it no passphrase opens them.`,
      { path: file },
    );
  }
  const unverified: Header = {
    format: 'chancery-key-store',
    version: 1,
    id: randomUUID(),
    kdf: { name: 'argon2id', ...COST, salt: randomBytes(16).toString('base64') },
    verifier: '',
  };
  const { verifier } = await derive(passphrase, unverified);
  const header = { ...unverified, verifier: verifier.toString('base64') };
  if (await createFile(file, Buffer.from(`${JSON.stringify(header, null, 2)}\n`))) return header;
  // Another process made the store in this very moment; its header counts.
  const theirs = await readHeader(file);
  if (theirs) return theirs;
  throw new KeyStoreError('damaged', `${file} disappeared while the store was being made. Try again.`, { path: file });
}

async function derive(passphrase: Buffer, { id, kdf }: Header): Promise<{ key: KeyObject; verifier: Buffer }> {
  // Argon2id is the default algorithm of the library, whose `const enum` cannot be named from an isolated module.
  const root = await hashRaw(passphrase, {
    salt: Buffer.from(kdf.salt, 'base64'),
    memoryCost: kdf.memoryKiB,
    timeCost: kdf.passes,
    parallelism: kdf.lanes,
    outputLen: 32,
  });
  const expand = (purpose: string): Buffer =>
    Buffer.from(hkdfSync('sha256', root, id, `chancery key store: ${purpose}`, 32));
  const sealing = expand('sealing');
  try {
    return { key: createSecretKey(sealing), verifier: expand('verifier') };
  } finally {
    root.fill(0);
    sealing.fill(0);
  }
}

function octets(base64: unknown): number {
  return typeof base64 === 'string' ? Buffer.from(base64, 'base64').length : 0;
}
