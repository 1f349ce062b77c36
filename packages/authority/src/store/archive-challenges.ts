/** What a device signs when it hands over a copy of its key: for one person, for one use. Only the hash is kept. */
import type { Selectable } from 'kysely';
import type { Snapshot, Transaction } from './database.ts';
import type { Schema } from './schema.ts';

export type ChallengeRow = Selectable<Schema['archive_challenges']>;

export async function insertChallenge(tx: Transaction, challenge: Omit<ChallengeRow, 'used_at'>): Promise<void> {
  await tx
    .insertInto('archive_challenges')
    .values({ ...challenge, used_at: null })
    .execute();
}

/** Held until commit. */
export async function lockChallenge(tx: Transaction, hash: Buffer): Promise<ChallengeRow | undefined> {
  return tx.selectFrom('archive_challenges').selectAll().where('hash', '=', hash).forUpdate().executeTakeFirst();
}

export async function markChallengeUsed(tx: Transaction, hash: Buffer, at: Date): Promise<void> {
  await tx.updateTable('archive_challenges').set({ used_at: at }).where('hash', '=', hash).execute();
}

/** Of one person, neither used nor lapsed. */
export async function countOpenChallenges(snapshot: Snapshot, personId: string, at: Date): Promise<number> {
  const { count } = await snapshot
    .selectFrom('archive_challenges')
    .select(({ fn }) => fn.countAll<string>().as('count'))
    .where('person_id', '=', personId)
    .where('used_at', 'is', null)
    .where('expires_at', '>', at)
    .executeTakeFirstOrThrow();
  return Number(count);
}

/** A day after it lapsed nobody is told any more whether it was used. */
export async function forgetChallenges(tx: Transaction, before: Date): Promise<void> {
  await tx.deleteFrom('archive_challenges').where('expires_at', '<', before).execute();
}
