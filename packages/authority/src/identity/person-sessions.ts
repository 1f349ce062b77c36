/**
 * How employees sign in to their own page. A session of theirs is another kind than an operator's, in another cookie, and opens
 * nothing but that page; it lasts half an hour.
 */
import { z } from 'zod';
import { AuthorityError } from '../errors.ts';
import { operation } from '../operation.ts';
import type { Principal } from '../principal.ts';
import type { Transaction } from '../store/database.ts';
import { type PersonRow, personById } from '../store/people.ts';
import { consumeToken, findToken, insertToken, newToken } from '../store/tokens.ts';
import type { World } from '../world.ts';
import { personPasskeyAnswer } from './passkey.ts';

export type SignedInPerson = Extract<Principal, { kind: 'person' }>;

export interface PersonSession {
  readonly person: SignedInPerson;
  /** For the cookie; only its hash is kept. */
  readonly token: string;
  readonly expiresAt: Date;
}

const whoever = (description: string) => ({ guard: () => true, description });

/** The person whose session this token is; undefined for any other token, an expired one, and one of somebody who left. */
export async function personOfToken(
  world: World,
  token: string,
): Promise<{ person: SignedInPerson; expiresAt: Date } | undefined> {
  return world.database.snapshot(async (snapshot) => {
    const found = await findToken(snapshot, 'person-session', token, world.clock());
    if (found?.person_id == null || found.expires_at === null) return undefined;
    const person = await personById(snapshot, found.person_id);
    return person?.state === 'active' ? { person: signedIn(person), expiresAt: found.expires_at } : undefined;
  });
}

export const beginPersonSessionWithPasskey = operation({
  action: 'person.begin-session-with-passkey',
  permission: whoever('a passkey'),
  input: z.strictObject({ flow: z.string(), response: z.record(z.string(), z.unknown()), origin: z.string() }),
  subject: (input) => `passkey:${String(input.response.id).slice(0, 100)}`,
  async run(tx, input, _by, world) {
    const passkey = await personPasskeyAnswer(world, tx, 'person', input);
    const person = await personById(tx, passkey.person_id);
    if (person?.state !== 'active') {
      throw new AuthorityError('wrong-credentials', 'This passkey does not sign in here. Nothing was changed.');
    }
    return begin(tx, world, person);
  },
});

export const endPersonSession = operation({
  action: 'person.end-session',
  permission: { guard: (by) => by.kind === 'person' && by.signedIn === true, description: 'a session' },
  input: z.strictObject({ token: z.string() }),
  subject: () => null,
  async run(tx, { token }, by, world) {
    await consumeToken(tx, 'person-session', token, world.clock());
    return { result: undefined, audit: { personId: by.id } };
  },
});

/** A session is always a new token: whatever the browser held before it is not one. */
async function begin(tx: Transaction, world: World, row: PersonRow) {
  const at = world.clock();
  const expiresAt = new Date(at.getTime() + SESSION_MS);
  const token = newToken();
  await insertToken(tx, { secret: token, kind: 'person-session', personId: row.id, at, expiresAt });
  const result: PersonSession = { person: signedIn(row), token, expiresAt };
  return { result, audit: { personId: row.id, expiresAt: expiresAt.toISOString() } };
}

function signedIn({ id, name }: PersonRow): SignedInPerson {
  return { kind: 'person', id, name, signedIn: true };
}

const SESSION_MS = 30 * 60_000;
