/** `[identity.oidc.NAME]`: an identity provider (OpenID Connect) that says who somebody is, and what that makes of them here. */
import { OperatorRole } from '@chancery/api';
import { SecretReference } from '@chancery/keystore';
import { z } from 'zod';

const Values = z.array(z.string().min(1).max(300)).min(1).max(100);

const RoleMapping = z
  .strictObject({
    role: OperatorRole,
    /** Whoever is in one of these has the role. */
    groups: Values,
    /** One of these stands in the claim `acr`: the strength of the sign-in, in the provider's own words. */
    acr: Values.optional(),
    /** One of these stands in the claim `amr` (RFC 8176). */
    amr: Values.optional(),
    /** However the person signed in at the provider, the role is theirs. */
    anyFactor: z.boolean().default(false),
  })
  .refine(({ acr, amr, anyFactor }) => anyFactor === (acr === undefined && amr === undefined), {
    path: ['amr'],
    message: 'name what `acr` or `amr` says after a second factor, or anyFactor = true to ask for none',
  });

export const OidcProvider = z
  .strictObject({
    /** On the button: "Sign in with …". */
    title: z.string().trim().min(1).max(40),
    issuer: z
      .url({ protocol: /^https?$/ })
      .refine(isSafe, 'begins with https:// (http:// for this machine alone)')
      .refine(isOneTenant, 'names one tenant: whoever has an account anywhere would sign in'),
    clientId: z.string().min(1).max(300),
    /** None for a public client: PKCE is used either way. */
    clientSecret: SecretReference.optional(),
    scopes: z
      .array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/, 'is no scope'))
      .refine((all) => all.includes('openid'), 'holds openid')
      .default(['openid', 'profile', 'email']),
    /** Names of claims; a claim inside another by a path with dots. */
    addressClaim: z.string().min(1).default('email'),
    nameClaim: z.string().min(1).default('name'),
    groupsClaim: z.string().min(1).default('groups'),
    /**
     * Sources of people (SCIM clients, directories) whose groups count beside those that the provider tells, by name or by the source's
     * own key: where it tells none, or too few.
     */
    groupsFrom: z
      .array(z.string().regex(/^[a-z0-9-]{1,40}$/, 'is no name of a source'))
      .max(20)
      .default([]),
    /** `verified`: those that the provider has checked. `all`: in a directory in which nobody chooses their own address. */
    addresses: z.enum(['verified', 'all']).default('verified'),
    /** Employees sign in to their own page with it. */
    people: z.boolean().default(false),
    /** What their sign-in must have been, where that matters. */
    peopleAcr: Values.optional(),
    peopleAmr: Values.optional(),
    /** What a group makes of its members. */
    role: z.array(RoleMapping).max(100).default([]),
    /** Minutes after which the provider is asked again, where it gave a refresh token. */
    recheckMinutes: z.int().min(1).max(1440).default(15),
    /** Signing out here signs out there. */
    signOutThere: z.boolean().default(true),
    clockToleranceSeconds: z.int().min(0).max(300).default(30),
    timeoutSeconds: z.int().min(1).max(60).default(10),
  })
  .refine(({ people, role }) => people || role.length > 0, {
    path: ['role'],
    message: 'lets nobody in: give it roles, or people = true',
  });
export type OidcProvider = z.output<typeof OidcProvider>;

/** Tokens go over TLS, or stay on this machine. */
function isSafe(issuer: string): boolean {
  const { protocol, hostname } = new URL(issuer);
  return protocol === 'https:' || ['localhost', '127.0.0.1', '[::1]'].includes(hostname);
}

/** Microsoft's endpoints for all tenants together have no issuer of their own: any tenant's token would do. */
function isOneTenant(issuer: string): boolean {
  const { hostname, pathname } = new URL(issuer);
  return !(/^login\.microsoftonline\./.test(hostname) && /^\/(common|organizations|consumers)(\/|$)/.test(pathname));
}
