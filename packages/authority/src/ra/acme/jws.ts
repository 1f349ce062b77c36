/** Signed requests (RFC 7515, flattened JSON), and the keys that sign them. Signatures are judged by jose, keys as any key that is certified here. */
import { createPublicKey, type KeyObject } from 'node:crypto';
import { calculateJwkThumbprint, errors, flattenedVerify } from 'jose';
import { z } from 'zod';
import { weaknessesOf } from '../../ca/key-strength.ts';
import type { AccountKey } from '../../store/schema.ts';
import { AcmeError } from './acme-error.ts';

/** RFC 8555 6.2: nothing with a shared secret, and never `none`. */
export const signatureAlgorithms = ['RS256', 'PS256', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'] as const;
const MAC_ALGORITHMS = ['HS256', 'HS384', 'HS512'];

const Base64url = z.string().regex(/^[A-Za-z0-9_-]*$/, 'is base64url without padding');
const Flattened = z.strictObject({ protected: Base64url.min(1), payload: Base64url, signature: Base64url.min(1) });
type Flattened = z.output<typeof Flattened>;

const Header = z.looseObject({
  alg: z.string().max(20),
  url: z.string().max(2_000),
  nonce: z.string().max(200).optional(),
  kid: z.string().max(2_000).optional(),
  jwk: z.record(z.string(), z.unknown()).optional(),
});

export interface Jws {
  readonly flattened: Flattened;
  readonly header: z.output<typeof Header>;
}

/** Reads one; its signature is not judged yet. @throws AcmeError `malformed` */
export function readJws(value: unknown): Jws {
  // RFC 8555 6.2: `strictObject` also refuses unprotected headers and several signatures.
  const flattened = Flattened.safeParse(value);
  if (!flattened.success)
    throw malformed('This is no JWS in flattened JSON, with `protected`, `payload` and `signature`');
  const header = Header.safeParse(jsonOf(flattened.data.protected));
  if (!header.success) throw malformed('The protected header of the JWS has no usable `alg` and `url`');
  return { flattened: flattened.data, header: header.data };
}

/** The payload as JSON; undefined where it is empty. @throws AcmeError `malformed` */
export function payloadOf({ flattened }: Jws): unknown {
  return flattened.payload === '' ? undefined : jsonOf(flattened.payload);
}

/** @throws AcmeError `badSignatureAlgorithm`, `malformed` (the signature is not right) */
export async function requireSignature({ flattened, header }: Jws, key: AccountKey): Promise<void> {
  if (!(signatureAlgorithms as readonly string[]).includes(header.alg))
    throw new AcmeError('badSignatureAlgorithm', `Sign with one of ${signatureAlgorithms.join(', ')}.`);
  if (!(await isSigned(flattened, keyObjectOf(key), [...signatureAlgorithms])))
    throw malformed('The signature of the JWS does not verify');
}

/** By the secret of an external account binding: the same answer whatever is wrong. */
export async function hasMac({ flattened, header }: Jws, secret: Uint8Array): Promise<boolean> {
  return MAC_ALGORITHMS.includes(header.alg) && (await isSigned(flattened, secret, MAC_ALGORITHMS));
}

const Coordinate = z.string().regex(/^[A-Za-z0-9_-]{1,1400}$/);
/** What else stands in it is left out; what is private in it is refused before. */
const Jwk = z.discriminatedUnion('kty', [
  z.object({ kty: z.literal('EC'), crv: z.enum(['P-256', 'P-384', 'P-521']), x: Coordinate, y: Coordinate }),
  z.object({ kty: z.literal('OKP'), crv: z.literal('Ed25519'), x: Coordinate }),
  z.object({ kty: z.literal('RSA'), n: Coordinate, e: Coordinate }),
]);

/** For the input of operations: as `readAccountKey` has read it. */
export const KeyInput = z.custom<AccountKey>((value) => typeof value === 'object' && value !== null && 'kty' in value);

/** @throws AcmeError `badPublicKey` where nobody should trust what it signs */
export function readAccountKey(jwk: unknown): AccountKey {
  if (typeof jwk === 'object' && jwk !== null && ['d', 'p', 'q', 'k'].some((member) => member in jwk))
    throw new AcmeError('badPublicKey', 'This JWK is private. Nobody must see it: make another. Nothing was changed.');
  const parsed = Jwk.safeParse(jwk);
  if (!parsed.success)
    throw new AcmeError('badPublicKey', 'The account key is RSA, P-256, P-384, P-521 or Ed25519. Nothing was changed.');
  const weaknesses = weaknessesOf(keyObjectOf(parsed.data).export({ format: 'der', type: 'spki' }));
  if (weaknesses.length > 0)
    throw new AcmeError('badPublicKey', `The account key cannot be used: ${weaknesses.join('; ')}.`);
  return parsed.data;
}

/** RFC 7638, SHA-256, base64url. */
export const thumbprintOf = (key: AccountKey): Promise<string> => calculateJwkThumbprint({ ...key }, 'sha256');

/** @param spki DER SubjectPublicKeyInfo */
export function isSameKey(key: AccountKey, spki: Uint8Array): boolean {
  return keyObjectOf(key).equals(createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' }));
}

function keyObjectOf(key: AccountKey): KeyObject {
  try {
    return createPublicKey({ key: { ...key }, format: 'jwk' });
  } catch (error) {
    throw new AcmeError('badPublicKey', `The account key cannot be read: ${(error as Error).message}.`);
  }
}

async function isSigned(jws: Flattened, key: KeyObject | Uint8Array, algorithms: string[]): Promise<boolean> {
  try {
    await flattenedVerify(jws, key, { algorithms });
    return true;
  } catch (error) {
    // TypeError: the algorithm is not one of that kind of key.
    if (error instanceof errors.JOSEError || error instanceof TypeError) return false;
    throw error;
  }
}

function jsonOf(base64url: string): unknown {
  try {
    return JSON.parse(Buffer.from(base64url, 'base64url').toString('utf8'));
  } catch {
    throw malformed('The JWS holds no JSON');
  }
}

const malformed = (what: string) => new AcmeError('malformed', `${what}. Nothing was changed.`);
