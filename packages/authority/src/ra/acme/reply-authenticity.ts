/**
 * Did the domain of the author send this reply? Judged by the office itself on the octets as they came, so that a gateway that was
 * broken into cannot vouch for anybody (RFC 8823 section 3.2, RFC 6376, RFC 9989).
 */
import { Resolver } from 'node:dns/promises';
import type { World } from '../../world.ts';

/** Answers as `dns.promises.resolve` does: rejects with `code` `ENOTFOUND` or `ENODATA` where there is nothing. */
export type Resolve = (name: string, type: string) => Promise<string[] | string[][]>;

export type ReplyVerdict =
  | { readonly pass: true; readonly domain: string }
  /** `later`: DNS could not be asked, and may answer the next time. */
  | { readonly pass: false; readonly later: boolean; readonly why: string };

/** Bits of an RSA key (RFC 8301 3.2). */
const LEAST_BITS = 1024;

/** A DKIM signature of the author's own domain over the whole body, From and Subject; and DMARC, where that domain has a policy. */
export async function judgeReply(world: World, message: Uint8Array): Promise<ReplyVerdict> {
  const seconds = world.config.acme?.dnsTimeoutSeconds ?? 5;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<ReplyVerdict>((done) => {
    timer = setTimeout(() => done({ pass: false, later: true, why: 'DNS did not answer in time' }), seconds * 1000);
  });
  try {
    return await Promise.race([judge(message, world.resolve ?? systemResolve(seconds)), late]);
  } finally {
    clearTimeout(timer);
  }
}

async function judge(message: Uint8Array, resolver: Resolve): Promise<ReplyVerdict> {
  // It takes a quarter of a second to load, and most offices never need it.
  const { authenticate } = await import('mailauth');
  const { dkim, dmarc } = await authenticate(Buffer.from(message), {
    mta: 'office',
    strict: true,
    disableArc: true,
    disableBimi: true,
    minBitLength: LEAST_BITS,
    resolver,
  });
  const policy = dmarc ? dmarc.status.result : 'none';
  if (policy === 'temperror' || dkim.results.some(({ status }) => status.result === 'temperror'))
    return { pass: false, later: true, why: 'DNS does not answer about its signature' };
  const passed = dkim.results.filter(
    ({ status, canonBodyLengthLimited }) => status.result === 'pass' && canonBodyLengthLimited !== true,
  );
  if (passed.length === 0) return no('it has no DKIM signature that verifies over its whole body');
  const own = passed.filter(({ status }) => status.aligned);
  if (own.length === 0) return no('its DKIM signature is not by the domain of its author');
  const whole = own.find(({ signingHeaders }) => covers(signingHeaders?.keys ?? ''));
  if (whole === undefined) return no('its DKIM signature does not cover From and Subject');
  if (policy !== 'pass' && policy !== 'none') return no(`the DMARC policy of its author’s domain says ${policy}`);
  return { pass: true, domain: whole.signingDomain ?? '' };
}

/**
 * RFC 8823 3.2 lists thirteen fields, and few mail systems sign In-Reply-To. What is sent back can be made only with both parts of the
 * token and the account's key, and is good for one challenge: nothing is gained by changing where it is said to belong.
 */
function covers(keys: string): boolean {
  const signed = keys.split(':').map((key) => key.trim().toLowerCase());
  return ['from', 'subject'].every((name) => signed.includes(name));
}

const no = (why: string): ReplyVerdict => ({ pass: false, later: false, why });

function systemResolve(seconds: number): Resolve {
  const resolver = new Resolver({ timeout: Math.max(100, (seconds * 1000) / 2), tries: 1 });
  return (name, type) => resolver.resolve(name, type) as Promise<string[] | string[][]>;
}
