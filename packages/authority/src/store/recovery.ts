/** Recovery requests and what officers decided about them. */
import { type Selectable, sql } from 'kysely';
import type { Snapshot, Transaction } from './database.ts';
import type { Schema } from './schema.ts';

export type RecoveryRow = Selectable<Schema['recovery_requests']>;
export type DecisionRow = Selectable<Schema['recovery_decisions']>;
export type StepRow = Selectable<Schema['recovery_steps']>;
export type RecoveryState = RecoveryRow['state'];

/** @param personIds whose keys it is for */
export async function insertRecovery(
  tx: Transaction,
  request: Omit<RecoveryRow, 'person_id' | 'state' | 'released_at' | 'sealed_password'>,
  personIds: readonly string[],
): Promise<void> {
  const [only, ...more] = personIds;
  await tx
    .insertInto('recovery_requests')
    .values({
      ...request,
      person_id: more.length === 0 ? (only ?? null) : null,
      state: 'open',
      released_at: null,
      sealed_password: null,
    })
    .execute();
  await tx
    .insertInto('recovery_people')
    .values(personIds.map((person_id) => ({ request_id: request.id, person_id })))
    .execute();
}

export async function recoveryById(snapshot: Snapshot, id: string): Promise<RecoveryRow | undefined> {
  return snapshot.selectFrom('recovery_requests').selectAll().where('id', '=', id).executeTakeFirst();
}

/** The latest request for keys of that person that is neither released nor over. */
export async function openRequestAbout(snapshot: Snapshot, personId: string): Promise<string | undefined> {
  const row = await snapshot
    .selectFrom('recovery_requests as r')
    .innerJoin('recovery_people as p', 'p.request_id', 'r.id')
    .select('r.id')
    .where('p.person_id', '=', personId)
    .where('r.state', 'in', ['open', 'approved'])
    .orderBy('r.requested_at', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row?.id;
}

/** Held until commit: decisions and the release of one request follow one another. */
export async function lockRecovery(tx: Transaction, id: string): Promise<RecoveryRow | undefined> {
  return tx.selectFrom('recovery_requests').selectAll().where('id', '=', id).forUpdate().executeTakeFirst();
}

export interface RecoveryDecision extends DecisionRow {
  readonly officerName: string;
  /** Is the officer, at this moment, someone who may approve? */
  readonly inOffice: boolean;
}

/** In the order they were made. */
export async function decisionsOf(snapshot: Snapshot, requestIds: readonly string[]): Promise<RecoveryDecision[]> {
  if (requestIds.length === 0) return [];
  const rows = await snapshot
    .selectFrom('recovery_decisions as d')
    .innerJoin('operators as o', 'o.id', 'd.officer_id')
    .selectAll('d')
    .select([
      'o.name as officerName',
      sql<boolean>`o.state = 'active' AND 'recovery-officer' = ANY (o.roles)`.as('inOffice'),
    ])
    .where('d.request_id', 'in', requestIds)
    .orderBy('d.decided_at')
    .execute();
  return rows;
}

/** An approval that is taken back is a rejection in its place; what was there before stands in the audit trail. */
export async function insertDecision(tx: Transaction, decision: DecisionRow): Promise<void> {
  await tx
    .insertInto('recovery_decisions')
    .values(decision)
    .onConflict((conflict) =>
      conflict
        .columns(['request_id', 'officer_id'])
        .doUpdateSet(decision)
        .where('recovery_decisions.decision', '=', 'approve')
        .where(({ ref, eb }) => eb(ref('excluded.decision'), '=', 'reject')),
    )
    .execute();
}

export interface RecordedStep extends StepRow {
  readonly recorderName: string;
}

export async function stepsOf(snapshot: Snapshot, requestIds: readonly string[]): Promise<RecordedStep[]> {
  if (requestIds.length === 0) return [];
  return snapshot
    .selectFrom('recovery_steps as s')
    .innerJoin('operators as o', 'o.id', 's.recorded_by')
    .selectAll('s')
    .select('o.name as recorderName')
    .where('s.request_id', 'in', requestIds)
    .orderBy('s.recorded_at')
    .execute();
}

export async function insertStep(
  tx: Transaction,
  step: Omit<StepRow, 'statement'> & { readonly statement: Record<string, unknown> },
): Promise<void> {
  await tx
    .insertInto('recovery_steps')
    .values({ ...step, statement: JSON.stringify(step.statement) })
    .execute();
}

export async function setRecoveryState(tx: Transaction, id: string, state: RecoveryState): Promise<void> {
  await tx.updateTable('recovery_requests').set({ state }).where('id', '=', id).execute();
  if (state === 'rejected' || state === 'expired') await forgetPartials(tx, id);
}

/** The officers' shares were dealt anew: parts made with the old ones open nothing. @returns the requests that ended so */
export async function endRecoveriesOfVault(tx: Transaction, vaultId: string): Promise<RecoveryRow[]> {
  const rows = await tx
    .updateTable('recovery_requests')
    .set({ state: 'expired' })
    .where('state', 'in', ['open', 'approved'])
    .where(sql<boolean>`canonical::jsonb->>'vaultId' = ${vaultId}`)
    .returningAll()
    .execute();
  for (const { id } of rows) await forgetPartials(tx, id);
  return rows;
}

/** Is a key of this request locked to another vault than that of the request? */
export async function hasMovedOn(snapshot: Snapshot, id: string): Promise<boolean> {
  const row = await snapshot
    .selectFrom('recovery_requests')
    .select('id')
    .where('id', '=', id)
    .where(movedOn)
    .executeTakeFirst();
  return row !== undefined;
}

const movedOn = sql<boolean>`EXISTS (SELECT 1 FROM jsonb_array_elements(canonical::jsonb->'records') r
  JOIN escrow_locks l ON l.escrowed_key_id = (r->>'id')::uuid AND l.kind = 'vault'
  WHERE l.holder <> canonical::jsonb->>'vaultId')`;

/** What officers contributed opens exactly this request, so it is kept for as long as that takes and no longer. */
async function forgetPartials(tx: Transaction, id: string): Promise<void> {
  await tx.updateTable('recovery_decisions').set({ partial: null }).where('request_id', '=', id).execute();
}

export async function markReleased(
  tx: Transaction,
  id: string,
  at: Date,
  sealedPassword: Buffer | null,
): Promise<void> {
  await tx
    .updateTable('recovery_requests')
    .set({ state: 'released', released_at: at, sealed_password: sealedPassword })
    .where('id', '=', id)
    .execute();
  await forgetPartials(tx, id);
}

/** Passwords that wait to be told and are sealed under that vault's key, behind an id, in their order; held until commit. */
export async function passwordsBehind(
  tx: Transaction,
  vaultId: string,
  after: string,
  limit: number,
): Promise<{ id: string; sealed_password: Buffer }[]> {
  const rows = await tx
    .selectFrom('recovery_requests')
    .select(['id', 'sealed_password'])
    .where('sealed_password', 'is not', null)
    .where(sql<boolean>`canonical::jsonb->>'vaultId' = ${vaultId}`)
    .where('id', '>', after)
    .orderBy('id')
    .limit(limit)
    .forUpdate()
    .execute();
  return rows.map(({ id, sealed_password }) => ({ id, sealed_password: sealed_password as Buffer }));
}

export async function resealPassword(tx: Transaction, id: string, sealed: Buffer): Promise<void> {
  await tx.updateTable('recovery_requests').set({ sealed_password: sealed }).where('id', '=', id).execute();
}

/** The password has been told. */
export async function forgetPassword(tx: Transaction, id: string): Promise<void> {
  await tx.updateTable('recovery_requests').set({ sealed_password: null }).where('id', '=', id).execute();
}

/** One page, newest first. A request past its time counts as expired, whether or not somebody has written that down. */
export async function listRecoveries(
  snapshot: Snapshot,
  filter: {
    readonly limit: number;
    readonly after?: { readonly at: Date; readonly id: string } | undefined;
    readonly state?: RecoveryState | undefined;
  },
  at: Date,
): Promise<{ rows: RecoveryRow[]; total: number; hasMore: boolean }> {
  let matching = snapshot.selectFrom('recovery_requests');
  const lapsed = sql<boolean>`(state IN ('open', 'approved') AND expires_at <= ${at})`;
  if (filter.state === 'expired') matching = matching.where(sql<boolean>`(state = 'expired' OR ${lapsed})`);
  else if (filter.state !== undefined) {
    matching = matching.where('state', '=', filter.state).where(sql<boolean>`NOT ${lapsed}`);
  }
  const { total } = await matching.select(({ fn }) => fn.countAll<string>().as('total')).executeTakeFirstOrThrow();
  let page = matching
    .selectAll()
    .orderBy('requested_at', 'desc')
    .orderBy('id', 'desc')
    .limit(filter.limit + 1);
  if (filter.after !== undefined) {
    const { at: before, id } = filter.after;
    page = page.where(sql<boolean>`(requested_at, id) < (${before}::timestamptz, ${id}::uuid)`);
  }
  const rows = await page.execute();
  return { rows: rows.slice(0, filter.limit), total: Number(total), hasMore: rows.length > filter.limit };
}

/** Those that wait for nothing any more: their time is over, or their keys have moved. */
export async function recoveriesToEnd(snapshot: Snapshot, at: Date): Promise<string[]> {
  const rows = await snapshot
    .selectFrom('recovery_requests')
    .select('id')
    .where('state', 'in', ['open', 'approved'])
    .where((where) => where.or([where('expires_at', '<=', at), movedOn]))
    .execute();
  return rows.map(({ id }) => id);
}
