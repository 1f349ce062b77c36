/** The MTA-STS policies of domains, kept on disk for as long as they hold (RFC 8461): who blocks the way to one later changes nothing. */
import { createHash } from 'node:crypto';
import { mkdir, readdir, unlink } from 'node:fs/promises';
import path from 'node:path';
import { recordType } from '@chancery/dns';
import { z } from 'zod';
import { DnsSilence } from '../../dns/find-records.ts';
import { GatewayError, reasonOf } from '../../errors.ts';
import type { Log } from '../../log.ts';
import { readIfThere, writeDurably } from '../../spool/durable-file.ts';
import { fetchPolicy, type PolicyServer, UnusablePolicy } from './fetch-policy.ts';
import { announcedId, type StsPolicy } from './sts-policy.ts';
import type { SessionFailure } from './tls-session.ts';

const KeptPolicy = z.object({
  domain: z.string(),
  /** As the DNS announced it when it was fetched. */
  id: z.string(),
  /** Milliseconds since 1970. */
  fetchedAt: z.number(),
  policy: z.object({
    mode: z.enum(['enforce', 'testing', 'none']),
    mx: z.array(z.string()),
    maxAge: z.number(),
  }),
});
type KeptPolicy = z.output<typeof KeptPolicy>;

export interface StsPolicies {
  /**
   * What binds deliveries to the domain now; undefined where nothing does.
   * @param domain in ASCII and small letters
   * @param proven its DNS is signed: then a question of which nobody knows the answer is no reason to believe that there is no policy
   * @throws Error where it cannot be known
   */
  of(domain: string, proven: boolean): Promise<StsPolicy | undefined>;
  /** Why the policy that the domain announces could not be fetched just now; undefined where nothing is amiss. */
  troubleOf(domain: string): SessionFailure | undefined;
  /** Fetches again what was fetched a while ago, and forgets what holds no more. It runs by itself as well. */
  refresh(): Promise<void>;
  stop(): Promise<void>;
}

/** Milliseconds. */
const minute = 60_000;
/** After a policy that is announced could not be fetched. */
const pause = 5 * minute;
const refreshEvery = 60 * minute;
/** RFC 8461 section 10.2 advises once a day. */
const oldEnough = 24 * 60 * minute;

/** @param folder where they are kept; made when there is the first */
export function openStsPolicies(folder: string, server: PolicyServer, now: () => number, log: Log): StsPolicies {
  const fetching = new Map<string, Promise<StsPolicy | undefined>>();
  const failed = new Map<string, { readonly until: number; readonly trouble: SessionFailure }>();
  let refreshing: Promise<void> | undefined;
  let stopped = false;
  const fileOf = (domain: string) => path.join(folder, `${createHash('sha256').update(domain).digest('hex')}.json`);
  const holds = ({ fetchedAt, policy }: KeptPolicy) => now() < fetchedAt + policy.maxAge * 1000;

  async function read(file: string): Promise<KeptPolicy | undefined> {
    const octets = await readIfThere(file);
    if (octets === undefined) return undefined;
    try {
      return KeptPolicy.parse(JSON.parse(octets.toString('utf8')));
    } catch (error) {
      // It decides whether mail may go in the clear: what cannot be read is not taken for nothing.
      throw new GatewayError(
        'state-damaged',
        `The kept policy ${file} cannot be read; remove it to fetch it anew`,
        error,
      );
    }
  }

  /** Undefined, with a word in the log, where it cannot be fetched. */
  async function fetchAndKeep(domain: string, id: string): Promise<StsPolicy | undefined> {
    let policy: StsPolicy;
    try {
      policy = await fetchPolicy(domain, server);
    } catch (error) {
      failed.set(domain, { until: now() + pause, trouble: troubleIn(error) });
      log.warn('mta-sts.not-fetched', { domain, id, reason: reasonOf(error) });
      return undefined;
    }
    failed.delete(domain);
    log.info('mta-sts.fetched', { domain, id, mode: policy.mode });
    const kept: KeptPolicy = { domain, id, fetchedAt: now(), policy: { ...policy, mx: [...policy.mx] } };
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await writeDurably(fileOf(domain), [JSON.stringify(kept)]);
    } catch (error) {
      // It binds this delivery all the same, and is fetched again for the next.
      log.error('mta-sts.not-kept', { domain, reason: reasonOf(error) });
    }
    return policy;
  }

  /** One at a time for each domain, and not again and again where it fails. */
  function fetchOnce(domain: string, id: string): Promise<StsPolicy | undefined> {
    if ((failed.get(domain)?.until ?? 0) > now()) return Promise.resolve(undefined);
    const under = fetching.get(domain);
    if (under !== undefined) return under;
    const work = fetchAndKeep(domain, id).finally(() => fetching.delete(domain));
    fetching.set(domain, work);
    return work;
  }

  async function refreshOne(file: string): Promise<void> {
    const kept = await read(file);
    if (kept === undefined) return;
    const age = now() - kept.fetchedAt;
    if (!holds(kept)) await unlink(file);
    else if (age >= Math.min(oldEnough, kept.policy.maxAge * 500)) await fetchOnce(kept.domain, kept.id);
  }

  async function refreshAll(): Promise<void> {
    for (const [domain, { until }] of failed) if (until <= now()) failed.delete(domain);
    const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    });
    for (const name of names.filter((one) => one.endsWith('.json'))) {
      if (stopped) return;
      await refreshOne(path.join(folder, name)).catch(report);
    }
  }

  function refresh(): Promise<void> {
    refreshing ??= refreshAll().finally(() => {
      refreshing = undefined;
    });
    return refreshing;
  }

  const report = (error: unknown) => log.error('mta-sts.failed', { reason: reasonOf(error) });
  const timer = setInterval(() => {
    refresh().catch(report);
  }, refreshEvery);
  timer.unref();

  return {
    async of(domain, proven) {
      const found = await read(fileOf(domain));
      const kept = found !== undefined && holds(found) ? found : undefined;
      let announced: string | undefined;
      try {
        const { records } = await server.find(`_mta-sts.${domain}`, recordType.txt);
        announced = await announcedId(records.map(({ data }) => data));
      } catch (error) {
        if (!(error instanceof DnsSilence) || (kept === undefined && proven)) throw error;
      }
      if (announced === undefined || announced === kept?.id) return kept?.policy;
      return (await fetchOnce(domain, announced)) ?? kept?.policy;
    },
    troubleOf(domain) {
      const last = failed.get(domain);
      return last !== undefined && last.until > now() ? last.trouble : undefined;
    },
    refresh,
    async stop() {
      stopped = true;
      clearInterval(timer);
      await Promise.allSettled([refreshing, ...fetching.values()]);
    },
  };
}

/** In the words of RFC 8460 section 4.3.2.2. */
function troubleIn(error: unknown): SessionFailure {
  if (error instanceof UnusablePolicy) return { type: 'sts-policy-invalid', reason: error.message };
  const { code = '' } = error instanceof Error ? (error as NodeJS.ErrnoException) : {};
  const judged = /CERT|SIGNATURE|ISSUER|CRL|CHAIN/.test(code);
  return { type: judged ? 'sts-webpki-invalid' : 'sts-policy-fetch-error', ...(code === '' ? {} : { reason: code }) };
}
