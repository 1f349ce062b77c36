/** What security a delivery to one host owes, how the connection is made to have it, and what came of it. */
import type { ConnectionOptions, DetailedPeerCertificate, TLSSocket } from 'node:tls';
import type { SmtpServer } from '../smtp-client.ts';
import type { StsPolicy } from './sts-policy.ts';
import { type DanePromise, matchPromise, names } from './tlsa.ts';

export interface Owed {
  readonly host: string;
  readonly domain: string;
  /** DNSSEC proves that this is a host of the domain's. */
  readonly proven: boolean;
  readonly promise: DanePromise | undefined;
  readonly policy: StsPolicy | undefined;
  /** What holds where nothing is promised. */
  readonly least: 'opportunistic' | 'required';
  /** PEM: roots for MTA-STS in place of the system's. */
  readonly ca: readonly Buffer[];
  readonly now: () => number;
}

export interface SecuredHost {
  readonly server: Pick<SmtpServer, 'tls' | 'serverName' | 'secure' | 'judge'>;
  /** How far it came: no TLS, TLS begun, TLS standing and the server looked at. */
  readonly stage: () => 'clear' | 'handshake' | 'judged';
  /** As logs and records say it: `TLSv1.3, DANE 3 1 1`. */
  readonly described: () => string;
  /** What a policy that is only being tested would have stopped; undefined where nothing. */
  readonly objection: () => string | undefined;
}

/** RFC 8461 section 2: DANE that holds for the whole way is not weakened, and not added to, by MTA-STS. */
export function stsBinds({ policy, promise, proven }: Pick<Owed, 'policy' | 'promise' | 'proven'>): boolean {
  return policy?.mode === 'enforce' && !(promise !== undefined && proven);
}

export function secureHost(owed: Owed): SecuredHost {
  const { host, domain, proven, promise, policy, ca, now } = owed;
  const enforced = stsBinds(owed);
  const tested = policy?.mode === 'testing';
  let stage: ReturnType<SecuredHost['stage']> = 'clear';
  let described = 'in the clear';
  let objection: string | undefined = tested ? 'no TLS' : undefined;

  const options: ConnectionOptions = {
    rejectUnauthorized: enforced,
    ...(ca.length > 0 && policy !== undefined && { ca: [...ca] }),
    checkServerIdentity: (_name, { raw }) =>
      names(raw, host) ? undefined : new Error(`its certificate does not name ${host}`),
  };

  function judge(socket: TLSSocket): void {
    stage = 'judged';
    if (tested) objection = socket.authorized ? undefined : String(socket.authorizationError);
    const version = socket.getProtocol() ?? 'TLS';
    if (promise !== undefined && promise.records.length > 0) {
      const found = matchPromise(promise, chainOf(socket), proven ? domain : undefined, new Date(now()));
      const numbers = [
        found.usage,
        ['certificate', 'key'].indexOf(found.selector),
        matchingTypes.indexOf(found.matching),
      ];
      described = `${version}, DANE ${numbers.join(' ')}${enforced ? ' and MTA-STS' : ''}`;
      return;
    }
    described = enforced ? `${version}, MTA-STS` : `${version}, certificate not judged`;
  }

  return {
    server: {
      tls: promise !== undefined || enforced || owed.least === 'required' ? 'required' : 'opportunistic',
      serverName: promise?.base ?? host,
      secure: () => {
        stage = 'handshake';
        return options;
      },
      judge,
    },
    stage: () => stage,
    described: () => described,
    objection: () => objection,
  };
}

const matchingTypes = ['whole', 'sha256', 'sha512'];

/** More than that is no chain that anybody needs. */
const longestChain = 10;

/** What the server showed, its own certificate first. */
function chainOf(socket: TLSSocket): Buffer[] {
  const chain: Buffer[] = [];
  let at: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
  while (at?.raw !== undefined && chain.length < longestChain && !chain.some((der) => der.equals(at?.raw as Buffer))) {
    chain.push(at.raw);
    at = at.issuerCertificate;
  }
  return chain;
}
