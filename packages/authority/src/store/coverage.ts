/**
 * Who is covered and who is not, and why. `coverage_of` of the database says it of anybody; the table `coverage` keeps what it said, so
 * that lists walk an index and counts read a few totals. Whoever is not as kept any more is looked at anew with each question: nobody
 * is shown what was true a while ago.
 */
import type { CoverageFilter, CoverageReason } from '@chancery/api';
import { type RawBuilder, sql } from 'kysely';
import { COUNTED, type Counted, counted } from './counted.ts';
import type { Database, Snapshot } from './database.ts';
import { peopleWith } from './people.ts';

type Use = 'signing' | 'encryption';

export interface CoverageRow {
  readonly person_id: string;
  readonly name: string;
  readonly key: string;
  readonly address: string;
  readonly department: string | null;
  readonly use: Use;
  readonly covered: boolean;
  readonly reason: CoverageReason;
  readonly detail: string | null;
  readonly until: Date | null;
}

export interface Coverage {
  /** The present instant. */
  readonly at: Date;
  /** What the profiles in use do not issue: `signing device`. */
  readonly refused: readonly string[];
}

interface CoverageKey {
  readonly name: string;
  readonly id: string;
  readonly use: Use;
}

interface CoverageQuery extends CoverageFilter {
  readonly limit: number;
  readonly after?: CoverageKey | undefined;
}

export interface CoverageList extends Counted {
  readonly rows: CoverageRow[];
  readonly hasMore: boolean;
}

/** One page, in order of names. @param stale of `staleCoverage`, in the same snapshot */
export async function listCoverage(
  snapshot: Snapshot,
  coverage: Coverage,
  filter: CoverageQuery,
  stale: readonly string[],
): Promise<CoverageList> {
  const everybody = filter.reason === undefined && filter.uncovered !== true;
  const { rows, total } = everybody
    ? await coverageOfPage(snapshot, coverage, filter)
    : await coverageByReason(snapshot, coverage, filter, stale);
  return { rows: rows.slice(0, filter.limit), hasMore: rows.length > filter.limit, ...counted(total) };
}

/** People by use and reason. @param stale of `staleCoverage`, in the same snapshot */
export async function countCoverage(
  snapshot: Snapshot,
  { at, refused }: Coverage,
  stale: readonly string[],
): Promise<{ use: Use; reason: CoverageReason; count: number }[]> {
  const rows = await rowsOf<{ use: Use; reason: CoverageReason; count: string }>(
    snapshot,
    // All as they are kept, less those who are not so any more, and these as they are.
    sql`SELECT use, CASE WHEN refusal = ANY (${refused}::text[]) THEN 'profile-refuses' ELSE reason END AS reason, sum(n) AS count
      FROM (
        SELECT use, reason, refusal, people AS n FROM coverage_totals
        UNION ALL
        SELECT use, reason, refusal, -1 FROM coverage WHERE person_id = ANY (${stale}::uuid[])
        UNION ALL
        SELECT use, reason, refusal, 1 FROM ${coverageOf({ at, refused: [] }, stale)} v) f
      GROUP BY 1, 2 HAVING sum(n) > 0 ORDER BY 1, 2`,
  );
  return rows.map((row) => ({ ...row, count: Number(row.count) }));
}

/** Of whom what is kept may not be so any more: something has changed of them, or a certificate or a link has begun or ended. */
export async function staleCoverage(snapshot: Snapshot, at: Date): Promise<string[]> {
  const rows = await rowsOf<{ person_id: string }>(
    snapshot,
    sql`SELECT person_id FROM coverage_marks
      UNION SELECT person_id FROM coverage WHERE true_until <= ${at}::timestamptz
      UNION SELECT person_id FROM coverage WHERE true_from > ${at}::timestamptz`,
  );
  return rows.map(({ person_id }) => person_id);
}

/** Keeps anew what is stale, of about as many people as this in one go. @returns of how many it was */
export async function refreshCoverage(database: Pick<Database, 'pool'>, at: Date, most: number): Promise<number> {
  const { rows } = await database.pool.query<{ people: number }>('SELECT refresh_coverage($1, $2) AS people', [
    at,
    most,
  ]);
  return rows[0]?.people ?? 0;
}

/** SQL: for each of these people and each use, whether they are covered and why not. One function of the database for all. */
function coverageOf({ at, refused }: Coverage, people: readonly string[]) {
  return sql`coverage_of(${at}::timestamptz, ${refused}::text[], ${people}::uuid[])`;
}

/** Without a reason everybody who is here is on the list: the people of the page come first, then what is known of them. */
async function coverageOfPage(snapshot: Snapshot, coverage: Coverage, filter: CoverageQuery) {
  const here = sql`people.state <> 'left' AND ${await ofPerson(snapshot, filter)}`;
  const from =
    filter.after === undefined
      ? sql`true`
      : sql`(lower(people.name), people.id) >= (${filter.after.name}, ${filter.after.id}::uuid)`;
  const people = await rowsOf<{ id: string }>(
    snapshot,
    // One more than fills the page, and one whose lines may all stand on the page before.
    sql`SELECT id FROM people WHERE ${here} AND ${from} ORDER BY lower(name), id LIMIT ${filter.limit + 2}`,
  );
  const ids = people.map(({ id }) => id);
  const rows = await rowsOf<CoverageRow>(
    snapshot,
    sql`SELECT ${COLUMNS} FROM people JOIN ${coverageOf(coverage, ids)} v ON v.person_id = people.id
      WHERE ${ofUse(filter)} AND ${beyond(filter, sql`(lower(people.name), people.id, v.use)`)}
      ORDER BY lower(people.name), people.id, v.use LIMIT ${filter.limit + 1}`,
  );
  const [count] = await rowsOf<{ count: string }>(
    snapshot,
    sql`SELECT count(*) AS count FROM (SELECT 1 FROM people WHERE ${here} LIMIT ${COUNTED + 1}) f`,
  );
  return { rows, total: Number(count?.count ?? 0) * (filter.use === undefined ? 2 : 1) };
}

/** By a reason: first whom it holds for, from the indexes of what is kept and from those looked at anew; then what is known of them. */
async function coverageByReason(
  snapshot: Snapshot,
  coverage: Coverage,
  filter: CoverageQuery,
  stale: readonly string[],
) {
  const person = await ofPerson(snapshot, filter);
  const uses: Use[] = filter.use === undefined ? ['signing', 'encryption'] : [filter.use];
  /** Of one use as kept: by names, as an index has them. */
  const kept = (use: Use, after: CoverageKey | undefined, limit: number) => sql`(
    SELECT c.name, c.person_id, c.use FROM coverage c ${narrows(filter) ? sql`JOIN people ON people.id = c.person_id` : sql``}
    WHERE c.use = ${use} AND ${keptReason(filter, coverage)} AND c.person_id <> ALL (${stale}::uuid[]) AND ${person}
      AND ${after === undefined ? sql`true` : sql`(c.name, c.person_id) >= (${after.name}, ${after.id}::uuid)`}
      AND ${beyondKey(after, sql`(c.name, c.person_id, c.use)`)}
    ORDER BY c.name, c.person_id LIMIT ${limit})`;
  const anew = (after: CoverageKey | undefined) => sql`(
    SELECT lower(people.name), v.person_id, v.use FROM people JOIN ${coverageOf(coverage, stale)} v ON v.person_id = people.id
    WHERE ${reasonIs(filter)} AND ${ofUse(filter)} AND ${person}
      AND ${beyondKey(after, sql`(lower(people.name), people.id, v.use)`)})`;
  const keys = (after: CoverageKey | undefined, limit: number) => sql`
    SELECT f.name, f.person_id, f.use FROM (${sql.join(
      [...uses.map((use) => kept(use, after, limit)), ...(stale.length === 0 ? [] : [anew(after)])],
      sql` UNION ALL `,
    )}) f ORDER BY f.name, f.person_id, f.use LIMIT ${limit}`;
  const page = await rowsOf<{ person_id: string; use: Use }>(snapshot, keys(filter.after, filter.limit + 1));
  const people = [...new Set(page.map(({ person_id }) => person_id))];
  const lines = new Set(page.map(lineOf));
  const rows = await rowsOf<CoverageRow>(
    snapshot,
    sql`SELECT ${COLUMNS} FROM people JOIN ${coverageOf(coverage, people)} v ON v.person_id = people.id
      ORDER BY lower(people.name), people.id, v.use`,
  );
  const [count] = await rowsOf<{ count: string }>(
    snapshot,
    sql`SELECT count(*) AS count FROM (${keys(undefined, COUNTED + 1)}) f`,
  );
  return { rows: rows.filter((row) => lines.has(lineOf(row))), total: Number(count?.count ?? 0) };
}

const lineOf = ({ person_id, use }: { person_id: string; use: Use }): string => `${person_id} ${use}`;

const COLUMNS = sql`v.person_id, v.use, v.covered, v.reason, v.detail, v.until, people.name, lower(people.name) AS key,
  people.attributes->>'department' AS department,
  (SELECT address FROM person_addresses a WHERE a.person_id = people.id AND a.is_primary) AS address`;

const ofUse = ({ use }: CoverageFilter) => (use === undefined ? sql`true` : sql`v.use = ${use}`);

const reasonIs = ({ reason }: CoverageFilter) =>
  reason === undefined ? sql`NOT v.covered AND v.reason <> 'left'` : sql`v.reason = ${reason}`;

/** As the indexes of `coverage` have it: what is kept does not know yet what profiles refuse. */
function keptReason({ reason }: CoverageFilter, { refused }: Coverage) {
  const uncovered = sql`c.reason NOT IN ('covered', 'left')`;
  if (reason === undefined) return uncovered;
  const isRefused = sql`c.refusal = ANY (${refused}::text[])`;
  if (reason === 'profile-refuses') return sql`${uncovered} AND ${isRefused}`;
  return refused.length === 0 ? sql`c.reason = ${reason}` : sql`c.reason = ${reason} AND ${isRefused} IS NOT TRUE`;
}

const narrows = ({ department, search }: CoverageFilter): boolean =>
  department !== undefined || (search !== undefined && search !== '');

/** SQL over the row of `people`. */
async function ofPerson(snapshot: Snapshot, { department, search }: CoverageFilter) {
  const conditions: RawBuilder<unknown>[] = [sql`true`];
  if (department !== undefined) conditions.push(sql`people.attributes->>'department' = ${department}`);
  if (search !== undefined && search !== '') conditions.push(await peopleWith(snapshot, search));
  return sql.join(conditions, sql` AND `);
}

const beyond = ({ after }: CoverageQuery, key: RawBuilder<unknown>) => beyondKey(after, key);

function beyondKey(after: CoverageKey | undefined, key: RawBuilder<unknown>) {
  return after === undefined ? sql`true` : sql`${key} > (${after.name}, ${after.id}::uuid, ${after.use})`;
}

/** A `Snapshot` reads by the query builder alone; this is a select of a raw one. */
async function rowsOf<T>(snapshot: Snapshot, query: RawBuilder<unknown>): Promise<T[]> {
  const rows = await snapshot.selectFrom(sql<Record<string, unknown>>`(${query})`.as('found')).selectAll().execute();
  return rows as unknown as T[];
}
