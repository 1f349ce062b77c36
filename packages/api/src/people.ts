/** End entities: the people (and mailboxes) that have certificates. */
import { z } from 'zod';
import { CertificateSummary } from './certificates.ts';
import { PhoneKeys } from './devices.ts';
import { EnrolledDevice } from './enrolment.ts';
import { ImportedCertificate } from './imports.ts';
import { Address, Id, Instant, PageQuery } from './values.ts';

/** Where the signing key lives: on the person's own device or browser, or in the gateway that signs for them. */
export const SigningKeyOrigin = z.enum(['device', 'gateway']);
export type SigningKeyOrigin = z.infer<typeof SigningKeyOrigin>;

const AttributeText = z.string().trim().min(1).max(64);
/** What a certificate's subject may say of a person beside their name, where a profile asks for it. */
export const PersonAttributes = z.strictObject({
  givenName: AttributeText.optional(),
  surname: AttributeText.optional(),
  title: AttributeText.optional(),
  department: AttributeText.optional(),
  employeeId: AttributeText.optional(),
  country: z
    .string()
    .trim()
    .regex(/^[A-Z]{2}$/, 'is not two capital letters of ISO 3166-1')
    .optional(),
  /** In which they are written to: BCP 47, as directories have it in preferredLanguage. */
  language: z
    .string()
    .trim()
    .regex(/^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8}){0,3}$/, 'is no language tag')
    .optional(),
  /** The address of whoever they report to: told of what the office tells managers. */
  manager: Address.optional(),
});
export type PersonAttributes = z.infer<typeof PersonAttributes>;

/** Where people come from: typed in, a CSV file, a SCIM client, a directory. */
export const SourceKind = z.enum(['hand', 'csv', 'scim', 'ldap']);
export type SourceKind = z.infer<typeof SourceKind>;

export const NewPerson = z.object({
  address: Address,
  name: z.string().trim().min(1).max(200),
  aliases: z.array(Address).max(50).default([]),
  externalId: z.string().min(1).max(200).nullable().default(null),
  attributes: PersonAttributes.default({}),
  signingKey: SigningKeyOrigin.default('device'),
  /** The gateway may open this person's incoming mail. */
  gatewayDecrypts: z.boolean().default(false),
});
export type NewPerson = z.infer<typeof NewPerson>;

/** Can this person be written to encrypted, sign, and if not, why. One word each for a table cell; `reason` is a sentence. */
const Coverage = z.object({
  signing: z.enum(['valid', 'pending', 'expiring', 'expired', 'revoked', 'none']),
  encryption: z.enum(['valid', 'pending', 'expiring', 'expired', 'revoked', 'none']),
  published: z.enum(['published', 'pending', 'failed', 'not-published', 'no-target']),
  reason: z.string().nullable(),
});

export const Person = z.object({
  id: Id,
  address: Address,
  name: z.string(),
  aliases: z.array(Address),
  externalId: z.string().nullable(),
  attributes: PersonAttributes,
  /** `suspended`: everything is on hold until they return. */
  state: z.enum(['active', 'suspended', 'left']),
  signingKey: SigningKeyOrigin,
  gatewayDecrypts: z.boolean(),
  createdAt: Instant,
  coverage: Coverage,
});
export type Person = z.infer<typeof Person>;

export const PersonDetail = Person.extend({
  certificates: z.array(CertificateSummary),
  /** That another office issued. */
  importedCertificates: z.array(ImportedCertificate),
  escrowedKeys: z.array(
    z.object({
      id: Id,
      createdAt: Instant,
      /** `device`: made by the person's own; `imported`: made elsewhere, and in use before it came here. */
      origin: z.enum(['kra', 'device', 'imported']),
      algorithm: z.string(),
      /** Of the certificate of ours for it. */
      serialNumber: z.string().nullable(),
      /** All certificates of it, ours and another office's, the oldest first. */
      certificates: z.array(
        z.object({
          serialNumber: z.string(),
          ours: z.boolean(),
          notBefore: Instant,
          notAfter: Instant,
          /** Since when it is revoked, or on hold. */
          revokedAt: Instant.nullable(),
          onHold: z.boolean(),
        }),
      ),
      /** Its owner has it. */
      deliveredAt: Instant.nullable(),
      /** When its retention ends; null: it is kept for ever. */
      keptUntil: Instant.nullable(),
      /** When it was destroyed: nobody opens it any more. */
      destroyedAt: Instant.nullable(),
      locks: z.array(
        z.object({
          kind: z.enum(['vault', 'claim', 'gateway', 'owner']),
          /** Of a gateway: its name. */
          holder: z.string().nullable(),
          expiresAt: Instant.nullable(),
        }),
      ),
    }),
  ),
  /** That made their own keys and enrolled them, newest first. */
  enrolledDevices: z.array(EnrolledDevice),
  claim: z.object({ expiresAt: Instant, claimedAt: Instant.nullable() }).nullable(),
  /** Their keys on phones that Intune manages; null where the office has no Intune. */
  phone: PhoneKeys.nullable(),
  /** That were theirs: their keys are found by these too. */
  formerAddresses: z.array(z.object({ address: z.string(), until: Instant })),
  /** What sources of people say of them, the deciding one first. */
  sources: z.array(
    z.object({
      source: z.string(),
      kind: SourceKind,
      /** How the source itself calls them. */
      key: z.string(),
      active: z.boolean(),
      /** When it ceased to present them. */
      goneAt: Instant.nullable(),
      changedAt: Instant,
      /** Why it is not wholly in force. */
      conflict: z.string().nullable(),
    }),
  ),
  /** The source that switched them off, and has them return; null: nobody suspended them, or somebody in the office did. */
  suspendedBy: z.string().nullable(),
  groups: z.array(z.object({ source: z.string(), name: z.string(), direct: z.boolean() })),
  manager: z.object({ id: Id, name: z.string(), address: Address }).nullable(),
  /** By use, the profile that a group of theirs gives them. */
  profiles: z.object({ signing: z.string().optional(), encryption: z.string().optional() }),
  /** What they sign in with to their own page, and how many of those open their keys. */
  passkeys: z.object({ all: z.int(), openingKeys: z.int() }),
  /** Their accounts at identity providers, with which they have signed in. */
  providerAccounts: z.array(z.object({ issuer: z.string(), lastSignInAt: Instant })),
});
export type PersonDetail = z.infer<typeof PersonDetail>;

/** No defaults here: what is left out stays as it is. */
export const PersonPatch = z.object({
  /** The one before stays theirs as a further address, unless `aliases` says which do. */
  address: Address.optional(),
  name: NewPerson.shape.name.optional(),
  aliases: NewPerson.shape.aliases.unwrap().optional(),
  externalId: NewPerson.shape.externalId.unwrap().optional(),
  /** All of them: what is left out is forgotten. */
  attributes: PersonAttributes.optional(),
  signingKey: SigningKeyOrigin.optional(),
  gatewayDecrypts: z.boolean().optional(),
});

export const PeopleQuery = PageQuery.extend({
  search: z.string().max(200).optional(),
  state: z.enum(['active', 'suspended', 'left']).optional(),
  /** Only people who cannot be written to encrypted. */
  uncovered: z.stringbool().optional(),
});

export const ImportRequest = z.object({
  /** CSV text, UTF-8, header line `address,name,aliases,external_id[,signing_key,gateway_decrypts,given_name,surname,title,department,employee_id,country,language,manager]`; aliases split by `;`. */
  csv: z.string().max(20_000_000),
  dryRun: z.boolean().default(false),
});

export const ImportReport = z.object({
  dryRun: z.boolean(),
  created: z.int(),
  changed: z.int(),
  unchanged: z.int(),
  /** What would change or did, line by line; only created and changed lines. */
  lines: z.array(
    z.object({
      line: z.int(),
      address: z.string(),
      action: z.enum(['created', 'changed']),
      changes: z.array(z.string()),
    }),
  ),
});
export type ImportReport = z.infer<typeof ImportReport>;

/** A one-time link that hands a person their keys. It is shown once: only its hash is kept. */
export const ClaimLink = z.object({ url: z.url(), expiresAt: Instant });
