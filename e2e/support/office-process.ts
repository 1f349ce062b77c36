/** The product as a process of its own: `chancery start` in an empty folder on free ports. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { beginWithMadeDatabase } from '../../packages/authority/test/database-template.ts';

const chancery = fileURLToPath(new URL('../../packages/cli/bin/chancery.js', import.meta.url));

export interface OfficeOptions {
  /** Added to `authority.toml`. */
  readonly authorityToml?: string;
  /** Added to `gateway.toml`: rules, downstreams. */
  readonly gatewayToml?: string;
  readonly arguments?: readonly string[];
  /** Makes its database at the first start, as a user's does; otherwise it is a copy of one that was just made. */
  readonly fromNothing?: boolean;
}

/** One data folder and its ports; the process in it can be started, killed and started again. */
export class OfficeProcess {
  readonly home = mkdtempSync(path.join(tmpdir(), 'chancery-e2e-'));
  readonly url: string;
  readonly outboundPort: number;
  readonly inboundPort: number;
  /** Where the gateway leaves what it has passed, both ways, one file a message. */
  readonly mailbox: string;
  readonly #arguments: readonly string[];
  readonly #makesDatabase: boolean;
  #child: ChildProcess | undefined;
  #printed = '';

  constructor(ports: readonly [number, number, number], options: OfficeOptions) {
    const [http, outbound, inbound] = ports;
    this.url = `http://127.0.0.1:${http}`;
    this.outboundPort = outbound;
    this.inboundPort = inbound;
    this.mailbox = path.join(this.home, 'mailbox');
    this.#arguments = options.arguments ?? [];
    mkdirSync(this.mailbox, { mode: 0o755 });
    const toml = options.authorityToml ?? '';
    this.#makesDatabase = options.fromNothing === true || toml.includes('[database]');
    // Spare keys would take the processor from the tests that run beside this one.
    const spare = toml.includes('[escrow]') ? '' : '[escrow]\nspareKeys = 0\n';
    writeFileSync(path.join(this.home, 'authority.toml'), `[server]\nport = ${http}\n${spare}${toml}`);
    writeFileSync(
      path.join(this.home, 'gateway.toml'),
      `[gateway]
name = "gateway.example.com"
outbound = { listen = "127.0.0.1:${outbound}", downstream = { folder = "${this.mailbox}" } }
inbound = { listen = "127.0.0.1:${inbound}", downstream = { folder = "${this.mailbox}" } }
${options.gatewayToml?.includes('[gateway.authority]') ? '' : '[gateway.authority]\nrefreshSeconds = 1\n'}${options.gatewayToml ?? ''}`,
    );
  }

  static async prepare(options: OfficeOptions = {}): Promise<OfficeProcess> {
    return new OfficeProcess([await freePort(), await freePort(), await freePort()], options);
  }

  /** Starts, and resolves once the office says that it serves. Milliseconds until then. */
  async start(): Promise<number> {
    const began = performance.now();
    this.#printed = '';
    const database = path.join(this.home, 'postgres');
    if (!this.#makesDatabase && !existsSync(database)) await beginWithMadeDatabase(database);
    const child = spawn(process.execPath, [chancery, 'start', ...this.#arguments], {
      env: { ...process.env, CHANCERY_HOME: this.home },
      stdio: ['ignore', 'pipe', 'pipe'],
      // A group of its own, so that `kill()` reaches whatever the process started.
      detached: true,
    });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (this.#printed += chunk));
    await this.#until(() => /Chancery serves after/.test(this.#printed), child);
    return performance.now() - began;
  }

  /** Everything printed since the last start. */
  get printed(): string {
    return this.#printed;
  }

  /** Waits until what was printed matches. */
  async prints(pattern: RegExp): Promise<string> {
    await this.#until(() => pattern.test(this.#printed), this.#child);
    return pattern.exec(this.#printed)?.[0] ?? '';
  }

  /** The part of the printed set-up link behind `#`. */
  async setupToken(): Promise<string> {
    const link = await this.prints(/\/setup#\S+/);
    return link.slice('/setup#'.length);
  }

  get localToken(): string {
    return readFileSync(path.join(this.home, 'local.token'), 'utf8').trim();
  }

  /** SIGKILL for the process and everything that it started, the database too. */
  async killHard(): Promise<void> {
    const child = this.#child;
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('close', resolve));
    process.kill(-child.pid, 'SIGKILL');
    spawnSync('pkill', ['-KILL', '-f', path.join(this.home, 'postgres')]);
    await gone;
  }

  /** SIGINT, as Ctrl-C; the exit code. */
  async stop(): Promise<number | null> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null) return child?.exitCode ?? null;
    const code = new Promise<number | null>((resolve) => child.once('close', resolve));
    child.kill('SIGINT');
    return code;
  }

  /** Ends it however it stands and removes the folder. */
  async dispose(): Promise<void> {
    await this.killHard();
    rmSync(this.home, { recursive: true, force: true, maxRetries: 5 });
  }

  async #until(holds: () => boolean, child: ChildProcess | undefined): Promise<void> {
    const deadline = Date.now() + 90_000;
    while (!holds()) {
      if (child !== undefined && (child.exitCode !== null || child.signalCode !== null)) {
        throw new Error(`chancery start ended with ${child.exitCode ?? child.signalCode}:\n${this.#printed}`);
      }
      if (Date.now() > deadline) throw new Error(`chancery start did not get there within 90 s:\n${this.#printed}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

/** Runs `chancery …` to its end. */
export function runChancery(args: readonly string[], options: { home?: string; env?: Record<string, string> } = {}) {
  const result = spawnSync(process.execPath, [chancery, ...args], {
    encoding: 'utf8',
    timeout: 90_000,
    maxBuffer: 64 * 1024 * 1024,
    env: {
      ...process.env,
      ...(options.home === undefined ? {} : { CHANCERY_HOME: options.home }),
      ...options.env,
    },
  });
  return { code: result.status, stdout: result.stdout, stderr: result.stderr };
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('No free port');
  return address.port;
}
