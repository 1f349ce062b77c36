/** From what a provider says of somebody to who that is here, and what they may. Nothing is asked or stored. */
import type { OperatorRole as OperatorRoles } from '@chancery/api';
import { z } from 'zod';
import { AuthorityError } from '../../errors.ts';
import type { OidcProvider } from './provider-config.ts';

/** Bounded: a provider tells a great deal, and it is kept. */
export const Identity = z.object({
  issuer: z.string().min(1).max(500),
  /** The provider's own name for them, which it never gives to somebody else (OpenID Connect Core 2). */
  subject: z.string().min(1).max(255),
  name: z.string().trim().max(200),
  /** Absent where the provider gives none, or has not checked it. */
  address: z.email().max(254).optional(),
  groups: z.array(z.string().max(300)).max(5_000),
  /** The provider left groups out because there are too many. */
  groupsLeftOut: z.boolean(),
  acr: z.string().max(300).optional(),
  amr: z.array(z.string().max(100)).max(50),
});
export type Identity = z.output<typeof Identity>;
type OperatorRole = z.output<typeof OperatorRoles>;

export type Claims = Readonly<Record<string, unknown>>;

/**
 * @param token the claims of the ID token, @param userinfo of the userinfo endpoint, for the same subject
 * @throws AuthorityError `wrong-credentials` where they cannot be used
 */
export function readIdentity(provider: OidcProvider, token: Claims, userinfo: Claims): Identity {
  const address = believedAddress(provider, token) ?? believedAddress(provider, userinfo);
  const groups = claimOf(token, provider.groupsClaim) ?? claimOf(userinfo, provider.groupsClaim) ?? [];
  const read = Identity.safeParse({
    issuer: token.iss,
    subject: token.sub,
    name: claimOf(token, provider.nameClaim) ?? claimOf(userinfo, provider.nameClaim) ?? address ?? '',
    ...(address !== undefined && { address }),
    groups: typeof groups === 'string' ? [groups] : groups,
    groupsLeftOut: [token, userinfo].some((claims) => leavesOut(claims, provider.groupsClaim)),
    ...(token.acr !== undefined && { acr: token.acr }),
    amr: token.amr ?? [],
  });
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  throw new AuthorityError(
    'wrong-credentials',
    `What ${provider.title} says of you cannot be used (${issue?.path.join('.')}: ${issue?.message}). Nobody was signed in. Tell an administrator.`,
  );
}

/**
 * The roles that the provider's groups give.
 * @throws AuthorityError `forbidden` where there is none, or the sign-in was too weak for one of them
 */
export function grantedRoles(provider: OidcProvider, identity: Identity): OperatorRole[] {
  const given = mappingsFor(provider, identity);
  if (given.length === 0) {
    throw new AuthorityError(
      'forbidden',
      identity.groupsLeftOut
        ? `You are in more groups than ${provider.title} tells. Nobody was signed in. An administrator has it send the groups of this application only.`
        : `Nothing that ${provider.title} says of you makes you an operator of this office. Nobody was signed in. Ask an administrator to put you into the right group there.`,
    );
  }
  // All of them or none: whoever is to administer should not find themselves half let in.
  const weak = given.find(({ acr, amr }) => !isStrong({ acr, amr }, identity));
  if (weak !== undefined) {
    throw new AuthorityError(
      'forbidden',
      `Your sign-in at ${provider.title} was too weak for the role ${weak.role}: it asks for a second factor. Nobody was signed in. Sign out there, and in again with a second factor.`,
    );
  }
  return rolesByGroup(provider, identity);
}

/** The same, however they signed in; none where no group gives any. */
export function rolesByGroup(provider: OidcProvider, identity: Pick<Identity, 'groups'>): OperatorRole[] {
  return [...new Set(mappingsFor(provider, identity).map(({ role }) => role))];
}

/** Of somebody who is signed in already: roles that they hold go on, and another comes only with the sign-in that it asks for. */
export function rolesToGoOn(provider: OidcProvider, identity: Identity, held: readonly string[]): OperatorRole[] {
  const given = mappingsFor(provider, identity).filter(
    ({ role, acr, amr }) => held.includes(role) || isStrong({ acr, amr }, identity),
  );
  return [...new Set(given.map(({ role }) => role))];
}

/** @throws AuthorityError `forbidden` */
export function requirePersonStrength(provider: OidcProvider, identity: Identity): void {
  if (isStrong({ acr: provider.peopleAcr, amr: provider.peopleAmr }, identity)) return;
  throw new AuthorityError(
    'forbidden',
    `Your sign-in at ${provider.title} was too weak for this page. Nobody was signed in. Sign out there, and in again with a second factor.`,
  );
}

/** What the provider is asked to make sure of, in its own words. */
export function wantedAcr(provider: OidcProvider, as: 'operator' | 'person'): readonly string[] {
  return [...new Set(as === 'person' ? provider.peopleAcr : provider.role.flatMap(({ acr }) => acr ?? []))];
}

/** Whether a userinfo endpoint may add what the token leaves out. */
export function isIncomplete(provider: OidcProvider, token: Claims): boolean {
  const { addressClaim, nameClaim, groupsClaim } = provider;
  return [addressClaim, nameClaim, groupsClaim].some((name) => claimOf(token, name) === undefined);
}

function mappingsFor(provider: OidcProvider, identity: Pick<Identity, 'groups'>) {
  return provider.role.filter(({ groups }) => groups.some((group) => identity.groups.includes(group)));
}

interface Strength {
  readonly acr: readonly string[] | undefined;
  readonly amr: readonly string[] | undefined;
}

function isStrong({ acr, amr }: Strength, identity: Identity): boolean {
  const acrHolds = acr === undefined || (identity.acr !== undefined && acr.includes(identity.acr));
  const amrHolds = amr === undefined || amr.some((one) => identity.amr.includes(one));
  return acrHolds && amrHolds;
}

/** Whether it was checked stands beside it: a word of one answer says nothing about the address of another. */
function believedAddress(provider: OidcProvider, claims: Claims): string | undefined {
  const address = claimOf(claims, provider.addressClaim);
  if (typeof address !== 'string') return undefined;
  const checked = claims.email_verified === true || claims.email_verified === 'true';
  // Of another claim than `email` the provider never says that it was checked.
  const verified = checked && provider.addressClaim === 'email';
  return provider.addresses === 'all' || verified ? address : undefined;
}

/** A name as it stands, dots and all (they are URLs at some providers); else a path. */
function claimOf(claims: Claims, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name] ?? undefined;
  const [first = '', ...rest] = name.split('.');
  const inner = Object.hasOwn(claims, first) ? claims[first] : undefined;
  if (rest.length === 0 || typeof inner !== 'object' || inner === null) return undefined;
  return claimOf(inner as Claims, rest.join('.'));
}

/** "Distributed claims" (OpenID Connect Core 5.6.2): Entra's way to say that there are too many. */
function leavesOut(claims: Claims, name: string): boolean {
  const names = claims._claim_names;
  return typeof names === 'object' && names !== null && Object.hasOwn(names, name);
}
