/** What a route handler is given, and what it owes: typed by the contract. */
import type { RouteName, Routes } from '@chancery/api';
import type { z } from 'zod';
import type { PersonSession } from '../../identity/person-sessions.ts';
import type { Session } from '../../identity/sessions.ts';
import type { Principal } from '../../principal.ts';
import type { OcspResponder } from '../../status/ocsp-responder.ts';
import type { World } from '../../world.ts';

export interface Context {
  readonly world: World;
  /** Of this process: what it counts is shown. */
  readonly responder: OcspResponder;
  /** Anonymous on public routes. */
  readonly by: Principal;
  /** Of the page that asks, checked to be ours; the office's own address where none is said. */
  readonly origin: string;
  /** Whether the office was started to show itself. */
  readonly demo: boolean;
  /** The session's token where a session asks. */
  readonly sessionToken: string | undefined;
  /** Puts a session into the browser. */
  beginSession(session: Session): void;
  /** Takes it out again. */
  endSession(): void;
  /** Of an employee, on the routes of their own page. */
  readonly personSession: { readonly token: string; readonly endsAt: Date } | undefined;
  beginPersonSession(session: PersonSession): void;
  endPersonSession(): void;
  /** Of a sign-in with an identity provider that this browser began: sealed, and for nobody but us. */
  readonly signInFlow: string | undefined;
  keepSignInFlow(sealed: string, expiresAt: Date): void;
  forgetSignInFlow(): void;
}

type Part<R, K extends 'params' | 'query' | 'body'> = R extends { readonly [P in K]: infer S extends z.ZodType }
  ? z.output<S>
  : undefined;

type Handler<N extends RouteName> = (
  context: Context,
  input: {
    readonly params: Part<Routes[N], 'params'>;
    readonly query: Part<Routes[N], 'query'>;
    readonly body: Part<Routes[N], 'body'>;
  },
) => Promise<z.input<Routes[N]['response']>>;

/** The handlers of one resource; together they are `Handlers<RouteName>`. */
export type Handlers<N extends RouteName> = { readonly [K in N]: Handler<K> };
