/** Signing in and out. */

import { AuthorityError } from '../../errors.ts';
import { passkeyChallenge } from '../../identity/passkey.ts';
import {
  meOf,
  type Session,
  signInWithLink,
  signInWithPasskey,
  signInWithPassword,
  signOut,
} from '../../identity/sessions.ts';
import { perform } from '../../operation.ts';
import type { Context, Handlers } from './handler.ts';

export const sessionHandlers: Handlers<
  'passwordLogin' | 'passkeyOptions' | 'passkeyLogin' | 'linkLogin' | 'me' | 'logout'
> = {
  async passwordLogin(context, { body }) {
    return enter(context, await perform(context.world, signInWithPassword, context.by, body));
  },
  async passkeyOptions({ world, origin }) {
    return world.database.snapshot((snapshot) => passkeyChallenge(world, snapshot, origin, 'operator'));
  },
  async passkeyLogin(context, { body }) {
    const { world, by, origin } = context;
    return enter(context, await perform(world, signInWithPasskey, by, { ...body, origin }));
  },
  async linkLogin(context, { body }) {
    return enter(context, await perform(context.world, signInWithLink, context.by, body));
  },
  async me({ by }) {
    if (by.kind === 'operator') return meOf(by);
    throw new AuthorityError('forbidden', `${by.name} has no account of its own. Nothing was changed.`);
  },
  async logout(context) {
    const { world, by, sessionToken } = context;
    await perform(world, signOut, by, { token: sessionToken ?? '' });
    context.endSession();
    return { done: true };
  },
};

/** The browser keeps the cookie; the answer says who came in. */
export function enter(context: Context, session: Session) {
  context.beginSession(session);
  return session.me;
}
