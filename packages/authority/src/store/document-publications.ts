/** Which document of an authority stands in which folder and directory, and what came of the last try. */
import { sql } from 'kysely';
import type { Snapshot, Transaction } from './database.ts';

export interface DocumentPublication {
  readonly target: string;
  readonly document: string;
  readonly authorityId: string;
  /** Of what was published last. */
  readonly sha256: Buffer | null;
  readonly number: number | null;
  readonly publishedAt: Date | null;
  /** Of the last try. */
  readonly error: string | null;
  readonly attempts: number;
  readonly updatedAt: Date;
}

export async function documentPublications(snapshot: Snapshot, authorityId?: string): Promise<DocumentPublication[]> {
  let query = snapshot.selectFrom('document_publications').selectAll().orderBy('target').orderBy('document');
  if (authorityId !== undefined) query = query.where('authority_id', '=', authorityId);
  return (await query.execute()).map((row) => ({
    target: row.target,
    document: row.document,
    authorityId: row.authority_id,
    sha256: row.sha256,
    number: row.number === null ? null : Number(row.number),
    publishedAt: row.published_at,
    error: row.error,
    attempts: row.attempts,
    updatedAt: row.updated_at,
  }));
}

/** A document reached a target, or did not: then what was there before is there still. */
export async function noteDocument(
  tx: Transaction,
  outcome: {
    readonly target: string;
    readonly document: string;
    readonly authorityId: string;
    readonly published: { readonly sha256: Buffer; readonly number: number | null } | undefined;
    readonly error: string | null;
  },
  at: Date,
): Promise<void> {
  const { published, error } = outcome;
  await tx
    .insertInto('document_publications')
    .values({
      target: outcome.target,
      document: outcome.document,
      authority_id: outcome.authorityId,
      sha256: published?.sha256 ?? null,
      number: published?.number ?? null,
      published_at: published === undefined ? null : at,
      error,
      attempts: 1,
      updated_at: at,
    })
    .onConflict((conflict) =>
      conflict.columns(['target', 'document']).doUpdateSet({
        ...(published !== undefined && { sha256: published.sha256, number: published.number, published_at: at }),
        error,
        attempts: error === null ? 0 : sql`document_publications.attempts + 1`,
        updated_at: at,
      }),
    )
    .execute();
}
