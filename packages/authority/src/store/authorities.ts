/** The certification authorities and their place in the chain. */
import { type Certificate, parseCertificate } from '@chancery/smime';
import type { Selectable } from 'kysely';
import { AuthorityError } from '../errors.ts';
import type { Snapshot, Transaction } from './database.ts';
import type { Schema } from './schema.ts';

export interface AuthorityRow {
  readonly id: string;
  readonly role: 'root' | 'issuing';
  readonly slug: string;
  readonly name: string;
  /** Null: a root whose key is offline. */
  readonly keyReference: string | null;
  readonly certificate: Certificate;
  readonly issuerId: string | null;
  /** By its issuer; a hold counts. */
  readonly revokedAt: Date | null;
  readonly revocationReason: string | null;
  /** DER certificates above this one whose keys are not ours, its issuer first, the root last. */
  readonly outsideChain: readonly Uint8Array[];
  /** Since when it signs no more certificates; it goes on with CRLs and OCSP for those it signed. */
  readonly retiredAt: Date | null;
}

/** The authority that signs end-entity certificates: of those in force the newest. @throws AuthorityError `not-set-up` */
export async function issuingAuthority(snapshot: Snapshot): Promise<AuthorityRow> {
  const row = await snapshot
    .selectFrom('authorities')
    .selectAll()
    .where('role', '=', 'issuing')
    .where('revoked_at', 'is', null)
    .where('retired_at', 'is', null)
    .orderBy('created_at', 'desc')
    .limit(1)
    .executeTakeFirst();
  if (row === undefined) {
    throw new AuthorityError(
      'not-set-up',
      'The office has no issuing authority yet. Nothing was changed. Open the set-up link that the first start printed.',
    );
  }
  return read(row);
}

export async function authorityById(snapshot: Snapshot, id: string): Promise<AuthorityRow | undefined> {
  const row = await snapshot.selectFrom('authorities').selectAll().where('id', '=', id).executeTakeFirst();
  return row && read(row);
}

/** @throws AuthorityError `not-found` */
export async function requireAuthority(snapshot: Snapshot, id: string): Promise<AuthorityRow> {
  const authority = await authorityById(snapshot, id);
  if (authority !== undefined) return authority;
  throw new AuthorityError('not-found', 'There is no such authority. Nothing was changed.');
}

/** Roots first, each before what it issued. */
export async function listAuthorities(snapshot: Snapshot): Promise<AuthorityRow[]> {
  const rows = await snapshot
    .selectFrom('authorities')
    .selectAll()
    .orderBy('role', 'desc')
    .orderBy('created_at')
    .orderBy('slug')
    .execute();
  return rows.map(read);
}

/** That authority first, its root last. Throws where the rows do not make a chain. */
export async function authorityChain(
  snapshot: Snapshot,
  authorityId: string,
): Promise<[AuthorityRow, ...AuthorityRow[]]> {
  // A chain has as many links as there are authorities, at most: a circle made by hand must not hang the office.
  const rows = new Map((await listAuthorities(snapshot)).map((row) => [row.id, row]));
  const take = (id: string): AuthorityRow => {
    const row = rows.get(id);
    if (row === undefined) throw new Error(`The chain of the authority ${authorityId} is broken`);
    rows.delete(id);
    return row;
  };
  const chain: [AuthorityRow, ...AuthorityRow[]] = [take(authorityId)];
  for (let next = chain[0].issuerId; next !== null; ) {
    const row = take(next);
    chain.push(row);
    next = row.issuerId;
  }
  return chain;
}

/** DER certificates from that authority's own up to its root. */
export async function chainOf(snapshot: Snapshot, authorityId: string): Promise<Uint8Array[]> {
  return (await authorityChain(snapshot, authorityId)).flatMap(ownAndOutside);
}

/** DER certificates of the roots: what a relying party is asked to trust. */
export async function trustAnchors(snapshot: Snapshot): Promise<Uint8Array[]> {
  return (await listAuthorities(snapshot)).flatMap((one) => {
    const outside = one.outsideChain.at(-1);
    return one.role === 'root' ? [one.certificate.der] : outside === undefined ? [] : [outside];
  });
}

/** DER: an authority's certificate, and those above it whose keys are not ours. */
export function ownAndOutside({ certificate, outsideChain }: AuthorityRow): Uint8Array[] {
  return [certificate.der, ...outsideChain];
}

/** Those stand below that one from now on, and nothing outside is between them. */
export async function placeBelow(tx: Transaction, ids: readonly string[], issuerId: string): Promise<void> {
  if (ids.length === 0) return;
  await tx.updateTable('authorities').set({ issuer_id: issuerId, outside_chain: [] }).where('id', 'in', ids).execute();
}

export async function retireAuthority(tx: Transaction, id: string, at: Date): Promise<void> {
  await tx.updateTable('authorities').set({ retired_at: at }).where('id', '=', id).execute();
}

export async function insertAuthorityRequest(
  tx: Transaction,
  row: Omit<Selectable<Schema['authority_requests']>, 'authority_id'>,
): Promise<void> {
  await tx
    .insertInto('authority_requests')
    .values({ ...row, authority_id: null })
    .execute();
}

/** Whose certificate has not come back, oldest first. */
export async function openAuthorityRequests(snapshot: Snapshot) {
  return snapshot
    .selectFrom('authority_requests')
    .select(['id', 'name', 'key_reference', 'request', 'created_at'])
    .where('authority_id', 'is', null)
    .orderBy('created_at')
    .execute();
}

/** Held until commit. */
export async function holdAuthorityRequest(tx: Transaction, id: string) {
  return tx.selectFrom('authority_requests').selectAll().where('id', '=', id).forUpdate().executeTakeFirst();
}

export async function answerAuthorityRequest(tx: Transaction, id: string, authorityId: string): Promise<void> {
  await tx.updateTable('authority_requests').set({ authority_id: authorityId }).where('id', '=', id).execute();
}

export async function insertAuthority(
  tx: Transaction,
  authority: Omit<AuthorityRow, 'id' | 'issuerId' | 'revokedAt' | 'revocationReason' | 'retiredAt'> & {
    issuerId: string | null;
    createdAt: Date;
  },
): Promise<string> {
  const { id } = await tx
    .insertInto('authorities')
    .values({
      role: authority.role,
      slug: authority.slug,
      name: authority.name,
      key_reference: authority.keyReference,
      certificate: Buffer.from(authority.certificate.der),
      issuer_id: authority.issuerId,
      outside_chain: authority.outsideChain.map((der) => Buffer.from(der)),
      not_after: authority.certificate.notAfter,
      created_at: authority.createdAt,
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  return id;
}

function read(row: {
  id: string;
  role: 'root' | 'issuing';
  slug: string;
  name: string;
  key_reference: string | null;
  certificate: Buffer;
  issuer_id: string | null;
  revoked_at: Date | null;
  revocation_reason: string | null;
  outside_chain: Buffer[];
  retired_at: Date | null;
}): AuthorityRow {
  return {
    id: row.id,
    role: row.role,
    slug: row.slug,
    name: row.name,
    keyReference: row.key_reference,
    certificate: parseCertificate(row.certificate),
    issuerId: row.issuer_id,
    revokedAt: row.revoked_at,
    revocationReason: row.revocation_reason,
    outsideChain: row.outside_chain,
    retiredAt: row.retired_at,
  };
}
