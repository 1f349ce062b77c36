/** Who sent a message, as far as DNS can tell: SPF, DKIM and DMARC on the octets as they arrived (RFC 7208, 6376, 9989). */
import { Resolver } from 'node:dns/promises';
import { Readable } from 'node:stream';
import { isPublicAddress } from '@chancery/smime';
import { z } from 'zod';
import { reasonOf } from './errors.ts';
import { type HeaderField, headerFields } from './header-block.ts';
import { headOf, LargeMessage, withFields } from './large-message.ts';
import type { Log } from './log.ts';
import type { Arrival } from './smtp/listener.ts';

/** Answers as `dns.promises.resolve` does: rejects with `code` `ENOTFOUND` or `ENODATA` where there is nothing. */
export type Resolve = (name: string, type: string) => Promise<string[] | string[][]>;

export const Authenticity = z.object({
  /** Result words of RFC 8601. */
  spf: z.string(),
  dmarc: z.string(),
  /** Of each signature. */
  dkim: z.array(z.string()).readonly(),
  arc: z.string(),
  /** Results for Authentication-Results, in the syntax of RFC 8601, unfolded. */
  results: z.array(z.string()).readonly(),
  /** The envelope sender's domain vouches for this client: a notification to it is no backscatter. */
  senderVouched: z.boolean(),
});
export type Authenticity = Readonly<z.output<typeof Authenticity>>;

const nothing: Authenticity = {
  spf: 'none',
  dmarc: 'none',
  dkim: [],
  arc: 'none',
  results: ['spf=none', 'dkim=none', 'dmarc=none'],
  senderVouched: false,
};

/**
 * Never throws and never takes longer than `timeout` (ms): what cannot be found out in time is `temperror`.
 * @param name our authserv-id
 */
export async function judgeAuthenticity(
  arrival: Pick<Arrival, 'client' | 'sender' | 'message'>,
  { name, resolve, timeout, log }: { name: string; resolve: Resolve; timeout: number; log: Log },
): Promise<Authenticity> {
  const ip = isPublicAddress(arrival.client.address) ? arrival.client.address : undefined;
  const signed = headerFields(headOf(arrival.message)).some((field) => field.name === 'dkim-signature');
  // From our own machine or network, without a signature: there is nothing that DNS could say.
  if (ip === undefined && !signed) return nothing;

  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Authenticity>((done) => {
    timer = setTimeout(() => {
      log.warn('authenticity.late', { timeout });
      done(temporaryError('DNS did not answer in time'));
    }, timeout);
  });
  const judged = judge(arrival, ip, name, resolve).catch((error: unknown) => {
    log.warn('authenticity.failed', { reason: reasonOf(error) });
    return temporaryError('could not be evaluated');
  });
  try {
    return await Promise.race([judged, late]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * A resolver that gives up by itself.
 * @param timeout milliseconds for one question, and half of it for one server
 * @param servers addresses, each with a port where it is not 53; none: the operating system's
 */
export function dnsResolver(timeout: number, servers: readonly string[]): Resolve {
  const resolver = new Resolver({ timeout: Math.max(100, Math.floor(timeout / 2)), tries: 1 });
  if (servers.length > 0) resolver.setServers(servers);
  return (name, type) => resolver.resolve(name, type) as Promise<string[] | string[][]>;
}

/** Loads what takes a quarter of a second to load, before the first message needs it. */
export async function warmAuthenticity(): Promise<void> {
  await import('mailauth');
}

async function judge(
  { client, sender, message }: Pick<Arrival, 'client' | 'sender' | 'message'>,
  ip: string | undefined,
  name: string,
  resolver: Resolve,
): Promise<Authenticity> {
  const { authenticate } = await import('mailauth');
  const options = { helo: client.helo, sender, mta: name, strict: true, disableBimi: true, resolver };
  let signatures = 0;
  const tooMany = (field: HeaderField) => field.name === 'dkim-signature' && ++signatures > mostSignatures;
  const looked = withFields(message, tooMany, []);
  const octets = looked instanceof LargeMessage ? Readable.from(looked.read(), { objectMode: false }) : looked;
  const found = await authenticate(octets, ip === undefined ? options : { ...options, ip });
  const spf = ip === undefined || !found.spf ? 'none' : found.spf.status.result;
  const dmarc = found.dmarc ? found.dmarc.status.result : 'none';
  const results = [
    ...found.dkim.results.map(({ info }) => info),
    ip === undefined || !found.spf ? 'spf=none' : found.spf.info,
    ...(found.arc && found.arc.info !== undefined ? [found.arc.info] : []),
    found.dmarc ? found.dmarc.info : 'dmarc=none',
  ];
  return {
    ...{ spf, dmarc },
    dkim: found.dkim.results.map(({ status }) => status.result),
    arc: found.arc ? found.arc.status.result : 'none',
    results: results.map(oneLine),
    senderVouched: sender !== '' && spf === 'pass',
  };
}

/** DKIM signatures that are looked at (RFC 6376 section 6.1): each may cost a question to the DNS and a hash of the whole body. */
const mostSignatures = 20;

function temporaryError(reason: string): Authenticity {
  return {
    spf: 'temperror',
    dmarc: 'temperror',
    dkim: ['temperror'],
    arc: 'temperror',
    results: [`spf=temperror (${reason})`, `dkim=temperror (${reason})`, `dmarc=temperror (${reason})`],
    senderVouched: false,
  };
}

/**
 * Parts of it came from the message, its envelope and DNS, and stand in comments and quoted strings. Neither is cut in two, for what comes
 * next would be read as part of it; and a filter that only looks for words finds no result there that is none.
 */
function oneLine(text: string): string {
  let line = '';
  for (const [piece, quoted, comment] of text.replace(/[^\x20-\x7e]+/g, ' ').matchAll(pieces)) {
    const whole = quoted !== undefined ? `"${tame(quoted)}"` : comment !== undefined ? `(${tame(comment)})` : piece;
    if (line.length + whole.length > longestResult) break;
    line += whole;
  }
  return line.trimEnd();
}

const tame = (value: string): string => value.replace(/[;=()"\\]/g, '_').slice(0, longestValue);

/** A quoted string, a comment, or what is neither. */
const pieces = /"((?:[^"\\]|\\.)*)"?|\(((?:[^()\\]|\\.)*)\)?|[^"(;\s]+|\s+/g;
const longestValue = 250;
const longestResult = 900;
