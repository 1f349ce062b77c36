/** The hashes that password-based derivations and MACs are made with: more than signatures know. */
import { oids } from '../asn1/oids.ts';
import { SmimeError } from '../errors.ts';
import type { DigestName } from '../keys/algorithms.ts';

/** node:crypto's names. */
export type PasswordDigest = Exclude<DigestName, 'shake128' | 'shake256'> | 'sha512-224' | 'sha512-256' | 'sha3-224';

/** Octets of the digest and of the block that the hash works in (u and v of RFC 7292 B.2). */
export const digestSizes: Readonly<Record<PasswordDigest, { output: number; block: number }>> = {
  md5: { output: 16, block: 64 },
  sha1: { output: 20, block: 64 },
  sha224: { output: 28, block: 64 },
  sha256: { output: 32, block: 64 },
  sha384: { output: 48, block: 128 },
  sha512: { output: 64, block: 128 },
  'sha512-224': { output: 28, block: 128 },
  'sha512-256': { output: 32, block: 128 },
  'sha3-224': { output: 28, block: 144 },
  'sha3-256': { output: 32, block: 136 },
  'sha3-384': { output: 48, block: 104 },
  'sha3-512': { output: 64, block: 72 },
};

/** The hash of a MAC in the form of RFC 7292 4. Throws `unsupported`. */
export function macDigest(oid: string): PasswordDigest {
  return known(macDigests, oid, 'MAC');
}

/** The hash of an HMAC named as such: PBKDF2's function, PBMAC1's MAC (RFC 8018 B.1.2). Throws `unsupported`. */
export function hmacDigest(oid: string): PasswordDigest {
  return known(hmacDigests, oid, 'HMAC');
}

function known(table: Readonly<Record<string, PasswordDigest>>, oid: string, what: string): PasswordDigest {
  const digest = Object.hasOwn(table, oid) ? table[oid] : undefined;
  if (digest === undefined) throw new SmimeError('unsupported', `the ${what} ${oid} is not implemented`);
  return digest;
}

const macDigests: Readonly<Record<string, PasswordDigest>> = {
  [oids.md5]: 'md5',
  [oids.sha1]: 'sha1',
  [oids.sha224]: 'sha224',
  [oids.sha256]: 'sha256',
  [oids.sha384]: 'sha384',
  [oids.sha512]: 'sha512',
  [oids.sha512Cut224]: 'sha512-224',
  [oids.sha512Cut256]: 'sha512-256',
  [oids.sha3With224]: 'sha3-224',
  [oids.sha3With256]: 'sha3-256',
  [oids.sha3With384]: 'sha3-384',
  [oids.sha3With512]: 'sha3-512',
};

const hmacDigests: Readonly<Record<string, PasswordDigest>> = {
  [oids.hmacSha1]: 'sha1',
  [oids.hmacSha224]: 'sha224',
  [oids.hmacSha256]: 'sha256',
  [oids.hmacSha384]: 'sha384',
  [oids.hmacSha512]: 'sha512',
  [oids.hmacSha512Cut224]: 'sha512-224',
  [oids.hmacSha512Cut256]: 'sha512-256',
  [oids.hmacSha3With224]: 'sha3-224',
  [oids.hmacSha3With256]: 'sha3-256',
  [oids.hmacSha3With384]: 'sha3-384',
  [oids.hmacSha3With512]: 'sha3-512',
};
