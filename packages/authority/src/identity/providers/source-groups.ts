/**
 * Operators by groups of SCIM clients and directories. Who somebody is, and how strongly they signed in, the provider says; the groups of
 * their person count beside those that it tells, under the same mapping. A group that is left takes its role at once; one that is
 * joined gives it at the next sign-in, which has to be as strong as the role asks for.
 */
import type { Role } from '@chancery/api';
import type { Snapshot, Transaction } from '../../store/database.ts';
import {
  lockOperatorsOfPeople,
  type OperatorRow,
  operatorById,
  operatorOfPerson,
  updateProviderOperator,
} from '../../store/operators.ts';
import { type PersonRow, peopleByIds, personByAddress, personById } from '../../store/people.ts';
import { providerSubject } from '../../store/provider-subjects.ts';
import { groupsOfRecords, recordsOfPeople } from '../../store/sources.ts';
import { deleteTokensOfOperator } from '../../store/tokens.ts';
import type { World } from '../../world.ts';
import { isGroup } from '../sources/decide.ts';
import { type Identity, rolesByGroup } from './claims.ts';
import type { OidcProvider } from './provider-config.ts';

/** Somebody who signs in, with all groups that count for them. */
export interface Recognised {
  readonly identity: Identity;
  /** The operator whom that account is already. */
  readonly known: OperatorRow | undefined;
  /** The person whose groups were added. */
  readonly personId: string | null;
  /** What the provider's own groups give. */
  readonly providerRoles: readonly Role[];
}

export async function recognise(
  snapshot: Snapshot,
  name: string,
  provider: OidcProvider,
  identity: Identity,
): Promise<Recognised> {
  const found = await providerSubject(snapshot, 'operator', identity);
  const known = found?.operator_id == null ? undefined : await operatorById(snapshot, found.operator_id);
  const providerRoles = rolesByGroup(provider, identity);
  const person = provider.groupsFrom.length === 0 ? undefined : await personOf(snapshot, name, identity, known);
  if (person === undefined) return { identity, known, personId: null, providerRoles };
  const groups = (await mappedGroups(snapshot, provider, [person])).get(person.id) ?? [];
  return {
    identity: { ...identity, groups: [...identity.groups, ...groups] },
    known,
    personId: person.id,
    providerRoles,
  };
}

/** An operator whose roles went with a group. */
export interface RoleLoss {
  readonly operatorId: string;
  readonly personId: string;
  readonly before: readonly string[];
  readonly roles: readonly string[];
}

/**
 * After a change of what that source presents: what its groups gave and give no more is taken away, and with the last role every
 * session. An operator with a credential of their own is no matter of groups, and so no office loses its last administrator by one.
 */
export async function withdrawRolesOf(tx: Transaction, world: World, source: string): Promise<RoleLoss[]> {
  const providers = Object.entries(world.config.identity.oidc).filter(([, one]) => one.groupsFrom.includes(source));
  const lost: RoleLoss[] = [];
  for (const [name, provider] of providers) {
    const operators = await lockOperatorsOfPeople(tx, name);
    const people = await peopleByIds(
      tx,
      operators.flatMap(({ person_id }) => person_id ?? []),
    );
    const groups = await mappedGroups(tx, provider, people);
    for (const { id, name: called, address, person_id, roles: before, provider_roles } of operators) {
      if (person_id === null) continue;
      const given = new Set<string>([
        ...provider_roles,
        ...rolesByGroup(provider, { groups: groups.get(person_id) ?? [] }),
      ]);
      const roles = before.filter((role) => given.has(role));
      if (roles.length === before.length) continue;
      await updateProviderOperator(tx, id, { name: called, address, roles });
      if (roles.length === 0) await deleteTokensOfOperator(tx, id);
      lost.push({ operatorId: id, personId: person_id, before, roles });
    }
  }
  return lost;
}

/** Recognised by address once, and from then on by whom that address led to; whoever has left is nobody. */
async function personOf(
  snapshot: Snapshot,
  provider: string,
  { address }: Identity,
  known: OperatorRow | undefined,
): Promise<PersonRow | undefined> {
  const linked = known?.person_id == null ? undefined : await personById(snapshot, known.person_id);
  if (linked?.state === 'active') return linked;
  const person = address === undefined ? undefined : await personByAddress(snapshot, address);
  if (person?.state !== 'active') return undefined;
  const other = await operatorOfPerson(snapshot, provider, person.id);
  return other === undefined || other.id === known?.id ? person : undefined;
}

/** Which groups of the mapping each is in, as the mapping calls them; nobody who is not here is in any. */
async function mappedGroups(
  snapshot: Snapshot,
  provider: OidcProvider,
  people: readonly PersonRow[],
): Promise<Map<string, string[]>> {
  const here = people.filter(({ state }) => state === 'active').map(({ id }) => id);
  const records = (await recordsOfPeople(snapshot, here)).filter(
    ({ source, gone_at, active }) => gone_at === null && active && provider.groupsFrom.includes(source),
  );
  const groups = await groupsOfRecords(
    snapshot,
    records.map(({ id }) => id),
  );
  const names = new Set(provider.role.flatMap((mapping) => mapping.groups));
  const found = new Map<string, string[]>();
  for (const { id, person_id } of records) {
    const theirs = groups.get(id) ?? [];
    const mapped = [...names].filter((name) => theirs.some((group) => isGroup(group, name)));
    if (person_id !== null) found.set(person_id, [...(found.get(person_id) ?? []), ...mapped]);
  }
  return found;
}
