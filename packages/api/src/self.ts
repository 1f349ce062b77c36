/** An employee's own page: signing in to it, what they have, their passkeys, another device, and everything on record about them. */
import { z } from 'zod';
import { AuditProof } from './audit.ts';
import { CertificateSummary } from './certificates.ts';
import { ClaimEncryption, ClaimSecret } from './claims.ts';
import { PhoneKeys } from './devices.ts';
import { EnrolledDevice, MyEnrolment } from './enrolment.ts';
import { PasskeyOptions } from './session.ts';
import { Address, Base64, Id, Instant } from './values.ts';

const Base64Url = z.string().regex(/^[A-Za-z0-9_-]+$/);
/** As WebAuthn gives it: at most 1023 octets. */
const CredentialId = Base64Url.max(1400);
const PasskeyResponse = z.record(z.string(), z.unknown());

export const LinkRequest = z.object({ address: Address });

export const Myself = z.object({
  id: Id,
  organisation: z.string(),
  name: z.string(),
  address: Address,
  sessionEndsAt: Instant,
  signing: z.array(
    CertificateSummary.pick({ serialNumber: true, notBefore: true, notAfter: true, state: true, keyOrigin: true }),
  ),
  /** Newest first. */
  keys: z.array(
    z.object({
      id: Id,
      createdAt: Instant,
      certificates: z.array(
        CertificateSummary.pick({ serialNumber: true, notBefore: true, notAfter: true, state: true }),
      ),
      /** When its owner first fetched it. */
      deliveredAt: Instant.nullable(),
      gatewayOpens: z.boolean(),
      /** The passkeys that open it. */
      openedBy: z.array(CredentialId),
    }),
  ),
  passkeys: z.array(
    z.object({
      credentialId: CredentialId,
      name: z.string(),
      createdAt: Instant,
      lastUsedAt: Instant.nullable(),
      opensKeys: z.boolean(),
    }),
  ),
  /** Where the keys went, newest first. */
  devices: z.array(z.object({ at: Instant, name: z.string(), kind: z.enum(['file', 'apple']), keys: z.int() })),
  /** That made their own keys and enrolled them, newest first. */
  enrolledDevices: z.array(EnrolledDevice),
  /** What devices and uploads asked for, newest first, at most 20. */
  enrolments: z.array(MyEnrolment),
  /** May they hand in a request for a key that was made elsewhere? */
  mayUpload: z.boolean(),
  /** Null where the office has no Intune. */
  phone: PhoneKeys.nullable(),
  /** Where a browser hands keys to Gmail's hosted S/MIME; null where the office has none. */
  gmail: z.object({ clientId: z.string(), authorizationUrl: z.url(), apiUrl: z.url() }).nullable(),
  help: z.object({ topic: z.enum(['lost-key', 'lost-device', 'other']), askedAt: Instant }).nullable(),
  caCertificates: z.array(Base64),
});
export type Myself = z.infer<typeof Myself>;

/** `options` make a passkey; `show` asks for one that is there already, where there is one. */
export const NewPasskeyOptions = PasskeyOptions.extend({
  /** Whose owner key it gives: one passkey gives other keys to others. */
  personId: Id,
  show: PasskeyOptions.nullable(),
});

const NewPasskey = z.object({
  flow: z.string(),
  response: PasskeyResponse,
  /** What its owner calls it. */
  name: z.string().trim().min(1).max(60),
  /** Public half of the key that it gives by its PRF extension: P-256 point, 65 octets. */
  ownerKey: Base64Url.max(200).nullable(),
});
export const MyNewPasskey = NewPasskey.extend({
  /** A passkey that is there already, shown for this. */
  shown: z.object({ flow: z.string(), response: PasskeyResponse }).nullable(),
});
export const ClaimPasskey = NewPasskey.extend(ClaimSecret.shape);
export const EnrolledPasskey = z.object({ credentialId: CredentialId });

export const ClaimOwnerLocks = EnrolledPasskey.extend(ClaimSecret.shape);

const OwnerLock = z.object({
  id: Id,
  wrapped: Base64Url.max(200).describe('version, HPKE encapsulation, sealed data key'),
});
/** `id` is that of the key. */
export const OwnerLocks = z.object({ items: z.array(OwnerLock) });
export const NewOwnerLocks = EnrolledPasskey.extend({ locks: z.array(OwnerLock).max(1000) });
export const AddedLocks = z.object({ escrowedKeyIds: z.array(Id) });

export const KeysetRequest = EnrolledPasskey.extend({
  /** What the browser opened: data keys of 32 octets. */
  keys: z
    .array(z.object({ id: Id, dek: z.string().regex(/^[A-Za-z0-9_-]{43}$/) }))
    .min(1)
    .max(1000),
  device: z.string().trim().max(60).default(''),
  ...ClaimEncryption.pick({ profile: true, password: true }).shape,
});

export const AppleProfileRequest = KeysetRequest.omit({ profile: true });
export const PhoneKeyRequest = KeysetRequest.pick({ credentialId: true, keys: true });

export const NewHelpRequest = z.object({
  topic: z.enum(['lost-key', 'lost-device', 'other']),
  note: z.string().trim().max(1000).default(''),
});
export const HelpRequest = z.object({
  id: Id,
  personId: Id,
  name: z.string(),
  address: Address,
  topic: NewHelpRequest.shape.topic,
  note: z.string(),
  askedAt: Instant,
});
export type HelpRequest = z.infer<typeof HelpRequest>;

/** Records about the caller, newest first. What they say stands in `canonical`, and nowhere else: that is what is proven. */
export const MyRecords = z.object({
  items: z.array(
    z.object({
      sequence: z.int(),
      canonical: AuditProof.shape.canonical,
      /** Null until a checkpoint covers the record. */
      proof: z.array(z.string()).nullable(),
    }),
  ),
  next: z.string().nullable(),
  checkpoint: AuditProof.shape.checkpoint.nullable(),
  /** Verifier keys of the office's trail, oldest first. */
  keys: z.array(z.string()),
});
export type MyRecords = z.infer<typeof MyRecords>;
