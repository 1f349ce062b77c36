/** Mail that gateways hold, as each last reported it. */
import { randomUUID } from 'node:crypto';
import type { HeldStanding } from '@chancery/api';
import { sql } from 'kysely';
import type { Snapshot, Transaction } from './database.ts';

/** What a gateway says takes the place of what it said before. An id that another gateway has told is left as it is. */
export async function putHeldMail(
  tx: Transaction,
  { gatewayId, run, at }: { readonly gatewayId: string; readonly run: string; readonly at: Date },
  standings: readonly HeldStanding[],
): Promise<void> {
  for (const standing of standings) {
    const said = { standing: JSON.stringify(standing), run, reported_at: at };
    await tx
      .insertInto('held_mail')
      .values({
        ...{ id: standing.id, gateway_id: gatewayId, ...said },
        ...{ direction: standing.direction, held_at: new Date(standing.heldAt) },
      })
      .onConflict((conflict) => conflict.column('id').doUpdateSet(said).where('held_mail.gateway_id', '=', gatewayId))
      .execute();
  }
}

export async function forgetHeldMail(tx: Transaction, gatewayId: string, gone: readonly string[]): Promise<void> {
  if (gone.length === 0) return;
  await tx
    .deleteFrom('held_mail')
    .where('gateway_id', '=', gatewayId)
    .where('id', 'in', [...gone])
    .execute();
}

/** Everything of that gateway that this run of it has not told. */
export async function forgetOtherRuns(tx: Transaction, gatewayId: string, run: string): Promise<void> {
  await tx.deleteFrom('held_mail').where('gateway_id', '=', gatewayId).where('run', '<>', run).execute();
}

/** Decisions that the gateway has carried out, whatever came of them. */
export async function settleHeldDecisions(tx: Transaction, gatewayId: string, done: readonly string[]): Promise<void> {
  if (done.length === 0) return;
  await tx
    .deleteFrom('held_mail_decisions')
    .using('held_mail')
    .whereRef('held_mail.id', '=', 'held_mail_decisions.held_id')
    .where('held_mail.gateway_id', '=', gatewayId)
    .where('held_mail_decisions.id', 'in', [...done])
    .execute();
}

export async function openHeldDecisions(snapshot: Snapshot, gatewayId: string) {
  return snapshot
    .selectFrom('held_mail_decisions')
    .innerJoin('held_mail', 'held_mail.id', 'held_mail_decisions.held_id')
    .where('held_mail.gateway_id', '=', gatewayId)
    .select(['held_mail_decisions.id', 'held_id as message', 'act', 'decided_by as by', 'note'])
    .orderBy('decided_at')
    .limit(1000)
    .execute();
}

/** The last word stands. */
export async function decideOnHeldMail(
  tx: Transaction,
  heldId: string,
  { act, note, by, at }: { act: 'release' | 'refuse'; note: string; by: string; at: Date },
): Promise<void> {
  await tx.deleteFrom('held_mail_decisions').where('held_id', '=', heldId).execute();
  await tx
    .insertInto('held_mail_decisions')
    .values({ id: randomUUID(), held_id: heldId, act, note, decided_by: by, decided_at: at })
    .execute();
}

export async function heldMailById(snapshot: Snapshot, id: string) {
  return withDecision(snapshot).where('held_mail.id', '=', id).executeTakeFirst();
}

/** What has waited longest first. `after`: where the last page ended. */
export async function listHeldMail(
  snapshot: Snapshot,
  query: {
    search?: string | undefined;
    direction?: string | undefined;
    after?: { at: Date; id: string } | undefined;
    limit: number;
  },
) {
  const { search = '', direction, after, limit } = query;
  const pattern = `%${search.toLowerCase().replaceAll(/[\\%_]/g, '\\$&')}%`;
  const conditions = [
    ...(direction === undefined ? [] : [sql<boolean>`held_mail.direction = ${direction}`]),
    ...(search === ''
      ? []
      : [
          sql<boolean>`(lower(held_mail.standing->>'sender') LIKE ${pattern} OR lower(held_mail.standing->>'from') LIKE ${pattern}
            OR lower(held_mail.standing->>'recipients') LIKE ${pattern})`,
        ]),
  ];
  const { total } = await snapshot
    .selectFrom('held_mail')
    .where((where) => where.and(conditions))
    .select((select) => select.fn.countAll<string>().as('total'))
    .executeTakeFirstOrThrow();
  const beyond =
    after === undefined ? [] : [sql<boolean>`(held_mail.held_at, held_mail.id) > (${after.at}, ${after.id}::uuid)`];
  const rows = await withDecision(snapshot)
    .where((where) => where.and([...conditions, ...beyond]))
    .orderBy('held_mail.held_at')
    .orderBy('held_mail.id')
    .limit(limit)
    .execute();
  return { rows, total: Number(total) };
}

function withDecision(snapshot: Snapshot) {
  return snapshot
    .selectFrom('held_mail')
    .innerJoin('gateways', 'gateways.id', 'held_mail.gateway_id')
    .leftJoin('held_mail_decisions', 'held_mail_decisions.held_id', 'held_mail.id')
    .selectAll('held_mail')
    .select(['gateways.name as gateway', 'act', 'note', 'decided_by', 'decided_at']);
}
