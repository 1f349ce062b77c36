/** Domains that a gateway under load delivers to by MX: a DNS of BIND's behind unbound, servers as they are promised, and others in their place. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { SignedZone } from '../../interop/bind.ts';
import { isPresent } from '../../interop/peers.ts';
import { startPolicyServer } from '../../interop/policy-server.ts';
import type { GatewayConfigInput } from '../../packages/gateway/src/index.ts';
import { type NextServer, startNextServer } from '../../packages/gateway/test/support/next-server.ts';
import { keyDigest, makeTlsCa, readTls } from '../../packages/gateway/test/support/tls-files.ts';
import type { Trouble } from './gateway-troubles.ts';
import { freePort } from './office-process.ts';

/** Where a message arrived, and how. */
export interface Arrived {
  readonly delivered: NextServer['delivered'][number];
  readonly server: ServerName;
}

/** `promised` and `named` are as DANE and MTA-STS have them; whatever comes to one of the others was not meant for it. */
type ServerName = 'promised' | 'named' | 'impostor' | 'unnamed' | 'stripped';

export interface MxSurroundings {
  readonly route: NonNullable<NonNullable<GatewayConfigInput['gateway']>['route']>;
  readonly rules: NonNullable<GatewayConfigInput['rule']>;
  readonly policyPort: number;
  readonly troubles: Readonly<Record<string, Trouble>>;
  /** When connections were cut by a server that went away. Milliseconds since 1970. */
  readonly cuts: readonly number[];
  /** Told of each message at its end; a string is the reply it is refused with. */
  onMessage: (arrived: Arrived) => string | undefined;
  remove(): Promise<void>;
}

/** Promises by DANE a server that its first MX is not. */
export const daneDomain = 'dane.example.com';
/** Names by MTA-STS a server that its first MX is not. */
export const stsDomain = 'enforced.plain.example';
/** Has the same server as the one before, and promises nothing. */
export const plainDomain = 'same.plain.example';

/** What must hold of a delivery for a domain; undefined where it does. */
export function violation(domain: string, { server, delivered: { secure } }: Arrived): string | undefined {
  const how = `${server}${secure ? '' : ', in the clear'}`;
  if (domain === daneDomain) return server === 'promised' && secure ? undefined : how;
  if (domain === stsDomain) return server === 'named' && secure ? undefined : how;
  // Nothing is promised: it may go in the clear where TLS was taken away.
  return domain === plainDomain && (server === 'named' || server === 'stripped') ? undefined : how;
}

/** Undefined, with a word, where the DNS servers are not here. */
export async function makeMxSurroundings(say: (text: string) => void): Promise<MxSurroundings | undefined> {
  if (!isPresent('bind') || !isPresent('unbound')) {
    say('BIND or unbound is not here: nothing is delivered by MX in this run.');
    return undefined;
  }
  const folder = mkdtempSync(path.join(tmpdir(), 'loaded-mx-'));
  chmodSync(folder, 0o755);
  mkdirSync(path.join(folder, 'tls'));
  const [dnsPort, resolverPort, port, policyPort] = await Promise.all([freePort(), freePort(), freePort(), freePort()]);
  const trusted = await makeTlsCa(path.join(folder, 'tls'), 'Trusted Root');
  const stranger = await makeTlsCa(path.join(folder, 'tls'), 'Strange Root');
  const promisedTls = readTls(await stranger.issue('mx.dane.example.com'));
  const promised = keyDigest(promisedTls.cert);
  const zone = new SignedZone(path.join(folder, 'zone'), dnsPort, resolverPort, {
    records: `
dane MX 10 first.dane
dane MX 20 mx.dane
first.dane A 127.0.0.91
mx.dane A 127.0.0.92
_${port}._tcp.first.dane TLSA 3 1 1 ${promised}
_${port}._tcp.mx.dane TLSA 3 1 1 ${promised}
_smtp._tls.dane TXT "v=TLSRPTv1; rua=https://reports.plain.example/"`,
    unsigned: {
      'plain.example': `
enforced MX 5 first
enforced MX 10 mx
same MX 10 mx
first A 127.0.0.93
mx A 127.0.0.94
mta-sts.enforced A 127.0.0.90
_mta-sts.enforced TXT "v=STSv1; id=1;"`,
    },
  });
  const policies = await startPolicyServer(policyPort, trusted.issue, (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/plain' });
    response.end('version: STSv1\nmode: enforce\nmx: mx.plain.example\nmax_age: 86400\n');
  });

  const namedTls = readTls(await trusted.issue('mx.plain.example'));
  const impostorTls = readTls(await stranger.issue('mx.dane.example.com'));
  const cuts: number[] = [];
  const place = (host: string, first: ServerName, offers: Partial<Record<ServerName, object>>) =>
    changingServer(host, port, first, offers, cuts, (arrived) => surroundings.onMessage(arrived));
  const places = [
    place('127.0.0.91', 'impostor', { impostor: impostorTls }),
    place('127.0.0.93', 'unnamed', { unnamed: readTls(await trusted.issue('first.plain.example')) }),
    place('127.0.0.92', 'promised', { promised: promisedTls, impostor: impostorTls }),
    place('127.0.0.94', 'named', { named: namedTls, stripped: {} }),
  ] as const;
  const [, , dane, sts] = places;
  const surroundings: MxSurroundings = {
    route: {
      direct: {
        mx: {
          ...{ resolver: `127.0.0.1:${resolverPort}`, port, networks: ['127.0.0.0/8'], timeoutSeconds: 2 },
          ca: [trusted.ca],
        },
      },
    },
    rules: [
      { name: 'by MX', when: { recipientDomain: [daneDomain] }, do: { sign: 'must', route: 'direct' } },
      {
        name: 'by MX as it is',
        when: { recipientDomain: [stsDomain, plainDomain] },
        do: { sign: 'never', encrypt: 'never', route: 'direct' },
      },
    ],
    policyPort,
    troubles: {
      'resolver hanging': { begin: () => zone.hang(), end: () => zone.hang(false) },
      'impostor of a DANE server': { begin: () => dane.become('impostor'), end: () => dane.become('promised') },
      'DANE server gone': { begin: () => dane.become(undefined), end: () => dane.become('promised') },
      'STARTTLS taken away': { begin: () => sts.become('stripped'), end: () => sts.become('named') },
    },
    cuts,
    onMessage: () => undefined,
    async remove() {
      await Promise.all(places.map((one) => one.stop()));
      policies.closeAllConnections();
      policies.close();
      await zone.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  await Promise.all([zone.start(), ...places.map((one) => one.settled())]);
  return surroundings;
}

/** One address at which now this server stands, now that, now none. */
function changingServer(
  host: string,
  port: number,
  first: ServerName,
  offers: Partial<Record<ServerName, object>>,
  cuts: number[],
  onMessage: (arrived: Arrived) => string | undefined,
) {
  let standing: NextServer | undefined;
  let work: Promise<void> = Promise.resolve();

  async function change(name: ServerName | undefined): Promise<void> {
    if (standing !== undefined) cuts.push(Date.now());
    await standing?.stop();
    standing = undefined;
    if (name === undefined) return;
    standing = await startNextServer(port, { host, ...offers[name] });
    const { delivered } = standing;
    standing.onMessage = (one) => {
      // Kept by number alone: the messages are large.
      delivered.length = 0;
      return onMessage({ delivered: one, server: name });
    };
  }
  const become = (name: ServerName | undefined): void => {
    work = work.then(() => change(name));
  };
  become(first);
  return { become, settled: () => work, stop: () => work.then(() => change(undefined)) };
}
