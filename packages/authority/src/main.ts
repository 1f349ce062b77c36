/** The composition root of the authority: opens what it stands on, builds one `World`, serves. */
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type pg from 'pg';
import { lacksShipped, shipProfiles } from './ca/change-profile.ts';
import { type AuthorityConfig, publicUrlOf } from './config.ts';
import { startEst } from './endpoints/est/est-server.ts';
import { serveMetrics } from './endpoints/metrics/serve-metrics.ts';
import { handlers } from './endpoints/rest/handlers.ts';
import { createServer } from './endpoints/rest/server.ts';
import { enrolmentWarnings } from './enrolment-config.ts';
import { settleExclusiveRolesOnce } from './identity/exclusive-roles.ts';
import { jobHandlers } from './jobs/handlers.ts';
import { openJobQueue } from './jobs/queue.ts';
import { errandsOfTick, tick } from './jobs/scheduler.ts';
import { openOfficeKeys, reportKeyStores } from './key-stores.ts';
import { openKeyPool } from './kra/key-pool.ts';
import { resumeBatches } from './kra/open-batch.ts';
import { explainListenError, tryPort } from './listen-address.ts';
import { openLocalToken } from './local-token.ts';
import { openMetrics } from './metrics/metrics.ts';
import { announce } from './notices/announce.ts';
import { smtpMail } from './notices/smtp.ts';
import { openSetUp } from './office/set-up.ts';
import { perform } from './operation.ts';
import { system } from './principal.ts';
import { resumeIssuances } from './ra/bulk-issuance.ts';
import { OcspResponder } from './status/ocsp-responder.ts';
import { renewResponder } from './status/renew-responder.ts';
import { openDatabase } from './store/database.ts';
import { findOffice } from './store/office.ts';
import { listProfiles } from './store/profiles.ts';
import { hashToken } from './store/tokens.ts';
import { VERSION } from './version.ts';
import type { Log, World } from './world.ts';

export interface AuthorityOptions {
  readonly config: AuthorityConfig;
  /** A PostgreSQL from 15 on. */
  readonly connection: pg.PoolConfig;
  /** An office that is set up to be looked at: everyone may be given a sign-in link. */
  readonly demo?: boolean;
  readonly log?: Log;
  /** The present instant; for tests. */
  readonly clock?: () => Date;
  /** In the place of DNS; for tests. */
  readonly resolve?: World['resolve'];
}

export interface RunningAuthority {
  /** Where it is reached, without a trailing slash. */
  readonly url: string;
  readonly port: number;
  /** Of EST, where it listens by itself. */
  readonly estPort: number | undefined;
  /** The one-time link, where the office is not set up yet. */
  readonly setupUrl: string | undefined;
  /** For the command line on this machine. */
  readonly localToken: string;
  /** Lets requests and jobs in hand end, and closes everything. May be called again. */
  stop(): Promise<void>;
}

/**
 * Starts the authority and returns once it answers.
 * @throws StartError where the port cannot be had, KeyStoreError for a wrong secret, ConfigError for a secret that is not there
 */
export async function startAuthority(options: AuthorityOptions): Promise<RunningAuthority> {
  const { log = silent } = options;
  const configFile = path.join(options.config.home, 'authority.toml');
  const { host } = options.config.server;
  const port = await tryPort(host, options.config.server.port, configFile);
  const config: AuthorityConfig = Object.freeze({ ...options.config, server: { ...options.config.server, port } });
  const closing: (() => Promise<unknown>)[] = [];
  const close = async () => {
    for (const end of closing.splice(0).reverse()) await end();
  };
  /** Remembers how to close what was opened, even where what is opened beside it fails. */
  const opened = async <T>(opening: Promise<T>, end: (it: T) => Promise<unknown>): Promise<T> => {
    const it = await opening;
    closing.push(() => end(it));
    return it;
  };
  try {
    const [{ keyStore, responderKeys }, database, jobs, localToken] = await allOrFirstError([
      opened(openOfficeKeys(config, log), (it) => it.keyStore.close()),
      opened(openDatabase(options.connection), (it) => it.close()),
      opened(openJobQueue(options.connection, log), (it) => it.stop()),
      openLocalToken(config.home),
    ] as const);
    const clock = options.clock ?? (() => new Date());
    const keyPool = openKeyPool({ size: config.escrow.spareKeys });
    closing.push(async () => keyPool.stop());
    const mail = config.mail && smtpMail(config.mail, config.home);
    const world: World = {
      config,
      database,
      keyStore,
      responderKeys,
      keyPool,
      jobs,
      clock,
      log,
      ...(mail && { mail }),
      ...(options.resolve && { resolve: options.resolve }),
      announce,
    };
    const responder = new OcspResponder(world, (authority) => renewResponder(world, authority));
    const metrics = config.metrics && openMetrics(VERSION);
    const app = await createServer({
      ...(metrics && { observe: metrics.observe }),
      world,
      responder,
      handlers,
      demo: options.demo === true,
      localTokenHash: hashToken(localToken),
      consoleFolder: CONSOLE,
      version: VERSION,
    });
    closing.push(() => app.close());
    const est = await startEst(world);
    if (est !== undefined) closing.push(est.stop);
    await app.listen({ host, port }).catch((error: unknown) => {
      throw explainListenError(error, host, port, configFile);
    });
    for (const warning of enrolmentWarnings(config.enrolment)) log.warn('config.discouraged', { warning });
    if (config.metrics !== undefined && metrics !== undefined) {
      const { contentType } = metrics;
      const figures = { contentType, text: () => metrics.text(world, responder) };
      const listener = await opened(serveMetrics(config.metrics, config.home, figures), (it) => it.stop());
      log.info('metrics.listening', { host: config.metrics.host, port: listener.port });
    }
    await addShippedProfiles(world);
    await settleExclusiveRolesOnce(world);
    await jobs.work(world, jobHandlers, { tick, errands: errandsOfTick });
    await resumeIssuances(world);
    void resumeBatches(world);
    // A token is opened now, not by whoever needs the first signature; an office without it still answers.
    void reportKeyStores(keyStore, log);
    return {
      url: publicUrlOf({ ...config, server: { ...config.server, publicUrl: undefined } }),
      port,
      estPort: est?.port,
      setupUrl: await setUpLink(world),
      localToken,
      stop: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Where the workspace builds the console. */
const CONSOLE = fileURLToPath(new URL('../../console/dist', import.meta.url));

const silent: Log = { info: () => {}, warn: () => {}, error: () => {} };

/** An office that a newer Chancery opens gets the profiles that are new; nothing of its own is altered. */
async function addShippedProfiles(world: World): Promise<void> {
  const lacking = await world.database.snapshot(
    async (snapshot) => (await findOffice(snapshot)) !== undefined && lacksShipped(await listProfiles(snapshot)),
  );
  if (lacking) await perform(world, shipProfiles, system, {});
}

async function setUpLink(world: World): Promise<string | undefined> {
  if ((await world.database.snapshot(findOffice)) !== undefined) return undefined;
  return `${publicUrlOf(world.config)}/setup#${await perform(world, openSetUp, system, {})}`;
}

/** As `Promise.all`, but waits for all before it throws: nothing is still opening when the opened is closed. */
async function allOrFirstError<T extends readonly Promise<unknown>[]>(
  promises: T,
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  const settled = await Promise.allSettled(promises);
  for (const one of settled) if (one.status === 'rejected') throw one.reason;
  return Promise.all(promises) as Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }>;
}
