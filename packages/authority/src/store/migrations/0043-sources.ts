/** One person from several sources: what each source presents of whom, its groups, and addresses that were somebody's before. */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  `CREATE TABLE sources (
     name text PRIMARY KEY,
     kind text NOT NULL CHECK (kind IN ('hand', 'csv', 'scim', 'ldap')),
     made bigint NOT NULL GENERATED ALWAYS AS IDENTITY, -- the earlier is heard first
     created_at timestamptz NOT NULL,
     last_contact_at timestamptz, -- when it last presented something, or was found unchanged
     problem text, -- what an administrator should know of it
     rules text -- digest of the configuration by which its people were decided last
   )`,
  `INSERT INTO sources (name, kind, created_at) VALUES ('hand', 'hand', now()), ('csv', 'csv', now())`,
  `CREATE TABLE source_records (
     id uuid PRIMARY KEY,
     source text NOT NULL REFERENCES sources,
     key text NOT NULL, -- as the source itself tells people apart, for ever
     person_id uuid REFERENCES people ON DELETE CASCADE, -- null: out of scope, without an address, or in conflict
     active boolean NOT NULL,
     gone_at timestamptz, -- kept: who was deactivated before stays so, whatever other sources still say
     presented jsonb NOT NULL,
     resource jsonb, -- of a SCIM client: the attributes as it put them
     conflict jsonb,
     created_at timestamptz NOT NULL,
     changed_at timestamptz NOT NULL,
     UNIQUE (source, key)
   )`,
  `CREATE INDEX source_records_person ON source_records (person_id)`,
  `CREATE INDEX source_records_conflict ON source_records (source) WHERE conflict IS NOT NULL`,
  `CREATE INDEX source_records_listed ON source_records (source, created_at, id) WHERE gone_at IS NULL`,
  `CREATE INDEX source_records_external ON source_records (source, (presented->>'externalId'))`,
  // Two requests at once do not make two users of one name.
  `CREATE UNIQUE INDEX source_records_user_name ON source_records (source, lower(resource->>'userName'))
     WHERE gone_at IS NULL AND resource ? 'userName'`,
  // Whoever is here already was put in by hand or by a file.
  `INSERT INTO source_records (id, source, key, person_id, active, presented, created_at, changed_at)
     SELECT gen_random_uuid(), 'hand', p.id::text, p.id, p.state = 'active',
       jsonb_build_object('name', p.name, 'externalId', p.external_id, 'attributes', p.attributes,
         'signingKey', p.signing_key, 'gatewayDecrypts', p.gateway_decrypts,
         'address', (SELECT address FROM person_addresses a WHERE a.person_id = p.id AND is_primary)),
       p.created_at, p.created_at
     FROM people p`,
  `CREATE TABLE source_groups (
     id uuid PRIMARY KEY,
     source text NOT NULL REFERENCES sources,
     key text NOT NULL,
     name text NOT NULL,
     external_id text,
     created_at timestamptz NOT NULL,
     changed_at timestamptz NOT NULL,
     UNIQUE (source, key)
   )`,
  `CREATE INDEX source_groups_name ON source_groups (source, lower(name))`,
  // By the keys of the source: a member may be presented after the group.
  `CREATE TABLE source_members (
     group_id uuid NOT NULL REFERENCES source_groups ON DELETE CASCADE,
     member_key text NOT NULL,
     member_kind text NOT NULL CHECK (member_kind IN ('person', 'group')),
     PRIMARY KEY (group_id, member_key, member_kind)
   )`,
  `CREATE INDEX source_members_member ON source_members (member_key, member_kind)`,
  // Keys stay findable by the address that they were made for.
  `CREATE TABLE former_addresses (
     person_id uuid NOT NULL REFERENCES people ON DELETE CASCADE,
     key text NOT NULL, -- lower-cased address
     address text NOT NULL,
     until timestamptz NOT NULL,
     PRIMARY KEY (person_id, key)
   )`,
  `CREATE INDEX former_addresses_key ON former_addresses (key)`,
  // By use, where membership of a group gives another profile than the office's.
  `ALTER TABLE people ADD COLUMN profiles jsonb NOT NULL DEFAULT '{}'`,
];
