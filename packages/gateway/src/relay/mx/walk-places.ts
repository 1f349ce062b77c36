/** The addresses of a domain's servers, one after the other as they are needed, each with the security that is owed there. */
import { DnsSilence, type FindRecords } from '../../dns/find-records.ts';
import { type AddressFamily, type Destination, findAddresses } from './find-hosts.ts';
import { type Owed, stsBinds } from './secure-host.ts';
import { isNamed, type StsPolicy } from './sts-policy.ts';
import { notNamed, stsPolicyOf, type TlsSession } from './tls-session.ts';
import { type DanePromise, findPromise } from './tlsa.ts';

/** A host at one of its addresses. */
export interface Place {
  readonly address: string;
  readonly owed: Owed;
}

/**
 * Why there is no delivery by a host or an address. `nowhere`: the domain has no server at all. `ourselves`: it is this machine.
 * `unreached`: nobody answers there. `insecure`: not as secure as is owed. `unknown`: the DNS does not say; or the server puts it off.
 */
export interface Miss {
  readonly kind: 'nowhere' | 'ourselves' | 'unreached' | 'insecure' | 'unknown';
  readonly reason: string;
  /** Where it came to TLS, or the policy kept it from that. */
  readonly session?: TlsSession | undefined;
}

export interface Walk {
  readonly destination: Destination & { readonly said: 'hosts' };
  readonly policy: StsPolicy | undefined;
  readonly find: FindRecords;
  readonly mayReach: (address: string) => boolean;
  /** Addresses of this machine. */
  readonly own: ReadonlySet<string>;
  readonly port: number;
  readonly prefer: AddressFamily;
  /** Of DANE. */
  readonly promises: 'kept' | 'ignored';
  readonly terms: Pick<Owed, 'least' | 'ca' | 'now'>;
}

/** A domain's next server has its turn before all the addresses of one that is down. */
const addressesOfOne = 2;

/** Never throws: what cannot be known of a host is a miss. */
export async function* walkPlaces(walk: Walk): AsyncGenerator<Place | Miss> {
  for (const host of walk.destination.hosts) {
    const found = await lookAt(host, walk).catch((error: unknown): Miss => {
      if (error instanceof DnsSilence) return { kind: 'unknown', reason: error.message };
      throw error;
    });
    if (Array.isArray(found)) yield* found;
    else {
      yield found;
      // RFC 5321 section 5.1: those that come after us are farther from the mailbox than we are.
      if (found.kind === 'ourselves') return;
    }
  }
}

async function lookAt(host: string, walk: Walk): Promise<Place[] | Miss> {
  const { destination, policy, find, mayReach, own, port, terms } = walk;
  const { domain, proven, implicit } = destination;
  const where = await findAddresses(find, host, walk.prefer);
  const { addresses } = where;
  if (addresses.length === 0 && implicit)
    return { kind: 'nowhere', reason: `${domain} has neither a mail server nor an address in the DNS` };
  if (addresses.length === 0) return { kind: 'unknown', reason: `${host} has no address` };
  if (addresses.some((address) => own.has(address)))
    return { kind: 'ourselves', reason: `${host} is this gateway itself: give ${domain} a route` };
  const reachable = addresses.filter(mayReach);
  if (reachable.length === 0) return { kind: 'unknown', reason: `${host} is not in the public Internet` };
  let promise: DanePromise | undefined;
  try {
    if (walk.promises === 'kept') promise = await findPromise(find, host, where, port);
  } catch (error) {
    if (!(error instanceof DnsSilence)) throw error;
    const failure = { type: 'dnssec-invalid', reason: 'no valid answer for the TLSA records' } as const;
    const outcome = { type: 'tlsa', domain: host, text: [], hosts: [], failure } as const;
    return { kind: 'unknown', reason: error.message, session: { domain, outcomes: [outcome] } };
  }
  const owed = { host, domain, proven, promise, policy, ...terms };
  if (policy !== undefined && stsBinds(owed) && !(await isNamed(policy, host)))
    return {
      ...{ kind: 'insecure', reason: `the MTA-STS policy of ${domain} does not name ${host}` },
      session: { domain, outcomes: [{ ...stsPolicyOf(domain, policy), failure: notNamed }] },
    };
  return reachable.slice(0, addressesOfOne).map((address) => ({ address, owed }));
}
