/** Certificates that another office issued. Apart from the inventory, which holds what this office issued and nothing else. */
import { type Insertable, type Selectable, sql } from 'kysely';
import type { Snapshot, Transaction } from './database.ts';
import type { ChangedCertificate, StatusChange } from './revocations.ts';
import type { Schema } from './schema.ts';
import { changedStatus, mayChange } from './status-change.ts';

export type ImportedRow = Selectable<Schema['imported_certificates']>;
export type NewImportedRow = Insertable<Schema['imported_certificates']>;
/** Without the DER, for lists. */
export type ImportedEntry = Omit<ImportedRow, 'certificate'>;

export function importedState(
  row: Pick<ImportedRow, 'revoked_at' | 'revocation_reason' | 'not_after'>,
  now: Date,
): 'valid' | 'expired' | 'held' | 'revoked' {
  if (row.revoked_at !== null) return row.revocation_reason === 'certificateHold' ? 'held' : 'revoked';
  return row.not_after < now ? 'expired' : 'valid';
}

export async function importedById(snapshot: Snapshot, id: string): Promise<ImportedRow | undefined> {
  return snapshot.selectFrom('imported_certificates').selectAll().where('id', '=', id).executeTakeFirst();
}

/** Those that were in force last first. */
export async function importedOfPerson(snapshot: Snapshot, personId: string): Promise<ImportedEntry[]> {
  return snapshot
    .selectFrom('imported_certificates')
    .select(ENTRY_COLUMNS)
    .where('person_id', '=', personId)
    .orderBy('not_after', 'desc')
    .orderBy('id')
    .execute();
}

/** One page, imported last first. @param after the `next` of the page before; anything else starts at the top */
export async function listImported(
  snapshot: Snapshot,
  filter: { readonly limit: number; readonly after?: string | undefined; readonly search?: string | undefined },
): Promise<{ items: ImportedEntry[]; total: number; next: string | null }> {
  let matching = snapshot.selectFrom('imported_certificates');
  const text = filter.search?.trim() ?? '';
  if (text !== '') {
    const pattern = `%${text.replace(/[\\%_]/g, '\\$&')}%`;
    matching = matching.where(
      sql<boolean>`(certificate_words(subject, addresses) ILIKE ${pattern} OR issuer ILIKE ${pattern}
        OR serial_number = ${text.replace(/[\s:]/g, '').toLowerCase()})`,
    );
  }
  const { total } = await matching.select(({ fn }) => fn.countAll<string>().as('total')).executeTakeFirstOrThrow();
  let page = matching
    .select(ENTRY_COLUMNS)
    .orderBy('imported_at', 'desc')
    .orderBy('id', 'desc')
    .limit(filter.limit + 1);
  if (filter.after !== undefined && UUID.test(filter.after))
    page = page.where(
      sql<boolean>`(imported_at, id) < (SELECT imported_at, id FROM imported_certificates WHERE id = ${filter.after}::uuid)`,
    );
  const rows = await page.execute();
  const items = rows.slice(0, filter.limit);
  return { items, total: Number(total), next: rows.length > filter.limit ? (items.at(-1)?.id ?? null) : null };
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * Encryption certificates of another office that name an address of ours, are in their period and not revoked, and whose key
 * is in escrow here: those that end last first.
 */
export async function usableImported(snapshot: Snapshot, address: string, at: Date): Promise<ImportedRow[]> {
  const key = address.toLowerCase();
  return snapshot
    .selectFrom('imported_certificates as i')
    .innerJoin('person_addresses as a', 'a.person_id', 'i.person_id')
    .selectAll('i')
    .where('a.key', '=', key)
    .where('i.use', '=', 'encryption')
    .where('i.escrowed_key_id', 'is not', null)
    .where('i.revoked_at', 'is', null)
    .where('i.not_before', '<=', at)
    .where('i.not_after', '>=', at)
    .where(sql<boolean>`EXISTS (SELECT 1 FROM unnest(i.addresses) AS named WHERE lower(named) = ${key})`)
    .orderBy('i.not_after', 'desc')
    .orderBy('i.id')
    .execute();
}

/** What is known already of certificates that are about to be imported. Digests in hex. */
export interface Acquaintance {
  /** Imported before, by fingerprint. */
  readonly imported: Map<string, ImportedEntry>;
  /** Fingerprints of certificates that this office issued. */
  readonly issuedHere: Set<string>;
  /** By the digest of the public key. */
  readonly escrowed: Map<string, { readonly id: string; readonly personId: string }>;
  /** Public keys that have a certificate which is not for encryption. */
  readonly signing: Set<string>;
  /** `<authority>/<serial>` of certificates that an authority here signed. */
  readonly serials: Set<string>;
}

export async function acquaintanceWith(
  snapshot: Snapshot,
  asked: {
    readonly fingerprints: readonly Buffer[];
    readonly keys: readonly Buffer[];
    readonly serials: readonly string[];
  },
): Promise<Acquaintance> {
  const octets = (list: readonly Buffer[]) => sql`ANY (${list.map((one) => `\\x${one.toString('hex')}`)}::bytea[])`;
  const imported = await snapshot
    .selectFrom('imported_certificates')
    .select(ENTRY_COLUMNS)
    .where(sql<boolean>`fingerprint = ${octets(asked.fingerprints)}`)
    .execute();
  const issued = await snapshot
    .selectFrom('certificates')
    .select('fingerprint')
    .where(sql<boolean>`fingerprint = ${octets(asked.fingerprints)}`)
    .execute();
  const escrowed = await snapshot
    .selectFrom('escrowed_keys')
    .select(['id', 'person_id', 'spki_sha256'])
    .where(sql<boolean>`spki_sha256 = ${octets(asked.keys)}`)
    .execute();
  const signing = await snapshot
    .selectFrom('certificates')
    .select('spki_sha256')
    .where(sql<boolean>`spki_sha256 = ${octets(asked.keys)}`)
    .where('use', '<>', 'encryption')
    .union(
      snapshot
        .selectFrom('imported_certificates')
        .select('spki_sha256')
        .where(sql<boolean>`spki_sha256 = ${octets(asked.keys)}`)
        .where('use', '<>', 'encryption'),
    )
    .execute();
  const serials = await snapshot
    .selectFrom('certificates')
    .select(['authority_id', 'serial_number'])
    .where(sql<boolean>`serial_number = ANY (${asked.serials}::text[])`)
    .union(
      snapshot
        .selectFrom('imported_certificates')
        .select((row) => [row.ref('authority_id').$notNull().as('authority_id'), 'serial_number'])
        .where('authority_id', 'is not', null)
        .where(sql<boolean>`serial_number = ANY (${asked.serials}::text[])`),
    )
    .execute();
  const hex = (one: Buffer) => one.toString('hex');
  return {
    imported: new Map(imported.map((row) => [hex(row.fingerprint), row])),
    issuedHere: new Set(issued.map((row) => hex(row.fingerprint))),
    escrowed: new Map(escrowed.map((row) => [hex(row.spki_sha256), { id: row.id, personId: row.person_id }])),
    signing: new Set(signing.map((row) => hex(row.spki_sha256))),
    serials: new Set(serials.map((row) => `${row.authority_id}/${row.serial_number}`)),
  };
}

/** Some of those with that issuer's name whose issuer is not here, in the order of their ids. */
export async function importedWithoutIssuer(
  snapshot: Snapshot,
  issuer: string,
  after: string | undefined,
): Promise<Pick<ImportedRow, 'id' | 'serial_number' | 'certificate'>[]> {
  let query = snapshot
    .selectFrom('imported_certificates')
    .select(['id', 'serial_number', 'certificate'])
    .where('issuer', '=', issuer)
    .where('authority_id', 'is', null)
    .orderBy('id')
    .limit(1000);
  if (after !== undefined) query = query.where('id', '>', after);
  return query.execute();
}

export async function insertImported(tx: Transaction, row: NewImportedRow): Promise<void> {
  await tx.insertInto('imported_certificates').values(row).execute();
}

export async function updateImported(
  tx: Transaction,
  id: string,
  news: Partial<Pick<ImportedRow, 'authority_id' | 'revoked_at' | 'revocation_reason' | 'escrowed_key_id'>>,
): Promise<void> {
  await tx.updateTable('imported_certificates').set(news).where('id', '=', id).execute();
}

/** The key of these certificates is in escrow from now on. */
export async function noteEscrow(
  tx: Transaction,
  key: { readonly id: string; readonly spkiSha256: Buffer; readonly personId: string },
): Promise<void> {
  await tx
    .updateTable('imported_certificates')
    .set({ escrowed_key_id: key.id })
    .where('spki_sha256', '=', key.spkiSha256)
    .where('person_id', '=', key.personId)
    .where('use', '=', 'encryption')
    .where('escrowed_key_id', 'is', null)
    .execute();
}

/** Those whose status is ours to say: of a person, or of an authority here, that have not ended; or one by its id. */
export async function changeImportedStatus(
  tx: Transaction,
  target:
    | { readonly id: string }
    | { readonly personId: string; readonly now: Date }
    | { readonly authorityId: string; readonly now: Date },
  change: StatusChange,
  at: Date,
): Promise<ChangedCertificate[]> {
  let query = tx
    .updateTable('imported_certificates')
    .set(changedStatus(change, at))
    .where('authority_id', 'is not', null);
  if ('id' in target) query = query.where('id', '=', target.id);
  else {
    query = query.where('not_after', '>=', target.now);
    query =
      'personId' in target
        ? query.where('person_id', '=', target.personId)
        : query.where('authority_id', '=', target.authorityId);
  }
  query = query.where(mayChange(change));
  const rows = await query.returning(['serial_number', 'authority_id', 'person_id']).execute();
  return rows.flatMap((row) =>
    row.authority_id === null
      ? []
      : [{ serialNumber: row.serial_number, authorityId: row.authority_id, personId: row.person_id }],
  );
}

/** As `revocationStatus`, of what that authority signed before it came here. */
export async function importedStatus(snapshot: Snapshot, authorityId: string, serialNumbers: readonly string[]) {
  return snapshot
    .selectFrom('imported_certificates')
    .select(['serial_number', 'revoked_at', 'revocation_reason'])
    .where('serial_number', 'in', serialNumbers)
    .where('authority_id', '=', authorityId)
    .execute();
}

const ENTRY_COLUMNS = [
  'id',
  'person_id',
  'authority_id',
  'issuer',
  'serial_number',
  'use',
  'also_signs',
  'subject',
  'addresses',
  'key_algorithm',
  'spki_sha256',
  'fingerprint',
  'escrowed_key_id',
  'not_before',
  'not_after',
  'source',
  'imported_at',
  'revoked_at',
  'revocation_reason',
] as const;
