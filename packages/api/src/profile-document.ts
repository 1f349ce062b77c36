/**
 * A certificate profile as data: everything that decides what a certificate of one kind looks like and who may have one.
 * Nothing is left to a default, so that a stored version means the same for ever.
 */
import { z } from 'zod';
import { CertificateUse } from './certificates.ts';

export const profileKeyAlgorithms = ['rsa', 'p256', 'p384', 'p521', 'ed25519'] as const;
export const generatedKeys = ['rsa-2048', 'rsa-3072', 'rsa-4096', 'p256', 'p384', 'p521'] as const;
export const profileKeyOrigins = ['device', 'browser', 'gateway', 'kra', 'authority'] as const;
export const profileKeyUsages = [
  'digitalSignature',
  'nonRepudiation',
  'keyEncipherment',
  'dataEncipherment',
  'keyAgreement',
] as const;
export const namedPurposes = ['emailProtection', 'clientAuth', 'ocspSigning'] as const;
/** RFC 4262: content ciphers of the holder's software. */
export const contentCiphers = ['aes256Gcm', 'aes256Cbc', 'aes128Gcm', 'aes128Cbc'] as const;
export const subjectAttributes = [
  'commonName',
  'givenName',
  'surname',
  'title',
  'serialNumber',
  'emailAddress',
  'organizationName',
  'organizationalUnitName',
  'organizationIdentifier',
  'localityName',
  'stateOrProvinceName',
  'countryName',
] as const;
/** Editions of the S/MIME Baseline Requirements that changed a rule which a lint checks. */
export const baselineEditions = ['1.0.0', '1.0.6', '1.0.11', '1.0.15'] as const;

/** What a template may say of whoever a certificate is for, and what each is called. */
export const profileVariables = {
  id: 'the identifier that the office gave them',
  name: 'name',
  givenName: 'given name',
  surname: 'surname',
  title: 'title',
  email: 'primary address',
  department: 'department',
  employeeId: 'employee number',
  externalId: 'external id',
  country: 'country',
  organisation: 'the name of this organisation',
} as const;
export type ProfileVariable = keyof typeof profileVariables;

const PLACEHOLDER = /\{([A-Za-z]+)\}/g;
const ObjectIdentifier = z
  .string()
  .max(200)
  .regex(/^[0-2](\.(0|[1-9][0-9]*))+$/, 'is not a dotted object identifier');
const HttpUrl = z
  .string()
  .max(500)
  .regex(/^https?:\/\/[!-~]+$/i, 'is not an http or https URL');
const Template = z
  .string()
  .trim()
  .min(1)
  .max(200)
  .superRefine((text, context) => {
    const rest = text.replace(PLACEHOLDER, (whole, name: string) => (name in profileVariables ? '' : whole));
    const stray = /\{[^}]*\}?|\}/.exec(rest)?.[0];
    if (stray === undefined) return;
    const known = Object.keys(profileVariables)
      .map((name) => `{${name}}`)
      .join(', ');
    context.addIssue({ code: 'custom', message: `has ${stray}, which stands for nothing; it may have ${known}` });
  });

/** The names that a template asks for, each once. */
export function variablesOf(template: string): ProfileVariable[] {
  return [...new Set([...template.matchAll(PLACEHOLDER)].map(([, name]) => name as ProfileVariable))];
}

/** The template with every placeholder replaced by what `value` gives for it. */
export function fillTemplate(template: string, value: (name: ProfileVariable) => string): string {
  return template.replace(PLACEHOLDER, (_, name: ProfileVariable) => value(name));
}

export const ProfileDocument = z.strictObject({
  name: z.string().trim().min(1).max(80),
  description: z.string().trim().min(1).max(500),
  use: CertificateUse,
  baseline: z
    .strictObject({
      type: z.enum(['mailbox', 'organization', 'sponsor', 'individual']),
      generation: z.enum(['strict', 'multipurpose']),
    })
    .nullable()
    .describe(
      'The profile of the S/MIME Baseline Requirements (7.1.6.1) whose rules its certificates keep, as if they named its policy; null where they are for no mail',
    ),
  validityDays: z.int().min(1).max(3660).describe('How long a certificate is good for'),
  backdateMinutes: z
    .int()
    .min(0)
    .max(1440)
    .describe('How far notBefore lies before issuance, for clocks that are slow'),
  renewalDays: z.int().min(1).max(366).describe('Days before its end from which a certificate is to be renewed'),
  renewalKey: z
    .enum(['same', 'fresh'])
    .default('same')
    .describe('Whether a key that the KRA made is certified anew, or another takes its place, which its owner fetches'),
  keys: z.strictObject({
    algorithms: z.array(z.enum(profileKeyAlgorithms)).min(1),
    rsaBits: z.strictObject({
      minimum: z.int().min(2048).max(8192).multipleOf(8),
      maximum: z.int().min(2048).max(8192).multipleOf(8),
    }),
    generate: z.enum(generatedKeys).nullable().describe('What the KRA makes; null where the holder brings the key'),
  }),
  keyOrigins: z.array(z.enum(profileKeyOrigins)).min(1).describe('Where the key may be made and kept'),
  escrow: z.enum(['must', 'never']),
  // Versions from before there was this do not say it, and mean what they always meant.
  retainYears: z
    .int()
    .min(0)
    .max(100)
    .nullable()
    .default(null)
    .describe('Years that an escrowed key is kept after its last certificate has ended; null: for ever'),
  approval: z
    .enum(['never', 'first', 'always'])
    .default('never')
    .describe(
      'Whether an operator decides on what devices ask for and people upload: never; first: unless it renews a certificate; always',
    ),
  subject: z
    .array(
      z.strictObject({
        attribute: z.enum(subjectAttributes),
        value: Template.describe('Text with placeholders: {givenName} {surname}'),
        optional: z.boolean().describe('Left out, rather than refused, for whoever lacks what the value asks for'),
      }),
    )
    .min(1)
    .max(20)
    .describe('Most significant first'),
  alternativeNames: z.strictObject({
    emails: z.enum(['all', 'primary', 'none']),
    international: z
      .boolean()
      .describe('Addresses beyond ASCII as SmtpUTF8Mailbox (RFC 9598); otherwise whoever has one is refused'),
    userPrincipalName: Template.nullable().describe("Microsoft's sign-in name, beside the addresses"),
  }),
  keyUsage: z
    .strictObject({ rsa: z.array(z.enum(profileKeyUsages)).min(1), ec: z.array(z.enum(profileKeyUsages)).min(1) })
    .describe('By kind of key; Ed25519 counts as ec'),
  extendedKeyUsage: z.array(z.union([z.enum(namedPurposes), ObjectIdentifier])).max(20),
  policies: z.array(z.strictObject({ id: ObjectIdentifier, cps: HttpUrl.nullable() })).max(20),
  crlDistributionPoint: z.boolean(),
  authorityInfoAccess: z.strictObject({ ocsp: z.boolean(), issuer: z.boolean() }),
  smimeCapabilities: z.array(z.enum(contentCiphers)).describe('RFC 4262: what the holder decrypts, best first'),
  publication: z
    .union([z.enum(['everywhere', 'nowhere']), z.array(z.string().min(1).max(100)).min(1).max(50)])
    .describe('Directories that are given the certificate, by the names of [publication] in the configuration'),
  lints: z.strictObject({
    edition: z
      .enum(baselineEditions)
      .describe('The edition of the S/MIME Baseline Requirements that its certificates are held to'),
    block: z.enum(['error', 'warning']).describe('The least severity that keeps a certificate from being issued'),
    exceptions: z
      .array(z.strictObject({ lint: z.string().min(1).max(100), reason: z.string().trim().min(10).max(500) }))
      .max(50),
  }),
});
export type ProfileDocument = z.output<typeof ProfileDocument>;
