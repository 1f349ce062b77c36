/**
 * Signing in with what an identity provider says. It vouches for operators, whom its groups make, and for people, who are here
 * already. An operator with a credential of their own is never taken over by it: they are who lets others in when it fails.
 */
import { randomUUID } from 'node:crypto';
import { OperatorRole, type Role } from '@chancery/api';
import { z } from 'zod';
import { AuthorityError } from '../../errors.ts';
import { operation, perform } from '../../operation.ts';
import { type Principal, system } from '../../principal.ts';
import type { Transaction } from '../../store/database.ts';
import { requireOffice } from '../../store/office.ts';
import {
  insertOperator,
  lockOperatorByAddress,
  type OperatorRow,
  operatorByAddress,
  operatorById,
  updateProviderOperator,
} from '../../store/operators.ts';
import { lockPerson, type PersonRow, personByAddress } from '../../store/people.ts';
import {
  deleteProviderSubjects,
  insertProviderSubject,
  lockProviderSignIns,
  noteProviderSignIn,
  providerSubject,
  subjectsOf,
} from '../../store/provider-subjects.ts';
import { deleteTokensOfOperator, deleteTokensOfPerson, spendChallenge } from '../../store/tokens.ts';
import type { World } from '../../world.ts';
import { exclusivePair } from '../exclusive-roles.ts';
import { beginPersonSession, type PersonSession } from '../person-sessions.ts';
import { beginSession, type Session } from '../sessions.ts';
import { grantedRoles, Identity, requirePersonStrength, rolesByGroup, wantedAcr } from './claims.ts';
import { attemptOf, type Flow, newFlow, openFlow, sealFlow } from './flow.ts';
import { exchangeAnswer, signInAddress } from './provider.ts';
import type { OidcProvider } from './provider-config.ts';
import { longSession, shortSession } from './provider-session.ts';
import { type Recognised, recognise } from './source-groups.ts';

/** The provider's address, and what this browser keeps until it comes back. @throws AuthorityError `not-found`, `unavailable` */
export async function beginProviderSignIn(
  world: World,
  begun: { readonly provider: string; readonly as: Flow['as']; readonly back: string; readonly origin: string },
): Promise<{ url: string; sealedFlow: string; expiresAt: Date }> {
  await world.database.snapshot(requireOffice);
  const provider = requireProvider(world, begun.provider, begun.as);
  const flow = newFlow(world, begun);
  const url = await signInAddress(world, provider, attemptOf(flow), wantedAcr(provider, begun.as));
  const { sealed, expiresAt } = await sealFlow(world, flow);
  return { url, sealedFlow: sealed, expiresAt };
}

export type Entered = { readonly back: string } & (
  | { readonly as: 'operator'; readonly session: Session }
  | { readonly as: 'person'; readonly session: PersonSession }
);

/**
 * The browser is back. Whatever came of it is on the audit trail.
 * @throws AuthorityError `wrong-credentials`, `forbidden`, `conflict`, `unavailable`, with a sentence for who signs in
 */
export async function finishProviderSignIn(
  world: World,
  by: Principal,
  came: { readonly provider: string; readonly sealedFlow: string | undefined; readonly query: string },
): Promise<Entered> {
  const flow = await orRefusal(openFlow(world, came.sealedFlow, came.provider));
  if (flow instanceof AuthorityError) {
    const session = await perform(world, signInWithProvider, by, { provider: came.provider, answer: flow });
    return { as: 'operator', back: '/', session };
  }
  const provider = requireProvider(world, flow.provider, flow.as);
  const exchanged = await orRefusal(exchangeAnswer(world, provider, attemptOf(flow), came.query));
  const answer =
    exchanged instanceof AuthorityError ? exchanged : { ...exchanged, state: flow.state, expires: flow.expires };
  const input = { provider: flow.provider, answer };
  if (flow.as === 'person') {
    return { as: 'person', back: flow.back, session: await perform(world, beginPersonSessionWithProvider, by, input) };
  }
  if (!(exchanged instanceof AuthorityError)) await withdrawRoles(world, flow.provider, provider, exchanged.identity);
  return { as: 'operator', back: flow.back, session: await perform(world, signInWithProvider, by, input) };
}

const Answer = z.union([
  /** It was no sign-in: the refusal goes on record, and to whoever tried. */
  z.instanceof(AuthorityError),
  z.object({
    identity: Identity,
    idToken: z.string(),
    refreshToken: z.string().optional(),
    state: z.string(),
    expires: z.number(),
  }),
]);
type Accepted = Exclude<z.output<typeof Answer>, AuthorityError>;
const SignIn = z.object({ provider: z.string().max(60), answer: Answer });

/** The right is what the provider says, which was checked before, and is judged inside. */
const vouchedFor = { guard: () => true, description: "an identity provider's word" };

export const signInWithProvider = operation({
  action: 'session.begin-with-provider',
  permission: vouchedFor,
  input: SignIn,
  subject: ({ provider }) => `provider:${provider}`,
  async run(tx, { provider: name, answer }, _by, world) {
    const accepted = await takeAnswer(tx, world, answer);
    const provider = requireProvider(world, name, 'operator');
    const recognised = await recognise(tx, name, provider, accepted.identity);
    const { identity, known } = recognised;
    const roles = grantedRoles(provider, identity);
    refuseExclusive(world, provider, roles);
    const operator =
      known === undefined
        ? await admitOperator(tx, world, name, provider, recognised, roles)
        : await bringUpToDate(tx, world, name, provider, known, recognised, roles);
    await refuseDeparted(tx, operator.address, provider);
    const session = await beginSession(tx, world, operator, await operatorSession(tx, world, name, provider, accepted));
    return {
      result: session,
      audit: {
        operatorId: operator.id,
        provider: name,
        providerSubject: identity.subject,
        roles: [...operator.roles],
        // Of these, by a group of a source.
        rolesBySource: operator.roles.filter((one) => !recognised.providerRoles.includes(one)),
        acr: identity.acr ?? null,
        amr: identity.amr,
        made: known === undefined,
        expiresAt: session.expiresAt.toISOString(),
      },
    };
  },
});

export const beginPersonSessionWithProvider = operation({
  action: 'person.begin-session-with-provider',
  permission: vouchedFor,
  input: SignIn,
  subject: ({ provider }) => `provider:${provider}`,
  async run(tx, { provider: name, answer }, _by, world) {
    const accepted = await takeAnswer(tx, world, answer);
    const { identity } = accepted;
    const provider = requireProvider(world, name, 'person');
    requirePersonStrength(provider, identity);
    const found = await providerSubject(tx, 'person', identity);
    const person =
      found?.person_id == null
        ? await recognisePerson(tx, world, provider, identity)
        : await lockPerson(tx, found.person_id);
    if (person?.state !== 'active') throw departed(provider);
    const at = world.clock();
    await noteProviderSignIn(tx, 'person', { issuer: identity.issuer, id: person.id, at });
    const { data } = await shortSession(tx, world, name, accepted);
    const { result, audit } = await beginPersonSession(tx, world, person, data);
    return { result, audit: { ...audit, provider: name, providerSubject: identity.subject } };
  },
});

/** What a provider says now of an operator's groups. Without a role nothing of theirs is open any more. */
export const settleProviderRoles = operation({
  action: 'operator.settle-roles',
  permission: 'system',
  input: z.strictObject({ operatorId: z.uuid(), roles: z.array(OperatorRole), reason: z.string() }),
  subject: ({ operatorId }) => `operator:${operatorId}`,
  async run(tx, { operatorId, roles, reason }) {
    const before = await operatorById(tx, operatorId);
    if (before === undefined) throw new AuthorityError('not-found', 'There is no such operator. Nothing was changed.');
    const { name, address } = before;
    await updateProviderOperator(tx, operatorId, { name, address, roles, providerRoles: roles });
    if (roles.length === 0) await deleteTokensOfOperator(tx, operatorId);
    return { result: undefined, audit: { name: before.name, before: [...before.roles], roles, reason } };
  },
});

/** A person's account at the provider was made anew: their next sign-in finds them by address. Sessions end. */
export const forgetProviderAccount = operation({
  action: 'person.forget-provider-account',
  permission: 'person:write',
  input: z.strictObject({ id: z.uuid() }),
  subject: ({ id }) => `person:${id}`,
  async run(tx, { id }) {
    const person = await lockPerson(tx, id);
    if (person === undefined) throw new AuthorityError('not-found', 'There is no such person. Nothing was changed.');
    const forgotten = await deleteProviderSubjects(tx, 'person', id);
    await deleteTokensOfPerson(tx, id);
    return { result: { forgotten }, audit: { personId: id, forgotten } };
  },
});

/** @throws AuthorityError `not-found` where the configuration has none of that name for them */
function requireProvider(world: World, name: string, as: Flow['as']): OidcProvider {
  const provider = Object.hasOwn(world.config.identity.oidc, name) ? world.config.identity.oidc[name] : undefined;
  if (provider === undefined || (as === 'person' ? !provider.people : provider.role.length === 0)) {
    throw new AuthorityError('not-found', 'Nobody signs in here with that provider. Choose another way to sign in.');
  }
  return provider;
}

async function orRefusal<T>(promise: Promise<T>): Promise<T | AuthorityError> {
  return promise.catch((error: unknown) => {
    if (error instanceof AuthorityError) return error;
    throw error;
  });
}

/** Once, whoever sends it again: the provider's own word that a code was used is not the only one. */
async function takeAnswer(tx: Transaction, world: World, answer: z.output<typeof Answer>): Promise<Accepted> {
  if (answer instanceof AuthorityError) throw answer;
  await lockProviderSignIns(tx);
  if (await spendChallenge(tx, answer.state, world.clock(), new Date(answer.expires))) return answer;
  throw new AuthorityError('wrong-credentials', 'This sign-in was used already. Nobody was signed in. Begin again.');
}

async function admitOperator(
  tx: Transaction,
  world: World,
  name: string,
  provider: OidcProvider,
  { identity, providerRoles, personId }: Recognised,
  roles: readonly Role[],
): Promise<OperatorRow> {
  const address = requireAddress(provider, identity);
  const existing = await lockOperatorByAddress(tx, address);
  if (existing !== undefined) throw taken(address, provider, existing);
  const at = world.clock();
  const id = randomUUID();
  const operator = await insertOperator(tx, {
    id,
    name: identity.name === '' ? address : identity.name,
    address,
    roles,
    state: 'active',
    at,
    provider: name,
    providerRoles,
    personId,
  });
  await insertProviderSubject(tx, { ...identity, holder: 'operator', id, at });
  return operator;
}

/** Of an operator whom the provider made: name, address and roles follow what it says. */
async function bringUpToDate(
  tx: Transaction,
  world: World,
  name: string,
  provider: OidcProvider,
  known: OperatorRow,
  { identity, providerRoles, personId }: Recognised,
  roles: readonly Role[],
): Promise<OperatorRow> {
  if (known.state !== 'active' || known.provider !== name) {
    throw new AuthorityError(
      'forbidden',
      `An administrator has disabled your account here. Nobody was signed in, whatever ${provider.title} says. Ask them.`,
    );
  }
  const wanted = identity.address ?? known.address;
  const owner = await operatorByAddress(tx, wanted);
  const address = owner === undefined || owner.id === known.id ? wanted : known.address;
  const changed = { name: identity.name === '' ? known.name : identity.name, address, roles };
  await updateProviderOperator(tx, known.id, { ...changed, providerRoles, personId });
  await noteProviderSignIn(tx, 'operator', { issuer: identity.issuer, id: known.id, at: world.clock() });
  return { ...known, ...changed, roles: [...roles] };
}

/** By an address that is believed, and only while nobody else has signed in as them. */
async function recognisePerson(
  tx: Transaction,
  world: World,
  provider: OidcProvider,
  identity: Identity,
): Promise<PersonRow> {
  const address = requireAddress(provider, identity);
  const found = await personByAddress(tx, address);
  const person = found && (await lockPerson(tx, found.id));
  if (person?.state !== 'active') throw departed(provider);
  const others = await subjectsOf(tx, 'person', person.id);
  if (others.some(({ issuer }) => issuer === identity.issuer)) {
    throw new AuthorityError(
      'conflict',
      `Another account of ${provider.title} signs in as ${address} already. Nobody was signed in. If yours was made anew, a registration officer lets go of the old one.`,
    );
  }
  await insertProviderSubject(tx, { ...identity, holder: 'person', id: person.id, at: world.clock() });
  return person;
}

function requireAddress(provider: OidcProvider, { address }: Identity): string {
  if (address !== undefined) return address;
  throw new AuthorityError(
    'forbidden',
    `${provider.title} does not say that your e-mail address was checked. Nobody was signed in. Confirm it there, or ask an administrator.`,
  );
}

async function refuseDeparted(tx: Transaction, address: string, provider: OidcProvider): Promise<void> {
  const person = await personByAddress(tx, address);
  if (person !== undefined && person.state !== 'active') throw departed(provider);
}

function departed(provider: OidcProvider): AuthorityError {
  return new AuthorityError(
    'forbidden',
    `Nobody of this organisation goes with your account of ${provider.title}, or they have left. Nobody was signed in. Ask a registration officer.`,
  );
}

function refuseExclusive(world: World, provider: OidcProvider, roles: readonly Role[]): void {
  const pair = exclusivePair(world.config, roles);
  if (pair === undefined) return;
  throw new AuthorityError(
    'forbidden',
    `The groups of ${provider.title} make you ${pair[0]} and ${pair[1]}, and nobody is both: four eyes need four eyes. Nobody was signed in. Ask for one of the two to be taken away.`,
  );
}

function taken(address: string, provider: OidcProvider, existing: OperatorRow): AuthorityError {
  return new AuthorityError(
    'conflict',
    existing.provider === null
      ? `${address} is an operator with a credential of their own, and signs in with that. Nobody was signed in with ${provider.title}.`
      : `Another account signs in as ${address} already. Nobody was signed in. An administrator disables the one that is not theirs.`,
  );
}

async function operatorSession(tx: Transaction, world: World, name: string, provider: OidcProvider, answer: Accepted) {
  return answer.refreshToken === undefined
    ? shortSession(tx, world, name, answer)
    : longSession(tx, world, name, provider, { ...answer, refreshToken: answer.refreshToken });
}

/** What was an operator's is not theirs any more once the provider says so, though it is they themselves who come to hear it. */
async function withdrawRoles(world: World, name: string, provider: OidcProvider, said: Identity): Promise<void> {
  const { identity, known } = await world.database.snapshot((snapshot) => recognise(snapshot, name, provider, said));
  const roles = rolesByGroup(provider, identity);
  if (known === undefined || (roles.length > 0 && exclusivePair(world.config, roles) === undefined)) return;
  const reason = roles.length === 0 ? 'in no group that gives a role' : 'groups give roles that exclude each other';
  await perform(world, settleProviderRoles, system, { operatorId: known.id, roles: [], reason });
}
