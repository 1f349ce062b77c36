/** Set-up, sign-in and operators (the people who run the office). */
import { z } from 'zod';
import { OperatorRole, permissions, Role } from './roles.ts';
import { Address, Id, Instant } from './values.ts';

const CaAlgorithm = z.enum(['ecdsa', 'rsa']);

/** What the browser needs to choose a credential. The passkey options are WebAuthn's own JSON. */
export const CredentialOptions = z.object({
  /** Whose account this makes. Empty for the first administrator, who types it. */
  address: Address.nullable(),
  name: z.string().nullable(),
  roles: z.array(Role),
  totp: z.object({ secret: z.string().describe('base32'), uri: z.string() }),
  passkey: z.record(z.string(), z.unknown()),
});
export const NewCredential = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('password'),
    password: z.string().min(12, 'A password has at least 12 characters').max(200),
    totpSecret: z.string(),
    totpCode: z.string().regex(/^\d{6}$/),
  }),
  z.object({ kind: z.literal('passkey'), response: z.record(z.string(), z.unknown()) }),
]);
export type NewCredential = z.infer<typeof NewCredential>;

/** `token` is the part of a set-up or invitation link behind `#`. */
export const TokenRequest = z.object({ token: z.string().min(20).max(200) });
export const CompleteSetup = TokenRequest.extend({
  organisation: z.string().trim().min(1).max(64),
  /** Mail domains that are ours. */
  domains: z.array(z.string().trim().toLowerCase().min(1)).min(1),
  caAlgorithm: CaAlgorithm.default('ecdsa'),
  name: z.string().trim().min(1).max(200),
  address: Address,
  credential: NewCredential,
});
export const CompleteInvitation = TokenRequest.extend({ credential: NewCredential });

export const OfficeState = z.object({
  setUp: z.boolean(),
  organisation: z.string().nullable(),
  domains: z.array(z.string()),
  version: z.string(),
  demo: z.boolean(),
});

export const PasswordLogin = z.object({
  address: Address,
  password: z.string().max(200),
  totpCode: z.string().regex(/^\d{6}$/),
});
/** `flow` ties the answer to the challenge that was given out. */
export const PasskeyOptions = z.object({ flow: z.string(), options: z.record(z.string(), z.unknown()) });
export const PasskeyLogin = z.object({ flow: z.string(), response: z.record(z.string(), z.unknown()) });

export const Me = z.object({
  id: Id,
  name: z.string(),
  address: Address,
  roles: z.array(Role),
  permissions: z.array(z.enum(permissions)),
});
export type Me = z.infer<typeof Me>;

export const Operator = z.object({
  id: Id,
  name: z.string(),
  address: Address,
  roles: z.array(Role),
  state: z.enum(['invited', 'active', 'disabled']),
  createdAt: Instant,
  lastSignInAt: Instant.nullable(),
  /** The identity provider that vouches for them, by its title; null with a credential of their own. */
  provider: z.string().nullable(),
});
export type Operator = z.infer<typeof Operator>;
export const NewOperator = z.object({
  name: z.string().trim().min(1).max(200),
  address: Address,
  roles: z.array(OperatorRole).min(1),
});
/** Shown once; only its hash is kept. */
export const InvitationLink = z.object({ operator: Operator, url: z.url(), expiresAt: Instant });

/** A bearer token for a gateway. Shown once; only its hash is kept. */
export const NewGateway = z.object({ name: z.string().regex(/^[a-z0-9-]{1,60}$/) });
export const GatewayToken = z.object({ name: z.string(), token: z.string() });
/** For an administrator who is locked out, and for everyone in a demo office. `url` is `/sign-in#<token>`. */
export const SignInLink = z.object({ url: z.url(), expiresAt: Instant });
