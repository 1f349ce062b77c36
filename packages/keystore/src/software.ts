import {
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  generateKeyPair,
  type KeyObject,
  randomBytes,
  randomUUID,
  sign,
  verify,
} from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { type Decrypter, localDecrypter, localSigner, type Signer } from '@chancery/smime';
import { seal, unseal } from './authenticated-encryption.ts';
import { createFile, isErrno, makeFolder, removeFile, sweepTemporaries } from './durable-file.ts';
import { explainFileError, KeyStoreError } from './errors.ts';
import {
  isMlDsa,
  type KeyInfo,
  type KeyReference,
  type KeySpec,
  type KeyStore,
  type KeyStoreHealth,
} from './key-store.ts';
import { type MasterKey, openMasterKey } from './master-key.ts';
import { decodeSealedKey, encodeSealedKey, type KeyRecord } from './sealed-key.ts';

/**
 * Opens the key store in `directory`, or makes it there: one sealed file per key, under a key that Argon2id derives from `secret`.
 * Several processes may use one folder at once. A key in use is in this process's memory, where OpenSSL holds it.
 * Throws `KeyStoreError`: `wrong-passphrase`, `damaged`, `folder-not-writable`.
 */
export async function openSoftwareKeyStore(options: {
  directory: string;
  secret: Uint8Array | string;
}): Promise<KeyStore> {
  const directory = path.resolve(options.directory);
  await makeFolder(directory);
  const master = await openMasterKey(directory, options.secret);
  await sweepTemporaries(directory);
  return new SoftwareKeyStore(directory, master);
}

/** A key in memory: the private key with its public half, or the key-encryption key. */
interface LoadedKey extends KeyRecord {
  readonly key: KeyObject;
  /** The engine's views of the key, made when first asked for. */
  signer?: Signer;
  decrypter?: Decrypter;
}

class SoftwareKeyStore implements KeyStore {
  readonly #directory: string;
  readonly #loaded = new Map<KeyReference, LoadedKey>();
  #master: MasterKey | undefined;
  #condition: Pick<KeyStoreHealth, 'state' | 'since' | 'lastError'> = {
    state: 'available',
    since: new Date(),
    lastError: undefined,
  };

  constructor(directory: string, master: MasterKey) {
    this.#directory = directory;
    this.#master = master;
  }

  async generate(spec: KeySpec, label: string): Promise<KeyReference> {
    this.#open();
    return this.#keep(spec, await generatePrivateKey(spec), label);
  }

  async importKey(pkcs8: Uint8Array, label: string): Promise<KeyReference> {
    this.#open();
    const key = parsePrivateKey(pkcs8);
    return this.#keep(specOf(key), key, label);
  }

  async generateKek(label: string): Promise<KeyReference> {
    this.#open();
    const secret = randomBytes(32);
    try {
      return await this.#store({ info: describe('aes-256', label), spki: undefined }, secret, createSecretKey(secret));
    } finally {
      secret.fill(0);
    }
  }

  async signer(reference: KeyReference): Promise<Signer> {
    const loaded = await this.#private(reference);
    loaded.signer ??= localSigner(loaded.key);
    return loaded.signer;
  }

  async decrypter(reference: KeyReference): Promise<Decrypter> {
    const loaded = await this.#private(reference);
    if (loaded.info.type === 'ed25519' || isMlDsa(loaded.info.type))
      throw wrongType(loaded.info, 'a key that decrypts');
    loaded.decrypter ??= localDecrypter(loaded.key);
    return loaded.decrypter;
  }

  async publicKey(reference: KeyReference): Promise<Uint8Array> {
    return Uint8Array.from((await this.#private(reference)).spki);
  }

  async wrap(reference: KeyReference, plaintext: Uint8Array, aad: Uint8Array): Promise<Uint8Array> {
    return seal(await this.#kek(reference), plaintext, aad);
  }

  async unwrap(reference: KeyReference, wrapped: Uint8Array, aad: Uint8Array): Promise<Uint8Array> {
    const plaintext = unseal(await this.#kek(reference), wrapped, aad);
    if (plaintext) return plaintext;
    throw new KeyStoreError(
      'unwrap-failed',
      `Key ${reference} does not open this: it was altered, or belongs to another key or purpose.`,
    );
  }

  async destroy(reference: KeyReference): Promise<void> {
    this.#open();
    this.#loaded.delete(reference);
    if (!(await removeFile(this.#fileOf(reference)))) throw notFound(reference, this.#directory);
  }

  async list(): Promise<KeyInfo[]> {
    this.#open();
    const names = await readdir(this.#directory);
    const found: KeyInfo[] = [];
    for (const name of names.filter((candidate) => KEY_FILE.test(candidate))) {
      const record = await this.#read(`${PREFIX}${name.slice(0, -SUFFIX.length)}` as KeyReference);
      record?.secret.fill(0);
      if (record) found.push(record.info);
    }
    return found.sort((a, b) => a.createdAt.getTime() - b.createdAt.getTime() || (a.reference < b.reference ? -1 : 1));
  }

  async health(): Promise<KeyStoreHealth[]> {
    this.#open();
    try {
      await readdir(this.#directory);
      this.#note(undefined);
    } catch (error) {
      this.#note(explainFileError(error, this.#directory));
    }
    const { state, since, lastError } = this.#condition;
    return [{ name: 'software', state, since, device: undefined, sessions: undefined, lastError }];
  }

  async close(): Promise<void> {
    this.#master = undefined;
    this.#loaded.clear();
  }

  #note(error: unknown): void {
    const state = error === undefined ? 'available' : 'unavailable';
    const now = new Date();
    this.#condition = {
      state,
      since: state === this.#condition.state ? this.#condition.since : now,
      lastError:
        error === undefined
          ? this.#condition.lastError
          : { at: now, message: error instanceof Error ? error.message : String(error) },
    };
  }

  /** Seals and keeps a private key. */
  async #keep(spec: KeySpec, key: KeyObject, label: string): Promise<KeyReference> {
    const pkcs8 = key.export({ type: 'pkcs8', format: 'der' });
    const spki = createPublicKey(key).export({ type: 'spki', format: 'der' });
    try {
      return await this.#store({ info: describe(spec, label), spki }, pkcs8, key);
    } finally {
      pkcs8.fill(0);
    }
  }

  async #store(record: KeyRecord, secret: Uint8Array, key: KeyObject): Promise<KeyReference> {
    const { reference } = record.info;
    const sealed = encodeSealedKey(this.#open(), record, secret);
    await createFile(this.#fileOf(reference), sealed);
    this.#loaded.set(reference, { ...record, key });
    return reference;
  }

  async #private(reference: KeyReference): Promise<LoadedKey & { readonly spki: Uint8Array }> {
    const loaded = await this.#load(reference);
    const { spki } = loaded;
    if (spki === undefined) throw wrongType(loaded.info, 'a private key');
    return loaded as LoadedKey & { readonly spki: Uint8Array };
  }

  async #kek(reference: KeyReference): Promise<KeyObject> {
    const loaded = await this.#load(reference);
    if (loaded.info.type !== 'aes-256') throw wrongType(loaded.info, 'a key-encryption key');
    return loaded.key;
  }

  async #load(reference: KeyReference): Promise<LoadedKey> {
    this.#open();
    const loaded = this.#loaded.get(reference);
    // Another process may have destroyed the key in the meantime.
    if (loaded && existsSync(this.#fileOf(reference))) return loaded;
    this.#loaded.delete(reference);
    const record = await this.#read(reference);
    if (!record) throw notFound(reference, this.#directory);
    const { info, spki, secret } = record;
    try {
      const key =
        info.type === 'aes-256'
          ? createSecretKey(secret)
          : createPrivateKey({ key: secret, format: 'der', type: 'pkcs8' });
      const fresh: LoadedKey = { info, spki, key };
      this.#loaded.set(reference, fresh);
      return fresh;
    } finally {
      secret.fill(0);
    }
  }

  /** Reads and opens one key's file; undefined where there is none. Throws `damaged`. */
  async #read(reference: KeyReference): Promise<ReturnType<typeof decodeSealedKey>> {
    const file = this.#fileOf(reference);
    let bytes: Uint8Array;
    try {
      bytes = await readFile(file);
    } catch (error) {
      if (isErrno(error, 'ENOENT')) return undefined;
      throw explainFileError(error, file);
    }
    const record = decodeSealedKey(this.#open(), reference, bytes);
    if (record) return record;
    throw new KeyStoreError(
      'damaged',
      `The key file ${file} was altered, truncated or comes from another store. Nothing was changed. Restore this file from a backup.`,
      { path: file },
    );
  }

  #open(): MasterKey {
    if (this.#master) return this.#master;
    throw new KeyStoreError('closed', `The key store in ${this.#directory} was closed.`);
  }

  #fileOf(reference: KeyReference): string {
    const name = reference.startsWith(PREFIX) ? `${reference.slice(PREFIX.length)}${SUFFIX}` : '';
    // Also keeps a reference from naming a file elsewhere.
    if (!KEY_FILE.test(name)) throw notFound(reference, this.#directory);
    return path.join(this.#directory, name);
  }
}

const PREFIX = 'software:';
const SUFFIX = '.key';
const KEY_FILE = /^[0-9a-f-]{36}\.key$/;

function describe(type: KeyInfo['type'], label: string): KeyInfo {
  return { reference: `${PREFIX}${randomUUID()}` as KeyReference, label, type, createdAt: new Date() };
}

const generatePair = promisify(generateKeyPair);

/** In the thread pool: an RSA key takes long, and the process has other work. */
async function generatePrivateKey(spec: KeySpec): Promise<KeyObject> {
  const curve = CURVES.find(([name]) => name === spec)?.[1];
  if (curve !== undefined) return (await generatePair('ec', { namedCurve: curve })).privateKey;
  if (spec === 'ed25519') return (await generatePair('ed25519')).privateKey;
  if (isMlDsa(spec)) return (await generatePair(spec)).privateKey;
  return (await generatePair('rsa', { modulusLength: Number(spec.slice('rsa-'.length)), publicExponent: 65537 }))
    .privateKey;
}

const CURVES: readonly (readonly [KeySpec, string])[] = [
  ['p256', 'prime256v1'],
  ['p384', 'secp384r1'],
  ['p521', 'secp521r1'],
];
const RSA_SIZES: readonly number[] = [2048, 3072, 4096];

function parsePrivateKey(pkcs8: Uint8Array): KeyObject {
  let key: KeyObject;
  try {
    key = createPrivateKey({ key: Buffer.from(pkcs8), format: 'der', type: 'pkcs8' });
  } catch (cause) {
    throw new KeyStoreError('unsupported-key', 'This is not an unencrypted PKCS#8 private key in DER.', { cause });
  }
  specOf(key);
  // OpenSSL takes the public half from the file on trust: a pair that does not match must not get a certificate.
  const probe = Buffer.from('pairwise consistency');
  const hash = key.asymmetricKeyType === 'rsa' || key.asymmetricKeyType === 'ec' ? 'sha256' : null;
  if (!verify(hash, probe, createPublicKey(key), sign(hash, probe, key))) {
    throw new KeyStoreError('unsupported-key', 'The public half of this key does not belong to the private half.');
  }
  return key;
}

function specOf(key: KeyObject): KeySpec {
  const details = key.asymmetricKeyDetails;
  const curve = CURVES.find(([, name]) => name === details?.namedCurve)?.[0];
  if (key.asymmetricKeyType === 'ec' && curve !== undefined) return curve;
  if (key.asymmetricKeyType === 'ed25519') return 'ed25519';
  if (key.asymmetricKeyType !== undefined && isMlDsa(key.asymmetricKeyType)) return key.asymmetricKeyType;
  const size = details?.modulusLength ?? 0;
  if (key.asymmetricKeyType === 'rsa' && RSA_SIZES.includes(size)) return `rsa-${size}` as KeySpec;
  const found = [key.asymmetricKeyType, details?.namedCurve ?? details?.modulusLength].filter(Boolean).join(' ');
  throw new KeyStoreError(
    'unsupported-key',
    `The store holds RSA keys of 2048, 3072 and 4096 bits, P-256, P-384, P-521, Ed25519 and ML-DSA. This key is ${found}.`,
  );
}

function notFound(reference: string, directory: string): KeyStoreError {
  return new KeyStoreError('key-not-found', `There is no key ${reference} in the key store in ${directory}.`);
}

function wrongType(info: KeyInfo, needed: string): KeyStoreError {
  return new KeyStoreError(
    'wrong-key-type',
    `Key ${info.reference} (${info.label}) is ${info.type}, and this needs ${needed}.`,
  );
}
