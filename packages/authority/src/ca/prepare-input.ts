/** What can be asked of issuance: a use, whose it is, and the key or the request with it. */

import { z } from 'zod';
import type { EscrowReceipt } from '../kra/escrow.ts';
import type { KeyOrigin } from '../store/schema.ts';

/** PKCS#10, DER. */
const Request = z.custom<Uint8Array>((value) => value instanceof Uint8Array);

export const PrepareInput = z.discriminatedUnion('use', [
  z.strictObject({
    use: z.literal('signing'),
    request: Request,
    personId: z.uuid(),
    keyOrigin: z.enum(['device', 'browser', 'gateway']),
    enrollmentId: z.uuid().optional(),
    /** The id of a profile for signing; without it, the one that the office has chosen. */
    profile: z.string().optional(),
    /** Serial number of the certificate of that very key which this one follows. */
    renews: z.string().optional(),
    /** The request of a batch that this certificate answers. */
    item: z.strictObject({ issuanceId: z.uuid(), position: z.int() }).optional(),
  }),
  z.strictObject({
    use: z.literal('encryption'),
    /** There is no encryption certificate for a key that was not escrowed first. */
    key: z.custom<EscrowReceipt>((value) => typeof value === 'object' && value !== null),
    personId: z.uuid(),
    enrollmentId: z.uuid().optional(),
  }),
  z.strictObject({ use: z.literal('gateway'), request: Request, gatewayId: z.uuid(), name: z.string().min(1) }),
  z.strictObject({
    use: z.literal('admin'),
    request: Request,
    operatorId: z.uuid(),
    keyOrigin: z.enum(['device', 'browser']),
  }),
  // A responder speaks for one authority, which signs its certificate itself (RFC 6960 4.2.2.2).
  z.strictObject({ use: z.literal('ocsp'), keyReference: z.string().min(1), authorityId: z.uuid() }),
  z.strictObject({ use: z.literal('scep-ra'), keyReference: z.string().min(1) }),
  z.strictObject({ use: z.literal('seal'), keyReference: z.string().min(1) }),
  z.strictObject({
    use: z.literal('partner'),
    request: Request,
    /** What the registration authority knows them by. */
    partnerId: z.uuid(),
    name: z.string().min(1),
    /** Those that were proven, as they are to be written. */
    addresses: z.array(z.string()).min(1),
    /** The part of what the profile allows that was asked for. */
    usage: z.enum(['signing', 'encryption', 'both']),
  }),
]);
export type PrepareInput = z.output<typeof PrepareInput>;

/** What the audit record is about. */
export function subjectOf(input: PrepareInput): string {
  switch (input.use) {
    case 'ocsp':
      return 'responder';
    case 'scep-ra':
      return 'scep-ra';
    case 'seal':
      return 'seal';
    case 'partner':
      return `acme-account:${input.partnerId}`;
    case 'gateway':
      return `gateway:${input.gatewayId}`;
    case 'admin':
      return `operator:${input.operatorId}`;
    default:
      return `person:${input.personId}`;
  }
}

/** Where the key was made. */
export function originOf(input: PrepareInput): KeyOrigin {
  switch (input.use) {
    case 'signing':
    case 'admin':
      return input.keyOrigin;
    case 'encryption':
      return input.key.origin;
    case 'partner':
      return 'device';
    case 'gateway':
      return 'gateway';
    case 'ocsp':
    case 'scep-ra':
    case 'seal':
      return 'authority';
  }
}
