/** What stands where: each certificate in each target, as wanted and as last seen. */
import { type Selectable, sql } from 'kysely';
import type { Snapshot, Transaction } from './database.ts';
import { insertion } from './many-rows.ts';
import type { Schema } from './schema.ts';

export type PublicationRow = Selectable<Schema['publications']>;

export async function publicationsOfPeople(
  snapshot: Snapshot,
  personIds: readonly string[],
): Promise<(PublicationRow & { person_id: string | null })[]> {
  return snapshot
    .selectFrom('publications as p')
    .innerJoin('certificates as c', 'c.serial_number', 'p.serial_number')
    .selectAll('p')
    .select('c.person_id')
    .where(sql<boolean>`c.person_id = ANY (${personIds}::uuid[])`)
    .execute();
}

/** Every certificate of ours for those people, the newest first: what a target may hold of us. */
export async function certificatesEverIssued(snapshot: Snapshot, personIds: readonly string[]) {
  return snapshot
    .selectFrom('certificates')
    .select(['person_id', 'serial_number', 'authority_id', 'use', 'certificate', 'addresses'])
    .where(sql<boolean>`person_id = ANY (${personIds}::uuid[])`)
    .orderBy('not_after', 'desc')
    .orderBy('serial_number')
    .execute();
}

/** Everyone of whom something is written down for that target, in the order of their ids; `open`: that does not stand there yet. */
export async function peopleOfTarget(snapshot: Snapshot, target: string, open: boolean): Promise<string[]> {
  let query = snapshot
    .selectFrom('publications as p')
    .innerJoin('certificates as c', 'c.serial_number', 'p.serial_number')
    .select('c.person_id')
    .distinct()
    .where('p.target', '=', target)
    .where('c.person_id', 'is not', null)
    .orderBy('c.person_id');
  if (open) query = query.where('p.state', 'in', ['pending', 'failed']);
  return (await query.execute()).flatMap(({ person_id }) => person_id ?? []);
}

/** What should stand in a target from now on; a change of mind begins anew as `pending`. */
export async function wantPublications(
  tx: Transaction,
  plan: readonly { readonly target: string; readonly serialNumber: string; readonly wanted: boolean }[],
  at: Date,
): Promise<void> {
  if (plan.length === 0) return;
  const place = ({ target, serialNumber }: (typeof plan)[number]) => `${target} ${serialNumber}`;
  await tx
    .insertInto('publications')
    .values(
      // In one order, against deadlock: rows that are there already are held one after the other.
      plan
        .toSorted((one, other) => (place(one) < place(other) ? -1 : 1))
        .map(({ target, serialNumber, wanted }) => ({
          target,
          serial_number: serialNumber,
          wanted,
          state: 'pending' as const,
          error: null,
          attempts: 0,
          updated_at: at,
        })),
    )
    .onConflict((conflict) =>
      conflict.columns(['target', 'serial_number']).doUpdateSet({
        wanted: (where) => where.ref('excluded.wanted'),
        state: 'pending',
        error: null,
        attempts: 0,
        updated_at: at,
      }),
    )
    .execute();
}

/** Holds the rows of those people in a target until the commit: two visits that overlap change them one after the other. */
export async function holdPublications(
  tx: Transaction,
  target: string,
  personIds: readonly string[],
): Promise<(PublicationRow & { person_id: string | null })[]> {
  return tx
    .selectFrom('publications as p')
    .innerJoin('certificates as c', 'c.serial_number', 'p.serial_number')
    .selectAll('p')
    .select('c.person_id')
    .where('p.target', '=', target)
    .where(sql<boolean>`c.person_id = ANY (${personIds}::uuid[])`)
    .orderBy('p.serial_number')
    .forUpdate('p')
    .execute();
}

/** What came of a try, or was seen; what somebody wanted otherwise after `since` is left as it is. */
export async function recordStates(
  tx: Transaction,
  target: string,
  states: readonly {
    readonly serialNumber: string;
    readonly state: PublicationRow['state'];
    /** Null where it succeeded. */
    readonly error: string | null;
  }[],
  { since, at }: { readonly since: Date; readonly at: Date },
): Promise<void> {
  if (states.length === 0) return;
  // The update takes them in the order of its plan.
  await tx
    .selectFrom('publications')
    .select('serial_number')
    .where('target', '=', target)
    .where(sql<boolean>`serial_number = ANY (${states.map(({ serialNumber }) => serialNumber)}::text[])`)
    .orderBy('serial_number')
    .forUpdate()
    .execute();
  await sql`
    UPDATE publications p SET state = s.state, error = s.error, attempts = p.attempts + 1, updated_at = ${at}
    FROM json_to_recordset(${JSON.stringify(states)}::json) AS s("serialNumber" text, state text, error text)
    WHERE p.target = ${target} AND p.serial_number = s."serialNumber" AND p.updated_at <= ${since}`.execute(tx);
}

/** Whoever's certificates were wanted otherwise in that target, or tried, since then: they are to be visited again. */
export async function reopenChanged(
  tx: Transaction,
  target: string,
  personIds: readonly string[],
  { since, at }: { readonly since: Date; readonly at: Date },
): Promise<string[]> {
  const { rows } = await sql<{ person_id: string }>`
    WITH reopened AS (
      UPDATE publications p SET state = 'pending', error = NULL, updated_at = ${at}
      FROM certificates c
      WHERE c.serial_number = p.serial_number AND c.person_id = ANY (${personIds}::uuid[])
        AND p.target = ${target} AND p.updated_at > ${since}
      RETURNING c.person_id)
    SELECT DISTINCT person_id FROM reopened`.execute(tx);
  return rows.map(({ person_id }) => person_id);
}

type EntryRow = Selectable<Schema['publication_entries']>;

/** What is known of those people's entries in a target. */
export async function entriesOfPeople(
  snapshot: Snapshot,
  target: string,
  personIds: readonly string[],
): Promise<Map<string, EntryRow>> {
  const rows = await snapshot
    .selectFrom('publication_entries')
    .selectAll()
    .where('target', '=', target)
    .where(sql<boolean>`person_id = ANY (${personIds}::uuid[])`)
    .execute();
  return new Map(rows.map((row) => [row.person_id, row]));
}

/** An entry that is not there any more keeps its name: ours may be in it when it is back under another address. */
export async function noteEntries(tx: Transaction, rows: readonly EntryRow[]): Promise<void> {
  if (rows.length === 0) return;
  const inOrder = rows.toSorted((one, other) => (one.person_id < other.person_id ? -1 : 1));
  await sql`${insertion('publication_entries', inOrder)}
    ON CONFLICT (target, person_id) DO UPDATE SET
      entry = coalesce(excluded.entry, publication_entries.entry), place = coalesce(excluded.place, publication_entries.place),
      problem = excluded.problem, detail = excluded.detail, others = excluded.others, seen_at = excluded.seen_at`.execute(
    tx,
  );
}

/** That target cannot be asked about them: what is known of their entries stays. */
export async function noteDown(
  tx: Transaction,
  target: string,
  personIds: readonly string[],
  detail: string,
  at: Date,
): Promise<void> {
  await sql`
    INSERT INTO publication_entries (target, person_id, problem, detail, seen_at)
    SELECT ${target}, id, 'down', ${detail}, ${at} FROM unnest(${personIds}::uuid[]) AS id ORDER BY id
    ON CONFLICT (target, person_id) DO UPDATE SET problem = 'down', detail = excluded.detail, seen_at = excluded.seen_at`.execute(
    tx,
  );
}

/** How many people's entries each target has trouble with, by the kind of it; and the newest reason. */
export async function entryTroubles(
  snapshot: Snapshot,
): Promise<{ target: string; problem: string; people: number; detail: string | null }[]> {
  const rows = await snapshot
    .selectFrom('publication_entries')
    .select(['target', 'problem'])
    .select(({ fn }) => fn.countAll<string>().as('people'))
    .select(sql<string | null>`(array_agg(detail ORDER BY seen_at DESC))[1]`.as('detail'))
    .where('problem', 'is not', null)
    .groupBy(['target', 'problem'])
    .execute();
  return rows.map(({ problem, people, ...row }) => ({ ...row, problem: problem ?? '', people: Number(people) }));
}
