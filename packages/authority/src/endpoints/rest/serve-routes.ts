/** Serves the contract: every route of it, each by its handler. */
import { Problem, type RouteDefinition, type RouteName, routes } from '@chancery/api';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { PersonSession } from '../../identity/person-sessions.ts';
import type { Session } from '../../identity/sessions.ts';
import { anonymous, type Principal } from '../../principal.ts';
import type { OcspResponder } from '../../status/ocsp-responder.ts';
import type { World } from '../../world.ts';
import {
  authenticate,
  authenticatePerson,
  checkedOrigin,
  FLOW_COOKIE,
  PERSON_COOKIE,
  SESSION_COOKIE,
} from './caller.ts';
import type { Context, Handlers } from './handler.ts';

declare module 'fastify' {
  interface FastifyRequest {
    caller: { by: Principal; token: string | undefined; sessionEndsAt?: Date; origin: string } | null;
  }
}

export interface ServeOptions {
  readonly world: World;
  readonly responder: OcspResponder;
  readonly demo: boolean;
  /** SHA-256 of the local token. */
  readonly localTokenHash: Buffer;
}

type AnyHandler = (context: Context, input: { params: unknown; query: unknown; body: unknown }) => Promise<unknown>;

export function serveRoutes(app: FastifyInstance, handlers: Handlers<RouteName>, options: ServeOptions): void {
  const { world } = options;
  app.decorateRequest('caller', null);
  for (const name of Object.keys(routes) as RouteName[]) {
    const definition: RouteDefinition = routes[name];
    const handler = handlers[name] as AnyHandler;
    app.route({
      method: definition.method,
      url: definition.path,
      bodyLimit: BODY_LIMITS[name] ?? BODY_LIMIT,
      config: { rateLimit: limitOf(name, definition) },
      schema: {
        operationId: name,
        summary: definition.summary,
        ...(definition.params === undefined ? {} : { params: definition.params }),
        ...(definition.query === undefined ? {} : { querystring: definition.query }),
        ...(definition.body === undefined ? {} : { body: definition.body }),
        ...(definition.access === 'public' ? { security: [] } : {}),
        response: { 200: definition.response, '4xx': Problem, '5xx': Problem },
      },
      // Before the body is read: nobody unknown makes us hold 25 MB.
      onRequest: async (request) => {
        const origin = checkedOrigin(world, request);
        const known =
          definition.access === 'public'
            ? { by: anonymous, token: undefined }
            : definition.access === 'person'
              ? await authenticatePerson(world, request)
              : await authenticate(world, options.localTokenHash, request);
        request.caller = { ...known, origin };
      },
      handler: async (request, reply) => {
        const result = await handler(contextOf(options, request, reply), {
          params: request.params,
          query: request.query,
          body: request.body,
        });
        return reply.header('cache-control', 'no-store').send(result);
      },
    });
  }
}

/** Octets. A person's name, a certificate request: small things. */
const BODY_LIMIT = 256 * 1024;
const BODY_LIMITS: Partial<Record<RouteName, number>> = {
  // 25 MB of message in base64.
  inspect: 34_100_000,
  explainMailRules: 34_400_000,
  // The same for all the messages of one request, and a point and more for each of two thousand keys.
  releaseMessages: 34_100_000,
  decideRecovery: 1_000_000,
  // Some lines of a log, each with a batch of keys.
  reportOpenings: 3_000_000,
  importPeople: 40_000_000,
  // Five hundred certificates, and two hundred with their keys, of some kilobytes each.
  importCertificates: 22_000_000,
  importKeys: 22_000_000,
  // A thousand requests of 20,000 characters.
  submitIssuance: 22_000_000,
  // A thousand entries, each with 8,000 characters of what it was decided from, and as many of what was found out.
  writeJournal: 24_000_000,
  // A hundred correspondents, each with a history of a dozen certificates.
  reportCorrespondents: 34_100_000,
  // A hundred messages, each to a thousand recipients.
  reportHeldMail: 34_100_000,
};

const OWN_PAGE = '/api/v1/self';
const PROVIDERS = '/api/v1/sessions/providers';

/** Per address and minute, on this node. Behind one address may sit a whole building: claims are generous. */
function limitOf(name: RouteName, definition: RouteDefinition): { max: number; timeWindow: string } | false {
  if (definition.access !== 'public' || name === 'office' || name === 'signInProviders') return false;
  // Each sends a mail.
  const max = name === 'askSignInLink' ? 20 : definition.path.startsWith('/api/v1/claims/') ? 600 : 60;
  return { max, timeWindow: '1 minute' };
}

function contextOf(options: ServeOptions, request: FastifyRequest, reply: FastifyReply): Context {
  const { caller } = request;
  if (caller === null) throw new Error('No caller: the request passed no authentication');
  const cookie = {
    path: '/',
    httpOnly: true,
    sameSite: 'strict',
    secure: caller.origin.startsWith('https:'),
  } as const;
  return {
    world: options.world,
    responder: options.responder,
    demo: options.demo,
    by: caller.by,
    origin: caller.origin,
    sessionToken: caller.by.kind === 'operator' ? caller.token : undefined,
    beginSession: (session: Session) =>
      void reply.setCookie(SESSION_COOKIE, session.token, { ...cookie, expires: session.expiresAt }),
    endSession: () => void reply.clearCookie(SESSION_COOKIE, cookie),
    personSession:
      caller.sessionEndsAt === undefined || caller.token === undefined
        ? undefined
        : { token: caller.token, endsAt: caller.sessionEndsAt },
    beginPersonSession: (session: PersonSession) =>
      void reply.setCookie(PERSON_COOKIE, session.token, { ...cookie, path: OWN_PAGE, expires: session.expiresAt }),
    endPersonSession: () => void reply.clearCookie(PERSON_COOKIE, { ...cookie, path: OWN_PAGE }),
    signInFlow: request.cookies[FLOW_COOKIE],
    keepSignInFlow: (sealed: string, expires: Date) =>
      void reply.setCookie(FLOW_COOKIE, sealed, { ...cookie, path: PROVIDERS, expires }),
    forgetSignInFlow: () => void reply.clearCookie(FLOW_COOKIE, { ...cookie, path: PROVIDERS }),
  };
}
