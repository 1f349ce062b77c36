/** Which servers take a domain's mail (RFC 5321 section 5.1, RFC 7505), and at which addresses. */
import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { domainToASCII } from 'node:url';
import { recordType } from '@chancery/dns';
import { DnsSilence, type FindRecords, type Found } from '../../dns/find-records.ts';

export type Destination =
  | {
      readonly said: 'hosts';
      /** In ASCII and small letters. */
      readonly domain: string;
      /** In the order in which they are to be tried. */
      readonly hosts: readonly string[];
      /** DNSSEC proves that these are the domain's servers. */
      readonly proven: boolean;
      /** There is no MX: the domain itself is the server. */
      readonly implicit: boolean;
    }
  /** A whole reply: for good, or for now. */
  | { readonly said: 'no' | 'later'; readonly reply: string };

/** What one message asks of the DNS for one domain is bounded, whatever the domain publishes. */
const mostHosts = 10;

/** Labels of letters, digits, hyphens and underscores, and a last one that is not a number: no IP address looks like that. */
const hostName = /^(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const isHostName = (name: string) => hostName.test(name) && !/(^|\.)\d+$/.test(name);

/**
 * @param domain as it stands in an address
 * @param self our own host name
 */
export async function findDestination(find: FindRecords, domain: string, self: string): Promise<Destination> {
  const ascii = domainToASCII(domain).toLowerCase();
  if (domain.startsWith('[') || isIP(ascii) !== 0)
    return no('550 5.1.2', `${domain} is an IP address in place of a domain: this gateway looks domains up`);
  if (!isHostName(ascii)) return no('550 5.1.2', `${domain} is no name of a domain`);
  let mx: Found;
  try {
    mx = await find(ascii, recordType.mx);
  } catch (error) {
    if (error instanceof DnsSilence) return later('451 4.4.3', error.message);
    throw error;
  }
  const { proven } = mx;
  if (!mx.exists) return no('550 5.1.2', `There is no domain ${domain} in the DNS`);
  if (mx.records.length === 0 && ascii === self.toLowerCase()) return loopsBack(domain);
  if (mx.records.length === 0) return { said: 'hosts', domain: ascii, hosts: [ascii], proven, implicit: true };
  const published = mx.records.flatMap(({ data, leadsTo }) =>
    leadsTo === undefined ? [] : [{ preference: data.readUInt16BE(0), name: leadsTo }],
  );
  if (published.length > 0 && published.every(({ name }) => name === ''))
    return no('556 5.1.10', `${domain} says that it takes no mail (null MX)`);
  const usable = published.filter(({ name }) => isHostName(name));
  if (usable.length === 0) return later('451 4.4.4', `${domain} names no server that could be looked up`);
  // RFC 5321 section 5.1: those that we come before would send it back to us.
  const own = Math.min(...usable.filter(({ name }) => name === self.toLowerCase()).map(({ preference }) => preference));
  const before = usable.filter(({ preference }) => preference < own);
  if (before.length === 0) return loopsBack(domain);
  const hosts = shuffled(before)
    .toSorted((one, other) => one.preference - other.preference)
    .map(({ name }) => name);
  return { said: 'hosts', domain: ascii, hosts: [...new Set(hosts)].slice(0, mostHosts), proven, implicit: false };
}

const loopsBack = (domain: string): Destination & { said: 'later' } =>
  later('451 4.4.6', `Mail for ${domain} comes back to this gateway, which is its server itself: give it a route`);

export interface HostAddresses {
  /** IPv4 and IPv6 in turn: whichever of the two does not lead out from here costs one attempt, and the other is next. */
  readonly addresses: readonly string[];
  /** The name that they stand under, where the host's is an alias. */
  readonly owner: string;
  /** DNSSEC proves both kinds of addresses, or that there are none, and the aliases. */
  readonly proven: boolean;
}

export type AddressFamily = 'ipv4' | 'ipv6';

/** @param first which of two kinds has its turn first. @throws DnsSilence */
export async function findAddresses(
  find: FindRecords,
  host: string,
  first: AddressFamily = 'ipv4',
): Promise<HostAddresses> {
  const [four, six] = await Promise.all([find(host, recordType.a), find(host, recordType.aaaa)]);
  const ofFour = four.records.filter(({ data }) => data.length === 4).map(({ data }) => data.join('.'));
  // An IPv4 address in the form of IPv6 is nothing that the DNS has to say: it would be taken for another than it is.
  const ofSix = six.records
    .filter(({ data }) => data.length === 16 && !data.subarray(0, 12).equals(mappedPrefix))
    .map(({ data }) => ipv6Of(data));
  const [these, those] = first === 'ipv4' ? [ofFour, ofSix] : [ofSix, ofFour];
  const addresses = Array.from({ length: Math.max(these.length, those.length) }, (_, at) =>
    [these[at], those[at]].filter((one) => one !== undefined),
  ).flat();
  return { addresses, owner: four.owner, proven: four.proven && six.proven };
}

/** RFC 4291 section 2.5.5.2: ::ffff:0:0/96. */
const mappedPrefix = Buffer.from('00000000000000000000ffff', 'hex');

/** Addresses of this machine that are not loopback. */
export function ownAddresses(): ReadonlySet<string> {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return new Set(all.filter(({ internal }) => !internal).map(({ address }) => address.toLowerCase()));
}

/** In the form of RFC 5952, in which the machine names its own. */
function ipv6Of(octets: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, at) => octets.readUInt16BE(at * 2).toString(16));
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}

const no = (status: string, text: string) => ({ said: 'no', reply: `${status} ${text}` }) as const;
const later = (status: string, text: string) => ({ said: 'later', reply: `${status} ${text}` }) as const;

/** RFC 5321 section 5.1: hosts of the same preference share the load. */
function shuffled<T>(all: readonly T[]): T[] {
  return all
    .map((one) => ({ one, at: Math.random() }))
    .toSorted((left, right) => left.at - right.at)
    .map(({ one }) => one);
}
