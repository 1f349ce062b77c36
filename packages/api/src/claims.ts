/** What a person does with the one-time claim link. `secret` is the part behind `#`; it opens the claim lock. */
import { z } from 'zod';
import { SigningRequest } from './certificates.ts';
import { FileFormat } from './devices.ts';
import { Address, Base64, Instant } from './values.ts';

export const ClaimSecret = z.object({ secret: z.string().min(20).max(200) });

export const Claim = z.object({
  organisation: z.string(),
  name: z.string(),
  address: Address,
  expiresAt: Instant,
  /** Whether the person makes a signing key here, or has one already, or the gateway signs for them. */
  signing: z.enum(['needed', 'done', 'gateway']),
  /** `none`: it is being made; `kept`: the person has one, and the link is not for another. */
  encryption: z.enum(['ready', 'delivered', 'none', 'kept']),
  caCertificates: z.array(Base64),
});
export const ClaimSigning = ClaimSecret.extend(SigningRequest.shape);
export const ClaimEncryption = ClaimSecret.extend({
  profile: FileFormat.default('modern'),
  /** The browser makes it and shows it; ASCII, 12 characters or more. It is never stored. */
  password: z
    .string()
    .min(12)
    .max(100)
    .regex(/^[\x20-\x7e]+$/),
});
export const ClaimAppleProfile = ClaimEncryption.omit({ profile: true });
export const Pkcs12 = z.object({ fileName: z.string(), data: Base64 });
