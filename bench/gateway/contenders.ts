/** What is measured: each takes mail on a port and hands it to the sink. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../e2e/support/office-process.ts';
import { Postfix } from '../../interop/postfix.ts';
import { type GatewayConfigInput, orderHeld } from '../../packages/gateway/src/index.ts';
import type { TestAuthority } from '../../packages/gateway/test/support/test-authority.ts';

export interface Contender {
  readonly name: string;
  readonly outbound: number;
  readonly inbound: number;
  /** Undefined where it is several processes. */
  readonly process?: Measured;
  /** Lets everything go that rules hold there. */
  letGo?(): Promise<void>;
  stop(): Promise<void>;
}

/** One process, as the kernel counts it. */
interface Measured {
  /** Milliseconds of processor time so far. */
  cpu(): number;
  /** Resident octets just now, and the most since `forgetPeak`. */
  memory(): { now: number; peak: number };
  forgetPeak(): void;
}

export async function postfix(sink: number, filtered: boolean): Promise<Contender> {
  const folder = mkdtempSync(path.join(tmpdir(), 'bench-postfix-'));
  const [port, again] = [await freePort(), await freePort()];
  const instance = new Postfix({
    folder,
    main: [
      `relayhost = [127.0.0.1]:${sink}`,
      'default_destination_concurrency_limit = 20',
      'initial_destination_concurrency = 20',
      'default_process_limit = 200',
      // Its brake on senders that are faster than its next server would be all that is measured.
      'in_flow_delay = 0',
    ],
    servers: {
      [port]: filtered ? [`content_filter=filter:[127.0.0.1]:${again}`] : [],
      [again]: [
        'content_filter=',
        'receive_override_options=no_unknown_recipient_checks,no_header_body_checks,no_milters',
      ],
    },
    clients: { filter: ['smtp_send_xforward_command=no', 'disable_mime_output_conversion=yes'] },
  });
  await instance.start();
  return {
    name: filtered ? 'Postfix, content_filter that does nothing' : 'Postfix alone',
    outbound: port,
    inbound: port,
    async stop() {
      instance.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export async function emptyRelay(sink: number): Promise<Contender> {
  const { child, said } = await begin(new URL('../../packages/gateway/test/support/empty-relay.ts', import.meta.url), [
    String(sink),
  ]);
  const port = Number((said as { port: number }).port);
  return {
    name: 'empty Node relay (smtp-server, nodemailer)',
    outbound: port,
    inbound: port,
    process: measured(child),
    stop: () => end(child),
  };
}

export async function gateway(
  sink: number,
  authority: TestAuthority,
  name: string,
  rule: GatewayConfigInput['rule'],
  keyAlgorithm: 'p256' | 'rsa-2048',
): Promise<Contender> {
  const folder = mkdtempSync(path.join(tmpdir(), 'bench-gateway-'));
  const downstream = { host: '127.0.0.1', port: sink, tls: 'never' as const };
  const config: GatewayConfigInput = {
    gateway: {
      name: 'gateway.example.com',
      data: folder,
      keyAlgorithm,
      maxMessageSize: 100 * 1024 * 1024,
      dnsTimeoutSeconds: 0.05,
      authority: { url: authority.url, token: { env: 'CHANCERY_BENCH_TOKEN' } },
      held: { everySeconds: 0.2 },
      outbound: { listen: '127.0.0.1:0', downstream },
      inbound: { listen: '127.0.0.1:0', downstream },
    },
    rule,
  };
  const process = new URL('../../packages/gateway/test/support/gateway-process.ts', import.meta.url);
  const { child, said } = await begin(process, [JSON.stringify(config), folder], {
    CHANCERY_BENCH_TOKEN: authority.token,
  });
  const { outbound, inbound } = said as { outbound: number; inbound: number };
  return {
    name,
    outbound,
    inbound,
    process: measured(child),
    async letGo() {
      const held = path.join(folder, 'held');
      for (const name of readdirSync(held).filter((one) => one.endsWith('.json')))
        await orderHeld(held, name.slice(0, -'.json'.length), { act: 'release', by: 'bench', note: '' });
    },
    async stop() {
      await end(child);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function begin(script: URL, args: readonly string[], env: Record<string, string> = {}) {
  const child = spawn(process.execPath, [fileURLToPath(script), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
  });
  const line = await new Promise<string>((resolve, reject) => {
    child.stdout?.once('data', (chunk) => resolve(`${chunk}`));
    child.once('exit', (code) => reject(new Error(`${script.pathname} ended with ${code}`)));
  });
  return { child, said: JSON.parse(line) as unknown };
}

async function end(child: ChildProcess): Promise<void> {
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGKILL');
  await gone;
}

function measured({ pid }: ChildProcess): Measured {
  const kilobytes = (name: string) =>
    Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024;
  return {
    cpu() {
      // Behind the name, which may hold blanks: user and system time, in hundredths of a second.
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
      return (Number(fields[11]) + Number(fields[12])) * 10;
    },
    memory: () => ({ now: kilobytes('VmRSS'), peak: kilobytes('VmHWM') }),
    forgetPeak: () => writeFileSync(`/proc/${pid}/clear_refs`, '5'),
  };
}
