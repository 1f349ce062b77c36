/** Operators and people whom an identity provider vouches for. */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  // Of the configuration; null where an operator signs in with a password or a passkey of their own.
  `ALTER TABLE operators ADD COLUMN provider text`,
  // A credential of one's own would outlive what the provider says.
  `ALTER TABLE operators ADD CONSTRAINT operators_provider_check
     CHECK (provider IS NULL OR (password_hash IS NULL AND totp_secret IS NULL))`,
  `CREATE FUNCTION passkey_is_of_a_local_operator() RETURNS trigger LANGUAGE plpgsql AS $$
   BEGIN
     IF EXISTS (SELECT 1 FROM operators WHERE id = NEW.operator_id AND provider IS NOT NULL) THEN
       RAISE EXCEPTION 'an operator of an identity provider has no passkey here';
     END IF;
     RETURN NEW;
   END $$`,
  `CREATE TRIGGER passkey_is_of_a_local_operator BEFORE INSERT OR UPDATE ON passkeys
     FOR EACH ROW EXECUTE FUNCTION passkey_is_of_a_local_operator()`,
  // The provider's own name for somebody, which it gives to nobody else. Addresses pass from one to another; this does not.
  `CREATE TABLE provider_subjects (
     issuer text NOT NULL,
     subject text NOT NULL,
     operator_id uuid REFERENCES operators,
     person_id uuid REFERENCES people,
     created_at timestamptz NOT NULL,
     last_sign_in_at timestamptz NOT NULL,
     CHECK ((operator_id IS NULL) <> (person_id IS NULL))
   )`,
  `CREATE UNIQUE INDEX provider_subjects_of_operators ON provider_subjects (issuer, subject) WHERE operator_id IS NOT NULL`,
  `CREATE UNIQUE INDEX provider_subjects_of_people ON provider_subjects (issuer, subject) WHERE person_id IS NOT NULL`,
  // One account at each provider: of two with the same address, the second is not let in.
  `CREATE UNIQUE INDEX provider_subjects_operator ON provider_subjects (operator_id, issuer) WHERE operator_id IS NOT NULL`,
  `CREATE UNIQUE INDEX provider_subjects_person ON provider_subjects (person_id, issuer) WHERE person_id IS NOT NULL`,
];
