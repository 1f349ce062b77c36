/** What the configuration says of reports to others on how TLS went with their servers (RFC 8460): `[gateway.tlsReports]`. */
import { z } from 'zod';
import type { DkimKey } from '../../config-smtp.ts';

const Address = z
  .string()
  .regex(/^[!-?A-~]{1,64}@[A-Za-z0-9.-]{1,253}$/, 'is an address, such as tls-reports@example.com');
const Words = z.string().regex(/^[ -~]{1,200}$/, 'is up to 200 visible ASCII characters');

export const TlsReportsConfig = z.strictObject({
  /** Count, and report once a day to the domains that ask for it. */
  enabled: z.boolean().default(true),
  /** Who reports, as its readers know it. Without it the domain of `from`. */
  organisation: Words.optional(),
  /** The author of reports by mail; there must be a DKIM key of its domain. Without it one at the domain of the first DKIM key. */
  from: Address.optional(),
  /** Whom readers of a report may ask: an address or the address of a page. Without it the postmaster of that domain. */
  contact: Words.optional(),
});

export interface Reporter {
  readonly organisation: string;
  readonly contact: string;
  /** The domain of the author: RFC 8460's submitter. */
  readonly domain: string;
  readonly from: string;
  /** Whether it can be signed by DKIM: reports by mail that are not are ignored (RFC 8460 section 3). */
  readonly signs: boolean;
}

/** @param name the gateway's host name */
export function reporterOf(
  { organisation, from, contact }: z.output<typeof TlsReportsConfig>,
  dkim: readonly Pick<DkimKey, 'domain'>[],
  name: string,
): Reporter {
  const domain =
    (from === undefined ? undefined : from.slice(from.lastIndexOf('@') + 1).toLowerCase()) ?? dkim[0]?.domain ?? name;
  return {
    organisation: organisation ?? domain,
    contact: contact ?? `postmaster@${domain}`,
    domain,
    from: from ?? `noreply-smtp-tls-reporting@${domain}`,
    signs: dkim.some((key) => key.domain === domain),
  };
}
