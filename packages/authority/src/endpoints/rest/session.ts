/** Signing in and out. */

import { AuthorityError } from '../../errors.ts';
import { passkeyChallenge } from '../../identity/passkey.ts';
import { signOutAtProvider } from '../../identity/providers/sign-out.ts';
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
    const { world, by, origin, sessionToken: token = '' } = context;
    const next = await signOutAtProvider(world, 'session', token, `${origin}/sign-in`);
    await perform(world, signOut, by, { token });
    context.endSession();
    return { done: true, next };
  },
};

/** The browser keeps the cookie; the answer says who came in. */
export function enter(context: Context, session: Session) {
  context.beginSession(session);
  return session.me;
}
