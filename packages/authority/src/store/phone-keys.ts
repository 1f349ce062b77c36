/** Keys on their way to managed phones, and whose may go there. */
import { type Selectable, sql } from 'kysely';
import type { Snapshot, Transaction } from './database.ts';
import type { Schema } from './schema.ts';

export type PhoneKeyRow = Selectable<Schema['phone_keys']>;

export async function allowPhone(tx: Transaction, personId: string, by: string, at: Date): Promise<void> {
  await tx
    .insertInto('phone_people')
    .values({ person_id: personId, allowed_at: at, allowed_by: by })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

/** And what was on its way is not sent. @returns how many keys that were */
export async function forbidPhone(tx: Transaction, personId: string): Promise<number> {
  await tx.deleteFrom('phone_people').where('person_id', '=', personId).execute();
  const { numDeletedRows } = await tx
    .deleteFrom('phone_keys')
    .where('person_id', '=', personId)
    .where('state', '=', 'waiting')
    .executeTakeFirstOrThrow();
  return Number(numDeletedRows);
}

export async function isPhoneAllowed(snapshot: Snapshot, personId: string): Promise<boolean> {
  const row = await snapshot
    .selectFrom('phone_people')
    .select('person_id')
    .where('person_id', '=', personId)
    .executeTakeFirst();
  return row !== undefined;
}

/** Newest first. */
export async function phoneKeysOf(snapshot: Snapshot, personId: string): Promise<PhoneKeyRow[]> {
  return snapshot
    .selectFrom('phone_keys')
    .selectAll()
    .where('person_id', '=', personId)
    .orderBy('created_at', 'desc')
    .execute();
}

/** One that waits or was taken stays as it is; one that was refused is tried anew. @returns whether it was put in */
export async function putPhoneKey(
  tx: Transaction,
  key: Pick<PhoneKeyRow, 'id' | 'person_id' | 'escrowed_key_id' | 'thumbprint' | 'connector' | 'body' | 'created_at'>,
): Promise<boolean> {
  const row = {
    ...key,
    state: 'waiting' as const,
    tries: 0,
    next_try_at: key.created_at,
    error: null,
    settled_at: null,
  };
  const put = await tx
    .insertInto('phone_keys')
    .values(row)
    .onConflict((conflict) =>
      conflict
        .columns(['escrowed_key_id', 'thumbprint', 'connector'])
        .doUpdateSet({
          body: row.body,
          state: row.state,
          tries: 0,
          next_try_at: row.next_try_at,
          error: null,
          settled_at: null,
        })
        .where('phone_keys.state', '=', 'refused'),
    )
    .returning('id')
    .executeTakeFirst();
  return put !== undefined;
}

/** People whose newest keys nobody has collected yet, and no phone either: the office still has what opens them. */
export async function peopleWithUnsentKeys(snapshot: Snapshot, connector: string, limit: number): Promise<string[]> {
  const { rows } = await sql<{ person_id: string }>`
    SELECT DISTINCT p.person_id FROM phone_people p
    JOIN people o ON o.id = p.person_id AND o.state = 'active'
    JOIN claims c ON c.person_id = p.person_id AND c.closed_at IS NULL AND c.sealed_secret IS NOT NULL
    JOIN escrow_locks l ON l.kind = 'claim' AND l.holder = c.id::text
    JOIN certificates e ON e.escrowed_key_id = l.escrowed_key_id AND e.revoked_at IS NULL
    WHERE NOT EXISTS (SELECT 1 FROM phone_keys k
      WHERE k.escrowed_key_id = l.escrowed_key_id AND k.connector = ${connector})
    LIMIT ${limit}`.execute(snapshot as never);
  return rows.map(({ person_id }) => person_id);
}

/** What is to be sent now, longest due first; of people who are still here and still allowed. */
export async function duePhoneKeys(
  snapshot: Snapshot,
  connector: string,
  at: Date,
  limit: number,
): Promise<PhoneKeyRow[]> {
  return snapshot
    .selectFrom('phone_keys')
    .innerJoin('people', 'people.id', 'phone_keys.person_id')
    .innerJoin('phone_people', 'phone_people.person_id', 'phone_keys.person_id')
    .selectAll('phone_keys')
    .where('phone_keys.state', '=', 'waiting')
    .where('phone_keys.connector', '=', connector)
    .where('phone_keys.next_try_at', '<=', at)
    .where('people.state', '=', 'active')
    .orderBy('phone_keys.next_try_at')
    .limit(limit)
    .execute();
}

/** Held until commit; undefined where it waits no longer. */
export async function lockWaitingPhoneKey(tx: Transaction, id: string): Promise<PhoneKeyRow | undefined> {
  return tx
    .selectFrom('phone_keys')
    .selectAll()
    .where('id', '=', id)
    .where('state', '=', 'waiting')
    .forUpdate()
    .executeTakeFirst();
}

export async function settlePhoneKey(
  tx: Transaction,
  id: string,
  how: { readonly state: 'taken' | 'refused'; readonly error: string | null },
  at: Date,
): Promise<void> {
  await tx
    .updateTable('phone_keys')
    .set((row) => ({ ...how, body: null, settled_at: at, tries: row('tries', '+', 1) }))
    .where('id', '=', id)
    .execute();
}

/** All that wait, wait until then: what keeps one off keeps all off. */
export async function postponePhoneKeys(tx: Transaction, connector: string, until: Date, error: string): Promise<void> {
  await tx
    .updateTable('phone_keys')
    .set((row) => ({ next_try_at: until, error, tries: row('tries', '+', 1) }))
    .where('state', '=', 'waiting')
    .where('connector', '=', connector)
    .execute();
}
