/** The HTTP server: REST, its description, the console, and what relying parties fetch. */
import { InspectNode, Problem, type RouteName } from '@chancery/api';
import cookie from '@fastify/cookie';
import helmet from '@fastify/helmet';
import rateLimit from '@fastify/rate-limit';
import swagger from '@fastify/swagger';
import Fastify, { type FastifyInstance } from 'fastify';
import {
  createJsonSchemaTransform,
  createJsonSchemaTransformObject,
  serializerCompiler,
  validatorCompiler,
} from 'fastify-type-provider-zod';
import { z } from 'zod';
import { type AuthorityConfig, publicUrlOf } from '../../config.ts';
import { AuthorityError } from '../../errors.ts';
import { acmeEndpoint } from '../acme/acme-endpoint.ts';
import { estEndpoint } from '../est/est-endpoint.ts';
import { ocspEndpoint } from '../ocsp/ocsp-endpoint.ts';
import { pickUpEndpoint } from '../pick-up/pick-up-endpoint.ts';
import { repositoryEndpoint } from '../repository/repository-endpoint.ts';
import { scepEndpoint } from '../scep/scep-endpoint.ts';
import { scimEndpoint } from '../scim/scim-endpoint.ts';
import { serveConsole } from './console.ts';
import { serveInventoryExport } from './export-inventory.ts';
import { serveJournalExport } from './export-journal.ts';
import type { Handlers } from './handler.ts';
import { answerError } from './problem.ts';
import { type ServeOptions, serveRoutes } from './serve-routes.ts';

export interface ServerOptions extends ServeOptions {
  readonly handlers: Handlers<RouteName>;
  /** The console's built files. */
  readonly consoleFolder: string;
  readonly version: string;
  /** Told of every answer: the pattern of its address, its status, seconds. */
  readonly observe?: (route: string, status: number, seconds: number) => void;
}

export async function createServer(options: ServerOptions): Promise<FastifyInstance> {
  const { world } = options;
  const app = Fastify({
    // A slow sender of headers or bodies holds a connection, not the office.
    requestTimeout: 120_000,
    // Requests in hand are answered before the end.
    forceCloseConnections: 'idle',
    // Longer path segments are no identifier of ours.
    routerOptions: { maxParamLength: 200 },
  });
  app.removeContentTypeParser('text/plain');
  const { observe } = options;
  if (observe !== undefined) {
    app.addHook('onResponse', async (request, reply) => {
      // An address that is nobody's is one of any number.
      const route = request.is404 ? 'unknown' : (request.routeOptions.url ?? 'unknown');
      observe(route, reply.statusCode, reply.elapsedTime / 1000);
    });
  }
  app.setErrorHandler(answerError(world));
  app.setNotFoundHandler(() => {
    throw new AuthorityError('not-found', 'There is nothing at this address.');
  });
  // Apart from the rest: no cookies, no rate limit, no policies for browsers.
  await app.register(ocspEndpoint(options.responder, world.clock));
  await app.register(repositoryEndpoint(world));
  await app.register(scimEndpoint(world), { prefix: '/scim/v2' });
  const { proxy } = world.config.enrolment.est ?? {};
  if (proxy !== undefined) await app.register(estEndpoint(world, { proxy }));
  if (world.config.acme !== undefined) await app.register(acmeEndpoint(world));
  if (world.config.enrolment.scep) await app.register(scepEndpoint(world));
  await app.register(async (api) => {
    api.setValidatorCompiler(validatorCompiler);
    api.setSerializerCompiler(serializerCompiler);
    await api.register(cookie);
    await api.register(helmet, helmetOptions(world.config));
    await api.register(rateLimit, {
      global: false,
      errorResponseBuilder: (_request, limit) =>
        new AuthorityError('rate-limited', `Too many requests from this address. Try again in ${limit.after}.`),
    });
    await api.register(swagger, {
      openapi: {
        openapi: '3.1.0',
        info: {
          title: 'Chancery',
          version: options.version,
          description: 'The S/MIME office of an organisation. Errors are RFC 9457 problem+json.',
        },
        servers: [{ url: publicUrlOf(world.config) }],
        components: {
          securitySchemes: {
            token: { type: 'http', scheme: 'bearer' },
            session: { type: 'apiKey', in: 'cookie', name: 'chancery_session' },
          },
        },
        security: [{ token: [] }, { session: [] }],
      },
      transform: createJsonSchemaTransform({ schemaRegistry: components }),
      transformObject: createJsonSchemaTransformObject({ schemaRegistry: components }),
    });
    serveRoutes(api, options.handlers, options);
    serveInventoryExport(api, options);
    serveJournalExport(api, options);
    api.get('/api/openapi.json', { schema: { hide: true } }, async (_request, reply) =>
      reply.serializer((payload: unknown) => JSON.stringify(payload)).send(api.swagger()),
    );
    await api.register(pickUpEndpoint(world));
    // So that a wrong address below /api is not answered with the console's page.
    api.all('/api/*', { schema: { hide: true } }, async () => {
      throw new AuthorityError('not-found', 'There is no such route. /api/openapi.json lists them.');
    });
    await serveConsole(api, options.consoleFolder);
  });
  return app;
}

/** What the description names: a tree can only be described by a name. */
const components = z.registry<{ id: string }>();
components.add(InspectNode, { id: 'InspectNode' });
components.add(Problem, { id: 'Problem' });

function helmetOptions(config: AuthorityConfig) {
  const { gmail } = config.devices;
  return {
    enableCSPNonces: true,
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        'default-src': ["'none'"],
        'script-src': ["'self'"],
        'style-src': ["'self'"],
        'img-src': ["'self'", 'data:', 'blob:'],
        'font-src': ["'self'"],
        // A person's browser hands keys to Gmail itself: the office is not in between.
        'connect-src': ["'self'", ...(gmail === undefined ? [] : [new URL(gmail.apiUrl).origin])],
        'manifest-src': ["'self'"],
        'base-uri': ["'none'"],
        'form-action': ["'self'"],
        'frame-ancestors': ["'none'"],
      },
    },
    strictTransportSecurity: publicUrlOf(config).startsWith('https:'),
    referrerPolicy: { policy: 'no-referrer' },
    crossOriginOpenerPolicy: { policy: 'same-origin' },
  } as const;
}
