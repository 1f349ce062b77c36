/** The passkeys of employees: with one they sign in, and one that gives an owner key opens their keys as well. */
import type { Selectable } from 'kysely';
import type { Snapshot, Transaction } from './database.ts';
import type { Schema } from './schema.ts';

export type PersonPasskeyRow = Selectable<Schema['person_passkeys']>;

/** Oldest first. */
export async function passkeysOfPerson(snapshot: Snapshot, personId: string): Promise<PersonPasskeyRow[]> {
  return snapshot
    .selectFrom('person_passkeys')
    .selectAll()
    .where('person_id', '=', personId)
    .orderBy('created_at')
    .orderBy('credential_id')
    .execute();
}

/** Held until commit. */
export async function lockPersonPasskey(tx: Transaction, credentialId: string): Promise<PersonPasskeyRow | undefined> {
  return tx
    .selectFrom('person_passkeys')
    .selectAll()
    .where('credential_id', '=', credentialId)
    .forUpdate()
    .executeTakeFirst();
}

/** @returns false where a passkey of that identifier is known already */
export async function insertPersonPasskey(
  tx: Transaction,
  passkey: Omit<PersonPasskeyRow, 'last_used_at' | 'counter'> & { readonly counter: number },
): Promise<boolean> {
  const inserted = await tx
    .insertInto('person_passkeys')
    .values({ ...passkey, transports: [...passkey.transports], last_used_at: null })
    .onConflict((conflict) => conflict.doNothing())
    .returning('credential_id')
    .executeTakeFirst();
  return inserted !== undefined;
}

export async function notePersonPasskey(
  tx: Transaction,
  credentialId: string,
  { counter, at }: { counter: number; at: Date },
): Promise<void> {
  await tx
    .updateTable('person_passkeys')
    .set({ counter, last_used_at: at })
    .where('credential_id', '=', credentialId)
    .execute();
}

/** It signs in, and opens nothing any more. */
export async function forgetOwnerKey(tx: Transaction, credentialId: string): Promise<void> {
  await tx.updateTable('person_passkeys').set({ owner_key: null }).where('credential_id', '=', credentialId).execute();
}

export async function deletePersonPasskey(tx: Transaction, credentialId: string): Promise<void> {
  await tx.deleteFrom('person_passkeys').where('credential_id', '=', credentialId).execute();
}

export async function deletePasskeysOfPerson(tx: Transaction, personId: string): Promise<number> {
  const { numDeletedRows } = await tx
    .deleteFrom('person_passkeys')
    .where('person_id', '=', personId)
    .executeTakeFirst();
  return Number(numDeletedRows);
}
