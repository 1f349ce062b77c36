/** A gateway as a process of its own under load, between a stand-in authority and a next server of this process. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { GatewayConfigInput } from '../../packages/gateway/src/index.ts';
import { submit } from '../../packages/gateway/test/support/client.ts';
import { type NextServer, startNextServer } from '../../packages/gateway/test/support/next-server.ts';
import { startTestAuthority, type TestAuthority } from '../../packages/gateway/test/support/test-authority.ts';

export interface Letter {
  readonly id: string;
  readonly direction: 'outbound' | 'inbound';
  readonly sender: string;
  readonly recipient: string;
  /** Must not be readable at the next server. */
  readonly secret: string | undefined;
  readonly message: Buffer;
}

/** Where a message is told from others, whatever has become of it. */
const named = /^Subject: load-([0-9a-f]{16})\r$/m;

export function idOf(message: Buffer): string | undefined {
  return named.exec(message.toString('latin1', 0, 20_000))?.[1];
}

type GatewayLines = NonNullable<GatewayConfigInput['gateway']>;
type Rule = NonNullable<GatewayConfigInput['rule']>[number];

/** Of deliveries by MX: rules that come before the others, and where MTA-STS policies are served. */
interface ByMx {
  readonly rules?: readonly Rule[];
  readonly policyPort?: number;
}

export class LoadedGateway {
  readonly authority: TestAuthority;
  readonly next: NextServer;
  readonly folder = mkdtempSync(path.join(tmpdir(), 'loaded-gateway-'));
  readonly spool: string;
  readonly #more: GatewayLines;
  readonly #rules: readonly Rule[];
  readonly #policyPort: number | undefined;
  #child: ChildProcess | undefined;
  #ports = { outbound: 0, inbound: 0 };

  private constructor(authority: TestAuthority, next: NextServer, more: GatewayLines, { rules, policyPort }: ByMx) {
    this.authority = authority;
    this.next = next;
    this.#more = more;
    this.#rules = rules ?? [];
    this.#policyPort = policyPort;
    this.spool = path.join(more.data ?? this.folder, 'spool');
  }

  /** @param more of its configuration, such as a data folder on a small disk */
  static async prepare(more: GatewayLines = {}, byMx: ByMx = {}): Promise<LoadedGateway> {
    const [authority, next] = await Promise.all([startTestAuthority(), startNextServer()]);
    await authority.addPerson({ address: 'anna@example.com' });
    await authority.addPerson({ address: 'ben@example.com', encryption: 'p256' });
    return new LoadedGateway(authority, next, more, byMx);
  }

  async start(): Promise<void> {
    const downstream = { host: '127.0.0.1', port: this.next.port, tls: 'never' as const };
    const config: GatewayConfigInput = {
      gateway: {
        name: 'gateway.example.com',
        data: this.folder,
        dnsTimeoutSeconds: 0.05,
        directoryCacheSeconds: 1,
        authority: { url: this.authority.url, token: { env: 'CHANCERY_TEST_TOKEN' }, refreshSeconds: 1 },
        outbound: { listen: '127.0.0.1:0', downstream },
        inbound: { listen: '127.0.0.1:0', downstream },
        retry: { firstSeconds: 0.1, longestSeconds: 0.5 },
        ...this.#more,
      },
      rule: [
        ...this.#rules,
        {
          name: 'secret',
          when: { direction: 'outbound', recipientDomain: ['example.com', 'directory.example'] },
          do: { sign: 'must', encrypt: 'must' },
        },
        {
          name: 'plain',
          when: { direction: 'outbound', recipientDomain: ['plain.example'] },
          do: { sign: 'never', encrypt: 'never' },
        },
      ],
    };
    const script = fileURLToPath(new URL('../../packages/gateway/test/support/gateway-process.ts', import.meta.url));
    const ports = this.#policyPort === undefined ? {} : { mx: { policyPort: this.#policyPort } };
    const child = spawn(process.execPath, [script, JSON.stringify(config), this.folder, JSON.stringify(ports)], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, CHANCERY_TEST_TOKEN: this.authority.token },
    });
    this.#child = child;
    const line = await new Promise<string>((resolve) => {
      child.stdout?.once('data', (chunk) => resolve(`${chunk}`));
      child.once('exit', () => resolve(''));
    });
    if (line !== '') this.#ports = JSON.parse(line) as { outbound: number; inbound: number };
    else if (child.signalCode === null) throw new Error('The gateway ended while it started');
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill('SIGKILL');
    await gone;
  }

  send({ direction, sender, recipient, message }: Letter): ReturnType<typeof submit> {
    return submit(this.#ports[direction], { sender, recipients: [recipient], message });
  }

  /** As a mail server does: the same octets again, until they are taken. @returns milliseconds of the attempt that was */
  async sendUntilTaken(letter: Letter, isOver: () => boolean): Promise<number | undefined> {
    for (let pause = 20; !isOver(); pause = Math.min(pause * 1.5, 300)) {
      const began = performance.now();
      const reply = await this.send(letter);
      if (reply !== 'lost' && reply.code === 250) return performance.now() - began;
      if (reply !== 'lost' && reply.code >= 500) throw new Error(`${letter.recipient} was refused: ${reply.reply}`);
      await sleep(pause);
    }
    return undefined;
  }

  /** Messages in the spool. */
  waiting(): number {
    if (!existsSync(this.spool)) return 0;
    return readdirSync(this.spool).filter((name) => name.endsWith('.message')).length;
  }

  /** Resident octets of the gateway just now. */
  memory(): number {
    const status = readFileSync(`/proc/${this.#child?.pid}/status`, 'utf8');
    return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0) * 1024;
  }

  async dispose(): Promise<void> {
    await this.kill();
    await Promise.all([this.authority.stop(), this.next.stop()]);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Who writes to whom, and whether nobody but them may read it. */
export type Correspondence = Pick<Letter, 'direction' | 'sender' | 'recipient'> & { readonly isSecret: boolean };

/** Signed and encrypted, signed, as it is, and from outside. */
const fourKinds: readonly [Correspondence, ...Correspondence[]] = [
  { direction: 'outbound', sender: 'anna@example.com', recipient: 'ben@example.com', isSecret: true },
  { direction: 'outbound', sender: 'anna@example.com', recipient: 'rob@partner.example', isSecret: false },
  { direction: 'outbound', sender: 'anna@example.com', recipient: 'rob@plain.example', isSecret: false },
  { direction: 'inbound', sender: 'rob@partner.example', recipient: 'ben@example.com', isSecret: false },
];

/** One of four kinds. */
export function letterNumber(n: number, octets: number): Letter {
  return letterOf(fourKinds[n % fourKinds.length] ?? fourKinds[0], octets);
}

export function letterOf({ isSecret, ...kind }: Correspondence, octets: number): Letter {
  const id = randomBytes(8).toString('hex');
  const secret = `secret-of-${id}`;
  const line = `${'x'.repeat(76)}\r\n`;
  const message = Buffer.from(
    [
      `From: ${kind.sender}`,
      `To: ${kind.recipient}`,
      `Subject: load-${id}`,
      `Date: ${new Date().toUTCString()}`,
      `Message-ID: <${id}@example.com>`,
      '',
      secret,
      line.repeat(Math.ceil(octets / line.length)),
    ].join('\r\n'),
  );
  return { ...kind, id, secret: isSecret ? secret : undefined, message };
}
