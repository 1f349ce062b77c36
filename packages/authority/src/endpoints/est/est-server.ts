/** EST's own TLS listener: it asks devices for their certificates, and takes those that the inventory has, whoever else has signed any. */
import { readFileSync, statSync } from 'node:fs';
import type { Server } from 'node:https';
import path from 'node:path';
import Fastify from 'fastify';
import { ConfigError } from '../../config.ts';
import { explainListenError } from '../../listen-address.ts';
import type { World } from '../../world.ts';
import { estEndpoint } from './est-endpoint.ts';

/** @throws ConfigError for files that cannot be read, StartError for a port that cannot be had. Undefined where none is configured. */
export async function startEst(world: World): Promise<{ readonly port: number; stop(): Promise<void> } | undefined> {
  const { est } = world.config.enrolment;
  if (est?.port === undefined || est.certificate === undefined || est.key === undefined) return undefined;
  const files = [est.certificate, est.key.file].map((file) => path.resolve(world.config.home, file));
  const read = () => {
    const [cert, key] = files.map((file) => readFileSync(file));
    return { cert, key };
  };
  let identity: ReturnType<typeof read>;
  try {
    identity = read();
  } catch (error) {
    throw new ConfigError(`enrolment.est: the certificate or its key cannot be read: ${(error as Error).message}`);
  }
  const app = Fastify({
    // The inventory says whose a certificate is, and not a chain to some root: TLS has seen that the device has its key.
    https: { ...identity, requestCert: true, rejectUnauthorized: false, minVersion: 'TLSv1.2' },
    requestTimeout: 60_000,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 200 },
  });
  app.setNotFoundHandler((_request, reply) =>
    reply.code(404).type('text/plain').send('There is nothing at this address.\n'),
  );
  await app.register(estEndpoint(world, 'tls'));
  await app.listen({ host: est.host, port: est.port }).catch((error: unknown) => {
    throw explainListenError(error, est.host, est.port ?? 0, 'enrolment.est of authority.toml');
  });
  const address = app.server.address();
  const renewed = watch(world, app.server as Server, files, read);
  return {
    port: typeof address === 'object' && address !== null ? address.port : est.port,
    async stop() {
      clearInterval(renewed);
      await app.close();
    },
  };
}

/** A certificate that was renewed is used from the next minute on. */
function watch(world: World, server: Server, files: readonly string[], read: () => object): NodeJS.Timeout {
  const times = () => files.map((file) => statSync(file, { throwIfNoEntry: false })?.mtimeMs).join();
  let seen = times();
  const timer = setInterval(() => {
    const now = times();
    if (now === seen) return;
    seen = now;
    try {
      server.setSecureContext(read());
    } catch (error) {
      world.log.error('est.certificate-not-read', { error: (error as Error).message });
    }
  }, 60_000);
  timer.unref();
  return timer;
}
