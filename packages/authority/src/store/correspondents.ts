/** Correspondents outside, as each gateway last reported them. */
import { randomUUID } from 'node:crypto';
import type { CorrespondentStanding } from '@chancery/api';
import { sql } from 'kysely';
import type { Snapshot, Transaction } from './database.ts';

/** What a gateway says takes the place of what it said before. */
export async function putCorrespondents(
  tx: Transaction,
  gatewayId: string,
  standings: readonly CorrespondentStanding[],
  at: Date,
): Promise<void> {
  for (const standing of standings) {
    const said = {
      standing: JSON.stringify(standing),
      waiting: standing.certificates.some(({ state }) => state === 'waiting'),
      reported_at: at,
    };
    await tx
      .insertInto('correspondents')
      .values({ id: randomUUID(), gateway_id: gatewayId, address: standing.address.toLowerCase(), ...said })
      .onConflict((conflict) => conflict.columns(['gateway_id', 'address']).doUpdateSet(said))
      .execute();
  }
}

/** Decisions that a gateway has carried out: whoever was to be forgotten is. */
export async function settleDecisions(tx: Transaction, gatewayId: string, done: readonly string[]): Promise<void> {
  if (done.length === 0) return;
  const settled = await tx
    .deleteFrom('correspondent_decisions')
    .using('correspondents')
    .whereRef('correspondents.id', '=', 'correspondent_decisions.correspondent_id')
    .where('correspondents.gateway_id', '=', gatewayId)
    .where('correspondent_decisions.id', 'in', [...done])
    .returning(['correspondent_decisions.kind', 'correspondent_decisions.correspondent_id'])
    .execute();
  const forgotten = settled.filter(({ kind }) => kind === 'forget').map(({ correspondent_id: id }) => id);
  if (forgotten.length > 0) await tx.deleteFrom('correspondents').where('id', 'in', forgotten).execute();
}

export async function openDecisions(snapshot: Snapshot, gatewayId: string) {
  return snapshot
    .selectFrom('correspondent_decisions')
    .innerJoin('correspondents', 'correspondents.id', 'correspondent_decisions.correspondent_id')
    .where('correspondents.gateway_id', '=', gatewayId)
    .select(['correspondent_decisions.id', 'kind', 'address', 'sha256', 'decided_by as by'])
    .orderBy('decided_at')
    .limit(1000)
    .execute();
}

export async function correspondentById(snapshot: Snapshot, id: string) {
  return snapshot.selectFrom('correspondents').selectAll().where('id', '=', id).executeTakeFirst();
}

/** Whoever decides again decides otherwise: the last word stands. */
export async function decideOnCorrespondent(
  tx: Transaction,
  correspondentId: string,
  decision: { kind: 'accept' | 'forget'; sha256: string | null; by: string; at: Date },
): Promise<void> {
  await tx.deleteFrom('correspondent_decisions').where('correspondent_id', '=', correspondentId).execute();
  const { kind, sha256, by, at } = decision;
  await tx
    .insertInto('correspondent_decisions')
    .values({ id: randomUUID(), correspondent_id: correspondentId, kind, sha256, decided_by: by, decided_at: at })
    .execute();
}

const shown = ['gateways.name as gateway', 'correspondent_decisions.kind as decision'] as const;

/** With its gateway, and what was decided and is not done yet. */
export async function findCorrespondent(snapshot: Snapshot, id: string) {
  return snapshot
    .selectFrom('correspondents')
    .innerJoin('gateways', 'gateways.id', 'correspondents.gateway_id')
    .leftJoin('correspondent_decisions', 'correspondent_decisions.correspondent_id', 'correspondents.id')
    .selectAll('correspondents')
    .select(shown)
    .where('correspondents.id', '=', id)
    .executeTakeFirst();
}

/** By address. `after`: the id and address at which the last page ended. */
export async function listCorrespondents(
  snapshot: Snapshot,
  query: {
    search?: string | undefined;
    waiting?: boolean | undefined;
    after?: [string, string] | undefined;
    limit: number;
  },
) {
  let matching = snapshot
    .selectFrom('correspondents')
    .innerJoin('gateways', 'gateways.id', 'correspondents.gateway_id');
  if (query.waiting !== undefined) matching = matching.where('correspondents.waiting', '=', query.waiting);
  if (query.search !== undefined && query.search !== '') {
    const pattern = `%${query.search.toLowerCase().replaceAll(/[\\%_]/g, '\\$&')}%`;
    matching = matching.where('correspondents.address', 'like', pattern);
  }
  const { total } = await matching
    .select((select) => select.fn.countAll<string>().as('total'))
    .executeTakeFirstOrThrow();
  const { after } = query;
  if (after !== undefined) {
    const [address, id] = after;
    matching = matching.where(sql<boolean>`(correspondents.address, correspondents.id) > (${address}, ${id}::uuid)`);
  }
  const rows = await matching
    .leftJoin('correspondent_decisions', 'correspondent_decisions.correspondent_id', 'correspondents.id')
    .selectAll('correspondents')
    .select(shown)
    .orderBy('correspondents.address')
    .orderBy('correspondents.id')
    .limit(query.limit)
    .execute();
  return { rows, total: Number(total) };
}
