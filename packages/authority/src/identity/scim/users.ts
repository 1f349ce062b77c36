/** Users of a SCIM client: written in one operation each, many at once in one transaction; read as they were put. */
import { sql } from 'kysely';
import { z } from 'zod';
import { AuthorityError } from '../../errors.ts';
import { bulkOperation } from '../../operation.ts';
import type { Principal } from '../../principal.ts';
import type { Snapshot, Transaction } from '../../store/database.ts';
import { requireOffice } from '../../store/office.ts';
import { groupsOfRecords, lockSources, type RecordRow, recordsByKeys } from '../../store/sources.ts';
import { describeOutcome, presentInTransaction, type Source } from '../sources/present.ts';
import type { Outcome } from '../sources/reconcile.ts';
import type { Filter } from './filter.ts';
import { filterSql, ofUsers } from './filter-sql.ts';
import { applyPatch } from './patch.ts';
import { ScimRefusal } from './refusal.ts';
import { type Described, isObject, type Resource, readResource, versionOf } from './resource.ts';
import { ENTERPRISE, USER, userShape } from './schemas.ts';
import { presentUser } from './user-record.ts';

/** Who holds a SCIM token. */
export const bySource = {
  guard: (by: Principal): boolean => by.kind === 'source',
  description: 'a SCIM token',
};

/** The source that asks. @throws AuthorityError `forbidden` */
export function sourceOf(by: Principal): Source {
  if (by.kind !== 'source') throw new AuthorityError('forbidden', 'Only a SCIM client does this. Nothing was changed.');
  return { name: by.id, kind: 'scim' };
}

const Body = z.custom<unknown>(() => true);
const Operations = z.array(
  z.strictObject({ op: z.enum(['add', 'remove', 'replace']), path: z.string().optional(), value: Body }),
);
/** Of the version that the client has seen; null: whichever. */
const version = z.string().max(200).nullable();
const Write = z.discriminatedUnion('act', [
  z.strictObject({ act: z.literal('create'), id: z.uuid(), body: Body }),
  z.strictObject({ act: z.literal('replace'), id: z.uuid(), body: Body, version }),
  z.strictObject({ act: z.literal('patch'), id: z.uuid(), operations: Operations, version }),
  z.strictObject({ act: z.literal('delete'), id: z.uuid(), version }),
]);
type Write = z.output<typeof Write>;

/** @throws ScimRefusal by what is wrong; AuthorityError `not-found` */
export const writeUser = bulkOperation({
  action: 'scim.write-user',
  permission: bySource,
  input: Write,
  subject: ({ id }) => `user:${id}`,
  async runAll(tx, inputs, by, world) {
    const source = sourceOf(by);
    const { domains } = await requireOffice(tx);
    await lockSources(tx);
    const desk = await openDesk(tx, source, inputs);
    const judged: (AuthorityError | undefined)[] = [];
    for (const input of inputs) judged.push(await judge(desk, input));
    const outcomes = await presentInTransaction(tx, world, source, entriesOf(desk, domains));
    return inputs.map((input, index) => {
      const refusal = judged[index];
      if (refusal !== undefined) return refusal;
      const outcome = outcomes.get(input.id);
      if (outcome === undefined) return gone();
      return {
        result: outcome,
        audit: { act: input.act, source: source.name, ...audited(desk, domains, input, outcome) },
      };
    });
  },
});

/** What many requests of one moment stand before: each sees what those before it made. */
interface Desk {
  readonly tx: Transaction;
  readonly source: Source;
  readonly before: ReadonlyMap<string, RecordRow>;
  /** As they are to be; null: gone. */
  readonly now: Map<string, Resource | null>;
  /** Whose a user name is to be. */
  readonly names: Map<string, string>;
  /** Whose the names in whole resources are, as the database has it: asked for all of them at once. */
  readonly stood: ReadonlyMap<string, string | undefined>;
}

async function openDesk(tx: Transaction, source: Source, inputs: readonly Write[]): Promise<Desk> {
  const rows = await recordsByKeys(tx, source.name, [...new Set(inputs.map(({ id }) => id))]);
  return {
    tx,
    source,
    before: new Map(rows.map((row) => [row.key, row])),
    now: new Map(),
    names: new Map(),
    stood: await holdersOfNames(tx, source.name, inputs.flatMap(nameAsked)),
  };
}

/** What a whole resource calls itself, before it is read: a name that it turns out to be without is asked for in vain. */
function nameAsked(input: Write): string[] {
  if ((input.act !== 'create' && input.act !== 'replace') || !isObject(input.body)) return [];
  return Object.entries(input.body).flatMap(([key, value]) =>
    // What no text of the database can be is refused when it is read.
    key.toLowerCase() === 'username' && typeof value === 'string' && !value.includes('\0') ? value.toLowerCase() : [],
  );
}

/** Notes what is to be, or says why not and notes nothing. */
async function judge(desk: Desk, input: Write): Promise<AuthorityError | undefined> {
  const { before, now } = desk;
  try {
    const row = before.get(input.id);
    const stood = now.has(input.id) ? now.get(input.id) : row?.gone_at === null ? (row.resource ?? {}) : undefined;
    if (input.act === 'create') {
      const resource = readUser(input.body);
      await requireFreeName(desk, input.id, resource);
      now.set(input.id, resource);
      return undefined;
    }
    if (stood === undefined || stood === null) return gone();
    if (input.version !== null && input.version !== '*' && input.version !== versionOf(stood))
      return new ScimRefusal('version', 'It has changed since you read it. Nothing was changed. Read it again.');
    if (input.act === 'delete') {
      forgetName(desk, input.id, stood);
      now.set(input.id, null);
      return undefined;
    }
    const resource =
      input.act === 'replace' ? readUser(input.body) : applyPatch(stood, input.operations as never, userShape);
    await requireFreeName(desk, input.id, resource);
    now.set(input.id, resource);
    return undefined;
  } catch (error) {
    if (error instanceof AuthorityError) return error;
    throw error;
  }
}

/** A user is active unless the client says otherwise. */
function readUser(body: unknown): Resource {
  return { active: true, ...readResource(body, userShape) };
}

async function requireFreeName(desk: Desk, id: string, resource: Resource): Promise<void> {
  const { before, now, names } = desk;
  const name = nameOf(resource);
  if (!names.has(name)) {
    const holder = await holderOf(desk, id, name);
    // Of one that this batch has renamed or removed already, the name is free.
    if (holder !== undefined && !now.has(holder)) names.set(name, holder);
  }
  const holder = names.get(name);
  if (holder !== undefined && holder !== id)
    throw new ScimRefusal(
      'uniqueness',
      `Another user has the userName ${String(resource.userName)}. Nothing was changed.`,
    );
  const former = now.get(id) ?? before.get(id)?.resource;
  if (former != null) forgetName({ names }, id, former);
  names.set(name, id);
}

function forgetName({ names }: Pick<Desk, 'names'>, id: string, resource: Resource): void {
  const name = nameOf(resource);
  if (names.get(name) === id) names.delete(name);
}

const nameOf = (resource: Resource): string => String(resource.userName).toLowerCase();

/** Before this batch. Most changes leave a name as it is, which nobody else can have. */
async function holderOf({ tx, source, before, stood }: Desk, id: string, name: string): Promise<string | undefined> {
  const row = before.get(id);
  if (row?.gone_at === null && row.resource !== null && nameOf(row.resource) === name) return id;
  if (stood.has(name)) return stood.get(name);
  return (await holdersOfNames(tx, source.name, [name])).get(name);
}

/** By each of these names in small letters. */
async function holdersOfNames(
  tx: Transaction,
  source: string,
  names: readonly string[],
): Promise<Map<string, string | undefined>> {
  const found = new Map<string, string | undefined>(names.map((name) => [name, undefined]));
  if (names.length === 0) return found;
  const rows = await tx
    .selectFrom('source_records')
    .select(['key', sql<string>`lower(resource->>'userName')`.as('name')])
    .where('source', '=', source)
    .where('gone_at', 'is', null)
    .where(sql<boolean>`resource ? 'userName' AND lower(resource->>'userName') = ANY (${[...found.keys()]}::text[])`)
    .execute();
  for (const { key, name } of rows) found.set(name, key);
  return found;
}

function entriesOf({ before, now }: Desk, domains: readonly string[]) {
  // Those who go first: a name, and an address, may pass from one to another.
  const all = [...now].toSorted(([, one], [, other]) => Number(one !== null) - Number(other !== null));
  return all.map(([key, resource]) =>
    resource === null
      ? { key, person: null }
      : {
          key,
          id: key,
          person: presentUser(resource, domains, before.get(key)?.presented),
          resource,
        },
  );
}

function audited({ now, before }: Desk, domains: readonly string[], { id }: Write, outcome: Outcome) {
  const resource = now.get(id) ?? null;
  return describeOutcome(outcome, resource && presentUser(resource, domains, before.get(id)?.presented));
}

function gone(): AuthorityError {
  return new AuthorityError('not-found', 'There is no such user. Nothing was changed.');
}

// Reading -------------------------------------------------------------------------------------------------------------

export interface Page<T> {
  readonly total: number;
  readonly items: T[];
}

/** @param start from 1, as the protocol counts */
export async function listUsers(
  snapshot: Snapshot,
  source: Source,
  { filter, start, count }: { readonly filter: Filter | undefined; readonly start: number; readonly count: number },
): Promise<Page<RecordRow>> {
  const matching = snapshot
    .selectFrom('source_records as r')
    .where('r.source', '=', source.name)
    .where('r.gone_at', 'is', null)
    .where('r.resource', 'is not', null)
    .where(
      filter === undefined ? sql<boolean>`true` : sql<boolean>`(${whenIndexed(filter)} ${filterSql(filter, ofUsers)})`,
    );
  const { total } = await matching.select(({ fn }) => fn.countAll<string>().as('total')).executeTakeFirstOrThrow();
  const items =
    count === 0
      ? []
      : await matching
          .selectAll('r')
          .orderBy('r.created_at')
          .orderBy('r.id')
          .offset(start - 1)
          .limit(count)
          .execute();
  return { total: Number(total), items };
}

/** What the unique index of user names asks for, where it can answer. */
function whenIndexed(filter: Filter) {
  const isName = filter.kind === 'compare' && filter.comparison === 'eq' && filter.target.attribute.name === 'userName';
  return isName ? sql`r.resource ? 'userName' AND` : sql``;
}

export async function userById(snapshot: Snapshot, source: Source, id: string): Promise<RecordRow | undefined> {
  const [row] = await recordsByKeys(snapshot, source.name, [id]);
  return row?.gone_at === null && row.resource !== null ? row : undefined;
}

/** As the protocol shows them, with the groups they are in. @param base of the SCIM address, without a slash at its end */
export async function describeUsers(
  snapshot: Snapshot,
  rows: readonly RecordRow[],
  base: string,
): Promise<Described[]> {
  const groups = await groupsOfRecords(
    snapshot,
    rows.map(({ id }) => id),
  );
  return rows.map((row) => {
    const resource = row.resource ?? {};
    const member = (groups.get(row.id) ?? []).map(({ key, name, direct }) => ({
      value: key,
      $ref: `${base}/Groups/${key}`,
      display: name,
      type: direct ? 'direct' : 'indirect',
    }));
    return {
      schemas: resource[ENTERPRISE] === undefined ? [USER] : [USER, ENTERPRISE],
      id: row.key,
      ...resource,
      ...(member.length > 0 && { groups: member }),
      meta: {
        resourceType: 'User',
        created: row.created_at.toISOString(),
        lastModified: row.changed_at.toISOString(),
        location: `${base}/Users/${row.key}`,
        version: versionOf(resource),
      },
    };
  });
}
