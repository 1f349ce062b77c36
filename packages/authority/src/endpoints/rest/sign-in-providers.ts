/** Signing in with an identity provider: there and back. */
import { beginProviderSignIn, finishProviderSignIn, forgetProviderAccount } from '../../identity/providers/sign-in.ts';
import { perform } from '../../operation.ts';
import type { Handlers } from './handler.ts';

export const signInProviderHandlers: Handlers<
  'signInProviders' | 'beginProviderSignIn' | 'finishProviderSignIn' | 'forgetProviderAccount'
> = {
  async signInProviders({ world }) {
    const items = Object.entries(world.config.identity.oidc).map(([name, { title, people, role }]) => ({
      name,
      title,
      operators: role.length > 0,
      people,
    }));
    return { items };
  },
  async beginProviderSignIn(context, { params, body }) {
    const { world, origin } = context;
    const begun = await beginProviderSignIn(world, { provider: params.name, ...body, origin });
    context.keepSignInFlow(begun.sealedFlow, begun.expiresAt);
    return { url: begun.url };
  },
  async finishProviderSignIn(context, { params, body }) {
    const { world, by, signInFlow: sealedFlow } = context;
    // Whatever becomes of it: it is tried once.
    context.forgetSignInFlow();
    const entered = await finishProviderSignIn(world, by, { provider: params.name, sealedFlow, query: body.query });
    const { back } = entered;
    if (entered.as === 'person') {
      context.beginPersonSession(entered.session);
      return { as: 'person', back };
    }
    context.beginSession(entered.session);
    return { as: 'operator', me: entered.session.me, back };
  },
  async forgetProviderAccount({ world, by }, { params }) {
    return perform(world, forgetProviderAccount, by, params);
  },
};
