/** Hands a report over by HTTPS (RFC 8460 section 5.4), to an address that a stranger's DNS names: in the public Internet, or in networks that the configuration allows. */
import { request } from 'node:https';
import { isIP } from 'node:net';
import { findAskable, type PolicyServer, pinnedTo } from '../mx/fetch-policy.ts';
import type { Report } from './make-report.ts';

/** @param stopping ends it early. @throws Error unless it was taken (2xx). A redirection is not followed: it may lead anywhere. */
export async function postReport(
  { octets }: Report,
  url: URL,
  server: Omit<PolicyServer, 'port'>,
  stopping: AbortSignal,
): Promise<void> {
  if (isIP(url.hostname.replace(/^\[|\]$/g, '')) !== 0)
    throw new Error(`${url.hostname} is an address in place of a name`);
  const addresses = await findAskable(url.hostname, server);
  await new Promise<void>((resolve, reject) => {
    const sent = request(
      url,
      {
        method: 'POST',
        headers: { 'content-type': 'application/tlsrpt+gzip', 'content-length': octets.length },
        ...{
          lookup: pinnedTo(addresses),
          agent: false,
          signal: AbortSignal.any([stopping, AbortSignal.timeout(server.patience)]),
        },
        ...(server.ca.length > 0 && { ca: [...server.ca] }),
      },
      (answer) => {
        const { statusCode = 0 } = answer.resume();
        if (statusCode >= 200 && statusCode < 300) resolve();
        else reject(new Error(`${url.hostname} answers with ${statusCode}`));
      },
    );
    sent.on('error', reject);
    sent.end(octets);
  });
}
