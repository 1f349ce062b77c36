/** Certificate profiles: data with versions. The newest version of a profile is the one in force. */
import { z } from 'zod';
import type { Snapshot, Transaction } from './database.ts';

const KeyUsageName = z.enum([
  'digitalSignature',
  'nonRepudiation',
  'keyEncipherment',
  'dataEncipherment',
  'keyAgreement',
]);
const ObjectIdentifier = z.string().regex(/^[0-2](\.(0|[1-9][0-9]*))+$/, 'a dotted object identifier');

/** What a certificate of one use looks like. */
export const CertificateProfile = z.strictObject({
  use: z.enum(['signing', 'encryption', 'gateway', 'ocsp']),
  description: z.string(),
  /** S/MIME BR 6.3.2: at most 825 days. */
  validityDays: z.int().min(1).max(825),
  /** How far notBefore lies before the instant of issuance, for clocks that are slow. */
  backdateMinutes: z.int().min(0).max(1440),
  /** Keys that are accepted, and the smallest RSA modulus in bits. */
  keys: z.array(z.enum(['rsa', 'p256', 'p384', 'p521', 'ed25519'])).min(1),
  rsaMinimumBits: z.int().min(2048).max(8192).multipleOf(8),
  /** What the KRA generates, in profiles whose key it makes. */
  generate: z.enum(['rsa-2048', 'rsa-3072', 'rsa-4096', 'p256', 'p384', 'p521']).optional(),
  /** By kind of key; Ed25519 counts as `ec`. */
  keyUsage: z.strictObject({ rsa: z.array(KeyUsageName).min(1), ec: z.array(KeyUsageName).min(1) }),
  extendedKeyUsage: z.array(z.enum(['emailProtection', 'clientAuth', 'ocspSigning'])).min(1),
  /** An arc of the office's own: the CA/Browser Forum's policies are for public CAs. */
  policies: z.array(ObjectIdentifier).min(1),
  /** RFC 4262: the content ciphers that the holder's software opens, best first. */
  smimeCapabilities: z.array(z.enum(['aes256Gcm', 'aes256Cbc', 'aes128Gcm', 'aes128Cbc'])),
});
export type CertificateProfile = z.output<typeof CertificateProfile>;

export interface VersionedProfile {
  readonly id: string;
  readonly version: number;
  readonly profile: CertificateProfile;
}

/** The version in force. Throws where there is none: the office is not set up, or its table was emptied by hand. */
export async function latestProfile(snapshot: Snapshot, id: string): Promise<VersionedProfile> {
  const row = await snapshot
    .selectFrom('profiles')
    .selectAll()
    .where('id', '=', id)
    .orderBy('version', 'desc')
    .limit(1)
    .executeTakeFirst();
  if (row === undefined) throw new Error(`There is no certificate profile ${id}`);
  return { id, version: row.version, profile: CertificateProfile.parse(row.document) };
}

/** The newest version of every profile. */
export async function listProfiles(snapshot: Snapshot): Promise<VersionedProfile[]> {
  const rows = await snapshot
    .selectFrom('profiles')
    .selectAll()
    .distinctOn('id')
    .orderBy('id')
    .orderBy('version', 'desc')
    .execute();
  return rows.map((row) => ({ id: row.id, version: row.version, profile: CertificateProfile.parse(row.document) }));
}

export async function insertProfile(
  tx: Transaction,
  { id, version, profile }: VersionedProfile,
  createdAt: Date,
): Promise<void> {
  await tx
    .insertInto('profiles')
    .values({ id, version, document: JSON.stringify(profile), created_at: createdAt })
    .execute();
}
