/** Groups as a source presents them: what membership gives, the configuration says. Used as `present.ts` says. */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { operation, perform } from '../../operation.ts';
import { system } from '../../principal.ts';
import type { Transaction } from '../../store/database.ts';
import {
  addMembers,
  deleteGroup,
  type GroupRow,
  groupByKey,
  groupsByKeys,
  groupsOfSource,
  lockSources,
  type Member,
  membersOf,
  putGroup,
  recordsByKeys,
  recordsInGroups,
  removeFromGroups,
  removeMembers,
  setContact,
} from '../../store/sources.ts';
import type { World } from '../../world.ts';
import { withdrawRolesOf } from '../providers/source-groups.ts';
import { groupsMatter } from './decide.ts';
import { requireSource, type Source, SourceInput } from './present.ts';
import { type Outcome, reconcile } from './reconcile.ts';

export interface PresentedGroup {
  readonly key: string;
  readonly name: string;
  readonly externalId?: string | null;
  /** Direct ones only: people, and groups in it. */
  readonly members: readonly Member[];
}

/** Groups with all their members. `complete`: the source has no others any more. @throws AuthorityError as `presentPeople` */
export async function presentGroups(
  world: World,
  source: Source,
  groups: readonly PresentedGroup[],
  { complete = false }: { readonly complete?: boolean } = {},
): Promise<{ changed: number; gone: number }> {
  const stood = await world.database.snapshot((snapshot) => groupsOfSource(snapshot, source.name));
  const wanted = new Map(groups.map((group) => [group.key, group]));
  const gone = complete ? [...stood.values()].filter(({ key }) => !wanted.has(key)) : [];
  for (const { key } of gone) await perform(world, withdrawGroup, system, { source, key });
  let changed = 0;
  for (const group of wanted.values()) {
    const row = stood.get(group.key);
    const had = row === undefined ? [] : await world.database.snapshot((snapshot) => membersOf(snapshot, row.id));
    const { added, removed } = difference(had, group.members);
    if (row?.name === group.name && added.length === 0 && removed.length === 0) continue;
    changed += 1;
    const { key, name, externalId = null } = group;
    await perform(world, presentGroup, system, { source, key, name, externalId, add: added, remove: removed });
  }
  return { changed, gone: gone.length };
}

/** Which are not there any more; others are passed over. */
export async function withdrawGroups(world: World, source: Source, keys: readonly string[]): Promise<void> {
  const stood = await world.database.snapshot((snapshot) => groupsOfSource(snapshot, source.name));
  for (const key of new Set(keys)) if (stood.has(key)) await perform(world, withdrawGroup, system, { source, key });
}

const MemberInput = z.strictObject({ key: z.string().min(1).max(512), kind: z.enum(['person', 'group']) });

/** A group and what changes of its members. */
export const presentGroup = operation({
  action: 'source.present-group',
  permission: 'system',
  input: z.strictObject({
    source: SourceInput,
    key: z.string().min(1).max(512),
    name: z.string().min(1).max(1000),
    externalId: z.string().max(200).nullable(),
    add: z.array(MemberInput),
    remove: z.array(MemberInput),
  }),
  subject: ({ source, key }) => `source:${source.name}:${key}`,
  async run(tx, { source, ...group }, _by, world) {
    const { row, ...audit } = await putGroupInTransaction(tx, world, source, group);
    return { result: row.id, audit: { name: group.name, ...audit } };
  },
});

/** A group that the source has no more. */
export const withdrawGroup = operation({
  action: 'source.withdraw-group',
  permission: 'system',
  input: z.strictObject({ source: SourceInput, key: z.string().min(1).max(512) }),
  subject: ({ source, key }) => `source:${source.name}:${key}`,
  async run(tx, { source, key }, _by, world) {
    const audit = await withdrawGroupInTransaction(tx, world, source, key);
    return { result: undefined, audit };
  },
});

/**
 * Makes the group or changes it, and has the people in it follow.
 * @returns the group, and for the audit trail what came of it
 */
export async function putGroupInTransaction(
  tx: Transaction,
  world: World,
  source: Source,
  group: {
    readonly key: string;
    /** Where it is new. */
    readonly id?: string;
    readonly name: string;
    readonly externalId: string | null;
    readonly add: readonly Member[];
    readonly remove: readonly Member[];
  },
): Promise<{ row: Pick<GroupRow, 'id'>; added: number; removed: number } & Record<string, unknown>> {
  await lockSources(tx);
  await requireSource(tx, world, source);
  const at = world.clock();
  await setContact(tx, source.name, at, null);
  const before = await groupByKey(tx, source.name, group.key);
  const id = before?.id ?? group.id ?? randomUUID();
  const { key, name, externalId } = group;
  await putGroup(tx, { id, source: source.name, key, name, external_id: externalId, at });
  const removed = await removeMembers(
    tx,
    id,
    group.remove.map((member) => member.key),
  );
  const added = await addMembers(tx, id, group.add);
  // Under another name it gives something else to all of them; else to those alone who come and go.
  const concerned = !groupsMatter(world.config.identity)
    ? []
    : before !== undefined && before.name !== name
      ? [...(await recordsInGroups(tx, [id])), ...(await recordsOfMembers(tx, source.name, group.remove))]
      : await recordsOfMembers(tx, source.name, [...group.add, ...group.remove]);
  return { row: { id }, added, removed, ...(await follow(tx, world, source.name, concerned)) };
}

/** @returns for the audit trail; of a group that is not there, nothing */
export async function withdrawGroupInTransaction(
  tx: Transaction,
  world: World,
  source: Source,
  key: string,
): Promise<Record<string, unknown>> {
  await lockSources(tx);
  const group = await groupByKey(tx, source.name, key);
  if (group === undefined) return {};
  await setContact(tx, source.name, world.clock(), null);
  const concerned = groupsMatter(world.config.identity) ? await recordsInGroups(tx, [group.id]) : [];
  await deleteGroup(tx, group.id);
  await removeFromGroups(tx, source.name, [key]);
  return { name: group.name, ...(await follow(tx, world, source.name, concerned)) };
}

/** People of one record of the trail; of more, the count tells. */
const MOST_LISTED = 1_000;

/** What reconciling many at once came to, for the audit trail. */
export function describeOutcomes(outcomes: Iterable<Outcome>): Record<string, unknown> {
  const all = [...outcomes];
  const summary: Record<string, unknown> = {};
  for (const became of ['joined', 'changed', 'left', 'came-back', 'suspended', 'returned'] as const) {
    const ids = all.flatMap((one) => (one.became === became && one.personId !== null ? [one.personId] : []));
    if (ids.length > 0) summary[became] = ids.length > MOST_LISTED ? ids.length : [...new Set(ids)];
  }
  return summary;
}

/** Has people and operators follow. @param concerned records of those for whom a group has changed */
async function follow(
  tx: Transaction,
  world: World,
  source: string,
  concerned: readonly string[],
): Promise<Record<string, unknown>> {
  const outcomes = concerned.length === 0 ? [] : (await reconcile(tx, world, [...new Set(concerned)])).values();
  const operators = await withdrawRolesOf(tx, world, source);
  return { ...describeOutcomes(outcomes), ...(operators.length > 0 && { operators }) };
}

/** People, and everybody in groups, by the keys of their source. */
async function recordsOfMembers(tx: Transaction, source: string, members: readonly Member[]): Promise<string[]> {
  // What a member was called when it was added does not count: a key is a person's or a group's.
  const keys = [...new Set(members.map(({ key }) => key))];
  if (keys.length === 0) return [];
  const people = await recordsByKeys(tx, source, keys);
  const groups = await groupsByKeys(tx, source, keys);
  return [
    ...people.map(({ id }) => id),
    ...(await recordsInGroups(
      tx,
      groups.map(({ id }) => id),
    )),
  ];
}

function difference(had: readonly Member[], wanted: readonly Member[]): { added: Member[]; removed: Member[] } {
  const name = ({ kind, key }: Member) => `${kind} ${key}`;
  const before = new Set(had.map(name));
  const after = new Set(wanted.map(name));
  return {
    added: wanted.filter((one) => !before.has(name(one))).map(({ key, kind }) => ({ key, kind })),
    removed: had.filter((one) => !after.has(name(one))).map(({ key, kind }) => ({ key, kind })),
  };
}
