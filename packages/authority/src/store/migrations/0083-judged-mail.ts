/** What gateways found out about mail that came in stands whole in the record of each decision. */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw('ALTER TABLE mail_journal ADD COLUMN judged jsonb').execute(db);
}
