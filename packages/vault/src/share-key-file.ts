/** A share key in a file: its seed under a passphrase. For officers without a passkey that has PRF, and for the command line. */
import { argon2idAsync } from '@noble/hashes/argon2.js';
import { canonical, fromBase64Url, toBase64Url, utf8 } from './encoding.ts';
import { VaultError } from './errors.ts';
import { decrypt, encrypt } from './hpke.ts';
import { deriveShareKey, type ShareKey, type SharePublicKeys } from './share-key.ts';

export interface ShareKeyFile {
  readonly type: 'chancery-share-key';
  readonly version: 1;
  /** Whose it is, for a person. */
  readonly holder: string;
  readonly createdAt: string;
  readonly publicKeys: SharePublicKeys;
  /** RFC 9106: memory in KiB. */
  readonly argon2id: {
    readonly memory: number;
    readonly passes: number;
    readonly lanes: number;
    readonly salt: string;
  };
  /** AES-256-GCM: nonce (12) and ciphertext with tag, base64url. All the rest of the file is bound to it. */
  readonly nonce: string;
  readonly sealed: string;
}

/** RFC 9106 section 4, second recommended option: 64 MiB, three passes; one lane, since a browser has one. */
const ARGON2ID = { memory: 65_536, passes: 3, lanes: 1 } as const;
/** A file may ask for no more than this: whoever made it could otherwise stop the machine that opens it. */
const MOST = { memory: 1_048_576, passes: 16, lanes: 16 } as const;
export const LEAST_PASSPHRASE = 12;

/** @param passphrase at least 12 characters @throws VaultError `invalid-argument` */
export async function sealShareKey(
  seed: Uint8Array,
  passphrase: string,
  holder: string,
  createdAt: Date,
  argon2id: Argon2id,
): Promise<ShareKeyFile> {
  if ([...passphrase.normalize('NFC')].length < LEAST_PASSPHRASE) {
    throw new VaultError(
      'invalid-argument',
      `A passphrase has at least ${LEAST_PASSPHRASE} characters. Nothing was made.`,
    );
  }
  const head = {
    type: 'chancery-share-key',
    version: 1,
    holder,
    createdAt: createdAt.toISOString(),
    publicKeys: deriveShareKey(seed).publicKeys,
    argon2id: { ...ARGON2ID, salt: toBase64Url(crypto.getRandomValues(new Uint8Array(16))) },
    nonce: toBase64Url(crypto.getRandomValues(new Uint8Array(12))),
  } as const;
  const key = await stretch(passphrase, head.argon2id, argon2id);
  const sealed = await encrypt(key, fromBase64Url(head.nonce), canonical(head), seed);
  return { ...head, sealed: toBase64Url(sealed) };
}

/** @throws VaultError `malformed`, `cannot-open` (the passphrase, or the file was altered) */
export async function openShareKey(file: unknown, passphrase: string, argon2id: Argon2id): Promise<ShareKey> {
  if (!isShareKeyFile(file)) throw new VaultError('malformed', 'This is not a share key file of Chancery.');
  const { sealed, ...head } = file;
  const key = await stretch(passphrase, head.argon2id, argon2id);
  const seed = await decrypt(key, fromBase64Url(head.nonce), canonical(head), fromBase64Url(sealed));
  const shareKey = deriveShareKey(seed);
  seed.fill(0);
  return shareKey;
}

function isShareKeyFile(file: unknown): file is ShareKeyFile {
  if (typeof file !== 'object' || file === null) return false;
  const { type, version, argon2id, publicKeys, nonce, sealed, holder } = file as Partial<ShareKeyFile>;
  if (type !== 'chancery-share-key' || version !== 1) return false;
  if (typeof argon2id !== 'object' || argon2id === null || typeof argon2id.salt !== 'string') return false;
  if (typeof publicKeys?.encryption !== 'string' || typeof publicKeys.signing !== 'string') return false;
  const within = (['memory', 'passes', 'lanes'] as const).every(
    (name) => Number.isInteger(argon2id[name]) && argon2id[name] >= 1 && argon2id[name] <= MOST[name],
  );
  return within && argon2id.memory >= 8 * argon2id.lanes && [nonce, sealed, holder].every((v) => typeof v === 'string');
}

/** Argon2id (RFC 9106), 32 octets out. @param memory in KiB */
export type Argon2id = (
  passphrase: Uint8Array,
  salt: Uint8Array,
  parameters: { readonly memory: number; readonly passes: number; readonly lanes: number },
) => Promise<Uint8Array>;

/** In JavaScript, for browsers: seconds. Where there is a native one (Node has it), give that. */
export function argon2idInJavaScript(onProgress?: (share: number) => void): Argon2id {
  return (passphrase, salt, { memory, passes, lanes }) =>
    argon2idAsync(passphrase, salt, {
      m: memory,
      t: passes,
      p: lanes,
      dkLen: 32,
      ...(onProgress !== undefined && { onProgress }),
    });
}

function stretch(passphrase: string, parameters: ShareKeyFile['argon2id'], argon2id: Argon2id): Promise<Uint8Array> {
  // NFC: a passphrase is the same one on a machine that composes its letters otherwise.
  return argon2id(utf8(passphrase.normalize('NFC')), fromBase64Url(parameters.salt), parameters);
}
