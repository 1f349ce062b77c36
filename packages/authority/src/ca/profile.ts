/** The profiles that an office starts with. They are data: a later version in the database replaces them. */
import type { CertificateUse, ProfileDocument } from '@chancery/api';
import type { Transaction } from '../store/database.ts';
import { chooseProfile, insertProfile } from '../store/profiles.ts';
import type { World } from '../world.ts';

/** Stores version 1 of every shipped profile, and what each use is issued by. */
export async function establishProfiles(tx: Transaction, world: World): Promise<void> {
  for (const [id, document] of Object.entries(shippedProfiles)) await insertShipped(tx, world, id, document);
  for (const [use, id] of Object.entries(firstChoices)) await chooseProfile(tx, use as CertificateUse, id);
}

/** Version 1 of a profile that came with the program. */
export async function insertShipped(
  tx: Transaction,
  world: World,
  id: string,
  document: ProfileDocument,
): Promise<void> {
  await insertProfile(tx, {
    id,
    version: 1,
    document,
    author: 'system',
    note: 'Shipped with Chancery',
    restoredFrom: null,
    createdAt: world.clock(),
  });
}

/** What each use is issued by until somebody chooses. */
export const firstChoices: Readonly<Record<CertificateUse, string>> = {
  signing: 'signing',
  encryption: 'encryption',
  gateway: 'gateway',
  ocsp: 'ocsp-responder',
  'scep-ra': 'scep-ra',
  admin: 'admin-tls',
  seal: 'seal',
  partner: 'partner',
};

/**
 * Policies of a private CA: an arc under 2.25 (a UUID as one number, ITU-T X.667), which needs no registration.
 * Replace it in a new version of the profile where the organisation has an arc of its own.
 */
const POLICY_ARC = '2.25.131101200704156109832131970267428478320';
const policy = (number: number) => [{ id: `${POLICY_ARC}.${number}`, cps: null }];

const organisation = { attribute: 'organizationName', value: '{organisation}', optional: false } as const;
const personal = [
  organisation,
  { attribute: 'givenName', value: '{givenName}', optional: true },
  { attribute: 'surname', value: '{surname}', optional: true },
  { attribute: 'commonName', value: '{name}', optional: false },
  // Names recur, addresses move on: RFC 5280 4.1.2.6 wants one subject per entity for ever.
  { attribute: 'serialNumber', value: '{id}', optional: false },
] satisfies ProfileDocument['subject'];

const every = {
  backdateMinutes: 5,
  renewalDays: 30,
  renewalKey: 'same',
  keyOrigins: ['authority'],
  escrow: 'never',
  retainYears: null,
  approval: 'never',
  alternativeNames: { emails: 'none', international: true, userPrincipalName: null },
  crlDistributionPoint: true,
  authorityInfoAccess: { ocsp: true, issuer: true },
  smimeCapabilities: [],
  publication: 'nowhere',
} satisfies Partial<ProfileDocument>;

/** For machines and operators: no mail, so only the office's own rules and the RFCs. */
const machine = {
  ...every,
  baseline: null,
  keys: {
    algorithms: ['rsa', 'p256', 'p384', 'p521'],
    rsaBits: { minimum: 2048, maximum: 8192 },
    generate: null,
  },
  lints: { edition: '1.0.15', block: 'error', exceptions: [] },
} satisfies Partial<ProfileDocument>;

/** What every profile for mail has in common, in the terms of the S/MIME Baseline Requirements. */
const mail = {
  ...every,
  validityDays: 730,
  subject: [...personal],
  alternativeNames: { emails: 'all', international: true, userPrincipalName: null },
  lints: {
    edition: '1.0.15',
    block: 'error',
    exceptions: [
      {
        lint: 'subject-organization',
        reason:
          'organizationIdentifier is a number in a public register, which a private office need not have. Where yours has one, put it into the subject and remove this exception.',
      },
      {
        lint: 'subject-person',
        reason:
          'Given name and surname are there where the directory has them; a mailbox of a function has neither, and is told apart by its common name and serial number.',
      },
    ],
  },
} satisfies Partial<ProfileDocument>;

const signing = {
  ...mail,
  use: 'signing',
  keys: {
    algorithms: ['rsa', 'p256', 'p384', 'p521'],
    rsaBits: { minimum: 2048, maximum: 8192 },
    generate: null,
  },
  keyOrigins: ['device', 'browser', 'gateway'],
  keyUsage: { rsa: ['digitalSignature', 'nonRepudiation'], ec: ['digitalSignature', 'nonRepudiation'] },
} satisfies Partial<ProfileDocument>;

const encryption = {
  ...mail,
  use: 'encryption',
  keys: {
    algorithms: ['rsa', 'p256', 'p384', 'p521'],
    rsaBits: { minimum: 2048, maximum: 8192 },
    // RSA is what every mail client of the last twenty years decrypts with; elliptic curves are not.
    generate: 'rsa-3072',
  },
  keyOrigins: ['kra'],
  escrow: 'must',
  extendedKeyUsage: ['emailProtection'],
  // What every mail client that we measured opens. AES-GCM is for a profile of people whose software is known to read it: Thunderbird 153
  // does not, and whoever believes a certificate that announces it writes mail that its owner cannot read.
  smimeCapabilities: ['aes256Cbc', 'aes128Cbc'],
  publication: 'everywhere',
} satisfies Partial<ProfileDocument>;

export const shippedProfiles: Readonly<Record<string, ProfileDocument>> = {
  signing: {
    ...signing,
    name: 'S/MIME signing, strict',
    description: "Signs a person's mail and does nothing else. The key is made where it stays, and is never escrowed.",
    baseline: { type: 'sponsor', generation: 'strict' },
    extendedKeyUsage: ['emailProtection'],
    policies: policy(1),
  },
  'signing-multipurpose': {
    ...signing,
    name: 'S/MIME signing, multipurpose',
    description:
      "Signs a person's mail, and signs them in where a TLS client certificate is asked for. Never escrowed.",
    baseline: { type: 'sponsor', generation: 'multipurpose' },
    // Signing in is no declaration of will: the key that does both says so of neither.
    keyUsage: { rsa: ['digitalSignature'], ec: ['digitalSignature'] },
    extendedKeyUsage: ['emailProtection', 'clientAuth'],
    policies: policy(5),
  },
  encryption: {
    ...encryption,
    name: 'S/MIME encryption, strict',
    description: "Encrypts mail to a person and does nothing else. The key is made and escrowed by the office's KRA.",
    baseline: { type: 'sponsor', generation: 'strict' },
    keyUsage: { rsa: ['keyEncipherment'], ec: ['keyAgreement'] },
    policies: policy(2),
  },
  'encryption-multipurpose': {
    ...encryption,
    name: 'S/MIME encryption, multipurpose',
    description:
      "Encrypts mail to a person, and data where software asks for dataEncipherment. The key is made and escrowed by the office's KRA.",
    baseline: { type: 'sponsor', generation: 'multipurpose' },
    keyUsage: { rsa: ['keyEncipherment', 'dataEncipherment'], ec: ['keyAgreement'] },
    policies: policy(6),
  },
  gateway: {
    ...machine,
    use: 'gateway',
    name: 'Mail gateway',
    description: 'Names a mail gateway. Escrowed keys that it may use are locked to this certificate.',
    validityDays: 398,
    keyOrigins: ['gateway'],
    subject: [
      organisation,
      { attribute: 'commonName', value: '{name}', optional: false },
      { attribute: 'serialNumber', value: '{id}', optional: false },
    ],
    keyUsage: { rsa: ['digitalSignature', 'keyEncipherment'], ec: ['digitalSignature', 'keyAgreement'] },
    extendedKeyUsage: ['clientAuth'],
    policies: policy(3),
  },
  'ocsp-responder': {
    ...machine,
    use: 'ocsp',
    name: 'OCSP responder',
    description: 'Signs OCSP answers in the name of the issuing authority. Short-lived, renewed by itself.',
    validityDays: 14,
    renewalDays: 5,
    keys: { ...machine.keys, algorithms: ['rsa', 'p256', 'p384'] },
    subject: [organisation, { attribute: 'commonName', value: 'OCSP responder', optional: false }],
    keyUsage: { rsa: ['digitalSignature'], ec: ['digitalSignature'] },
    extendedKeyUsage: ['ocspSigning'],
    policies: policy(4),
    // RFC 6960 4.2.2.2.1: nobody is asked about the one who answers.
    crlDistributionPoint: false,
    authorityInfoAccess: { ocsp: false, issuer: true },
  },
  'scep-ra': {
    ...machine,
    use: 'scep-ra',
    name: 'SCEP registration authority',
    description:
      'Opens what SCEP clients send and signs what they are answered (RFC 8894). The key is the office’s own.',
    validityDays: 398,
    // RFC 8894 3.1: clients encrypt to it, which they do with RSA.
    keys: { ...machine.keys, algorithms: ['rsa'] },
    subject: [organisation, { attribute: 'commonName', value: 'SCEP registration authority', optional: false }],
    keyUsage: { rsa: ['digitalSignature', 'keyEncipherment'], ec: ['digitalSignature', 'keyAgreement'] },
    extendedKeyUsage: [],
    policies: policy(7),
  },
  'admin-tls': {
    ...machine,
    use: 'admin',
    name: 'Administrator, TLS client',
    description: 'Signs an operator of this office in where a TLS client certificate is asked for.',
    validityDays: 365,
    keyOrigins: ['device', 'browser'],
    subject: [
      organisation,
      { attribute: 'commonName', value: '{name}', optional: false },
      { attribute: 'serialNumber', value: '{id}', optional: false },
    ],
    alternativeNames: { emails: 'primary', international: true, userPrincipalName: null },
    keyUsage: { rsa: ['digitalSignature'], ec: ['digitalSignature'] },
    extendedKeyUsage: ['clientAuth'],
    policies: policy(8),
  },
  seal: {
    ...machine,
    use: 'seal',
    name: 'Office seal',
    description: 'Signs what the office hands out in its own name: profiles for phones. The key is the office’s own.',
    validityDays: 398,
    subject: [organisation, { attribute: 'commonName', value: '{organisation} mail office', optional: false }],
    keyUsage: { rsa: ['digitalSignature'], ec: ['digitalSignature'] },
    // A profile is read by systems that look for no purpose; one that is named here would be good for that too.
    extendedKeyUsage: [],
    policies: policy(9),
  },
  partner: {
    ...mail,
    use: 'partner',
    name: 'S/MIME partner, mailbox',
    description:
      'Signs the mail of somebody outside the organisation, and encrypts mail to them. Its key is theirs alone; all that is proven is the address.',
    baseline: { type: 'mailbox', generation: 'strict' },
    validityDays: 365,
    keys: signing.keys,
    keyOrigins: ['device'],
    subject: [{ attribute: 'commonName', value: '{email}', optional: false }],
    keyUsage: { rsa: ['digitalSignature', 'keyEncipherment'], ec: ['digitalSignature', 'keyAgreement'] },
    extendedKeyUsage: ['emailProtection'],
    policies: policy(10),
    publication: 'everywhere',
    lints: { ...mail.lints, exceptions: [] },
  },
};
