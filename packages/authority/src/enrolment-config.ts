/** `[enrolment]`: how devices get certificates by themselves, by SCEP and EST. */

import { SecretReference } from '@chancery/keystore';
import { z } from 'zod';

const Label = z
  .strictObject({
    /** The profile that certificates are issued by; without it, the one that the challenge was made for. */
    profile: z.string().min(1).max(60).optional(),
    /** Whether an operator decides on each request; `always` where there is a static challenge, unless this says `never`. */
    approval: z.enum(['never', 'always']).optional(),
    /** One secret for everybody, beside the one-time challenges: whoever has it may ask for anybody. */
    staticChallenge: SecretReference.optional(),
    /** Days before its end from which a certificate is renewed here, where that is earlier than its profile says. */
    renewalDays: z.int().min(1).max(3660).optional(),
    /** Challenges are Intune's, and Intune judges them: `[enrolment.intune]`. */
    intune: z.boolean().default(false),
    /** DES, Triple DES and SHA-1, from clients that know nothing better. */
    legacyCiphers: z.boolean().default(false),
  })
  .prefault({});
export type EnrolmentLabel = z.output<typeof Label>;

/** Without a slash at the end. */
const base = (address: string) =>
  z
    .url({ protocol: /^https?$/ })
    .default(address)
    .transform((url) => url.replace(/\/+$/, ''));
const Intune = z.strictObject({
  /** Id or name of the tenant, and the application that stands for this office there, with its secret. */
  tenant: z.string().regex(/^[A-Za-z0-9.-]{1,100}$/, 'is the id or the name of a tenant'),
  clientId: z.string().min(1).max(100),
  clientSecret: SecretReference,
  /** Whether certificates are revoked where Intune asks for it. */
  revocations: z.boolean().default(true),
  /** Of other clouds than the public one. */
  login: base('https://login.microsoftonline.com'),
  graph: base('https://graph.microsoft.com'),
  scope: z.string().min(1).max(200).default('https://api.manage.microsoft.com//.default'),
});
export type IntuneConfig = z.output<typeof Intune>;

const Est = z
  .strictObject({
    /** Where EST listens by itself: it is TLS, by which devices are known. */
    host: z.string().default('127.0.0.1'),
    port: z.int().min(0).max(65_535).optional(),
    /** PEM, with what stands above it; relative to the data folder. Read anew when it changes. */
    certificate: z.string().min(1).optional(),
    key: z.strictObject({ file: z.string() }).optional(),
    /** Where devices reach it, without a trailing slash. */
    publicUrl: z.url({ protocol: /^https$/ }).optional(),
    /** A TLS proxy in front of `[server]`, which says by whose certificate a device is known. */
    proxy: z
      .strictObject({
        /** RFC 9440, or PEM with percent signs as nginx escapes it. The proxy removes what a device sends under this name. */
        header: z
          .string()
          .regex(/^[a-z0-9-]+$/, 'is the name of a header, in small letters')
          .default('client-cert'),
        /** Addresses of the proxy. Nobody else is answered there. */
        from: z.array(z.union([z.ipv4(), z.ipv6()])).min(1),
      })
      .optional(),
  })
  .refine(({ port, certificate, key }) => (port === undefined) === (certificate === undefined || key === undefined), {
    path: ['port'],
    message: 'a port comes with certificate and key',
  });
export type EstConfig = z.output<typeof Est>;

export const EnrolmentConfig = z
  .strictObject({
    /** Whether SCEP is answered, at /scep. Nobody is issued anything without a challenge. */
    scep: z.boolean().default(true),
    /** Hours that a one-time challenge is good for, unless whoever makes it says less. */
    challengeHours: z.int().min(1).max(720).default(72),
    /** What people may ask for on their own page, where a link in their mail signs them in: an operator decides, or nobody has to. */
    selfService: z.enum(['never', 'approval', 'direct']).default('approval'),
    /** By the name that stands in the address of an endpoint; `default` stands in none. */
    label: z.record(z.string().regex(/^[a-z0-9-]{1,40}$/, 'has small letters, digits and hyphens'), Label).default({}),
    /** EST is answered where this says. */
    est: Est.optional(),
    /** How Intune is reached. */
    intune: Intune.optional(),
    /** Programs that make challenges for the devices that they manage: each by the token that it shows. */
    manager: z.record(z.string().regex(/^[a-z0-9-]{1,40}$/), z.strictObject({ token: SecretReference })).default({}),
  })
  .refine(({ label, intune }) => intune !== undefined || !Object.values(label).some((one) => one.intune), {
    path: ['intune'],
    message: 'a label that Intune judges needs the table [enrolment.intune] with tenant, clientId and clientSecret',
  });
export type EnrolmentConfig = z.output<typeof EnrolmentConfig>;

/** `default` is there without being written. */
export function labelOf({ label }: EnrolmentConfig, name: string): EnrolmentLabel | undefined {
  return Object.hasOwn(label, name) ? label[name] : name === 'default' ? Label.parse({}) : undefined;
}

export const needsApproval = ({ approval, staticChallenge }: EnrolmentLabel): boolean =>
  (approval ?? (staticChallenge === undefined ? 'never' : 'always')) === 'always';

/** What works and should not be: one sentence each. */
export function enrolmentWarnings({ label }: EnrolmentConfig): string[] {
  return Object.entries(label).flatMap(([name, settings]) => [
    ...(settings.staticChallenge === undefined
      ? []
      : [
          needsApproval(settings)
            ? `enrolment.label.${name}: whoever knows the static challenge may ask for a certificate of anybody, and an operator has to tell who it is. One-time challenges say so by themselves.`
            : `enrolment.label.${name}: whoever knows the static challenge gets a certificate of anybody. Use one-time challenges, or approval = "always".`,
        ]),
    ...(settings.legacyCiphers
      ? [`enrolment.label.${name}: DES and SHA-1 protect the challenge on its way from nobody who makes an effort.`]
      : []),
  ]);
}
