/** Starts the processes of the office inside this one, and ends them together. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createClient } from '@chancery/api';
import {
  type AuthorityConfig,
  openKeyStoresForStatus,
  type RunningAuthority,
  type RunningStatus,
  readSecret,
  startAuthority,
  startStatus,
} from '@chancery/authority';
import { startEmbeddedPostgres } from '@chancery/embedded-postgres';
import { type GatewayConfig, type RunningGateway, startGateway } from '@chancery/gateway';
import { ensureConsole } from './console-build.ts';
import { CommandError } from './exit-codes.ts';
import { processLog } from './log.ts';

/** Things to stop, last started first. */
export class Running {
  readonly #stops: (() => Promise<void>)[] = [];

  add(stop: () => Promise<void>): void {
    this.#stops.push(stop);
  }

  async stop(): Promise<void> {
    for (const stop of this.#stops.splice(0).reverse()) await stop();
  }
}

export const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

/** Database (embedded unless the configuration names one), then the authority with console, REST, CRL and OCSP. */
export async function serveAuthority(
  running: Running,
  config: AuthorityConfig,
  options: { demo: boolean },
): Promise<RunningAuthority> {
  mkdirSync(config.home, { recursive: true, mode: 0o700 });
  await ensureConsole(say);
  const log = processLog();
  const { url } = config.database;
  let connection: Parameters<typeof startAuthority>[0]['connection'];
  if (url === undefined) {
    const postgres = await startEmbeddedPostgres({ directory: path.join(config.home, 'postgres') });
    running.add(() => postgres.stop());
    postgres.onExit((error) => {
      log.error('database.lost', { error: error.message });
      endHard(1);
    });
    connection = postgres.connection;
  } else {
    connection = { connectionString: typeof url === 'string' ? url : readSecret(url, config.home) };
  }
  const authority = await startAuthority({ config, connection, demo: options.demo, log });
  running.add(() => authority.stop());
  writeFileSync(path.join(config.home, 'url'), `${authority.url}\n`);
  return authority;
}

/** Only what relying parties ask: it migrates nothing, and starts no database. */
export async function serveStatus(running: Running, config: AuthorityConfig): Promise<RunningStatus> {
  const url = config.status.database.url ?? config.database.url;
  if (url === undefined) {
    throw new CommandError(
      'chancery status needs a database of its own kind: name it in [status.database] url, as a role that may only read ("chancery status --print-grants").',
    );
  }
  const log = processLog();
  const keyStore = await openKeyStoresForStatus(config, log);
  running.add(() => keyStore.close());
  const connectionString = typeof url === 'string' ? url : readSecret(url, config.home);
  const status = await startStatus({ config, connection: { connectionString }, keyStore, log });
  running.add(() => status.stop());
  return status;
}

/** The gateway beside an authority in this process: its token is made on the first start. */
export async function serveGatewayBeside(
  running: Running,
  config: GatewayConfig,
  tokenFile: string,
  authority: RunningAuthority,
): Promise<RunningGateway> {
  if (!existsSync(tokenFile)) {
    const client = createClient({ baseUrl: authority.url, token: authority.localToken });
    const { token } = await client.createGateway({ body: { name: 'gateway' } });
    mkdirSync(path.dirname(tokenFile), { recursive: true, mode: 0o700 });
    writeFileSync(tokenFile, `${token}\n`, { mode: 0o600 });
  }
  return serveGateway(running, config);
}

export async function serveGateway(running: Running, config: GatewayConfig): Promise<RunningGateway> {
  const gateway = await startGateway(config, { log: processLog() });
  running.add(() => gateway.stop());
  return gateway;
}

/** Resolves when the process is asked to end; a second signal, or ten seconds, end it hard. */
export async function untilStopped(running: Running): Promise<void> {
  const signal = await new Promise<string>((resolve) => {
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(name, () => resolve(name));
  });
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => endHard(130));
  say(signal === 'SIGINT' ? '\nStopping …' : 'Stopping …');
  // Node's own exit can hang in a worker thread under load; the data is crash-safe, so a hard end loses nothing.
  setTimeout(() => endHard(0), 10_000).unref();
  await running.stop();
  say('Stopped.');
  setTimeout(() => endHard(0), 1_000).unref();
}

function endHard(code: number): void {
  process.exitCode = code;
  process.kill(process.pid, 'SIGKILL');
}
