/**
 * How employees sign in to their own page. A session of theirs is another kind than an operator's, in another cookie, and opens
 * nothing but that page; it lasts half an hour. Nobody learns here whether an address is somebody's.
 */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { countSucceeded } from '../audit/records.ts';
import { publicUrlOf } from '../config.ts';
import { AuthorityError } from '../errors.ts';
import { writeLetter } from '../notices/letters.ts';
import { operation, perform } from '../operation.ts';
import { type Principal, system } from '../principal.ts';
import type { Transaction } from '../store/database.ts';
import { type PersonRow, personByAddress, personById, whyAway } from '../store/people.ts';
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

/**
 * Somebody asks for a link to be sent to an address. It says the same and takes as long whoever the address belongs to: what
 * becomes of it is found out afterwards, by a job.
 * @throws AuthorityError `rate-limited`
 */
export const askSignInLink = operation({
  action: 'person.ask-sign-in-link',
  permission: whoever('an address'),
  input: z.strictObject({ address: z.string().max(254) }),
  subject: ({ address }) => linkSubject(address),
  async run(tx, { address }, _by, world) {
    const since = new Date(world.clock().getTime() - LINKS_MS);
    const asked = await countSucceeded(tx, { subject: linkSubject(address), since });
    if (asked >= LINKS) {
      throw new AuthorityError(
        'rate-limited',
        'Links were asked for several times for this address. Nothing was sent. Look into your mail, or wait fifteen minutes.',
      );
    }
    await world.jobs.enqueue(tx, 'send-sign-in-link', { address });
    return { result: undefined, audit: {} };
  },
});

/** The link itself, to the person's own address. Only a hash of its secret is kept once the mail is sent. */
export const makePersonSignInLink = operation({
  action: 'person.make-sign-in-link',
  permission: 'system',
  input: z.strictObject({ personId: z.uuid() }),
  subject: ({ personId }) => `person:${personId}`,
  async run(tx, { personId }, _by, world) {
    const person = await personById(tx, personId);
    if (person?.state !== 'active') {
      const why = person === undefined ? 'There is no such person' : whyAway(person);
      throw new AuthorityError('wrong-state', `${why}. No link was made.`);
    }
    const at = world.clock();
    const expiresAt = new Date(at.getTime() + LINK_MS);
    const token = newToken();
    await insertToken(tx, { secret: token, kind: 'person-sign-in', personId, at, expiresAt });
    await writeLetter(tx, world, {
      letter: 'sign-in-link',
      key: `sign-in-link ${randomUUID()}`,
      to: person,
      link: { signInLink: `${publicUrlOf(world.config)}/me#${token}` },
      expiresAt,
    });
    return { result: undefined, audit: { expiresAt: expiresAt.toISOString() } };
  },
});

/** The job behind `askSignInLink`: nothing happens where nobody has that address. */
export async function sendSignInLink(world: World, address: string): Promise<void> {
  const person = await world.database.snapshot((snapshot) => personByAddress(snapshot, address));
  if (person?.state !== 'active') return;
  await perform(world, makePersonSignInLink, system, { personId: person.id });
}

export const beginPersonSessionWithLink = operation({
  action: 'person.begin-session-with-link',
  permission: whoever('a sign-in link'),
  input: z.strictObject({ token: z.string() }),
  subject: () => null,
  async run(tx, { token }, _by, world) {
    const link = await consumeToken(tx, 'person-sign-in', token, world.clock());
    const person = link?.person_id == null ? undefined : await personById(tx, link.person_id);
    if (person?.state !== 'active') {
      throw new AuthorityError(
        'wrong-credentials',
        'This sign-in link was used already, or has expired. Nothing was changed. Ask for a new one.',
      );
    }
    return beginPersonSession(tx, world, person);
  },
});

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
    return beginPersonSession(tx, world, person);
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

/** A session is always a new token: whatever the browser held before it is not one. @param data how it began, nothing secret */
export async function beginPersonSession(
  tx: Transaction,
  world: World,
  row: PersonRow,
  data: Record<string, unknown> = {},
) {
  const at = world.clock();
  const expiresAt = new Date(at.getTime() + SESSION_MS);
  const token = newToken();
  await insertToken(tx, { secret: token, kind: 'person-session', personId: row.id, data, at, expiresAt });
  const result: PersonSession = { person: signedIn(row), token, expiresAt };
  return { result, audit: { personId: row.id, expiresAt: expiresAt.toISOString() } };
}

function signedIn({ id, name }: PersonRow): SignedInPerson {
  return { kind: 'person', id, name, signedIn: true };
}

const SESSION_MS = 30 * 60_000;
const LINK_MS = 15 * 60_000;
/** How often a link is asked for in a quarter of an hour. */
const LINKS = 5;
const LINKS_MS = 15 * 60_000;

const linkSubject = (address: string): string => `sign-in-link:${address.toLowerCase()}`;
