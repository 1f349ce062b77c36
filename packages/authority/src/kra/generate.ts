/**
 * Makes encryption keys. The private key exists here in clear for as long as it takes to seal it, in one Buffer that is
 * zeroed; `archive.ts`, for keys that were made elsewhere, and `release.ts` are the only other places where one is ever seen.
 */
import { createHash, generateKeyPair, randomBytes } from 'node:crypto';
import canonicalize from 'canonicalize';
import { openAead, sealAead } from './aead.ts';

export type EncryptionKeySpec = 'rsa-2048' | 'rsa-3072' | 'rsa-4096' | 'p256' | 'p384' | 'p521';

/** What an escrowed record is bound to: it opens as this record only. */
export interface RecordBinding {
  readonly recordId: string;
  readonly personId: string;
  readonly vaultId: string;
}

export interface SealedKey {
  /** DER SubjectPublicKeyInfo. */
  readonly spki: Buffer;
  /** For a person: `RSA-3072`, `P-256`. */
  readonly algorithm: string;
  /** The PKCS#8 under the DEK, as `aead.ts` has it. */
  readonly sealed: Buffer;
  /** 32 octets; whoever made the locks zeroes it. */
  readonly dek: Buffer;
}

/** The version of the record's form, bound into every record. */
export const FORMAT_VERSION = 1;

/** @param spare made before for this: it is used up here, whatever comes of it. Without one the key is made now */
export async function generateSealedKey(
  spec: EncryptionKeySpec,
  binding: RecordBinding,
  spare?: SpareKey,
): Promise<SealedKey> {
  const { publicKey: spki, privateKey: pkcs8 } = spare === undefined ? await keyPair(spec) : openSpareKey(spare);
  try {
    return { spki, algorithm: labels[spec], ...sealPrivateKey(pkcs8, spki, binding) };
  } finally {
    pkcs8.fill(0);
  }
}

/** A key that waits to become somebody's: for one process, for one use, and never written anywhere. */
export interface SpareKey {
  /** DER SubjectPublicKeyInfo. */
  readonly spki: Buffer;
  /** The PKCS#8 under a key that this process drew for itself, as `aead.ts` has it. Zeroed once used. */
  readonly box: Buffer;
}

export async function makeSpareKey(spec: EncryptionKeySpec): Promise<SpareKey> {
  const { publicKey: spki, privateKey: pkcs8 } = await keyPair(spec);
  try {
    return { spki, box: sealAead(spareKeysKey, pkcs8, spki) };
  } finally {
    pkcs8.fill(0);
  }
}

const spareKeysKey = randomBytes(32);

/** Once: the second time there is nothing in the box. */
function openSpareKey({ spki, box }: SpareKey): { publicKey: Buffer; privateKey: Buffer } {
  try {
    return { publicKey: spki, privateKey: openAead(spareKeysKey, box, spki) };
  } finally {
    box.fill(0);
  }
}

/** Seals a private key as a record of the escrow. The caller zeroes `pkcs8`. @param spki DER SubjectPublicKeyInfo of it */
export function sealPrivateKey(
  pkcs8: Uint8Array,
  spki: Uint8Array,
  binding: RecordBinding,
): Pick<SealedKey, 'sealed' | 'dek'> {
  const dek = randomBytes(32);
  try {
    const aad = associatedData(binding, createHash('sha256').update(spki).digest());
    return { sealed: sealAead(dek, pkcs8, aad), dek };
  } catch (error) {
    dek.fill(0);
    throw error;
  }
}

/** RFC 8785 JSON of what the record is bound to, UTF-8. @param spkiSha256 of the DER SubjectPublicKeyInfo */
export function associatedData(binding: RecordBinding, spkiSha256: Uint8Array, formatVersion = FORMAT_VERSION): Buffer {
  const canonical = canonicalize({
    recordId: binding.recordId,
    personId: binding.personId,
    spkiSha256: Buffer.from(spkiSha256).toString('hex'),
    vaultId: binding.vaultId,
    formatVersion,
  });
  return Buffer.from(canonical ?? '', 'utf8');
}

const labels: Record<EncryptionKeySpec, string> = {
  'rsa-2048': 'RSA-2048',
  'rsa-3072': 'RSA-3072',
  'rsa-4096': 'RSA-4096',
  p256: 'P-256',
  p384: 'P-384',
  p521: 'P-521',
};

const DER = {
  publicKeyEncoding: { format: 'der', type: 'spki' },
  privateKeyEncoding: { format: 'der', type: 'pkcs8' },
} as const;

/** On the thread pool: an RSA key takes up to half a second. */
function keyPair(spec: EncryptionKeySpec): Promise<{ publicKey: Buffer; privateKey: Buffer }> {
  return new Promise((resolve, reject) => {
    const done = (error: Error | null, publicKey: Buffer, privateKey: Buffer) =>
      error === null ? resolve({ publicKey, privateKey }) : reject(error);
    switch (spec) {
      case 'rsa-2048':
      case 'rsa-3072':
      case 'rsa-4096':
        return generateKeyPair('rsa', { modulusLength: Number(spec.slice(4)), ...DER }, done);
      case 'p256':
      case 'p384':
      case 'p521':
        return generateKeyPair('ec', { namedCurve: `P-${spec.slice(1)}`, ...DER }, done);
    }
  });
}
