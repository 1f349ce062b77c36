/** Where a domain wants reports to: the TXT record of `_smtp._tls.DOMAIN` (RFC 8460 section 3). */
import { recordType } from '@chancery/dns';
import type { FindRecords } from '../../dns/find-records.ts';
import { textOf } from '../mx/sts-policy.ts';

export type ReportAddress =
  | { readonly kind: 'mail'; readonly address: string }
  | { readonly kind: 'https'; readonly url: URL };

/** What one domain makes us do is bounded, whatever it publishes. */
const mostAddresses = 4;

/** @returns empty where it wants none. @throws DnsSilence where that is not known */
export async function findReportAddresses(find: FindRecords, domain: string): Promise<ReportAddress[]> {
  const { records } = await find(`_smtp._tls.${domain}`, recordType.txt);
  return readReportAddresses(records.map(({ data }) => textOf(data)));
}

/** @param records the text of each TXT record */
export function readReportAddresses(records: readonly string[]): ReportAddress[] {
  const ours = records.filter((text) => /^v=TLSRPTv1[ \t]*;/.test(text));
  const [record] = ours;
  if (record === undefined || ours.length > 1) return [];
  const rua = record
    .split(';')
    .map((field) => /^[ \t]*rua[ \t]*=(.*)$/.exec(field)?.[1])
    .find((value) => value !== undefined);
  return (rua ?? '')
    .split(',')
    .flatMap((text) => readAddress(text.trim()))
    .slice(0, mostAddresses);
}

function readAddress(text: string): ReportAddress[] {
  if (!URL.canParse(text)) return [];
  const url = new URL(text);
  if (url.protocol === 'https:' && url.username === '' && url.password === '') return [{ kind: 'https', url }];
  if (url.protocol !== 'mailto:') return [];
  try {
    // RFC 6068: what stands behind a question mark would be header fields.
    const address = decodeURIComponent(url.pathname);
    return /^[!#-'*+./0-9=?A-Z^-~-]{1,64}@[A-Za-z0-9.-]{1,253}$/.test(address) ? [{ kind: 'mail', address }] : [];
  } catch {
    return [];
  }
}
