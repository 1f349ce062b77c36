/**
 * What the process of the office asks of the process that holds the module. The module of a vendor never runs in the office itself:
 * it may hang, crash, or need a fresh process to see a token again.
 */
import type { OaepHash, RsaPadding } from '@chancery/smime';
import { KeyStoreError, type KeyStoreErrorCode } from '../errors.ts';
import type { KeyInfo, KeySpec } from '../key-store.ts';

/** A key is named by its CKA_ID, in hexadecimal. */
export interface TokenCalls {
  /** Loads the module, finds the token and logs in. Comes first, once. */
  open(settings: { module: string; token: string; pin: string; sessions: number }): TokenDevice;
  /** The token's own opinion: throws where it is not there. */
  check(): undefined;
  /** Makes a pair; where a call that was cut off made it already, that one. Returns DER SubjectPublicKeyInfo. */
  generatePair(id: string, spec: KeySpec, label: string): Uint8Array;
  generateKek(id: string, label: string): undefined;
  /** Undefined where there is no such key, or it is of no type that the port knows. */
  describe(id: string): TokenKey | undefined;
  list(): TokenKey[];
  /** @param input the digest for RSA and ECDSA, the data itself for EdDSA. ECDSA comes back as r and s, one after the other */
  sign(id: string, scheme: SigningScheme, input: Uint8Array): Uint8Array;
  /** Undefined where the token says that the padding is wrong. */
  decrypt(id: string, scheme: DecryptionScheme, ciphertext: Uint8Array): Uint8Array | undefined;
  /** The x co-ordinate shared with an uncompressed point of the same curve. */
  derive(id: string, point: Uint8Array): Uint8Array;
  /** In one of the two forms of `token-sealing.ts`. */
  seal(id: string, plaintext: Uint8Array, aad: Uint8Array): Uint8Array;
  /** Undefined where the token refuses to open it. */
  unseal(id: string, sealed: Uint8Array, aad: Uint8Array): Uint8Array | undefined;
  /** False where there was none. */
  destroy(id: string): boolean;
  close(): undefined;
}

export type TokenCall = keyof TokenCalls;

/** Who made the token, as it says itself. */
export interface TokenDevice {
  readonly manufacturer: string;
  readonly model: string;
  readonly serial: string;
  /** The mechanism under which its key-encryption keys seal; without one it holds none. */
  readonly sealing: { readonly by: 'gcm' } | { readonly by: 'key-wrap'; readonly mechanism: number } | undefined;
}

export interface TokenKey {
  readonly id: string;
  readonly label: string;
  readonly type: KeyInfo['type'];
  /** DER SubjectPublicKeyInfo; absent for a key-encryption key, and where the token kept only the private half. */
  readonly spki: Uint8Array | undefined;
}

export type SigningScheme =
  | { readonly kind: 'rsa'; readonly padding: RsaPadding; readonly hash: 'sha256' | 'sha384' | 'sha512' }
  | { readonly kind: 'ecdsa' }
  | { readonly kind: 'eddsa' };

export type DecryptionScheme =
  | { readonly padding: 'pkcs1' }
  /** No padding removed: for OAEP that the token cannot do by itself. */
  | { readonly padding: 'none' }
  | { readonly padding: 'oaep'; readonly hash: OaepHash; readonly mgf1Hash: OaepHash; readonly label: Uint8Array };

export interface TokenRequest {
  readonly id: number;
  readonly call: TokenCall;
  readonly args: readonly unknown[];
}

export type TokenFailure =
  | { readonly fault: { readonly cryptoki: string; readonly during: string } }
  | { readonly error: { readonly code: KeyStoreErrorCode; readonly message: string } };

export type TokenReply = { readonly id: number } & ({ readonly value: unknown } | TokenFailure);

/** A CKR_ code of the module, or what befell its process: `process-ended`, `timed-out`. */
export class TokenFault extends Error {
  override readonly name = 'TokenFault';
  readonly cryptoki: string;
  readonly during: string;

  constructor(cryptoki: string, during: string) {
    super(`${cryptoki} from ${during}`);
    this.cryptoki = cryptoki;
    this.during = during;
  }

  /** Whether the token, its session or its process is gone, so that a fresh process may do what this one could not. */
  get lost(): boolean {
    return LOST.has(this.cryptoki);
  }
}

/** Among them the general ones, by which modules say anything: a fresh process costs a tenth of a second. */
const LOST: ReadonlySet<string> = new Set([
  'process-ended',
  'timed-out',
  'CKR_CRYPTOKI_NOT_INITIALIZED',
  'CKR_DEVICE_ERROR',
  'CKR_DEVICE_MEMORY',
  'CKR_DEVICE_REMOVED',
  'CKR_FUNCTION_FAILED',
  'CKR_GENERAL_ERROR',
  'CKR_HOST_MEMORY',
  'CKR_OPERATION_ACTIVE',
  'CKR_OPERATION_NOT_INITIALIZED',
  'CKR_SESSION_CLOSED',
  'CKR_SESSION_COUNT',
  'CKR_SESSION_HANDLE_INVALID',
  'CKR_SESSION_READ_ONLY',
  'CKR_SLOT_ID_INVALID',
  'CKR_TOKEN_NOT_PRESENT',
  'CKR_TOKEN_NOT_RECOGNIZED',
  'CKR_USER_NOT_LOGGED_IN',
]);

/** An error as it crosses between the processes. */
export function encodeError(error: unknown, during: string): TokenFailure {
  if (error instanceof KeyStoreError) return { error: { code: error.code, message: error.message } };
  if (error instanceof TokenFault) return { fault: { cryptoki: error.cryptoki, during: error.during } };
  return { fault: { cryptoki: error instanceof Error ? error.message : String(error), during } };
}

export function decodeError(failure: TokenFailure): KeyStoreError | TokenFault {
  if ('error' in failure) return new KeyStoreError(failure.error.code, failure.error.message);
  return new TokenFault(failure.fault.cryptoki, failure.fault.during);
}
