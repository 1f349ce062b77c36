/** What a domain's owner says under DNSSEC of the certificate of a mail server (RFC 6698, 7671 and 7672). */
import { createHash, X509Certificate } from 'node:crypto';
import { recordType } from '@chancery/dns';
import { type Certificate, oids, parseCertificate, validatePath } from '@chancery/smime';
import type { FindRecords } from '../../dns/find-records.ts';
import type { HostAddresses } from './find-hosts.ts';

/** RFC 7672 section 3.1: 2 names an authority, 3 the server itself. 0 and 1 mean nothing between mail servers. */
export interface Tlsa {
  readonly usage: 2 | 3;
  readonly selector: 'certificate' | 'key';
  readonly matching: 'whole' | 'sha256' | 'sha512';
  readonly data: Buffer;
}

export interface DanePromise {
  /** TLSA base domain: the name that the server is asked for (SNI). */
  readonly base: string;
  /** Empty where there are some and none can be used: TLS is then owed, and nobody says to whom (RFC 7672 section 2.2). */
  readonly records: readonly Tlsa[];
}

/**
 * The promise of a host, or undefined where none is proven.
 * @throws DnsSilence where it is not known: the host must not be spoken to then (RFC 7672 section 2.1.2)
 */
export async function findPromise(
  find: FindRecords,
  host: string,
  { owner, proven }: HostAddresses,
  port: number,
): Promise<DanePromise | undefined> {
  for (const base of await baseDomains(find, host, owner, proven)) {
    const found = await find(`_${port}._tcp.${base}`, recordType.tlsa);
    if (found.proven && found.records.length > 0) {
      return { base, records: strongest(found.records.flatMap(({ data }) => readTlsa(data))) };
    }
  }
  return undefined;
}

/** RFC 7672 section 2.2.3. Under names that are not signed nobody is asked: many servers there fall silent at such questions. */
async function baseDomains(find: FindRecords, host: string, owner: string, proven: boolean): Promise<string[]> {
  if (proven) return [...new Set([owner, host])];
  if (owner === host) return [];
  // An alias in a signed zone to a name in one that is not.
  return (await find(host, recordType.cname)).proven ? [host] : [];
}

/** Usage, selector and matching type as zone files write them: `3 1 1`. */
export function tlsaNumbers({ usage, selector, matching }: Tlsa): string {
  return [usage, selectors.indexOf(selector), matchings.indexOf(matching)].join(' ');
}

const selectors = ['certificate', 'key'] as const;
const matchings = ['whole', 'sha256', 'sha512'] as const;

function readTlsa(record: Buffer): Tlsa[] {
  const [usage, selector = -1, matching = -1] = record;
  const data = record.subarray(3);
  const selected = selectors[selector];
  const matched = matchings[matching];
  if ((usage !== 2 && usage !== 3) || selected === undefined || matched === undefined) return [];
  const length = { whole: data.length, sha256: 32, sha512: 64 }[matched];
  if (data.length === 0 || data.length !== length) return [];
  return [{ usage, selector: selected, matching: matched, data }];
}

/** RFC 7671 section 9: beside a SHA-512 the SHA-256 of the same kind does not count. */
function strongest(records: readonly Tlsa[]): Tlsa[] {
  const hasStronger = ({ usage, selector }: Tlsa) =>
    records.some((one) => one.usage === usage && one.selector === selector && one.matching === 'sha512');
  return records.filter((one) => one.matching !== 'sha256' || !hasStronger(one));
}

/**
 * By which record the server is the one promised.
 * @param chain DER, as the server showed it, its own certificate first
 * @param domain whose mail it takes, where its MX is proven: a certificate of a promised authority may name it in place of the base
 * @throws Error where by none
 */
export function matchPromise(
  { base, records }: DanePromise,
  chain: readonly Buffer[],
  domain: string | undefined,
  at: Date,
): Tlsa {
  const [leaf, ...issuers] = chain;
  if (leaf === undefined) throw new Error('the server shows no certificate');
  // Names and dates of its certificate do not count then (RFC 7672 section 3.1.1).
  const own = records.find((one) => one.usage === 3 && matches(one, leaf));
  if (own !== undefined) return own;
  const isNamed = (der: Buffer) => names(der, base) || (domain !== undefined && names(der, domain));
  for (const record of records.filter(({ usage }) => usage === 2)) {
    const inRecord = record.selector === 'certificate' && record.matching === 'whole' ? [record.data] : [];
    const anchors = [...issuers.filter((der) => matches(record, der)), ...inRecord];
    if (anchors.length > 0 && leadsTo(anchors, leaf, issuers, at) && isNamed(leaf)) return record;
  }
  throw new Error(`its certificate is none of those that DANE promises for ${base}`);
}

function matches({ selector, matching, data }: Tlsa, der: Buffer): boolean {
  try {
    const octets =
      selector === 'certificate' ? der : new X509Certificate(der).publicKey.export({ type: 'spki', format: 'der' });
    return (matching === 'whole' ? octets : createHash(matching).update(octets).digest()).equals(data);
  } catch {
    return false;
  }
}

/** RFC 7672 section 3.1.2: the path from the server's certificate to the authority holds, whoever vouches for that one. */
function leadsTo(anchors: readonly Buffer[], leaf: Buffer, issuers: readonly Buffer[], at: Date): boolean {
  const [parsed, ...rest] = [leaf, ...issuers, ...anchors].map(readable);
  if (parsed === undefined || !servesTls(parsed)) return false;
  const known = (some: readonly (Certificate | undefined)[]) => some.filter((one) => one !== undefined);
  const { valid } = validatePath({
    leaf: parsed,
    intermediates: known(rest.slice(0, issuers.length)),
    anchors: known(rest.slice(issuers.length)),
    at,
    purpose: 'any',
    revocation: 'none',
  });
  return valid && parsed.notBefore <= at && parsed.notAfter >= at;
}

function readable(der: Buffer): Certificate | undefined {
  try {
    return parseCertificate(der);
  } catch {
    return undefined;
  }
}

function servesTls({ extendedKeyUsage }: Certificate): boolean {
  return (
    extendedKeyUsage === undefined ||
    extendedKeyUsage.includes(oids.serverAuth) ||
    extendedKeyUsage.includes(oids.anyExtendedKeyUsage)
  );
}

/** A DNS name of the certificate; its common name does not count (RFC 6125 section 6.4.4). */
export function names(der: Buffer, host: string): boolean {
  return new X509Certificate(der).checkHost(host, { subject: 'never', partialWildcards: false }) !== undefined;
}
