/** SMIMEA (RFC 8162): certificates that the owner of a domain has put into the DNS, believed where DNSSEC proves them. */
import { domainToASCII } from 'node:url';
import { recordType, responseCode, smimeaOwners } from '@chancery/dns';
import { askResolver, type DnsAnswer } from '../dns/resolver.ts';
import { reasonOf } from '../errors.ts';
import type { SmimeaSourceConfig } from './recipients-config.ts';
import {
  type Association,
  type Candidate,
  mostCertificates,
  type RecipientSource,
  type SourceAnswer,
  servesAny,
} from './source.ts';

export function openSmimeaSource(config: SmimeaSourceConfig): RecipientSource {
  return {
    name: config.name,
    serves: servesAny(config.domains),
    async find(address, signal) {
      let last: SourceAnswer = { said: 'nothing' };
      for (const name of ownerNames(address)) {
        try {
          last = readAnswer(await askResolver(config.resolver, name, recordType.smimea, signal));
        } catch (error) {
          return { said: 'unknown', reason: `the resolver does not answer: ${reasonOf(error)}` };
        }
        if (last.said !== 'nothing') return last;
      }
      return last;
    },
  };
}

/** Where an address is looked up, in this order. */
export function ownerNames(address: string): string[] {
  const at = address.lastIndexOf('@');
  const local = address.slice(0, at).replace(/^"(.*)"$/, '$1');
  const domain = domainToASCII(address.slice(at + 1)).toLowerCase();
  if (at < 1 || domain === '') return [];
  return smimeaOwners(local, domain);
}

function readAnswer({ code, proven, answers, authorities }: DnsAnswer): SourceAnswer {
  if (code !== responseCode.noError && code !== responseCode.noSuchName) {
    const why =
      code === responseCode.serverFailure
        ? 'no answer, or one whose signature does not hold (SERVFAIL)'
        : `code ${code}`;
    return { said: 'unknown', reason: `the resolver says: ${why}` };
  }
  const records = answers.filter(({ type }) => type === recordType.smimea).slice(0, mostCertificates);
  if (records.length === 0) return { said: 'nothing', lifetime: negativeLifetime(authorities) };
  const lifetime = Math.min(...answers.map(({ ttl }) => ttl)) * 1000;
  if (!proven) return { said: 'nothing', remark: 'records that no signature of DNSSEC proves: not used', lifetime };
  const found = { candidates: [] as Candidate[], vouched: [] as Candidate[], associations: [] as Association[] };
  const remarks = new Set<string>();
  for (const { data } of records) read(data, found, remarks);
  const remark = [...remarks].join('; ');
  const isUseful = found.candidates.length + found.vouched.length + found.associations.length > 0;
  const common = { lifetime, ...(remark !== '' && { remark }) };
  return isUseful ? { said: 'found', ...found, ...common } : { said: 'nothing', ...common };
}

/** RFC 6698 section 2.1, RFC 8162 section 2. */
function read(
  record: Buffer,
  found: { candidates: Candidate[]; vouched: Candidate[]; associations: Association[] },
  remarks: Set<string>,
): void {
  const [usage = -1, selector = -1, matching = -1] = record;
  const data = record.subarray(3);
  if (usage === 0 || usage === 2) {
    remarks.add(`a record of usage ${usage} names an authority: whose certificates these are, it does not say`);
  } else if (usage !== 1 && usage !== 3) {
    remarks.add(`a record of usage ${usage}, which nobody here knows`);
  } else if (selector === 0 && matching === 0) {
    // 1: that certificate, and it must have a path to an anchor of ours as any other. 3: that certificate, whoever issued it.
    (usage === 3 ? found.vouched : found.candidates).push({ certificate: Buffer.from(data), chain: [] });
  } else if ((selector === 0 || selector === 1) && isDigest(matching, data) && usage === 3) {
    const kind = selector === 0 ? 'certificate' : 'key';
    found.associations.push({
      selector: kind,
      matching: matching === 1 ? 'sha256' : 'sha512',
      data: Buffer.from(data),
    });
    remarks.add('a record that holds a digest: the certificate has to be found elsewhere');
  } else
    remarks.add(
      `a record of usage ${usage}, selector ${selector} and matching ${matching}, which holds no certificate`,
    );
}

const isDigest = (matching: number, data: Buffer) =>
  (matching === 1 && data.length === 32) || (matching === 2 && data.length === 64);

/** RFC 2308 section 5: the smaller of the SOA's own TTL and its MINIMUM. */
function negativeLifetime(authorities: DnsAnswer['authorities']): number {
  const soa = authorities.find(({ type, data }) => type === recordType.soa && data.length >= 22);
  return (soa === undefined ? 60 : Math.min(soa.ttl, soa.data.readUInt32BE(soa.data.length - 4))) * 1000;
}
