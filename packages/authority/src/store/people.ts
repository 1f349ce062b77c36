/** End entities and their addresses. An address belongs to one person; its key, in lower case, settles who. */
import type { PersonAttributes } from '@chancery/api';
import { type RawBuilder, type Selectable, sql } from 'kysely';
import { COUNTED, type Counted, counted } from './counted.ts';
import type { Snapshot, Transaction } from './database.ts';
import { isUsable } from './escrow.ts';
import type { PersonProfiles, PersonState, Schema } from './schema.ts';

export interface PersonRow extends Selectable<Schema['people']> {
  readonly address: string;
  /** In the order of the alphabet. */
  readonly aliases: readonly string[];
}

/** Why somebody who is not active gets nothing: a part of a sentence. */
export function whyAway({ name, state }: Pick<PersonRow, 'name' | 'state'>): string {
  return state === 'suspended' ? `${name} is suspended` : `${name} has left`;
}

/** Addresses are compared without regard to case. */
export function addressKey(address: string): string {
  return address.toLowerCase();
}

/** Is that one of the person's addresses? */
export function isAddressOf({ address, aliases }: Pick<PersonRow, 'address' | 'aliases'>, other: string): boolean {
  return [address, ...aliases].some((one) => addressKey(one) === addressKey(other));
}

export async function personById(snapshot: Snapshot, id: string): Promise<PersonRow | undefined> {
  const row = await withAddresses(snapshot).where('people.id', '=', id).executeTakeFirst();
  return row && read(row);
}

/** By primary address or alias. */
export async function personByAddress(snapshot: Snapshot, address: string): Promise<PersonRow | undefined> {
  const row = await withAddresses(snapshot)
    .where('people.id', '=', (where) =>
      where.selectFrom('person_addresses').select('person_id').where('key', '=', addressKey(address)),
    )
    .executeTakeFirst();
  return row && read(row);
}

/** Whose each of these addresses is, by its key; one of nobody is absent. */
export async function peopleByAddresses(
  snapshot: Snapshot,
  addresses: readonly string[],
): Promise<Map<string, string>> {
  const rows = await snapshot
    .selectFrom('person_addresses')
    .select(['key', 'person_id'])
    .where(sql<boolean>`key = ANY (${addresses.map(addressKey)}::text[])`)
    .execute();
  return new Map(rows.map(({ key, person_id }) => [key, person_id]));
}

/** Held until commit: nobody else changes this person meanwhile. */
export async function lockPerson(tx: Transaction, id: string): Promise<PersonRow | undefined> {
  const held = await tx.selectFrom('people').select('id').where('id', '=', id).forUpdate().executeTakeFirst();
  return held && personById(tx, id);
}

/** By id, held until commit; whoever is not there is absent. */
export async function lockPeople(tx: Transaction, ids: readonly string[]): Promise<Map<string, PersonRow>> {
  if (ids.length === 0) return new Map();
  await sql`SELECT id FROM people WHERE id = ANY (${ids}::uuid[]) ORDER BY id FOR UPDATE`.execute(tx);
  return new Map((await peopleByIds(tx, ids)).map((person) => [person.id, person]));
}

/** Everyone whose address or external id is among these, held until commit. */
export async function lockPeopleNamed(
  tx: Transaction,
  names: { readonly keys: readonly string[]; readonly externalIds: readonly string[] },
): Promise<PersonRow[]> {
  if (names.keys.length === 0 && names.externalIds.length === 0) return [];
  // An index for each of the two: with OR between them, PostgreSQL would read everybody.
  const { rows } = await sql<{ id: string }>`
    SELECT id FROM people WHERE id IN (
      SELECT p.id FROM people p WHERE p.external_id = ANY (${names.externalIds}::text[])
      UNION SELECT a.person_id FROM person_addresses a WHERE a.key = ANY (${names.keys}::text[]))
    ORDER BY id FOR UPDATE`.execute(tx);
  return peopleByIds(
    tx,
    rows.map(({ id }) => id),
  );
}

export async function peopleByIds(snapshot: Snapshot, ids: readonly string[]): Promise<PersonRow[]> {
  if (ids.length === 0) return [];
  const rows = await withAddresses(snapshot).where(sql<boolean>`people.id = ANY (${ids}::uuid[])`).execute();
  return rows.map(read);
}

export async function activePeople(snapshot: Snapshot): Promise<PersonRow[]> {
  const rows = await withAddresses(snapshot).where('state', '=', 'active').orderBy('people.id').execute();
  return rows.map(read);
}

export interface PeopleFilter {
  readonly limit: number;
  readonly after?: { readonly name: string; readonly id: string } | undefined;
  readonly search?: string | undefined;
  readonly state?: PersonState | undefined;
  readonly uncovered?: boolean | undefined;
}

export interface PeopleRows extends Counted {
  readonly rows: PersonRow[];
  readonly hasMore: boolean;
}

/** One page, in order of names. @param at the present instant, for who can be written to */
export async function listPeople(snapshot: Snapshot, filter: PeopleFilter, at: Date): Promise<PeopleRows> {
  let matching = snapshot.selectFrom('people');
  if (filter.state !== undefined) matching = matching.where('state', '=', filter.state);
  if (filter.uncovered === true) {
    matching = matching.where('state', '=', 'active').where(sql<boolean>`NOT ${canBeWrittenTo(at)}`);
  }
  const search = filter.search?.trim() ?? '';
  if (search !== '') matching = matching.where(await peopleWith(snapshot, search));
  const total = await matching
    .select('people.id')
    .limit(COUNTED + 1)
    .execute();
  let page = matching
    .select('people.id')
    .orderBy(sql`lower(people.name)`)
    .orderBy('people.id')
    .limit(filter.limit + 1);
  if (filter.after !== undefined) {
    page = page.where(sql<boolean>`(lower(people.name), people.id) > (${filter.after.name}, ${filter.after.id}::uuid)`);
  }
  const ids = (await page.execute()).map(({ id }) => id);
  const shown = ids.slice(0, filter.limit);
  const byId = new Map((await peopleByIds(snapshot, shown)).map((row) => [row.id, row]));
  return {
    rows: shown.flatMap((id) => byId.get(id) ?? []),
    ...counted(total.length),
    hasMore: ids.length > filter.limit,
  };
}

/** SQL: the row of `people` is one of those whom a search finds. */
export async function peopleWith(snapshot: Snapshot, search: string): Promise<RawBuilder<boolean>> {
  const found = await peopleFound(snapshot, search);
  // Few enough to be looked at each; of many, one soon comes to a page full in the order of names.
  return found.length <= COUNTED ? sql`people.id = ANY (${found}::uuid[])` : hasWords(`%${escapeLike(search)}%`);
}

/**
 * Whose name, external id or address has the text in it, each by an index of its own; more than 1,000 mean that there may be
 * any number. A whole address is its owner's, and theirs who had it before: only where nobody did, it may be a part of one.
 */
async function peopleFound(snapshot: Snapshot, search: string): Promise<string[]> {
  const owner = await snapshot
    .selectFrom('person_addresses')
    .select('person_id')
    .where('key', '=', addressKey(search))
    .executeTakeFirst();
  const former = await snapshot
    .selectFrom('former_addresses')
    .select('person_id')
    .where('key', '=', addressKey(search))
    .limit(COUNTED)
    .execute();
  if (owner !== undefined || former.length > 0) {
    return [...new Set([owner, ...former].flatMap((row) => (row === undefined ? [] : [row.person_id])))];
  }
  const pattern = `%${escapeLike(search)}%`;
  const most = COUNTED + 1;
  const people = snapshot.selectFrom('people').select('id').limit(most);
  const branches = [
    () => people.where('name', 'ilike', pattern).execute(),
    () => people.where('external_id', 'ilike', pattern).execute(),
    () =>
      snapshot
        .selectFrom('person_addresses')
        .select('person_id as id')
        .where('address', 'ilike', pattern)
        .limit(most)
        .execute(),
  ];
  const found = new Set<string>();
  for (const branch of branches) {
    for (const { id } of await branch()) found.add(id);
    if (found.size > COUNTED) break;
  }
  return [...found];
}

/** SQL: the row of `people` has it in a name, an external id or an address. */
function hasWords(pattern: string) {
  return sql<boolean>`(people.name ILIKE ${pattern} OR people.external_id ILIKE ${pattern} OR EXISTS (
    SELECT 1 FROM person_addresses s WHERE s.person_id = people.id AND s.address ILIKE ${pattern}))`;
}

const escapeLike = (text: string): string => text.replace(/[\\%_]/g, '\\$&');

/** Where a page ended, as the database orders names. */
export async function nameCursor(snapshot: Snapshot, id: string): Promise<string> {
  const row = await snapshot
    .selectFrom('people')
    .select(sql<string>`lower(name)`.as('name'))
    .where('id', '=', id)
    .executeTakeFirstOrThrow();
  return row.name;
}

/**
 * SQL: the row of `people` has an encryption certificate that is good at that instant and whose key its owner, or a
 * gateway in the owner's stead, can use.
 */
function canBeWrittenTo(at: Date) {
  return sql<boolean>`EXISTS (
    SELECT 1 FROM certificates c JOIN escrowed_keys e ON e.id = c.escrowed_key_id
    WHERE c.person_id = people.id AND c.use = 'encryption' AND c.revoked_at IS NULL
      AND c.not_before <= ${at} AND c.not_after > ${at}
      AND ${isUsable})`;
}

export interface NewPersonRow {
  readonly id: string;
  readonly name: string;
  readonly externalId: string | null;
  readonly signingKey: 'device' | 'gateway';
  readonly gatewayDecrypts: boolean;
  readonly attributes: PersonAttributes;
  readonly profiles: PersonProfiles;
}

export async function insertPeople(tx: Transaction, people: readonly NewPersonRow[], at: Date): Promise<void> {
  for (const some of batches(people)) {
    await tx
      .insertInto('people')
      .values(
        some.map((person) => ({
          id: person.id,
          name: person.name,
          external_id: person.externalId,
          state: 'active' as const,
          signing_key: person.signingKey,
          gateway_decrypts: person.gatewayDecrypts,
          attributes: JSON.stringify(person.attributes),
          profiles: JSON.stringify(person.profiles),
          created_at: at,
          left_at: null,
        })),
      )
      .execute();
  }
}

export async function updatePeople(tx: Transaction, people: readonly NewPersonRow[]): Promise<void> {
  if (people.length === 0) return;
  const rows = people.map((person) => ({
    id: person.id,
    name: person.name,
    external_id: person.externalId,
    signing_key: person.signingKey,
    gateway_decrypts: person.gatewayDecrypts,
    attributes: person.attributes,
    profiles: person.profiles,
  }));
  await sql`UPDATE people p SET name = n.name, external_id = n.external_id, signing_key = n.signing_key,
      gateway_decrypts = n.gateway_decrypts, attributes = n.attributes, profiles = n.profiles
    FROM json_populate_recordset(NULL::people, ${JSON.stringify(rows)}::json) AS n
    -- Named twice, so that the index is used: how many there are in the JSON, PostgreSQL does not know.
    WHERE p.id = ANY (${rows.map(({ id }) => id)}::uuid[]) AND p.id = n.id`.execute(tx);
}

/** An external id may pass from one person to another: all are let go before any is taken. */
export async function releaseExternalIds(tx: Transaction, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await sql`UPDATE people SET external_id = NULL WHERE id = ANY (${ids}::uuid[])`.execute(tx);
}

export async function markLeft(tx: Transaction, id: string, at: Date): Promise<void> {
  await tx
    .updateTable('people')
    .set({ state: 'left', left_at: at, suspended_at: null, suspended_by: null, changed_while_suspended: false })
    .where('id', '=', id)
    .execute();
}

/** @param source whose word suspends them, and lets them return; null: somebody in the office */
export async function markSuspended(tx: Transaction, id: string, at: Date, source: string | null): Promise<void> {
  await tx
    .updateTable('people')
    .set({ state: 'suspended', suspended_at: at, suspended_by: source })
    .where('id', '=', id)
    .execute();
}

/** They are here again, after they had left or were suspended. */
export async function markActive(tx: Transaction, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await tx
    .updateTable('people')
    .set({ state: 'active', left_at: null, suspended_at: null, suspended_by: null, changed_while_suspended: false })
    .where(sql<boolean>`id = ANY (${ids}::uuid[])`)
    .execute();
}

/** Certificates of theirs that are on hold do not say any more what is so. */
export async function markChangedWhileSuspended(tx: Transaction, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await tx
    .updateTable('people')
    .set({ changed_while_suspended: true })
    .where(sql<boolean>`id = ANY (${ids}::uuid[])`)
    .where('state', '=', 'suspended')
    .execute();
}

/**
 * Gives each person these addresses and no others. All are taken away first: an address may pass from one to another. What was
 * theirs stays known as such.
 */
export async function replaceAddresses(
  tx: Transaction,
  people: readonly { readonly personId: string; readonly address: string; readonly aliases: readonly string[] }[],
  at: Date,
): Promise<void> {
  if (people.length === 0) return;
  const ids = people.map(({ personId }) => personId);
  const { rows: had } = await sql<{ key: string; address: string; person_id: string }>`
    DELETE FROM person_addresses WHERE person_id = ANY (${ids}::uuid[]) RETURNING key, address, person_id`.execute(tx);
  const rows = people.flatMap(({ personId, address, aliases }) =>
    [address, ...aliases].map((one, index) => ({
      key: addressKey(one),
      address: one,
      person_id: personId,
      is_primary: index === 0,
    })),
  );
  for (const some of batches(rows)) await tx.insertInto('person_addresses').values(some).execute();
  const has = new Set(rows.map(({ key, person_id }) => `${person_id} ${key}`));
  const former = had
    .filter(({ key, person_id }) => !has.has(`${person_id} ${key}`))
    .map((row) => ({ ...row, until: at }));
  for (const some of batches(former)) {
    await tx
      .insertInto('former_addresses')
      .values(some)
      .onConflict((conflict) => conflict.columns(['person_id', 'key']).doUpdateSet({ until: at }))
      .execute();
  }
  // One that they have again is theirs, and former no more.
  await sql`DELETE FROM former_addresses f USING person_addresses a
    WHERE f.person_id = ANY (${ids}::uuid[]) AND a.person_id = f.person_id AND a.key = f.key`.execute(tx);
}

/** Addresses that were a person's and are not any more, the latest first. */
export async function formerAddresses(
  snapshot: Snapshot,
  personId: string,
): Promise<{ address: string; until: Date }[]> {
  return snapshot
    .selectFrom('former_addresses')
    .select(['address', 'until'])
    .where('person_id', '=', personId)
    .orderBy('until', 'desc')
    .orderBy('key')
    .execute();
}

/** PostgreSQL takes 65,535 parameters in one statement. */
function* batches<T>(rows: readonly T[]): Generator<readonly T[]> {
  for (let start = 0; start < rows.length; start += 1000) yield rows.slice(start, start + 1000);
}

function withAddresses(snapshot: Snapshot) {
  return snapshot
    .selectFrom('people')
    .selectAll('people')
    .select([
      sql<string>`(SELECT address FROM person_addresses p WHERE p.person_id = people.id AND is_primary)`.as('address'),
      sql<string[]>`ARRAY(SELECT address FROM person_addresses p WHERE p.person_id = people.id AND NOT is_primary
        ORDER BY key)`.as('aliases'),
    ]);
}

function read(row: Selectable<Schema['people']> & { address: string; aliases: string[] }): PersonRow {
  return row;
}
