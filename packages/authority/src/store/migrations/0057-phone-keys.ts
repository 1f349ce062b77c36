/** Encryption keys on their way to phones that Intune manages: sealed to its connector, which alone opens them. */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  // Whose keys may go to their phones.
  `CREATE TABLE phone_people (
     person_id uuid PRIMARY KEY REFERENCES people,
     allowed_at timestamptz NOT NULL,
     allowed_by text NOT NULL
   )`,
  `CREATE TABLE phone_keys (
     id uuid PRIMARY KEY,
     person_id uuid NOT NULL REFERENCES people,
     escrowed_key_id uuid NOT NULL REFERENCES escrowed_keys,
     thumbprint text NOT NULL, -- SHA-1 of the certificate, as Intune names it
     connector text NOT NULL, -- the connector's key that it is sealed to
     body text, -- what Intune is sent; gone once it has it
     state text NOT NULL CHECK (state IN ('waiting', 'taken', 'refused')),
     tries integer NOT NULL DEFAULT 0,
     next_try_at timestamptz NOT NULL,
     error text,
     created_at timestamptz NOT NULL,
     settled_at timestamptz,
     UNIQUE (escrowed_key_id, thumbprint, connector),
     CHECK ((state = 'waiting') = (body IS NOT NULL)),
     CHECK ((state = 'waiting') = (settled_at IS NULL))
   )`,
  `CREATE INDEX phone_keys_waiting ON phone_keys (next_try_at) WHERE state = 'waiting'`,
  `CREATE INDEX phone_keys_person ON phone_keys (person_id)`,
  // To whom the office did not allow it, nothing is sealed, whoever writes SQL.
  `CREATE FUNCTION phone_keys_of_allowed_people() RETURNS trigger LANGUAGE plpgsql AS $$
   BEGIN
     IF NOT EXISTS (SELECT 1 FROM phone_people p JOIN escrowed_keys e ON e.person_id = p.person_id
       WHERE p.person_id = NEW.person_id AND e.id = NEW.escrowed_key_id) THEN
       RAISE EXCEPTION 'this key may not go to a phone of that person';
     END IF;
     RETURN NEW;
   END $$`,
  `CREATE TRIGGER phone_keys_of_allowed_people BEFORE INSERT ON phone_keys
     FOR EACH ROW EXECUTE FUNCTION phone_keys_of_allowed_people()`,
];
