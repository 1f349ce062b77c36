/** What a suspension put on hold, so that a return releases that and nothing else. */
import { sql } from 'kysely';
import type { Transaction } from './database.ts';

export async function noteHeld(tx: Transaction, personId: string, serialNumbers: readonly string[]): Promise<void> {
  await sql`INSERT INTO suspension_holds (person_id, serial_number)
    SELECT ${personId}::uuid, unnest(${serialNumbers}::text[]) ON CONFLICT DO NOTHING`.execute(tx);
}

/** Takes them out. */
export async function takeHeld(tx: Transaction, personId: string): Promise<string[]> {
  const rows = await tx
    .deleteFrom('suspension_holds')
    .where('person_id', '=', personId)
    .returning('serial_number')
    .execute();
  return rows.map(({ serial_number }) => serial_number).sort();
}
