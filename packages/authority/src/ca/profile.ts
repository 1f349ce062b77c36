/** The profiles that an office starts with. They are data: a later version in the database replaces them. */
import type { Transaction } from '../store/database.ts';
import { CertificateProfile, insertProfile } from '../store/profiles.ts';
import type { World } from '../world.ts';

/** Stores version 1 of every shipped profile. */
export async function establishProfiles(tx: Transaction, world: World): Promise<void> {
  for (const [id, profile] of Object.entries(shippedProfiles)) {
    await insertProfile(tx, { id, version: 1, profile: CertificateProfile.parse(profile) }, world.clock());
  }
}

/**
 * Policies of a private CA: an arc under 2.25 (a UUID as one number, ITU-T X.667), which needs no registration.
 * Replace it in a new version of the profile where the organisation has an arc of its own.
 */
const POLICY_ARC = '2.25.131101200704156109832131970267428478320';

const every = {
  backdateMinutes: 5,
  rsaMinimumBits: 2048,
  smimeCapabilities: [],
} satisfies Partial<CertificateProfile>;

const shippedProfiles: Record<string, CertificateProfile> = {
  signing: {
    ...every,
    use: 'signing',
    description: "Signs a person's mail. The key is made where it stays, and is never escrowed.",
    validityDays: 730,
    keys: ['rsa', 'p256', 'p384', 'p521'],
    keyUsage: { rsa: ['digitalSignature', 'nonRepudiation'], ec: ['digitalSignature', 'nonRepudiation'] },
    extendedKeyUsage: ['emailProtection'],
    policies: [`${POLICY_ARC}.1`],
  },
  encryption: {
    ...every,
    use: 'encryption',
    description: "Encrypts mail to a person. The key is made and escrowed by the office's KRA.",
    validityDays: 730,
    keys: ['rsa', 'p256', 'p384', 'p521'],
    // RSA is what every mail client of the last twenty years decrypts with; elliptic curves are not.
    generate: 'rsa-3072',
    keyUsage: { rsa: ['keyEncipherment'], ec: ['keyAgreement'] },
    extendedKeyUsage: ['emailProtection'],
    policies: [`${POLICY_ARC}.2`],
    smimeCapabilities: ['aes256Gcm', 'aes256Cbc', 'aes128Gcm', 'aes128Cbc'],
  },
  gateway: {
    ...every,
    use: 'gateway',
    description: 'Names a mail gateway. Escrowed keys that it may use are locked to this certificate.',
    validityDays: 398,
    keys: ['rsa', 'p256', 'p384', 'p521'],
    keyUsage: { rsa: ['digitalSignature', 'keyEncipherment'], ec: ['digitalSignature', 'keyAgreement'] },
    extendedKeyUsage: ['clientAuth'],
    policies: [`${POLICY_ARC}.3`],
  },
  'ocsp-responder': {
    ...every,
    use: 'ocsp',
    description: 'Signs OCSP answers in the name of the issuing authority. Short-lived, renewed by itself.',
    validityDays: 14,
    keys: ['rsa', 'p256', 'p384'],
    keyUsage: { rsa: ['digitalSignature'], ec: ['digitalSignature'] },
    extendedKeyUsage: ['ocspSigning'],
    policies: [`${POLICY_ARC}.4`],
  },
};
