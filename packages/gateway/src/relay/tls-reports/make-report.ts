/** The report of a day to one domain: its JSON (RFC 8460 section 4), and the mail that carries it (section 5.3). */
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { newBoundary, wrapped } from '../../base64-lines.ts';
import { formatDate } from '../dsn.ts';
import type { PolicyCounts } from './tally.ts';
import type { Reporter } from './tls-reports-config.ts';

export interface Report {
  /** The same however often it is made: a crash may repeat it, and whoever gets it twice knows. */
  readonly id: string;
  readonly domain: string;
  /** RFC 8460 section 5.1. */
  readonly fileName: string;
  /** gzip of the JSON. */
  readonly octets: Buffer;
}

/**
 * @param gateway its host name: several of one organisation report apart
 * @param domain that the report is about, and goes to
 * @param day `2026-11-26`, UTC
 */
export function makeReport(
  gateway: string,
  reporter: Reporter,
  domain: string,
  day: string,
  counts: readonly PolicyCounts[],
): Report {
  const unique = createHash('sha256')
    .update(JSON.stringify([gateway, domain, day]))
    .digest('hex')
    .slice(0, 16);
  const id = `${day}-${unique}@${reporter.domain}`;
  const begin = Date.parse(`${day}T00:00:00Z`) / 1000;
  const json = {
    'organization-name': reporter.organisation,
    'date-range': { 'start-datetime': `${day}T00:00:00Z`, 'end-datetime': `${day}T23:59:59Z` },
    'contact-info': reporter.contact,
    'report-id': id,
    policies: counts.map(policyOf),
  };
  return {
    id,
    domain,
    fileName: `${reporter.domain}!${domain}!${begin}!${begin + 86_399}!${unique}.json.gz`,
    octets: gzipSync(JSON.stringify(json)),
  };
}

function policyOf({ policy, successes, failures, details }: PolicyCounts) {
  const { type, domain, text, hosts } = policy;
  return {
    policy: {
      'policy-type': type,
      ...(text.length > 0 && { 'policy-string': text }),
      'policy-domain': domain,
      ...(hosts.length > 0 && { 'mx-host': hosts }),
    },
    summary: { 'total-successful-session-count': successes, 'total-failure-session-count': failures },
    ...(details.size > 0 && { 'failure-details': [...details].map(detailOf) }),
  };
}

function detailOf([key, count]: [string, number]) {
  const [type, host, address, reason] = JSON.parse(key) as [string, string | null, string | null, string | null];
  return {
    'result-type': type,
    ...(address !== null && { 'receiving-ip': address }),
    ...(host !== null && { 'receiving-mx-hostname': host }),
    'failed-session-count': count,
    ...(reason !== null && { 'failure-reason-code': reason }),
  };
}

/** A whole message, lines ending in CRLF. It is to come through even where TLS is what fails: `TLS-Required: No` (RFC 8689 section 5). */
export function reportMessage(report: Report, reporter: Reporter, to: string, at: Date): Buffer {
  const boundary = newBoundary();
  const { id, domain, fileName, octets } = report;
  const lines = [
    `From: <${reporter.from}>`,
    `To: <${to}>`,
    `Subject: Report Domain: ${domain}`,
    ` Submitter: ${reporter.domain}`,
    ` Report-ID: <${id}>`,
    `Date: ${formatDate(at)}`,
    `Message-ID: <tlsrpt-${id}>`,
    `TLS-Report-Domain: ${domain}`,
    `TLS-Report-Submitter: ${reporter.domain}`,
    'TLS-Required: No',
    'Auto-Submitted: auto-generated',
    'MIME-Version: 1.0',
    `Content-Type: multipart/report; report-type="tlsrpt"; boundary="${boundary}"`,
    '',
    `--${boundary}`,
    'Content-Type: text/plain; charset=us-ascii',
    '',
    `How TLS went between ${reporter.organisation} and the mail servers of`,
    `${domain}: an aggregate report (RFC 8460), sent because`,
    `_smtp._tls.${domain} in the DNS asks for it.`,
    '',
    `Questions: ${reporter.contact}`,
    '',
    `--${boundary}`,
    'Content-Type: application/tlsrpt+gzip',
    'Content-Transfer-Encoding: base64',
    `Content-Disposition: attachment;`,
    ` filename="${fileName}"`,
    '',
    wrapped(octets),
    `--${boundary}--`,
    '',
  ];
  return Buffer.from(lines.join('\r\n'), 'latin1');
}
