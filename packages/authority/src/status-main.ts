/** The composition root of `chancery status`: OCSP, CRLs and CA certificates for a public network, and nothing that writes. */
import type { KeyStore } from '@chancery/keystore';
import Fastify, { type FastifyInstance } from 'fastify';
import type pg from 'pg';
import type { AuthorityConfig } from './config.ts';
import { ocspEndpoint } from './endpoints/ocsp/ocsp-endpoint.ts';
import { repositoryEndpoint } from './endpoints/repository/repository-endpoint.ts';
import { answerError } from './endpoints/rest/problem.ts';
import { AuthorityError } from './errors.ts';
import { explainListenError } from './listen-address.ts';
import { judgeHealth } from './status/judge-health.ts';
import { OcspResponder } from './status/ocsp-responder.ts';
import { openReadOnlyDatabase } from './store/database.ts';
import type { Log, StatusWorld } from './world.ts';

export interface StatusOptions {
  readonly config: AuthorityConfig;
  /** As a role that may only read: see `statusGrants`. */
  readonly connection: pg.PoolConfig;
  /** Holds the keys of the responders; nothing else is asked of it. */
  readonly keyStore: Pick<KeyStore, 'signer'>;
  readonly log: Log;
  /** The present instant; for tests. */
  readonly clock?: () => Date;
}

export interface RunningStatus {
  readonly host: string;
  readonly port: number;
  /** Answers what was asked already, then closes. May be called again. */
  stop(): Promise<void>;
}

/** @throws StartError where the port cannot be had, Error where the database cannot be reached */
export async function startStatus(options: StatusOptions): Promise<RunningStatus> {
  const { config, log } = options;
  const database = await openReadOnlyDatabase(options.connection);
  const world: StatusWorld = {
    config,
    database,
    keyStore: options.keyStore,
    clock: options.clock ?? (() => new Date()),
    log,
  };
  const app = statusServer(world);
  const { host, port } = config.status;
  try {
    await app.listen({ host, port }).catch((error: unknown) => {
      throw explainListenError(error, host, port, 'authority.toml, [status]');
    });
  } catch (error) {
    await app.close();
    await database.close();
    throw error;
  }
  const address = app.server.address();
  let stopping: Promise<void> | undefined;
  return {
    host,
    port: typeof address === 'object' && address !== null ? address.port : port,
    stop: () => {
      stopping ??= stopServing(app).then(() => database.close());
      return stopping;
    },
  };
}

/** Milliseconds for answers under way; a connection that nobody uses must not hold the process longer. */
const PATIENCE = 5_000;

async function stopServing(app: FastifyInstance): Promise<void> {
  const timer = setTimeout(() => app.server.closeAllConnections(), PATIENCE);
  await app.close();
  clearTimeout(timer);
}

function statusServer(world: StatusWorld): FastifyInstance {
  const app = Fastify({
    // A slow sender of headers or bodies holds a connection, not the process.
    requestTimeout: 30_000,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: 200 },
  });
  const responder = new OcspResponder(world);
  app.setErrorHandler(answerError(world));
  app.setNotFoundHandler(() => {
    throw new AuthorityError('not-found', 'There is nothing at this address.');
  });
  void app.register(ocspEndpoint(responder, world.clock));
  void app.register(repositoryEndpoint(world));
  app.get('/health', async (_request, reply) => {
    const health = await judgeHealth(world, responder);
    return reply
      .code(health.status === 'ok' ? 200 : 503)
      .header('cache-control', 'no-store')
      .send(health);
  });
  return app;
}
