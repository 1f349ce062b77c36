/** A gateway between a client and two next servers, on an authority of its own, all over real sockets. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  type GatewayConfigInput,
  type GatewayPorts,
  type RunningGateway,
  resolveGatewayConfig,
  startGateway,
} from '../../src/index.ts';
import { listenHere } from '../../src/smtp/listen-in-thread.ts';
import { submit } from './client.ts';
import { type NextServer, startNextServer, until } from './next-server.ts';
import { startTestAuthority, type TestAuthority } from './test-authority.ts';

export interface TestGateway {
  readonly authority: TestAuthority;
  /** Takes what leaves. */
  readonly outside: NextServer;
  /** Takes what is for our people. */
  readonly inside: NextServer;
  readonly folder: string;
  readonly events: { level: string; event: string; fields: unknown }[];
  gateway(): RunningGateway;
  /** Stops the gateway and starts another on the same folder; `between` happens while none runs. */
  restart(between?: () => Promise<void>): Promise<void>;
  send(
    direction: 'outbound' | 'inbound',
    mail: { sender: string; recipients: readonly string[]; message: string | Buffer },
  ): ReturnType<typeof submit>;
  /** Waits until the authority's gateway is ready: configured, enrolled, all its people with a certificate. */
  ready(): Promise<void>;
  /** Waits until it knows what the authority says now. */
  heard(): Promise<void>;
  stop(): Promise<void>;
}

export async function startTestGateway(
  rule: GatewayConfigInput['rule'] = [],
  ports: GatewayPorts = {},
  more: NonNullable<GatewayConfigInput['gateway']> = {},
): Promise<TestGateway> {
  const { authority: authorityMore, inbound: inboundMore, outbound: outboundMore, ...rest } = more;
  const authority = await startTestAuthority();
  const [outside, inside] = await Promise.all([startNextServer(), startNextServer()]);
  const folder = await mkdtemp(path.join(tmpdir(), 'gateway-'));
  const events: TestGateway['events'] = [];
  const note =
    (level: string) =>
    (event: string, fields: unknown = {}) =>
      void events.push({ level, event, fields });
  process.env.CHANCERY_TEST_TOKEN = authority.token;
  const config = resolveGatewayConfig(
    {
      gateway: {
        name: 'gateway.example.com',
        data: folder,
        outbound: { listen: '127.0.0.1:0', downstream: { port: outside.port, tls: 'never' }, ...outboundMore },
        inbound: { listen: '127.0.0.1:0', downstream: { port: inside.port, tls: 'never' }, ...inboundMore },
        retry: { firstSeconds: 0.05, longestSeconds: 0.2, expireSeconds: 3600 },
        directoryCacheSeconds: 0,
        ...rest,
        authority: {
          url: authority.url,
          token: { env: 'CHANCERY_TEST_TOKEN' },
          refreshSeconds: 0.1,
          ...authorityMore,
        },
      },
      rule,
    },
    folder,
  );
  const log = { info: note('info'), warn: note('warn'), error: note('error') };
  const dispose = () => Promise.all([authority.stop(), outside.stop(), inside.stop()]);
  let running = await startGateway(config, { log, openDoors: listenHere, ...ports }).catch(async (error: unknown) => {
    await dispose();
    throw error;
  });
  return {
    authority,
    outside,
    inside,
    folder,
    events,
    gateway: () => running,
    async restart(between) {
      await running.stop();
      await between?.();
      running = await startGateway(config, { log, openDoors: listenHere, ...ports });
    },
    send: (direction, mail) => submit(direction === 'outbound' ? running.outboundPort : running.inboundPort, mail),
    async ready() {
      await until(() => {
        const { configured, enrolled, signers } = running.health();
        return configured && enrolled && signers.awaited === 0;
      });
    },
    async heard() {
      // It asks one time after the other: an answer under way may be of before, and the next is taken in once a third is given.
      const answers = () => authority.calls.get('gatewayConfiguration') ?? 0;
      const before = answers();
      await until(() => answers() >= before + 3);
    },
    async stop() {
      await running.stop();
      await dispose();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
