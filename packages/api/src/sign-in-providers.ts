/** Signing in with an identity provider (OpenID Connect), to the console and to one's own page. */
import { z } from 'zod';
import type { RouteDefinition } from './route.ts';
import { Me } from './session.ts';
import { Id } from './values.ts';

const ByName = z.object({ name: z.string().regex(/^[a-z0-9-]{1,40}$/) });
/** Who wants to come in: to run the office, or to their own page. */
const EnterAs = z.enum(['operator', 'person']);

const SignInProvider = z.object({
  name: ByName.shape.name,
  /** For the button. */
  title: z.string(),
  operators: z.boolean(),
  people: z.boolean(),
});
export type SignInProvider = z.infer<typeof SignInProvider>;

const Entered = z.discriminatedUnion('as', [
  z.object({ as: z.literal('operator'), me: Me, back: z.string() }),
  z.object({ as: z.literal('person'), back: z.string() }),
]);
export type Entered = z.infer<typeof Entered>;

/** `next`: where the browser signs out at the provider that signed it in; null where there is none. */
export const SignedOut = z.object({ done: z.literal(true), next: z.url().nullable() });

export const signInProviderRoutes = {
  signInProviders: {
    method: 'GET',
    path: '/api/v1/sessions/providers',
    summary: 'Identity providers that one can sign in with',
    access: 'public',
    response: z.object({ items: z.array(SignInProvider) }),
  },
  beginProviderSignIn: {
    method: 'POST',
    path: '/api/v1/sessions/providers/:name',
    summary: 'Start signing in with an identity provider',
    access: 'public',
    params: ByName,
    /** `back`: a path of this console. */
    body: z.object({ as: EnterAs, back: z.string().max(500).default('/') }),
    response: z.object({ url: z.url() }),
  },
  finishProviderSignIn: {
    method: 'POST',
    path: '/api/v1/sessions/providers/:name/answer',
    summary: 'Sign in with what the identity provider answered',
    access: 'public',
    params: ByName,
    body: z.object({ query: z.string().max(8_000).describe('of the address to which it sent the browser back') }),
    response: Entered,
  },
  forgetProviderAccount: {
    method: 'DELETE',
    path: '/api/v1/people/:id/provider-accounts',
    summary: 'Let a person sign in with a new account at their identity provider',
    access: 'authenticated',
    params: z.object({ id: Id }),
    response: z.object({ forgotten: z.int() }),
  },
} as const satisfies Record<string, RouteDefinition>;
