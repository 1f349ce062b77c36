/** `[acme]`: partners outside the organisation get certificates by ACME, proven by mail (RFC 8555, RFC 8823). Without the table, nothing is served. */
import { z } from 'zod';

/** An address, or a whole domain. */
export const AcmeAddress = z
  .string()
  .max(254)
  .regex(
    /^([A-Za-z0-9_'+-][A-Za-z0-9_'+.-]{0,63}@)?([A-Za-z0-9][A-Za-z0-9-]*\.)+[A-Za-z][A-Za-z0-9-]+$/,
    'is an address, or a domain',
  )
  .transform((text) => text.toLowerCase());

export const AcmeConfig = z
  .strictObject({
    /** From which challenges are mailed, and to which they are answered: an address that reaches the gateway. */
    address: z
      .string()
      .regex(/^[A-Za-z0-9_'+.-]+@([A-Za-z0-9-]+\.)+[A-Za-z][A-Za-z0-9-]+$/, 'is an address')
      .max(254),
    /** Whether an account is made only by whoever has a key of `chancery acme create`. */
    externalAccountRequired: z.boolean().default(true),
    /** Without such a key: addresses and whole domains that may be ordered. */
    addresses: z.array(AcmeAddress).max(500).default([]),
    /** Hours in which a challenge is to be answered and its order finished. */
    challengeHours: z.int().min(1).max(168).default(72),
    /** What whoever makes an account has to agree to. */
    termsOfService: z.url({ protocol: /^https?$/ }).optional(),
    /** Seconds until a name server that does not answer is given up, and the reply tried again: a gateway waits for eight. */
    dnsTimeoutSeconds: z.number().min(0.05).max(7).default(5),
  })
  .refine(({ externalAccountRequired, addresses }) => externalAccountRequired || addresses.length > 0, {
    path: ['addresses'],
    message: 'says whose certificates anybody may order; without it nobody could',
  });
export type AcmeConfig = z.output<typeof AcmeConfig>;

/** Is that address named, or its domain? */
export function isAmong(addresses: readonly string[], address: string): boolean {
  const key = address.toLowerCase();
  return addresses.includes(key) || addresses.includes(key.slice(key.lastIndexOf('@') + 1));
}
