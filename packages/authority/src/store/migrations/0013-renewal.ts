/** Which certificates of a profile want to be renewed; a responder's knows it too. */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  `CREATE INDEX certificates_renewal ON certificates (profile, renew_at) WHERE revoked_at IS NULL`,
  `CREATE OR REPLACE VIEW responder_certificates AS
     SELECT serial_number, authority_id, key_reference, certificate, not_before, not_after, renew_at
     FROM certificates WHERE use = 'ocsp' AND revoked_at IS NULL AND key_reference IS NOT NULL`,
];
