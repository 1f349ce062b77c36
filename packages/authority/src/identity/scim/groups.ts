/** Groups of a SCIM client. Members are rows, and a change of one touches one: a group of ten thousand costs no more than one of ten. */
import { sql } from 'kysely';
import { z } from 'zod';
import { AuthorityError } from '../../errors.ts';
import { bulkOperation, orRefusal } from '../../operation.ts';
import type { Snapshot, Transaction } from '../../store/database.ts';
import { type GroupRow, groupByKey, lockSources, type Member, membersOf } from '../../store/sources.ts';
import type { World } from '../../world.ts';
import type { Source } from '../sources/present.ts';
import { putGroupInTransaction, withdrawGroupInTransaction } from '../sources/present-groups.ts';
import { type Filter, matches } from './filter.ts';
import { filterSql, ofGroups } from './filter-sql.ts';
import { type PatchOperation, targetsOf } from './patch.ts';
import { ScimRefusal } from './refusal.ts';
import { type Described, isObject, readResource, readSingle, readValue, versionOf } from './resource.ts';
import { type Attribute, GROUP, groupShape } from './schemas.ts';
import { bySource, type Page, sourceOf } from './users.ts';

/** Of one group, in one request. */
const MOST_MEMBERS = 100_000;

const Body = z.custom<unknown>(() => true);
const version = z.string().max(200).nullable();
const Write = z.discriminatedUnion('act', [
  z.strictObject({ act: z.literal('create'), id: z.uuid(), body: Body }),
  z.strictObject({ act: z.literal('replace'), id: z.uuid(), body: Body, version }),
  z.strictObject({
    act: z.literal('patch'),
    id: z.uuid(),
    operations: z.array(
      z.strictObject({ op: z.enum(['add', 'remove', 'replace']), path: z.string().optional(), value: Body }),
    ),
    version,
  }),
  z.strictObject({ act: z.literal('delete'), id: z.uuid(), version }),
]);

/** @throws ScimRefusal by what is wrong; AuthorityError `not-found` */
export const writeGroup = bulkOperation({
  action: 'scim.write-group',
  permission: bySource,
  input: Write,
  subject: ({ id }) => `group:${id}`,
  async runAll(tx, inputs, by, world) {
    const source = sourceOf(by);
    await lockSources(tx);
    const done: ({ result: undefined; audit: Record<string, unknown> } | AuthorityError)[] = [];
    for (const input of inputs) {
      // Read and judged first: a refusal has written nothing. What goes wrong after it is nobody's own fault.
      const wanted = await orRefusal(() => judge(tx, source, input));
      if (wanted instanceof AuthorityError) {
        done.push(wanted);
        continue;
      }
      const audit =
        wanted === 'delete'
          ? await withdrawGroupInTransaction(tx, world, source, input.id)
          : await put(tx, world, source, input.id, wanted);
      done.push({ result: undefined, audit: { act: input.act, source: source.name, ...audit } });
    }
    return done;
  },
});

interface Judged {
  readonly name: string;
  readonly externalId: string | null;
  readonly add: readonly Member[];
  readonly remove: readonly Member[];
}

/** @throws ScimRefusal, AuthorityError `not-found` */
async function judge(tx: Transaction, source: Source, input: z.output<typeof Write>): Promise<Judged | 'delete'> {
  const { id } = input;
  const row = input.act === 'create' ? undefined : await requireGroup(tx, source, id, input.version);
  if (input.act === 'delete') return 'delete';
  const wanted =
    input.act === 'patch' ? await patched(tx, row, input.operations as readonly PatchOperation[]) : whole(input.body);
  const add = await withKinds(tx, source, [...wanted.add]);
  const remove =
    wanted.replace === null || row === undefined
      ? [...wanted.remove].map((key) => ({ key, kind: 'person' as const }))
      : (await membersOf(tx, id)).filter(({ key }) => !wanted.add.has(key));
  const { name, externalId } = wanted;
  return { name, externalId, add, remove };
}

async function put(
  tx: Transaction,
  world: World,
  source: Source,
  id: string,
  wanted: Judged,
): Promise<Record<string, unknown>> {
  const { row: _, ...audit } = await putGroupInTransaction(tx, world, source, { key: id, id, ...wanted });
  return { name: wanted.name, ...audit };
}

interface Wanted {
  readonly name: string;
  readonly externalId: string | null;
  readonly add: Set<string>;
  readonly remove: Set<string>;
  /** True where `add` is all of them. */
  readonly replace: true | null;
}

function whole(body: unknown): Wanted {
  // The members apart: there may be many more of them than of any other attribute.
  const { members, ...rest } = isObject(body) ? withLowerMembers(body) : { members: undefined };
  const resource = readResource(isObject(body) ? rest : body, groupShape);
  return {
    name: String(resource.displayName),
    externalId: typeof resource.externalId === 'string' ? resource.externalId : null,
    add: new Set(memberKeys(members)),
    remove: new Set(),
    replace: true,
  };
}

function withLowerMembers(body: Record<string, unknown>): { members?: unknown } & Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(body).map(([key, value]) => [key.toLowerCase() === 'members' ? 'members' : key, value]),
  );
}

async function patched(
  tx: Transaction,
  row: GroupRow | undefined,
  operations: readonly PatchOperation[],
): Promise<Wanted> {
  if (row === undefined) throw gone();
  let { name, external_id: externalId } = row;
  const add = new Set<string>();
  const remove = new Set<string>();
  let replace: true | null = null;
  const put = (keys: Iterable<string>) => {
    for (const key of keys) {
      add.add(key);
      remove.delete(key);
    }
  };
  const take = (keys: Iterable<string>) => {
    for (const key of keys) {
      remove.add(key);
      add.delete(key);
    }
  };
  const all = () => {
    replace = true;
    add.clear();
    remove.clear();
  };
  for (const { op, path, value } of operations) {
    for (const [where, what] of targetsOf(path, value, groupShape)) {
      const { attribute, filter } = where;
      if (attribute.name === 'displayName') name = textOf(attribute, op === 'remove' ? undefined : what) ?? missing();
      else if (attribute.name === 'externalId') externalId = op === 'remove' ? null : textOf(attribute, what);
      else if (filter !== null) {
        if (op !== 'remove') throw new ScimRefusal('mutability', 'A member is added or removed. Nothing was changed.');
        take(await chosenBy(tx, row.id, filter));
      } else if (op === 'add') put(memberKeys(what));
      else if (op === 'replace') {
        all();
        put(memberKeys(what));
      } else if (what === undefined || what === null) all();
      else take(memberKeys(what));
    }
  }
  return { name, externalId, add, remove, replace };
}

/** `members[value eq "…"]` names one, and need not be looked up. */
async function chosenBy(tx: Transaction, groupId: string, filter: Filter): Promise<string[]> {
  if (filter.kind === 'compare' && filter.comparison === 'eq' && filter.target.attribute.name === 'value')
    return [String(filter.value)];
  return (await membersOf(tx, groupId))
    .filter(({ key, kind }) => matches(filter, { value: key, type: kind === 'group' ? 'Group' : 'User' }))
    .map(({ key }) => key);
}

function memberKeys(value: unknown): string[] {
  if (value === undefined || value === null) return [];
  const all = Array.isArray(value) ? value : [value];
  if (all.length > MOST_MEMBERS)
    throw new ScimRefusal('tooMany', `At most ${MOST_MEMBERS} members at a time. Nothing was changed.`);
  return all.map((one) => {
    const key = isObject(one) ? (one.value ?? one.Value) : one;
    if (typeof key !== 'string' || key === '' || key.length > 512)
      throw new ScimRefusal('invalidValue', 'A member is named by the id of a user or a group. Nothing was changed.');
    return key;
  });
}

/** What each is; one that is neither is refused, or it would silently be nobody. */
async function withKinds(tx: Transaction, source: Source, keys: readonly string[]): Promise<Member[]> {
  if (keys.length === 0) return [];
  const among = sql<boolean>`key = ANY (${keys}::text[])`;
  const people = await tx
    .selectFrom('source_records')
    .select('key')
    .where('source', '=', source.name)
    .where('gone_at', 'is', null)
    .where(among)
    .execute();
  const groups = await tx
    .selectFrom('source_groups')
    .select('key')
    .where('source', '=', source.name)
    .where(among)
    .execute();
  const kinds = new Map<string, Member['kind']>([
    ...people.map(({ key }) => [key, 'person'] as const),
    ...groups.map(({ key }) => [key, 'group'] as const),
  ]);
  return keys.map((key) => {
    const kind = kinds.get(key);
    if (kind === undefined)
      throw new ScimRefusal('invalidValue', `No user or group has the id ${key.slice(0, 80)}. Nothing was changed.`);
    return { key, kind };
  });
}

async function requireGroup(tx: Transaction, source: Source, id: string, expected: string | null): Promise<GroupRow> {
  const row = await groupByKey(tx, source.name, id);
  if (row === undefined) throw gone();
  if (expected !== null && expected !== '*' && expected !== versionOfGroup(row))
    throw new ScimRefusal('version', 'It has changed since you read it. Nothing was changed. Read it again.');
  return row;
}

const versionOfGroup = ({ name, external_id, changed_at }: GroupRow): string =>
  versionOf([name, external_id, changed_at.toISOString()]);

function textOf(attribute: Attribute, value: unknown): string | null {
  const read = readValue(
    { ...attribute, multiValued: false },
    isObject(value) ? undefined : readSingle(attribute, value),
  );
  return typeof read === 'string' ? read : null;
}

function missing(): never {
  throw new ScimRefusal('invalidValue', 'displayName is required. Nothing was changed.');
}

function gone(): AuthorityError {
  return new AuthorityError('not-found', 'There is no such group. Nothing was changed.');
}

// Reading -------------------------------------------------------------------------------------------------------------

/** @param start from 1, as the protocol counts */
export async function listGroups(
  snapshot: Snapshot,
  source: Source,
  { filter, start, count }: { readonly filter: Filter | undefined; readonly start: number; readonly count: number },
): Promise<Page<GroupRow>> {
  const matching = snapshot
    .selectFrom('source_groups as g')
    .where('g.source', '=', source.name)
    .where(filter === undefined ? sql<boolean>`true` : filterSql(filter, ofGroups));
  const { total } = await matching.select(({ fn }) => fn.countAll<string>().as('total')).executeTakeFirstOrThrow();
  const items =
    count === 0
      ? []
      : await matching
          .selectAll('g')
          .orderBy('g.created_at')
          .orderBy('g.id')
          .offset(start - 1)
          .limit(count)
          .execute();
  return { total: Number(total), items };
}

export async function groupById(snapshot: Snapshot, source: Source, id: string): Promise<GroupRow | undefined> {
  return groupByKey(snapshot, source.name, id);
}

/** As the protocol shows it. @param withMembers false where the client does not want them */
export async function describeGroup(
  snapshot: Snapshot,
  row: GroupRow,
  base: string,
  withMembers: boolean,
): Promise<Described> {
  const members = withMembers ? await membersOf(snapshot, row.id) : [];
  return {
    schemas: [GROUP],
    id: row.key,
    ...(row.external_id !== null && { externalId: row.external_id }),
    displayName: row.name,
    ...(withMembers && {
      members: members.map(({ key, kind }) => ({
        value: key,
        type: kind === 'group' ? 'Group' : 'User',
        $ref: `${base}/${kind === 'group' ? 'Groups' : 'Users'}/${key}`,
      })),
    }),
    meta: {
      resourceType: 'Group',
      created: row.created_at.toISOString(),
      lastModified: row.changed_at.toISOString(),
      location: `${base}/Groups/${row.key}`,
      version: versionOfGroup(row),
    },
  };
}
