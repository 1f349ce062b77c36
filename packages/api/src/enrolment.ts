/** Devices that enrol by themselves: challenges for them, and requests for an operator to decide on. */
import { z } from 'zod';
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

export const EnrolmentQuery = z.object({ state: DeviceEnrolment.shape.state.optional() });

export const EnrolmentDecision = z.object({
  decision: z.enum(['approve', 'refuse']),
  /** How it was known whose device this is; or what the device, and its owner, are told. */
  reason: z.string().trim().min(1).max(500),
});

/** PKCS#10 for a key made elsewhere: PEM, or DER in base64. */
export const UploadedRequest = z.object({ csr: z.string().max(20_000) });
/** `certificate` is null while an operator has to decide. */
export const UploadOutcome = z.object({
  id: Id,
  state: z.enum(['waiting', 'issued']),
  certificate: z.object({ serialNumber: SerialNumber, certificate: Base64, chain: z.array(Base64) }).nullable(),
});
