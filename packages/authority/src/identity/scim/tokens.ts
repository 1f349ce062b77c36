/** Tokens with which SCIM clients come: made for one source, shown once, changed with an overlap, revoked. */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { AuthorityError } from '../../errors.ts';
import { operation, perform } from '../../operation.ts';
import { actorOf, type Principal, system } from '../../principal.ts';
import type { Transaction } from '../../store/database.ts';
import {
  changeScimToken,
  insertScimToken,
  listScimTokens,
  lockScimToken,
  type ScimTokenRow,
  scimTokenInForce,
} from '../../store/scim-tokens.ts';
import { hashToken, newToken } from '../../store/tokens.ts';
import type { World } from '../../world.ts';
import { requireSource, SourceInput } from '../sources/present.ts';

/** Of one source at a time: one in use, one that is to take its place, and a few forgotten. */
const MOST_TOKENS = 10;
const DAY_MS = 86_400_000;
const days = z.int().min(1).max(3_660).nullable();

/** @throws AuthorityError `conflict` (a source of another kind has that name), `wrong-state` (too many) */
export const createScimToken = operation({
  action: 'scim.create-token',
  permission: 'source:write',
  input: z.strictObject({ source: SourceInput.shape.name, expiresInDays: days }),
  subject: ({ source }) => `source:${source}`,
  async run(tx, { source, expiresInDays }, by, world) {
    await requireSource(tx, world, { name: source, kind: 'scim' });
    const made = await make(tx, world, by, source, expiresInDays);
    return { result: made, audit: { tokenId: made.id, expiresAt: made.expiresAt?.toISOString() ?? null } };
  },
});

/** Another in its place: the old one is good for so many hours more. @throws AuthorityError `not-found`, `wrong-state` */
export const rotateScimToken = operation({
  action: 'scim.rotate-token',
  permission: 'source:write',
  input: z.strictObject({ id: z.uuid(), overlapHours: z.int().min(0).max(720), expiresInDays: days }),
  subject: ({ id }) => `scim-token:${id}`,
  async run(tx, { id, overlapHours, expiresInDays }, by, world) {
    const old = await requireInForce(tx, world, id);
    const end = new Date(world.clock().getTime() + overlapHours * 3_600_000);
    const endsAt = old.expires_at === null || old.expires_at > end ? end : old.expires_at;
    await changeScimToken(tx, id, { expires_at: endsAt });
    const made = await make(tx, world, by, old.source, expiresInDays);
    return { result: made, audit: { source: old.source, tokenId: made.id, oldEndsAt: endsAt.toISOString() } };
  },
});

/** At once. @throws AuthorityError `not-found`, `wrong-state` */
export const revokeScimToken = operation({
  action: 'scim.revoke-token',
  permission: 'source:write',
  input: z.strictObject({ id: z.uuid() }),
  subject: ({ id }) => `scim-token:${id}`,
  async run(tx, { id }, _by, world) {
    const old = await requireInForce(tx, world, id);
    await changeScimToken(tx, id, { revoked_at: world.clock() });
    return { result: undefined, audit: { source: old.source } };
  },
});

/** That a token is in use, told at most once an hour. */
export const scimTokenUsed = operation({
  action: 'scim.token-used',
  permission: 'system',
  input: z.strictObject({ id: z.uuid() }),
  subject: ({ id }) => `scim-token:${id}`,
  async run(tx, { id }, _by, world) {
    await changeScimToken(tx, id, { last_used_at: world.clock() });
    return { result: undefined, audit: {} };
  },
});

/** The source that holds this token; undefined for one that is unknown, expired or revoked. */
export async function sourceOfToken(world: World, token: string): Promise<Principal | undefined> {
  const at = world.clock();
  const row = await world.database.glance((snapshot) => scimTokenInForce(snapshot, hashToken(token), at));
  if (row === undefined) return undefined;
  if (row.last_used_at === null || at.getTime() - row.last_used_at.getTime() >= USED_MS)
    await perform(world, scimTokenUsed, system, { id: row.id });
  return { kind: 'source', id: row.source, name: row.source };
}

const USED_MS = 3_600_000;
/** So that whoever finds one in a file knows what it opens. */
const PREFIX = 'scim_';

interface MadeToken {
  readonly id: string;
  readonly source: string;
  readonly token: string;
  readonly expiresAt: Date | null;
}

async function make(
  tx: Transaction,
  world: World,
  by: Principal,
  source: string,
  expiresInDays: number | null,
): Promise<MadeToken> {
  const at = world.clock();
  const inForce = (await listScimTokens(tx, source)).filter((one) => isInForce(one, at));
  if (inForce.length >= MOST_TOKENS) {
    throw new AuthorityError(
      'wrong-state',
      `${source} has ${MOST_TOKENS} tokens in force. No other was made. Revoke those that nobody uses first.`,
    );
  }
  const id = randomUUID();
  const token = `${PREFIX}${newToken()}`;
  const expiresAt = expiresInDays === null ? null : new Date(at.getTime() + expiresInDays * DAY_MS);
  await insertScimToken(tx, {
    id,
    source,
    hash: hashToken(token),
    created_at: at,
    created_by: actorOf(by),
    expires_at: expiresAt,
  });
  return { id, source, token, expiresAt };
}

async function requireInForce(tx: Transaction, world: World, id: string): Promise<ScimTokenRow> {
  const row = await lockScimToken(tx, id);
  if (row === undefined) throw new AuthorityError('not-found', 'There is no such token. Nothing was changed.');
  if (!isInForce(row, world.clock()))
    throw new AuthorityError('wrong-state', 'This token is not in force any more. Nothing was changed.');
  return row;
}

export function isInForce({ revoked_at, expires_at }: ScimTokenRow, at: Date): boolean {
  return revoked_at === null && (expires_at === null || expires_at > at);
}
