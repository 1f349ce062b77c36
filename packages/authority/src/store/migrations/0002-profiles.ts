/** Profiles with a history, the version that each certificate was issued by, and what templates may say of a person. */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await rewriteDocuments(db);
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  `ALTER TABLE profiles ADD COLUMN author text NOT NULL DEFAULT 'system', ADD COLUMN note text NOT NULL DEFAULT '',
     ADD COLUMN restored_from integer`,
  // A version is what certificates were issued by: it stays as it was.
  `CREATE FUNCTION profiles_keep_their_history() RETURNS trigger LANGUAGE plpgsql AS $$
   BEGIN
     RAISE EXCEPTION 'a version of a profile is never altered or deleted: write the next one';
   END $$`,
  `CREATE TRIGGER profiles_keep_their_history BEFORE UPDATE OR DELETE ON profiles FOR EACH ROW EXECUTE FUNCTION profiles_keep_their_history()`,
  // Which profile a use is issued by.
  `CREATE TABLE profile_choices (use text PRIMARY KEY, profile text NOT NULL)`,
  `INSERT INTO profile_choices (use, profile)
     SELECT document->>'use', id FROM profiles WHERE version = 1 AND id IN ('signing', 'encryption', 'gateway', 'ocsp-responder')`,

  `ALTER TABLE people ADD COLUMN attributes jsonb NOT NULL DEFAULT '{}'`,

  // Until now no profile had more than one version.
  `ALTER TABLE issuance_intents ADD COLUMN profile_version integer NOT NULL DEFAULT 1,
     ADD COLUMN renewal_days integer NOT NULL DEFAULT 30,
     DROP CONSTRAINT issuance_intents_use_check,
     ADD CONSTRAINT issuance_intents_use_check CHECK (use IN ('signing', 'encryption', 'gateway', 'ocsp', 'scep-ra', 'admin'))`,
  `ALTER TABLE certificates ADD COLUMN profile_version integer NOT NULL DEFAULT 1,
     ADD COLUMN renewal_days integer NOT NULL DEFAULT 30,
     DROP CONSTRAINT certificates_use_check,
     ADD CONSTRAINT certificates_use_check CHECK (use IN ('signing', 'encryption', 'gateway', 'ocsp', 'scep-ra', 'admin'))`,
  // In UTC, where every day has 24 hours: only so is it the same whoever asks.
  `ALTER TABLE certificates ADD COLUMN renew_at timestamptz
     GENERATED ALWAYS AS (((not_after AT TIME ZONE 'UTC') - renewal_days * interval '1 day') AT TIME ZONE 'UTC') STORED`,
];

/** What an office was set up with until now. */
interface Old {
  readonly use: 'signing' | 'encryption' | 'gateway' | 'ocsp';
  readonly description: string;
  readonly validityDays: number;
  readonly backdateMinutes: number;
  readonly keys: string[];
  readonly rsaMinimumBits: number;
  readonly generate?: string;
  readonly keyUsage: unknown;
  readonly extendedKeyUsage: string[];
  readonly policies: string[];
  readonly smimeCapabilities: string[];
}

/** Says in the document what the code did by itself: what was issued by a version is what the version says now. */
async function rewriteDocuments(db: Kysely<unknown>): Promise<void> {
  const { rows } = await sql<{
    id: string;
    version: number;
    document: Old;
  }>`SELECT id, version, document FROM profiles`.execute(db);
  for (const { id, version, document } of rows) {
    const rewritten = JSON.stringify(rewrite(document));
    await sql`UPDATE profiles SET document = ${rewritten}::jsonb WHERE id = ${id} AND version = ${version}`.execute(db);
  }
}

function rewrite(old: Old) {
  const isPersonal = old.use === 'signing' || old.use === 'encryption';
  const organisation = { attribute: 'organizationName', value: '{organisation}', optional: false };
  const serialNumber = { attribute: 'serialNumber', value: '{id}', optional: false };
  const commonName = (value: string) => ({ attribute: 'commonName', value, optional: false });
  return {
    name: NAMES[old.use],
    description: old.description,
    use: old.use,
    baseline: null,
    validityDays: old.validityDays,
    backdateMinutes: old.backdateMinutes,
    renewalDays: old.use === 'ocsp' ? 5 : 30,
    keys: {
      algorithms: old.keys,
      rsaBits: { minimum: old.rsaMinimumBits, maximum: 8192 },
      generate: old.generate ?? null,
    },
    keyOrigins: ORIGINS[old.use],
    escrow: old.use === 'encryption' ? 'must' : 'never',
    subject:
      old.use === 'ocsp'
        ? [organisation, commonName('OCSP responder')]
        : [organisation, commonName('{name}'), serialNumber],
    alternativeNames: { emails: isPersonal ? 'all' : 'none', international: true, userPrincipalName: null },
    keyUsage: old.keyUsage,
    extendedKeyUsage: old.extendedKeyUsage,
    policies: old.policies.map((policy) => ({ id: policy, cps: null })),
    crlDistributionPoint: old.use !== 'ocsp',
    authorityInfoAccess: { ocsp: old.use !== 'ocsp', issuer: true },
    smimeCapabilities: old.smimeCapabilities,
    publication: old.use === 'encryption' ? 'everywhere' : 'nowhere',
    lints: { edition: '1.0.15', block: 'error', exceptions: [] },
  };
}

const NAMES: Readonly<Record<Old['use'], string>> = {
  signing: 'S/MIME signing',
  encryption: 'S/MIME encryption',
  gateway: 'Mail gateway',
  ocsp: 'OCSP responder',
};
const ORIGINS: Readonly<Record<Old['use'], string[]>> = {
  signing: ['device', 'browser', 'gateway'],
  encryption: ['kra'],
  gateway: ['gateway'],
  ocsp: ['authority'],
};
