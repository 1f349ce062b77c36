/** Devices that enrol by themselves: challenges for them, and requests for an operator to decide on. */
import { z } from 'zod';
import { CertificateSummary } from './certificates.ts';
import { CompromiseOutcome } from './lifecycle.ts';
import { CertificatePreview } from './profiles.ts';
import { Address, Base64, Id, Instant, SerialNumber } from './values.ts';

const Use = z.enum(['signing', 'encryption']);

export const NewChallenge = z.object({
  /** The id of a profile; without it, the one that signing certificates are issued by. */
  profile: z.string().max(60).optional(),
  /** At most as long as the configuration has it. */
  expiresAfterHours: z.int().min(1).max(720).optional(),
});
/** By a program that manages devices, which knows addresses. */
export const NewChallengeFor = NewChallenge.extend({ address: Address });

/** It is shown once: only its hash is kept. */
export const Challenge = z.object({
  id: Id,
  challenge: z.string().describe('for SCEP the challengePassword of the request, for EST the password'),
  profile: z.string(),
  use: Use,
  /** An operator decides on what is asked for with it. */
  approval: z.boolean(),
  expiresAt: Instant,
  /** Where to show it; null where that protocol is not answered, or does not make such a certificate. */
  scepUrl: z.url().nullable(),
  estUrl: z.url().nullable(),
});
export type Challenge = z.infer<typeof Challenge>;

/** One that nobody has used yet. */
export const OpenChallenge = Challenge.pick({
  id: true,
  profile: true,
  use: true,
  approval: true,
  expiresAt: true,
}).extend({
  /** As the audit trail names them. */
  madeBy: z.string(),
  createdAt: Instant,
});

/** Open ones, or those that are used, withdrawn or lapsed. */
export const ChallengeQuery = z.object({ state: z.enum(['open', 'ended']).default('open') });

export const ListedChallenge = OpenChallenge.extend({
  personId: Id,
  name: z.string(),
  address: Address,
  madeByName: z.string(),
  state: z.enum(['open', 'used', 'withdrawn', 'lapsed']),
  /** When it was used or withdrawn, or has lapsed; null while it is open. */
  endedAt: Instant.nullable(),
  /** What became of the request that it was used for. */
  enrolment: z.object({ id: Id, state: z.enum(['waiting', 'approved', 'refused', 'issued']) }).nullable(),
});
export type ListedChallenge = z.infer<typeof ListedChallenge>;

/** For everybody who knows it: it stands in the configuration, and is made and withdrawn there. */
const StaticChallenge = z.object({
  label: z.string(),
  /** An operator decides on each request. */
  approval: z.boolean(),
  /** Requests that came with it. */
  uses: z.int(),
  lastUsedAt: Instant.nullable(),
});

export const Challenges = z.object({
  /** Newest first, at most 200. */
  items: z.array(ListedChallenge),
  fixed: z.array(StaticChallenge),
});
export type Challenges = z.infer<typeof Challenges>;

export const DeviceEnrolment = z.object({
  id: Id,
  personId: Id,
  name: z.string(),
  address: Address,
  protocol: z.enum(['scep', 'est', 'upload']),
  label: z.string(),
  use: Use,
  profile: z.string(),
  /** How it was shown whose request it is. */
  proof: z.enum(['challenge', 'static', 'certificate', 'intune', 'session']),
  /** What the request says of itself; none of it is taken over. */
  subject: z.string(),
  keyAlgorithm: z.string(),
  keySha256: z.string().describe('of the SubjectPublicKeyInfo, hex: what the device shows is compared with it'),
  state: z.enum(['waiting', 'approved', 'refused', 'issued']),
  requestedAt: Instant,
  decidedAt: Instant.nullable(),
  decidedBy: z.string().nullable(),
  reason: z.string().nullable(),
  serialNumber: SerialNumber.nullable(),
});
export type DeviceEnrolment = z.infer<typeof DeviceEnrolment>;

/** With what an operator decides by. */
export const DeviceEnrolmentDetail = DeviceEnrolment.extend({
  /** Who made the challenge that was shown, and when. */
  challenge: ListedChallenge.pick({ madeBy: true, madeByName: true, createdAt: true }).nullable(),
  /** Addresses that the request names; empty once it is answered, for then it is kept no longer. */
  addresses: z.array(z.string()),
  /** The certificate as it would be; null where none is to be issued, or the office makes the key. */
  preview: CertificatePreview.nullable(),
});
export type DeviceEnrolmentDetail = z.infer<typeof DeviceEnrolmentDetail>;

export const EnrolmentQuery = z.object({ state: DeviceEnrolment.shape.state.optional() });

export const EnrolmentDecision = z.object({
  decision: z.enum(['approve', 'refuse']),
  /** How it was known whose device this is; or what the device, and its owner, are told. */
  reason: z.string().trim().min(1).max(500),
});

/** A device that enrolled, with all that it renewed since. */
export const EnrolledDevice = DeviceEnrolment.pick({
  id: true,
  protocol: true,
  label: true,
  proof: true,
  subject: true,
  keyAlgorithm: true,
}).extend({
  /** Who made the challenge that it showed first, and when; null where it showed something else. */
  challenge: DeviceEnrolmentDetail.shape.challenge,
  enrolledAt: Instant,
  renewals: z.int(),
  renewedAt: Instant.nullable(),
  /** Of the keys that it holds, newest first. */
  certificates: z.array(
    CertificateSummary.pick({ serialNumber: true, use: true, notBefore: true, notAfter: true, state: true }),
  ),
  lostAt: Instant.nullable(),
});
export type EnrolledDevice = z.infer<typeof EnrolledDevice>;

/** What became of each key that a lost device held. */
export const LostDevice = z.object({
  keys: z.array(CompromiseOutcome.extend({ use: z.enum(['signing', 'encryption']) })),
});
export type LostDevice = z.infer<typeof LostDevice>;

/** PKCS#10 for a key made elsewhere: PEM, or DER in base64. */
export const UploadedRequest = z.object({ csr: z.string().max(20_000) });
/** What it says, before it is handed in: nothing is kept of it. */
export const RequestReading = DeviceEnrolmentDetail.pick({
  subject: true,
  addresses: true,
  keyAlgorithm: true,
  keySha256: true,
  preview: true,
}).extend({
  /** Name of the profile that it would be certified by; null where none can be. */
  profile: z.string().nullable(),
  /** An operator would decide on it. */
  approval: z.boolean(),
  /** Why nothing would be issued for it, a sentence each. */
  problems: z.array(z.string()),
});
export type RequestReading = z.infer<typeof RequestReading>;

/** What devices of one's own asked for, as their owner sees it. */
export const MyEnrolment = DeviceEnrolment.pick({
  id: true,
  protocol: true,
  use: true,
  keyAlgorithm: true,
  keySha256: true,
  state: true,
  requestedAt: true,
  reason: true,
  serialNumber: true,
});

/** `certificate` is null while an operator has to decide. */
export const UploadOutcome = z.object({
  id: Id,
  state: z.enum(['waiting', 'issued']),
  certificate: z.object({ serialNumber: SerialNumber, certificate: Base64, chain: z.array(Base64) }).nullable(),
});
