/** The certification authorities and their place in the chain. */
import { type Certificate, parseCertificate } from '@chancery/smime';
import { AuthorityError } from '../errors.ts';
import type { Snapshot, Transaction } from './database.ts';

export interface AuthorityRow {
  readonly id: string;
  readonly role: 'root' | 'issuing';
  readonly slug: string;
  readonly name: string;
  readonly keyReference: string;
  readonly certificate: Certificate;
  readonly issuerId: string | null;
  /** By its issuer; a hold counts. */
  readonly revokedAt: Date | null;
  readonly revocationReason: string | null;
}

/** The authority that signs end-entity certificates. @throws AuthorityError `not-set-up` */
export async function issuingAuthority(snapshot: Snapshot): Promise<AuthorityRow> {
  const row = await snapshot
    .selectFrom('authorities')
    .selectAll()
    .where('role', '=', 'issuing')
    .where('revoked_at', 'is', null)
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
  return (await authorityChain(snapshot, authorityId)).map(({ certificate }) => certificate.der);
}

/** DER certificates of the roots: what a relying party is asked to trust. */
export async function trustAnchors(snapshot: Snapshot): Promise<Uint8Array[]> {
  return (await listAuthorities(snapshot))
    .filter(({ role }) => role === 'root')
    .map(({ certificate }) => certificate.der);
}

export async function insertAuthority(
  tx: Transaction,
  authority: Omit<AuthorityRow, 'id' | 'issuerId' | 'revokedAt' | 'revocationReason'> & {
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
  key_reference: string;
  certificate: Buffer;
  issuer_id: string | null;
  revoked_at: Date | null;
  revocation_reason: string | null;
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
  };
}
