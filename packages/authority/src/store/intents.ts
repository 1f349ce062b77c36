/** Issuance intents: each holds one serial number and the octets to be signed under it, once. */
import { sql } from 'kysely';
import { AuthorityError } from '../errors.ts';
import type { Snapshot, Transaction } from './database.ts';
import type { CertificateUse, KeyOrigin } from './schema.ts';

export interface IntentRow {
  readonly serialNumber: string;
  readonly authorityId: string;
  readonly use: CertificateUse;
  readonly profile: string;
  readonly personId: string | null;
  readonly gatewayId: string | null;
  readonly enrollmentId: string | null;
  readonly escrowedKeyId: string | null;
  readonly keyOrigin: KeyOrigin;
  readonly keyReference: string | null;
  /** DER. */
  readonly tbs: Uint8Array;
  readonly spkiSha256: Buffer;
}

/** Inserts as `prepared`. The primary key refuses a serial number that was ever allotted. */
export async function insertIntent(tx: Transaction, intent: IntentRow, createdAt: Date): Promise<void> {
  await tx
    .insertInto('issuance_intents')
    .values({
      serial_number: intent.serialNumber,
      authority_id: intent.authorityId,
      use: intent.use,
      profile: intent.profile,
      person_id: intent.personId,
      gateway_id: intent.gatewayId,
      enrollment_id: intent.enrollmentId,
      escrowed_key_id: intent.escrowedKeyId,
      key_origin: intent.keyOrigin,
      key_reference: intent.keyReference,
      tbs: Buffer.from(intent.tbs),
      spki_sha256: intent.spkiSha256,
      state: 'prepared',
      created_at: createdAt,
    })
    .execute();
}

/**
 * Moves a prepared intent to `signed` and returns it: of two callers one gets it, the other undefined.
 * @param action under which signing keeps its audit records
 */
export async function spendIntent(
  tx: Transaction,
  action: string,
  serialNumber: string,
): Promise<{ intent: IntentRow; attempts: number } | undefined> {
  const row = await tx
    .updateTable('issuance_intents')
    .set({ state: 'signed' })
    .where('serial_number', '=', serialNumber)
    .where('state', '=', 'prepared')
    .returningAll()
    .returning((intent) =>
      intent
        .selectFrom('audit_records')
        .select(({ fn }) => fn.countAll<string>().as('count'))
        .where('subject', '=', `certificate:${serialNumber}`)
        .where('action', '=', action)
        .where('outcome', '=', 'attempted')
        .as('attempts'),
    )
    .executeTakeFirst();
  return (
    row && {
      // How often signing was begun: each attempt committed its record before it ran.
      attempts: Number(row.attempts),
      intent: {
        serialNumber: row.serial_number,
        authorityId: row.authority_id,
        use: row.use,
        profile: row.profile,
        personId: row.person_id,
        gatewayId: row.gateway_id,
        enrollmentId: row.enrollment_id,
        escrowedKeyId: row.escrowed_key_id,
        keyOrigin: row.key_origin,
        keyReference: row.key_reference,
        tbs: row.tbs,
        spkiSha256: row.spki_sha256,
      },
    }
  );
}

/** One key is judged at a time, until commit; the database's own escrow constraint takes the same lock. */
export async function lockKey(tx: Transaction, spkiSha256: Buffer): Promise<void> {
  await sql`SELECT pg_advisory_xact_lock(hashtextextended(${spkiSha256.toString('hex')}, 0))`.execute(tx);
}

/** Whom and what a key stands for already, in certificates and in intents that may still become one. */
export async function usesOfKey(snapshot: Snapshot, spkiSha256: Buffer) {
  return snapshot
    .selectFrom('certificates')
    .select(['serial_number', 'use', 'person_id', 'gateway_id', 'revocation_reason'])
    .select(sql<'certificate' | 'intent'>`'certificate'`.as('kind'))
    .where('spki_sha256', '=', spkiSha256)
    .unionAll(
      snapshot
        .selectFrom('issuance_intents')
        .select(['serial_number', 'use', 'person_id', 'gateway_id'])
        .select([sql<string | null>`null`.as('revocation_reason'), sql<'certificate' | 'intent'>`'intent'`.as('kind')])
        .where('spki_sha256', '=', spkiSha256)
        .where('state', '=', 'prepared'),
    )
    .execute();
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
    .where('serial_number', 'in', serialNumbers)
    .where('state', '=', 'prepared')
    .returning('serial_number')
    .execute();
  return rows.map(({ serial_number }) => serial_number).sort();
}

export interface EndEntity {
  readonly id: string;
  readonly name: string;
  readonly state: 'active' | 'left';
  readonly signingKey: 'device' | 'gateway';
  readonly organisation: string;
  /** As typed, the primary one first. */
  readonly addresses: readonly string[];
}

/** The person a certificate is for, held until commit: nobody leaves while a certificate is made for them. */
export async function holdEndEntity(tx: Transaction, personId: string): Promise<EndEntity | undefined> {
  const person = await tx
    .selectFrom('people as p')
    .select(['p.id', 'p.name', 'p.state', 'p.signing_key'])
    .select((outer) => [
      outer.selectFrom('office').select('organisation').as('organisation'),
      outer
        .selectFrom('person_addresses as a')
        .select(sql<string[]>`array_agg(a.address ORDER BY a.is_primary DESC, a.key)`.as('addresses'))
        .whereRef('a.person_id', '=', 'p.id')
        .as('addresses'),
    ])
    .where('p.id', '=', personId)
    .forShare('p')
    .executeTakeFirst();
  return (
    person && {
      id: person.id,
      name: person.name,
      state: person.state,
      signingKey: person.signing_key,
      organisation: person.organisation ?? '',
      addresses: person.addresses ?? [],
    }
  );
}

export async function organisationName(snapshot: Snapshot): Promise<string> {
  const office = await snapshot.selectFrom('office').select('organisation').executeTakeFirstOrThrow();
  return office.organisation;
}

/**
 * The enrolment has its certificate: in the transaction that stores the certificate.
 * @throws AuthorityError `wrong-state` where it waits no longer: of two workers at once one gives it its certificate
 */
export async function markEnrollmentIssued(tx: Transaction, enrollmentId: string, at: Date): Promise<void> {
  const { numUpdatedRows } = await tx
    .updateTable('enrollments')
    .set({ state: 'issued', error: null, updated_at: at })
    .where('id', '=', enrollmentId)
    .where('state', '=', 'waiting')
    .executeTakeFirst();
  if (numUpdatedRows === 0n) {
    throw new AuthorityError(
      'wrong-state',
      'This enrolment was fulfilled or withdrawn meanwhile. No certificate was made.',
    );
  }
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
    .executeTakeFirst();
  return row !== undefined;
}
