/** Certificate revocation lists: complete ones of a whole authority or of one shard, and the deltas that follow them. */
import { sql } from 'kysely';
import type { Snapshot, Transaction } from './database.ts';

/** What a list is about: one authority's certificates, all of them (`shard` null) or those of one shard. */
export interface CrlScope {
  readonly authorityId: string;
  readonly shard: number | null;
}

export interface CrlRow {
  readonly number: number;
  /** Of a delta: the number of the complete list that it continues. */
  readonly baseNumber: number | null;
  /** Up to which version of the authority's revocations it goes, at least. */
  readonly version: number;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
  readonly entries: number;
  readonly octets: number;
  readonly sha256: Buffer;
}

export type CrlKind = 'complete' | 'delta';

const COLUMNS = [
  'number',
  'base_number',
  'version',
  'this_update',
  'next_update',
  'entries',
  'octets',
  'sha256',
] as const;

/** The list in force. */
export async function latestCrl(
  snapshot: Snapshot,
  scope: CrlScope,
  kind: CrlKind = 'complete',
): Promise<CrlRow | undefined> {
  const row = await ofScope(snapshot, scope, kind)
    .select(COLUMNS)
    .orderBy('number', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row && read(row);
}

/**
 * The complete list that a delta should continue: the newest that is at least so old, else the oldest that has not ended.
 * Whoever fetched a complete list since then can use the delta.
 */
export async function baseCrl(
  snapshot: Snapshot,
  scope: CrlScope,
  since: Date,
  now: Date,
): Promise<CrlRow | undefined> {
  const rows = await ofScope(snapshot, scope, 'complete')
    .select(COLUMNS)
    .where('next_update', '>', now)
    .orderBy('number', 'desc')
    .execute();
  const found = rows.find((row) => row.this_update <= since) ?? rows.at(-1);
  return found && read(found);
}

/** Of all lists of an authority the newest of each scope and kind. */
export async function listCrls(
  snapshot: Snapshot,
  authorityId: string,
): Promise<(CrlRow & { readonly shard: number | null })[]> {
  const rows = await snapshot
    .selectFrom('crls')
    .select([...COLUMNS, 'shard'])
    .distinctOn(['shard', sql`(base_number IS NULL)`])
    .where('authority_id', '=', authorityId)
    .orderBy('shard', (order) => order.asc().nullsFirst())
    .orderBy(sql`(base_number IS NULL)`, 'desc')
    .orderBy('number', 'desc')
    .execute();
  return rows.map((row) => ({ ...read(row), shard: row.shard }));
}

/** Octets of one query: a list of a million entries is written and read in pieces, lest it stand in memory three times over. */
const PIECE = 1_048_576;

/** DER. Undefined where another list has followed since and the octets are gone. */
export async function readCrl(
  snapshot: Snapshot,
  scope: CrlScope,
  row: Pick<CrlRow, 'number' | 'baseNumber' | 'octets'>,
): Promise<Buffer | undefined> {
  const out = Buffer.allocUnsafe(row.octets);
  for (let at = 0; at < row.octets; at += PIECE) {
    const found = await ofScope(snapshot, scope, row.baseNumber === null ? 'complete' : 'delta')
      .select(sql<Buffer | null>`substring(crl FROM ${at + 1}::int FOR ${PIECE}::int)`.as('piece'))
      .where('number', '=', String(row.number))
      .executeTakeFirst();
    if (!found?.piece) return undefined;
    found.piece.copy(out, at);
  }
  return out;
}

/** The newest number of a scope, of complete lists and deltas together (RFC 5280 5.2.3). */
export async function lastNumber(snapshot: Snapshot, { authorityId, shard }: CrlScope): Promise<number> {
  const row = await snapshot
    .selectFrom('crls')
    .select(({ fn }) => fn.max('number').as('number'))
    .where('authority_id', '=', authorityId)
    .where('shard', 'is not distinct from', shard)
    .executeTakeFirst();
  return Number(row?.number ?? 0);
}

/** One CRL of an authority is made at a time, so that its number grows and its contents never shrink. Until commit. */
export async function holdAuthority(tx: Transaction, authorityId: string): Promise<void> {
  await tx.selectFrom('authorities').select('id').where('id', '=', authorityId).forUpdate().execute();
}

/** Stores the list and, in the same transaction, lets go of what it replaces: the octets, and rows that no delta needs. */
export async function insertCrl(tx: Transaction, scope: CrlScope, row: CrlRow & { crl: Buffer }): Promise<void> {
  await tx
    .insertInto('crls')
    .values({
      authority_id: scope.authorityId,
      shard: scope.shard,
      number: row.number,
      base_number: row.baseNumber,
      version: row.version,
      this_update: row.thisUpdate,
      next_update: row.nextUpdate,
      entries: row.entries,
      octets: row.octets,
      sha256: row.sha256,
      crl: row.crl.length > PIECE ? await gathered(tx, row.crl) : row.crl,
    })
    .execute();
  const replaced = sql<boolean>`authority_id = ${scope.authorityId} AND shard IS NOT DISTINCT FROM ${scope.shard}
    AND number < ${row.number} AND (base_number IS NULL) = ${row.baseNumber === null}`;
  await tx.deleteFrom('crls').where(replaced).where('next_update', '<', row.thisUpdate).execute();
  await tx.updateTable('crls').set({ crl: null }).where(replaced).where('crl', 'is not', null).execute();
}

/** SQL: those octets, once they have gone to the database in pieces. The driver copies what it sends, and the copies add up. */
async function gathered(tx: Transaction, octets: Buffer) {
  await sql`CREATE TEMPORARY TABLE IF NOT EXISTS crl_pieces (number integer, octets bytea) ON COMMIT DROP`.execute(tx);
  await sql`DELETE FROM crl_pieces`.execute(tx);
  for (let at = 0; at < octets.length; at += PIECE)
    await sql`INSERT INTO crl_pieces VALUES (${at}, ${octets.subarray(at, at + PIECE)})`.execute(tx);
  return sql<Buffer>`(SELECT string_agg(octets, ''::bytea ORDER BY number) FROM crl_pieces)`;
}

function ofScope(snapshot: Snapshot, { authorityId, shard }: CrlScope, kind: CrlKind) {
  return snapshot
    .selectFrom('crls')
    .where('authority_id', '=', authorityId)
    .where('shard', 'is not distinct from', shard)
    .where('base_number', kind === 'complete' ? 'is' : 'is not', null);
}

function read(row: {
  number: string;
  base_number: string | null;
  version: string;
  this_update: Date;
  next_update: Date;
  entries: number;
  octets: number;
  sha256: Buffer;
}): CrlRow {
  return {
    number: Number(row.number),
    baseNumber: row.base_number === null ? null : Number(row.base_number),
    version: Number(row.version),
    thisUpdate: row.this_update,
    nextUpdate: row.next_update,
    entries: row.entries,
    octets: row.octets,
    sha256: row.sha256,
  };
}
