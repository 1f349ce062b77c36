/** Every secret that is handed out once and kept as a hash: set-up, invitation and sign-in links, sessions, gateway tokens. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { sql } from 'kysely';
import type { Snapshot, Transaction } from './database.ts';
import type { Schema } from './schema.ts';

type TokenKind = Schema['tokens']['kind'];

/** 256 random bits in base64url. The caller shows it once. */
export function newToken(): string {
  return randomBytes(32).toString('base64url');
}

/** SHA-256: a token is random, so a slow hash would protect nothing more. */
export function hashToken(token: string): Buffer {
  return createHash('sha256').update(token, 'utf8').digest();
}

/** Takes the same time whatever the two have in common. */
export function sameSecret(one: string, other: string): boolean {
  return timingSafeEqual(hashToken(one), hashToken(other));
}

export async function insertToken(
  tx: Transaction,
  token: {
    readonly secret: string;
    readonly kind: TokenKind;
    readonly operatorId?: string;
    readonly gatewayId?: string;
    readonly personId?: string;
    /** How a person's session began: JSON values, nothing secret. */
    readonly data?: Record<string, unknown>;
    readonly at: Date;
    readonly expiresAt: Date | null;
  },
): Promise<void> {
  await tx
    .insertInto('tokens')
    .values({
      hash: hashToken(token.secret),
      kind: token.kind,
      operator_id: token.operatorId ?? null,
      gateway_id: token.gatewayId ?? null,
      person_id: token.personId ?? null,
      data: JSON.stringify(token.data ?? {}),
      created_at: token.at,
      expires_at: token.expiresAt,
      last_used_at: null,
    })
    .execute();
}

/** The token with this secret, unless it has expired. */
export async function findToken(snapshot: Snapshot, kind: TokenKind, secret: string, at: Date) {
  return snapshot
    .selectFrom('tokens')
    .select(['operator_id', 'gateway_id', 'person_id', 'data', 'expires_at'])
    .where('hash', '=', hashToken(secret))
    .where('kind', '=', kind)
    .where((where) => where.or([where('expires_at', 'is', null), where('expires_at', '>', at)]))
    .executeTakeFirst();
}

/** Takes a token out for good. Of two callers at once, one gets it. */
export async function consumeToken(tx: Transaction, kind: TokenKind, secret: string, at: Date) {
  return tx
    .deleteFrom('tokens')
    .where('hash', '=', hashToken(secret))
    .where('kind', '=', kind)
    .where((where) => where.or([where('expires_at', 'is', null), where('expires_at', '>', at)]))
    .returning(['operator_id', 'gateway_id', 'person_id'])
    .executeTakeFirst();
}

/**
 * Marks a challenge as used until it expires by itself.
 * @returns false where it was used before
 */
export async function spendChallenge(tx: Transaction, challenge: string, at: Date, expiresAt: Date): Promise<boolean> {
  const inserted = await tx
    .insertInto('tokens')
    .values({
      hash: hashToken(challenge),
      kind: 'webauthn',
      operator_id: null,
      gateway_id: null,
      data: '{}',
      created_at: at,
      expires_at: expiresAt,
      last_used_at: null,
    })
    .onConflict((conflict) => conflict.doNothing())
    .returning('kind')
    .executeTakeFirst();
  return inserted !== undefined;
}

/** What a session keeps of how it began. */
export async function setTokenData(tx: Transaction, hash: Buffer, data: Record<string, unknown>): Promise<void> {
  await tx
    .updateTable('tokens')
    .set({ data: JSON.stringify(data) })
    .where('hash', '=', hash)
    .execute();
}

export async function deleteToken(tx: Transaction, hash: Buffer): Promise<void> {
  await tx.deleteFrom('tokens').where('hash', '=', hash).execute();
}

/** Sessions of operators whose identity provider is to be asked again, the longest due first. */
export async function dueProviderSessions(snapshot: Snapshot, at: Date, limit: number) {
  const rows = await snapshot
    .selectFrom('tokens')
    .select(['hash', 'operator_id', 'data'])
    .where('kind', '=', 'session')
    .where('expires_at', '>', at)
    .where(sql<boolean>`(data->>'checkAt')::timestamptz <= ${at}`)
    .orderBy(sql`data->>'checkAt'`)
    .limit(limit)
    .execute();
  return rows.flatMap(({ operator_id, ...row }) => (operator_id === null ? [] : [{ ...row, operator_id }]));
}

export async function deleteTokensOfKind(tx: Transaction, kind: TokenKind): Promise<void> {
  await tx.deleteFrom('tokens').where('kind', '=', kind).execute();
}

/** Ends an operator's sessions and every link that would begin one. */
export async function deleteTokensOfOperator(tx: Transaction, operatorId: string): Promise<void> {
  await tx.deleteFrom('tokens').where('operator_id', '=', operatorId).execute();
}

/** Ends a person's sessions and every link that would begin one. @returns how many there were */
export async function deleteTokensOfPerson(tx: Transaction, personId: string): Promise<number> {
  const { numDeletedRows } = await tx.deleteFrom('tokens').where('person_id', '=', personId).executeTakeFirst();
  return Number(numDeletedRows);
}

/** Sessions and links of a person that open their page still. */
export async function countSessionsOfPerson(snapshot: Snapshot, personId: string, at: Date): Promise<number> {
  const { count } = await snapshot
    .selectFrom('tokens')
    .select((select) => select.fn.countAll<string>().as('count'))
    .where('person_id', '=', personId)
    .where((where) => where.or([where('expires_at', 'is', null), where('expires_at', '>', at)]))
    .executeTakeFirstOrThrow();
  return Number(count);
}

export async function countExpiredTokens(snapshot: Snapshot, at: Date): Promise<number> {
  const { count } = await snapshot
    .selectFrom('tokens')
    .select((select) => select.fn.countAll<string>().as('count'))
    .where('expires_at', '<=', at)
    .executeTakeFirstOrThrow();
  return Number(count);
}

export async function deleteExpiredTokens(tx: Transaction, at: Date): Promise<number> {
  const { numDeletedRows } = await tx.deleteFrom('tokens').where('expires_at', '<=', at).executeTakeFirst();
  return Number(numDeletedRows);
}
