/** The inventory: every certificate ever issued. */
import type { CertificateUse } from '@chancery/api';
import { type Insertable, type Selectable, sql } from 'kysely';
import type { Snapshot, Transaction } from './database.ts';
import { insertion } from './many-rows.ts';
import type { Schema } from './schema.ts';

export type CertificateRow = Selectable<Schema['certificates']>;
export type NewCertificateRow = Insertable<Schema['certificates']>;
/** Without the DER, for lists. */
export type CertificateEntry = Omit<CertificateRow, 'certificate'>;

export type CertificateState = 'valid' | 'expiring' | 'expired' | 'held' | 'revoked';

/** A certificate is expiring from the day on which its profile wanted it renewed. */
export function certificateState(
  row: Pick<CertificateRow, 'revoked_at' | 'revocation_reason' | 'not_after' | 'renew_at'>,
  now: Date,
): CertificateState {
  if (row.revoked_at !== null) return row.revocation_reason === 'certificateHold' ? 'held' : 'revoked';
  if (row.not_after < now) return 'expired';
  return row.renew_at <= now ? 'expiring' : 'valid';
}

export async function certificateBySerial(
  snapshot: Snapshot,
  serialNumber: string,
): Promise<CertificateRow | undefined> {
  return snapshot.selectFrom('certificates').selectAll().where('serial_number', '=', serialNumber).executeTakeFirst();
}

/** Newest first. */
export async function certificatesOfPerson(snapshot: Snapshot, personId: string): Promise<CertificateEntry[]> {
  return snapshot
    .selectFrom('certificates')
    .select(ENTRY_COLUMNS)
    .where('person_id', '=', personId)
    .orderBy('issued_at', 'desc')
    .orderBy('serial_number')
    .execute();
}

/** Of all of these people, newest first. */
export async function certificatesOfPeople(
  snapshot: Snapshot,
  personIds: readonly string[],
): Promise<CertificateEntry[]> {
  if (personIds.length === 0) return [];
  return snapshot
    .selectFrom('certificates')
    .select(ENTRY_COLUMNS)
    .where(sql<boolean>`person_id = ANY (${personIds}::uuid[])`)
    .orderBy('issued_at', 'desc')
    .orderBy('serial_number')
    .execute();
}

/** The newest certificate of that key and use. @param spkiSha256 of the DER SubjectPublicKeyInfo */
export async function certificateByKey(
  snapshot: Snapshot,
  spkiSha256: Uint8Array,
  use: CertificateUse,
): Promise<CertificateRow | undefined> {
  return snapshot
    .selectFrom('certificates')
    .selectAll()
    .where('spki_sha256', '=', Buffer.from(spkiSha256))
    .where('use', '=', use)
    .orderBy('issued_at', 'desc')
    .limit(1)
    .executeTakeFirst();
}

/** The newest certificate of each of these keys, by the hex of its digest; for one use. */
export async function certificatesByKeys(
  snapshot: Snapshot,
  spkiSha256s: readonly Uint8Array[],
  use: CertificateUse,
): Promise<Map<string, Pick<CertificateRow, 'serial_number' | 'person_id' | 'revoked_at'>>> {
  const keys = spkiSha256s.map((digest) => `\\x${Buffer.from(digest).toString('hex')}`);
  const rows = await snapshot
    .selectFrom('certificates')
    .select(['spki_sha256', 'serial_number', 'person_id', 'revoked_at'])
    .where(sql<boolean>`spki_sha256 = ANY (${keys}::bytea[])`)
    .where('use', '=', use)
    .orderBy('issued_at')
    .execute();
  return new Map(rows.map((row) => [row.spki_sha256.toString('hex'), row]));
}

/**
 * Encryption certificates that name an address of ours, are in their period and not revoked, newest first. Whether
 * their owner holds the key yet is the KRA's to say: `escrowed_key_id` tells which key.
 */
export async function validEncryptionCertificates(
  snapshot: Snapshot,
  address: string,
  at: Date,
): Promise<CertificateRow[]> {
  const key = address.toLowerCase();
  return snapshot
    .selectFrom('certificates as c')
    .innerJoin('person_addresses as a', 'a.person_id', 'c.person_id')
    .selectAll('c')
    .where('a.key', '=', key)
    .where('c.use', '=', 'encryption')
    .where('c.revoked_at', 'is', null)
    .where('c.not_before', '<=', at)
    .where('c.not_after', '>=', at)
    .where(sql<boolean>`EXISTS (SELECT 1 FROM unnest(c.addresses) AS named WHERE lower(named) = ${key})`)
    .orderBy('c.issued_at', 'desc')
    .orderBy('c.serial_number')
    .execute();
}

export interface CertificateFilter {
  readonly limit: number;
  readonly after?: string | undefined;
  readonly search?: string | undefined;
  readonly use?: CertificateUse | undefined;
  readonly state?: CertificateState | undefined;
  readonly personId?: string | undefined;
}

/** Beyond this many a list is not counted: nobody reads so far, and counting a million takes longer than showing fifty. */
const COUNTED = 1_000;

export interface CertificatePage {
  readonly items: CertificateEntry[];
  /** At most 1,000; then there may be more. */
  readonly total: number;
  readonly totalIsExact: boolean;
  readonly next: string | null;
}

/**
 * One page: the newest first, of ended ones those that ended last, of ending ones those that end first. `after` is the
 * `next` of the page before; anything else of that form starts at the top.
 */
export async function listCertificates(
  snapshot: Snapshot,
  filter: CertificateFilter,
  now: Date,
): Promise<CertificatePage> {
  const matching = await matchingOf(snapshot, filter, now);
  const isSearch = searchOf(filter) !== '';
  // In the order of the page, so that an index is walked for it too; what is searched for is found by its words.
  const counted = matching()
    .select('serial_number')
    .limit(COUNTED + 1);
  const found = await (isSearch ? counted : counted.orderBy(keyOf(filter), directionOf(filter))).execute();
  // Few enough to be sorted: they are found by the words first, whatever order the planner would rather walk in.
  const query =
    isSearch && found.length <= COUNTED
      ? snapshot
          .selectFrom('certificates')
          .where(sql<boolean>`serial_number = ANY (${found.map(({ serial_number }) => serial_number)}::text[])`)
      : matching();
  const rows = await ordered(query, filter).execute();
  const items = rows.slice(0, filter.limit);
  const last = items.at(-1);
  return {
    items,
    total: Math.min(found.length, COUNTED),
    totalIsExact: found.length <= COUNTED,
    next: rows.length > filter.limit && last ? writeCursor(last[keyOf(filter)], last.serial_number) : null,
  };
}

const searchOf = ({ search }: CertificateFilter): string => search?.trim() ?? '';

/**
 * Certificates that the filter lets through. A whole address is looked up as such first: all that it has in common with others,
 * which nearly all of them have, would be weighed otherwise. Only where no certificate names it, it may be a part of one.
 */
async function matchingOf(snapshot: Snapshot, filter: CertificateFilter, now: Date) {
  const search = searchOf(filter);
  if (WHOLE_ADDRESS.test(search)) {
    const named = () => filtered(snapshot, filter, now).where(names(search));
    if ((await named().select('serial_number').limit(1).executeTakeFirst()) !== undefined) return named;
  }
  return search === ''
    ? () => filtered(snapshot, filter, now)
    : () => filtered(snapshot, filter, now).where(has(search));
}

const WHOLE_ADDRESS = /^[^\s@]+@[^\s@]+\.[^\s@]+$/;

const names = (address: string) => sql<boolean>`lower_all(addresses) @> ARRAY[lower(${address})]`;

function has(text: string) {
  const words = sql<boolean>`certificate_words(subject, addresses) ILIKE ${`%${escapeLike(text)}%`}`;
  const serial = text.replace(/[\s:]/g, '').toLowerCase().replace(/^0+/, '');
  return /^[0-9a-f]{2,40}$/.test(serial) ? sql<boolean>`(${words} OR serial_number LIKE ${`${serial}%`})` : words;
}

const keyOf = ({ state }: CertificateFilter): 'issued_at' | 'not_after' =>
  state === 'expired' || state === 'expiring' ? 'not_after' : 'issued_at';

const directionOf = ({ state }: CertificateFilter): 'asc' | 'desc' => (state === 'expiring' ? 'asc' : 'desc');

function ordered(query: ReturnType<typeof filtered>, filter: CertificateFilter) {
  const key = keyOf(filter);
  const direction = directionOf(filter);
  let page = query
    .select(ENTRY_COLUMNS)
    .orderBy(key, direction)
    .orderBy('serial_number', direction)
    .limit(filter.limit + 1);
  const cursor = filter.after === undefined ? undefined : readCursor(filter.after);
  if (cursor !== undefined) {
    const beyond = sql.raw(direction === 'asc' ? '>' : '<');
    page = page.where(
      sql<boolean>`(${sql.ref(key)}, serial_number) ${beyond} (${cursor.at}::timestamptz, ${cursor.serialNumber})`,
    );
  }
  return page;
}

export async function insertCertificates(tx: Transaction, rows: readonly NewCertificateRow[]): Promise<void> {
  if (rows.length > 0) await insertion('certificates', rows).execute(tx);
}

/** How many certificates each authority signed that are neither ended, held nor revoked; by the authority's id. */
export async function certificatesInForce(snapshot: Snapshot, at: Date): Promise<Map<string, number>> {
  // Read from an index alone, certificates_in_force.
  const rows = await snapshot
    .selectFrom('certificates')
    .select('authority_id')
    .select((select) => select.fn.countAll<string>().as('count'))
    .where('revoked_at', 'is', null)
    .where('not_after', '>', at)
    .groupBy('authority_id')
    .execute();
  return new Map(rows.map((row) => [row.authority_id, Number(row.count)]));
}

/** OCSP responder certificates of that authority that can sign at that instant, the one that lasts longest first. */
export async function responderCertificates(
  snapshot: Snapshot,
  authorityId: string,
  at: Date,
): Promise<{ keyReference: string; certificate: Buffer; notBefore: Date; notAfter: Date; renewAt: Date }[]> {
  const rows = await snapshot
    .selectFrom('responder_certificates')
    .select(['key_reference', 'certificate', 'not_before', 'not_after', 'renew_at'])
    .where('authority_id', '=', authorityId)
    .where('not_before', '<=', at)
    .where('not_after', '>', at)
    .orderBy('not_after', 'desc')
    .execute();
  return rows.map((row) => ({
    keyReference: row.key_reference,
    certificate: row.certificate,
    notBefore: row.not_before,
    notAfter: row.not_after,
    renewAt: row.renew_at,
  }));
}

/** The certificate of the office's seal that is good longest, with its key; undefined where there is none, or it is to be renewed. */
export async function presentSeal(
  snapshot: Snapshot,
  at: Date,
): Promise<{ keyReference: string; certificate: Buffer; authorityId: string } | undefined> {
  const row = await snapshot
    .selectFrom('certificates')
    .select(['key_reference', 'certificate', 'authority_id'])
    .where('use', '=', 'seal')
    .where('revoked_at', 'is', null)
    .where('not_before', '<=', at)
    .where('renew_at', '>', at)
    .orderBy('not_after', 'desc')
    .limit(1)
    .executeTakeFirst();
  if (row === undefined || row.key_reference === null) return undefined;
  return { keyReference: row.key_reference, certificate: row.certificate, authorityId: row.authority_id };
}

/** References of keys whose responder certificate ended before that instant. */
export async function endedResponderKeys(snapshot: Snapshot, before: Date): Promise<string[]> {
  const rows = await snapshot
    .selectFrom('certificates')
    .select('key_reference')
    .where('use', '=', 'ocsp')
    .where('not_after', '<', before)
    .where('key_reference', 'is not', null)
    .execute();
  return rows.flatMap(({ key_reference }) => key_reference ?? []);
}

const ENTRY_COLUMNS = [
  'serial_number',
  'authority_id',
  'use',
  'profile',
  'profile_version',
  'renewal_days',
  'person_id',
  'gateway_id',
  'subject',
  'addresses',
  'key_algorithm',
  'key_origin',
  'key_reference',
  'spki_sha256',
  'fingerprint',
  'escrowed_key_id',
  'not_before',
  'not_after',
  'renew_at',
  'issued_at',
  'revoked_at',
  'revocation_reason',
  'crl_shard',
] as const;

function filtered(snapshot: Snapshot, filter: CertificateFilter, now: Date) {
  let query = snapshot.selectFrom('certificates');
  if (filter.use !== undefined) query = query.where('use', '=', filter.use);
  if (filter.personId !== undefined) query = query.where('person_id', '=', filter.personId);
  switch (filter.state) {
    case 'revoked':
      return query.where('revoked_at', 'is not', null).where('revocation_reason', '<>', 'certificateHold');
    case 'held':
      return query.where('revoked_at', 'is not', null).where('revocation_reason', '=', 'certificateHold');
    case 'expired':
      return query.where('revoked_at', 'is', null).where('not_after', '<', now);
    case 'expiring':
      return query.where('revoked_at', 'is', null).where('not_after', '>=', now).where('renew_at', '<=', now);
    case 'valid':
      return query.where('revoked_at', 'is', null).where('not_after', '>=', now).where('renew_at', '>', now);
    case undefined:
      return query;
  }
}

const escapeLike = (text: string): string => text.replace(/[\\%_]/g, '\\$&');

function writeCursor(at: Date, serialNumber: string): string {
  return Buffer.from(`${at.toISOString()} ${serialNumber}`).toString('base64url');
}

function readCursor(text: string): { at: string; serialNumber: string } | undefined {
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) ([0-9a-f]+)$/.exec(
    Buffer.from(text, 'base64url').toString('latin1'),
  );
  return match?.[1] && match[2] ? { at: match[1], serialNumber: match[2] } : undefined;
}
