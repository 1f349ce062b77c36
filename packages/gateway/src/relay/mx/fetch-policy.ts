/** Fetches a domain's MTA-STS policy (RFC 8461 section 3.3): over HTTPS from one address, whose certificate is judged. */
import { request } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import type { FindRecords } from '../../dns/find-records.ts';
import { reasonOf } from '../../errors.ts';
import { findAddresses } from './find-hosts.ts';
import { parsePolicy, type StsPolicy } from './sts-policy.ts';

export interface PolicyServer {
  readonly find: FindRecords;
  /** Whether an address may be spoken to. */
  readonly mayAsk: (address: string) => boolean;
  /** 443 but in tests. */
  readonly port: number;
  /** PEM, in place of the system's roots. */
  readonly ca: readonly Buffer[];
  /** Milliseconds. */
  readonly patience: number;
}

/** There is a policy, and it says nothing that could be kept to. */
export class UnusablePolicy extends Error {
  override readonly name = 'UnusablePolicy';
}

/** RFC 8461 section 3.2 suggests it. */
const mostOctets = 64 * 1024;

/** @throws Error whatever the reason: a policy that cannot be fetched is none (RFC 8461 section 3.3) */
export async function fetchPolicy(domain: string, server: PolicyServer): Promise<StsPolicy> {
  const host = `mta-sts.${domain}`;
  const askable = await findAskable(host, server);
  const text = (await get(host, askable, server)).toString('utf8');
  return parsePolicy(text).catch((error: unknown) => {
    throw new UnusablePolicy(reasonOf(error), { cause: error });
  });
}

/** Addresses of a web server that a stranger named. @throws Error where there is none that may be spoken to */
export async function findAskable(
  host: string,
  { find, mayAsk }: Pick<PolicyServer, 'find' | 'mayAsk'>,
): Promise<string[]> {
  const { addresses } = await findAddresses(find, host);
  if (addresses.length === 0) throw new Error(`${host} has no address`);
  const askable = addresses.filter(mayAsk);
  if (askable.length === 0) throw new Error(`${host} is not in the public Internet`);
  return askable;
}

/** For a request that goes only to what was looked up and judged. */
export function pinnedTo(addresses: readonly string[]): LookupFunction {
  const all = addresses.map((address) => ({ address, family: isIP(address) }));
  return (_name, options, answer) => {
    const [first] = all;
    if (options.all === true) answer(null, all);
    else answer(null, first?.address ?? '', first?.family);
  };
}

function get(host: string, addresses: readonly string[], { port, ca, patience }: PolicyServer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const options = {
      ...{ host, port, path: '/.well-known/mta-sts.txt', lookup: pinnedTo(addresses), servername: host, agent: false },
      signal: AbortSignal.timeout(patience),
      ...(ca.length > 0 && { ca: [...ca] }),
    };
    const sent = request(options, (answer) => {
      const chunks: Buffer[] = [];
      let octets = 0;
      // A redirection is no policy (section 3.3), nor is what somebody may upload there as something else.
      if (answer.statusCode !== 200) sent.destroy(new Error(`${host} answers with ${answer.statusCode}`));
      else if (!/^text\/plain\s*(;|$)/i.test(answer.headers['content-type'] ?? ''))
        sent.destroy(new Error(`${host} answers with what is not text/plain`));
      answer.on('error', reject);
      answer.on('data', (chunk: Buffer) => {
        octets += chunk.length;
        if (octets > mostOctets) sent.destroy(new Error(`${host} answers with more than ${mostOctets} octets`));
        else chunks.push(chunk);
      });
      answer.on('end', () => resolve(Buffer.concat(chunks)));
    });
    sent.on('error', reject);
    sent.end();
  });
}
