/** People to whom their claim link goes by mail, as soon as there is something to collect with it. */
import type { Selectable } from 'kysely';
import type { Snapshot, Transaction } from './database.ts';
import type { Schema } from './schema.ts';

export type ClaimOffer = Selectable<Schema['claim_offers']>;

/** One for each person: whoever waits for it already gets no second. */
export async function offerClaim(tx: Transaction, personId: string, why: ClaimOffer['why'], at: Date): Promise<void> {
  await tx
    .insertInto('claim_offers')
    .values({ person_id: personId, why, asked_at: at })
    .onConflict((conflict) => conflict.column('person_id').doNothing())
    .execute();
}

/** Those whose encryption key is not on its way any more, the longest waiting first. */
export async function readyOffers(snapshot: Snapshot, limit: number): Promise<ClaimOffer[]> {
  return snapshot
    .selectFrom('claim_offers as o')
    .selectAll('o')
    .where((where) =>
      where.not(
        where.exists(
          where
            .selectFrom('enrollments as e')
            .select('e.id')
            .whereRef('e.person_id', '=', 'o.person_id')
            .where('e.use', '=', 'encryption')
            .where('e.state', '=', 'waiting'),
        ),
      ),
    )
    .orderBy('o.asked_at')
    .orderBy('o.person_id')
    .limit(limit)
    .execute();
}

/** Takes it out; undefined where another did. */
export async function takeOffer(tx: Transaction, personId: string): Promise<ClaimOffer | undefined> {
  return tx.deleteFrom('claim_offers').where('person_id', '=', personId).returningAll().executeTakeFirst();
}
