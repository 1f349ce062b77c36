/** What security a delivery to one host owes, how the connection is made to have it, and what came of it. */
import type { ConnectionOptions, DetailedPeerCertificate, TLSSocket } from 'node:tls';
import type { SmtpServer } from '../smtp-client.ts';
import type { StsPolicy } from './sts-policy.ts';
import { type DanePromise, matchPromise, names, tlsaNumbers } from './tlsa.ts';

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

/** What is known of a server once TLS stands. The same for whichever domain's mail the connection is used. */
export interface Shown {
  /** Of the protocol: `TLSv1.3`. */
  readonly version: string;
  /** DER, its own certificate first. */
  readonly chain: readonly Buffer[];
  /** Why its certificate would not do for MTA-STS: the roots, the dates, or the name. Undefined where it would. */
  readonly objection: string | undefined;
}

export interface SecuredHost {
  readonly server: SmtpServer & { readonly serverName: string };
  /** How far it came: no TLS, TLS begun, TLS standing and the server looked at. */
  readonly stage: () => 'clear' | 'handshake' | 'judged';
  /** Undefined until TLS stands. */
  readonly shown: () => Shown | undefined;
  /** Judges a connection that stands already as if it had been made for this delivery. */
  readonly accepts: (shown: Shown) => boolean;
  /** As logs and records say it: `TLSv1.3, DANE 3 1 1`. */
  readonly described: () => string;
  /** What a policy that is only being tested would have stopped; undefined where nothing. */
  readonly objection: () => string | undefined;
}

/** RFC 8461 section 2: DANE that holds for the whole way is not weakened, and not added to, by MTA-STS. */
export function stsBinds({ policy, promise, proven }: Pick<Owed, 'policy' | 'promise' | 'proven'>): boolean {
  return policy?.mode === 'enforce' && !(promise !== undefined && proven);
}

export function secureHost(owed: Owed, address: string, port: number): SecuredHost {
  const { host, domain, proven, promise, policy, ca, now } = owed;
  const enforced = stsBinds(owed);
  const tested = policy?.mode === 'testing';
  let stage: ReturnType<SecuredHost['stage']> = 'clear';
  let described = 'in the clear';
  let shown: Shown | undefined;

  const options: ConnectionOptions = {
    // Whether the certificate holds is asked of every one, and counts in `judge` where it is owed.
    rejectUnauthorized: false,
    ...(ca.length > 0 && { ca: [...ca] }),
    checkServerIdentity: (_name, { raw }) =>
      names(raw, host) ? undefined : Object.assign(new Error('another name'), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' }),
  };

  function judge(found: Shown): void {
    const { version, chain, objection } = found;
    if (enforced && objection !== undefined)
      throw new Error(`its certificate is not one for ${host} of a known authority (${objection})`);
    if (promise !== undefined && promise.records.length > 0) {
      const record = matchPromise(promise, chain, proven ? domain : undefined, new Date(now()));
      described = `${version}, DANE ${tlsaNumbers(record)}${enforced ? ' and MTA-STS' : ''}`;
    } else described = enforced ? `${version}, MTA-STS` : `${version}, certificate not judged`;
    shown = found;
  }

  return {
    server: {
      host: address,
      port,
      tls: promise !== undefined || enforced || owed.least === 'required' ? 'required' : 'opportunistic',
      serverName: promise?.base ?? host,
      secure: () => {
        stage = 'handshake';
        return options;
      },
      judge: (socket) => {
        stage = 'judged';
        shown = shownBy(socket);
        judge(shown);
      },
    },
    stage: () => stage,
    shown: () => shown,
    accepts: (found) => {
      try {
        judge(found);
        return true;
      } catch {
        return false;
      }
    },
    described: () => described,
    objection: () => (tested ? (shown === undefined ? 'no TLS' : shown.objection) : undefined),
  };
}

function shownBy(socket: TLSSocket): Shown {
  return {
    version: socket.getProtocol() ?? 'TLS',
    chain: chainOf(socket),
    objection: socket.authorized ? undefined : String(socket.authorizationError),
  };
}

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
