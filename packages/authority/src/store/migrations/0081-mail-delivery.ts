/** How mail was brought to the server of its recipient's domain, where a gateway brought it there itself. */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  // The contract's JournalDelivery.
  await sql.raw('ALTER TABLE mail_journal ADD COLUMN delivery jsonb').execute(db);
}
