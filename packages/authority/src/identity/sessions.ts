/** Signing in and out. A session is a random token, kept as a hash, good for twelve hours. */
import type { Me } from '@chancery/api';
import { z } from 'zod';
import { countDenials } from '../audit/records.ts';
import { AuthorityError } from '../errors.ts';
import { operation } from '../operation.ts';
import { type Principal, permissionsOf } from '../principal.ts';
import type { Transaction } from '../store/database.ts';
import { lockOperatorByAddress, noteSignIn, type OperatorRow, operatorById, setTotpStep } from '../store/operators.ts';
import { consumeToken, insertToken, newToken } from '../store/tokens.ts';
import type { World } from '../world.ts';
import { operatorPrincipal } from './authenticate.ts';
import { totpPurpose } from './credential.ts';
import { passkeyAnswer } from './passkey.ts';
import { verifyPassword } from './password.ts';
import { openSecret } from './sealing.ts';
import { totpStep } from './totp.ts';

export interface Session {
  readonly me: Me;
  /** For the cookie; only its hash is kept. */
  readonly token: string;
  readonly expiresAt: Date;
}

/** The right is what they bring, and is judged inside. */
const whoever = (description: string) => ({ guard: () => true, description });

export const signInWithPassword = operation({
  action: 'session.begin-with-password',
  permission: whoever('an address, its password and its code'),
  input: z.object({ address: z.string(), password: z.string(), totpCode: z.string() }),
  subject: (input) => signInSubject(input.address),
  async run(tx, input, _by, world) {
    const at = world.clock();
    await refuseGuessing(tx, signInSubject(input.address), at);
    const operator = await lockOperatorByAddress(tx, input.address);
    const usable = operator?.state === 'active' ? operator : undefined;
    const matches = await verifyPassword(input.password, usable?.password_hash ?? null);
    if (!matches || usable === undefined || usable.totp_secret === null) throw wrongCredentials();
    const secret = await openSecret(world, tx, totpPurpose(usable.id), usable.totp_secret);
    const lastStep = usable.totp_last_step === null ? null : Number(usable.totp_last_step);
    const step = totpStep(Buffer.from(secret).toString(), input.totpCode, at, lastStep);
    if (step === undefined) throw wrongCredentials();
    await setTotpStep(tx, usable.id, step);
    return begun(await beginSession(tx, world, usable), usable);
  },
});

export const signInWithPasskey = operation({
  action: 'session.begin-with-passkey',
  permission: whoever('a passkey'),
  input: z.object({ flow: z.string(), response: z.record(z.string(), z.unknown()), origin: z.string() }),
  subject: (input) => `passkey:${String(input.response.id).slice(0, 100)}`,
  async run(tx, input, _by, world) {
    const passkey = await passkeyAnswer(world, tx, input);
    const operator = await operatorById(tx, passkey.operator_id);
    if (operator?.state !== 'active') throw wrongCredentials();
    return begun(await beginSession(tx, world, operator), operator);
  },
});

export const signInWithLink = operation({
  action: 'session.begin-with-link',
  permission: whoever('a sign-in link'),
  input: z.object({ token: z.string() }),
  subject: () => null,
  async run(tx, input, _by, world) {
    const link = await consumeToken(tx, 'sign-in', input.token, world.clock());
    const operator = link?.operator_id == null ? undefined : await operatorById(tx, link.operator_id);
    if (operator?.state !== 'active') {
      throw new AuthorityError(
        'wrong-credentials',
        'This sign-in link was used already, or has expired. Nothing was changed. Ask for a new one.',
      );
    }
    return begun(await beginSession(tx, world, operator), operator);
  },
});

export const signOut = operation({
  action: 'session.end',
  permission: { guard: (by) => by.kind === 'operator', description: 'a session' },
  input: z.object({ token: z.string() }),
  subject: () => null,
  async run(tx, input, _by, world) {
    await consumeToken(tx, 'session', input.token, world.clock());
    return { result: undefined, audit: {} };
  },
});

/**
 * Opens a session in the caller's transaction; the operator is active.
 * @param how it began, where that is kept: nothing secret that is not sealed
 */
export async function beginSession(
  tx: Transaction,
  world: World,
  operator: OperatorRow,
  how: { readonly data?: Record<string, unknown>; readonly lifetimeMs?: number } = {},
): Promise<Session> {
  const at = world.clock();
  const expiresAt = new Date(at.getTime() + (how.lifetimeMs ?? SESSION_MS));
  const token = newToken();
  await insertToken(tx, {
    secret: token,
    kind: 'session',
    operatorId: operator.id,
    at,
    expiresAt,
    ...(how.data && { data: how.data }),
  });
  await noteSignIn(tx, operator.id, at);
  return { me: meOf(operatorPrincipal(world, operator)), token, expiresAt };
}

export function meOf(by: Extract<Principal, { kind: 'operator' }>): Me {
  return {
    id: by.id,
    name: by.name,
    address: by.address,
    roles: [...by.roles],
    permissions: [...permissionsOf(by)],
  };
}

const SESSION_MS = 12 * 3_600_000;
/** Guesses at one address, counted on the audit trail and so on all nodes together. */
const GUESSES = 10;
const GUESSES_MS = 15 * 60_000;

function begun(session: Session, operator: OperatorRow) {
  return { result: session, audit: { operatorId: operator.id, expiresAt: session.expiresAt.toISOString() } };
}

function signInSubject(address: string): string {
  return `sign-in:${address.toLowerCase()}`;
}

async function refuseGuessing(tx: Transaction, subject: string, at: Date): Promise<void> {
  const since = new Date(at.getTime() - GUESSES_MS);
  if ((await countDenials(tx, { subject, code: 'wrong-credentials', since })) < GUESSES) return;
  throw new AuthorityError(
    'rate-limited',
    'Too many wrong passwords or codes for this address. Nothing was changed. Wait fifteen minutes, or have "chancery authority sign-in-link" print a link.',
  );
}

function wrongCredentials(): AuthorityError {
  return new AuthorityError(
    'wrong-credentials',
    'Address, password and code do not fit together. Nothing was changed. A code signs in once: wait for the next one.',
  );
}
