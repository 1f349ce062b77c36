/** Issuance intents: each holds one serial number and the octets to be signed under it, once. */
import type { CertificateUse, PersonAttributes } from '@chancery/api';
import { sql } from 'kysely';
import type { Snapshot, Transaction } from './database.ts';
import { insertion } from './many-rows.ts';
import type { KeyOrigin, PersonProfiles, PersonState } from './schema.ts';

export interface IntentRow {
  readonly serialNumber: string;
  readonly authorityId: string;
  readonly use: CertificateUse;
  readonly profile: string;
  readonly profileVersion: number;
  readonly renewalDays: number;
  readonly personId: string | null;
  readonly gatewayId: string | null;
  readonly enrollmentId: string | null;
  readonly escrowedKeyId: string | null;
  readonly keyOrigin: KeyOrigin;
  readonly keyReference: string | null;
  /** DER. */
  readonly tbs: Uint8Array;
  readonly spkiSha256: Buffer;
  /** The list it stands on once it is revoked; null: the complete one alone. */
  readonly crlShard: number | null;
}

/** Inserts as `prepared`. The primary key refuses a serial number that was ever allotted. */
export async function insertIntents(tx: Transaction, intents: readonly IntentRow[], createdAt: Date): Promise<void> {
  if (intents.length === 0) return;
  await insertion(
    'issuance_intents',
    intents.map((intent) => ({
      serial_number: intent.serialNumber,
      authority_id: intent.authorityId,
      use: intent.use,
      profile: intent.profile,
      profile_version: intent.profileVersion,
      renewal_days: intent.renewalDays,
      person_id: intent.personId,
      gateway_id: intent.gatewayId,
      enrollment_id: intent.enrollmentId,
      escrowed_key_id: intent.escrowedKeyId,
      key_origin: intent.keyOrigin,
      key_reference: intent.keyReference,
      tbs: Buffer.from(intent.tbs),
      spki_sha256: intent.spkiSha256,
      crl_shard: intent.crlShard,
      state: 'prepared' as const,
      created_at: createdAt,
    })),
  ).execute(tx);
}

/**
 * Prepared intents by serial number, held until commit: of two callers who want to sign one, the second finds it gone.
 * @param action under which signing keeps its audit records
 */
export async function holdIntents(
  tx: Transaction,
  action: string,
  serialNumbers: readonly string[],
): Promise<Map<string, { intent: IntentRow; attempts: number }>> {
  const prepared = tx
    .selectFrom('issuance_intents')
    .where(sql<boolean>`serial_number = ANY (${serialNumbers}::text[])`)
    .where('state', '=', 'prepared');
  // The keys before the rows, as whoever prepares takes them: two who met the other way round would wait for each other.
  const keys = await prepared.select('spki_sha256').execute();
  await lockKeys(
    tx,
    keys.map(({ spki_sha256 }) => spki_sha256),
  );
  const rows = await prepared.selectAll().orderBy('serial_number').forUpdate().execute();
  const attempts = await sql<{ subject: string; count: string }>`
    SELECT subject, count(*) AS count FROM audit_records
    WHERE subject = ANY (${rows.map((row) => `certificate:${row.serial_number}`)}::text[])
      AND action = ${action} AND outcome = 'attempted' GROUP BY subject`.execute(tx);
  const begun = new Map(attempts.rows.map(({ subject, count }) => [subject, Number(count)]));
  return new Map(
    rows.map((row) => [
      row.serial_number,
      {
        // How often signing was begun: each attempt committed its record before it ran.
        attempts: begun.get(`certificate:${row.serial_number}`) ?? 0,
        intent: {
          serialNumber: row.serial_number,
          authorityId: row.authority_id,
          use: row.use,
          profile: row.profile,
          profileVersion: row.profile_version,
          renewalDays: row.renewal_days,
          personId: row.person_id,
          gatewayId: row.gateway_id,
          enrollmentId: row.enrollment_id,
          escrowedKeyId: row.escrowed_key_id,
          keyOrigin: row.key_origin,
          keyReference: row.key_reference,
          tbs: row.tbs,
          spkiSha256: row.spki_sha256,
          crlShard: row.crl_shard,
        },
      },
    ]),
  );
}

/** The held intents have their certificates: in the transaction that stores them. */
export async function spendIntents(tx: Transaction, serialNumbers: readonly string[]): Promise<void> {
  await tx
    .updateTable('issuance_intents')
    .set({ state: 'signed' })
    .where(sql<boolean>`serial_number = ANY (${serialNumbers}::text[])`)
    .execute();
}

/**
 * One key is judged at a time, until commit; the database's own escrow constraint takes the same lock. In one order, so
 * that two who want the same keys do not wait for each other.
 */
export async function lockKeys(tx: Transaction, spkiSha256s: readonly Buffer[]): Promise<void> {
  const keys = spkiSha256s.map((digest) => digest.toString('hex')).sort();
  await sql`SELECT pg_advisory_xact_lock(hashtextextended(key, 0)) FROM unnest(${keys}::text[]) AS key`.execute(tx);
}

/** What a key stands for already: a certificate, or an intent that may still become one. */
export interface UseOfKey {
  readonly kind: 'certificate' | 'intent';
  readonly serial_number: string;
  readonly use: CertificateUse;
  readonly person_id: string | null;
  readonly gateway_id: string | null;
  readonly revocation_reason: string | null;
}

/** By the hex of the keys' digests; a key that stands for nothing yet is absent. */
export async function usesOfKeys(snapshot: Snapshot, spkiSha256s: readonly Buffer[]): Promise<Map<string, UseOfKey[]>> {
  const among = sql<boolean>`spki_sha256 = ANY (${spkiSha256s.map((digest) => `\\x${digest.toString('hex')}`)}::bytea[])`;
  const rows = await snapshot
    .selectFrom('certificates')
    .select(['spki_sha256', 'serial_number', 'use', 'person_id', 'gateway_id', 'revocation_reason'])
    .select(sql<'certificate' | 'intent'>`'certificate'`.as('kind'))
    .where(among)
    .unionAll(
      snapshot
        .selectFrom('issuance_intents')
        .select(['spki_sha256', 'serial_number', 'use', 'person_id', 'gateway_id'])
        .select([sql<string | null>`null`.as('revocation_reason'), sql<'certificate' | 'intent'>`'intent'`.as('kind')])
        .where(among)
        .where('state', '=', 'prepared'),
    )
    .execute();
  const uses = new Map<string, UseOfKey[]>();
  for (const { spki_sha256, ...use } of rows) {
    const key = spki_sha256.toString('hex');
    uses.set(key, [...(uses.get(key) ?? []), use]);
  }
  return uses;
}

/** Prepared intents from before that instant. Their process died, or gave up. */
export async function staleIntents(snapshot: Snapshot, before: Date): Promise<string[]> {
  const rows = await snapshot
    .selectFrom('issuance_intents')
    .select('serial_number')
    .where('state', '=', 'prepared')
    .where('created_at', '<', before)
    .execute();
  return rows.map(({ serial_number }) => serial_number);
}

/** Closes those that are still `prepared`, and returns them: their serial numbers are burnt. */
export async function abandonIntents(tx: Transaction, serialNumbers: readonly string[]): Promise<string[]> {
  if (serialNumbers.length === 0) return [];
  const rows = await tx
    .updateTable('issuance_intents')
    .set({ state: 'abandoned' })
    .where(sql<boolean>`serial_number = ANY (${serialNumbers}::text[])`)
    .where('state', '=', 'prepared')
    .returning('serial_number')
    .execute();
  return rows.map(({ serial_number }) => serial_number).sort();
}

export interface EndEntity {
  readonly id: string;
  readonly name: string;
  readonly state: PersonState;
  readonly signingKey: 'device' | 'gateway';
  readonly externalId: string | null;
  /** Given name, department and the like, where the directory has them. */
  readonly attributes: PersonAttributes;
  readonly profiles: PersonProfiles;
  readonly organisation: string;
  /** As typed, the primary one first. */
  readonly addresses: readonly string[];
}

/** The people that certificates are for, by id, held until commit: nobody leaves while a certificate is made for them. */
export async function holdEndEntities(tx: Transaction, personIds: readonly string[]): Promise<Map<string, EndEntity>> {
  if (personIds.length === 0) return new Map();
  const people = await tx
    .selectFrom('people as p')
    .select(['p.id', 'p.name', 'p.state', 'p.signing_key', 'p.external_id', 'p.attributes', 'p.profiles'])
    .select((outer) => [
      outer.selectFrom('office').select('organisation').as('organisation'),
      outer
        .selectFrom('person_addresses as a')
        .select(sql<string[]>`array_agg(a.address ORDER BY a.is_primary DESC, a.key)`.as('addresses'))
        .whereRef('a.person_id', '=', 'p.id')
        .as('addresses'),
    ])
    .where(sql<boolean>`p.id = ANY (${personIds}::uuid[])`)
    .orderBy('p.id')
    .forShare('p')
    .execute();
  return new Map(
    people.map((person) => [
      person.id,
      {
        id: person.id,
        name: person.name,
        state: person.state,
        signingKey: person.signing_key,
        externalId: person.external_id,
        attributes: person.attributes,
        profiles: person.profiles,
        organisation: person.organisation ?? '',
        addresses: person.addresses ?? [],
      },
    ]),
  );
}

export async function organisationName(snapshot: Snapshot): Promise<string> {
  const office = await snapshot.selectFrom('office').select('organisation').executeTakeFirstOrThrow();
  return office.organisation;
}

/** Those of these enrolments that still wait, held until commit. */
export async function holdWaitingEnrollments(tx: Transaction, ids: readonly string[]): Promise<Set<string>> {
  if (ids.length === 0) return new Set();
  const rows = await tx
    .selectFrom('enrollments')
    .select('id')
    .where(sql<boolean>`id = ANY (${ids}::uuid[])`)
    .where('state', '=', 'waiting')
    .orderBy('id')
    .forUpdate()
    .execute();
  return new Set(rows.map(({ id }) => id));
}

/** The held enrolments have their certificates: in the transaction that stores them. */
export async function markEnrollmentsIssued(tx: Transaction, ids: readonly string[], at: Date): Promise<void> {
  if (ids.length === 0) return;
  await tx
    .updateTable('enrollments')
    .set({ state: 'issued', error: null, updated_at: at })
    .where(sql<boolean>`id = ANY (${ids}::uuid[])`)
    .execute();
}

/** Is that escrowed key this very public key, and this person's? */
export async function escrowHolds(
  snapshot: Snapshot,
  key: { escrowedKeyId: string; personId: string; spkiSha256: Buffer },
): Promise<boolean> {
  const row = await snapshot
    .selectFrom('escrowed_keys')
    .select('id')
    .where('id', '=', key.escrowedKeyId)
    .where('person_id', '=', key.personId)
    .where('spki_sha256', '=', key.spkiSha256)
    .where('destroyed_at', 'is', null)
    .executeTakeFirst();
  return row !== undefined;
}
