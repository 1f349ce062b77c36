/**
 * Counts of how TLS went, for the domains that want to know (RFC 8460): lines that are only ever appended, in one file for each day and
 * process, so that a restart loses none and several processes need not know of each other.
 */
import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { appendFile, mkdir, readdir } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { reasonOf } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { PolicyOutcome, TlsSession } from '../mx/tls-session.ts';

export interface TlsTally {
  note(session: TlsSession): void;
  /** Writes down what is counted. */
  flush(): Promise<void>;
  stop(): Promise<void>;
}

/** Milliseconds between two writes: what a crash costs at most. */
const writeEvery = 1_000;
/** Kinds of outcomes between two writes. */
const mostKinds = 10_000;
/** Milliseconds for which it is remembered whether a domain wants reports. */
const askAgainAfter = 60 * 60_000;
const mostDomains = 20_000;
/** Characters and lines of a policy: it is its owner's, and they know it. */
const mostOfPolicy = { lines: 30, characters: 300 };

const Line = z.object({
  domain: z.string(),
  server: z.object({ host: z.string(), address: z.string() }).optional(),
  outcome: z.object({
    type: z.enum(['tlsa', 'sts', 'no-policy-found']),
    domain: z.string(),
    text: z.array(z.string()),
    hosts: z.array(z.string()),
    failure: z.object({ type: z.string(), reason: z.string().optional() }).optional(),
  }),
  count: z.int().min(1),
});

/**
 * @param folder made when there is something to count
 * @param isWanted whether a domain asks for reports; rejects where that is not known
 * @param now milliseconds since 1970
 */
export function openTlsTally(
  folder: string,
  isWanted: (domain: string) => Promise<boolean>,
  now: () => number,
  log: Log,
): TlsTally {
  const mine = `${process.pid}-${randomBytes(4).toString('hex')}`;
  /** By file and line without its count. */
  let counts = new Map<string, Map<string, number>>();
  let kinds = 0;
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> = Promise.resolve();
  const wanted = new Map<string, { readonly until: number; readonly answer: Promise<boolean> }>();
  const pending = new Set<Promise<void>>();
  let failedBefore = false;

  function wants(domain: string): Promise<boolean> {
    const known = wanted.get(domain);
    if (known !== undefined && known.until > now()) return known.answer;
    wanted.delete(domain);
    // Oldest first: a Map keeps the order in which they came.
    for (const old of wanted.keys()) {
      if (wanted.size < mostDomains) break;
      wanted.delete(old);
    }
    // What is not known is asked again before a report is sent.
    const answer = isWanted(domain).catch(() => true);
    wanted.set(domain, { until: now() + askAgainAfter, answer });
    return answer;
  }

  function count({ domain, server, outcomes }: TlsSession, day: string): void {
    const file = `${day}.${mine}.jsonl`;
    const lines = counts.get(file) ?? new Map<string, number>();
    counts.set(file, lines);
    for (const outcome of outcomes) {
      const line = JSON.stringify({ domain, server, outcome: shortened(outcome) });
      if (!lines.has(line) && kinds >= mostKinds) continue;
      if (!lines.has(line)) kinds += 1;
      lines.set(line, (lines.get(line) ?? 0) + 1);
    }
    timer ??= setTimeout(() => void flush(), writeEvery).unref();
  }

  async function write(): Promise<void> {
    const taken = counts;
    counts = new Map();
    kinds = 0;
    clearTimeout(timer);
    timer = undefined;
    try {
      for (const [file, lines] of taken) {
        const text = [...lines].map(([line, times]) => `${line.slice(0, -1)},"count":${times}}\n`);
        await mkdir(folder, { recursive: true, mode: 0o700 });
        // The line end before closes a line that a full disk tore.
        await appendFile(path.join(folder, file), `\n${text.join('')}`, { mode: 0o600 });
      }
      failedBefore = false;
    } catch (error) {
      // Mail does not wait for what is counted of it.
      if (!failedBefore) log.warn('tls-reports.not-counted', { reason: reasonOf(error) });
      failedBefore = true;
    }
  }

  function flush(): Promise<void> {
    writing = writing.then(write);
    return writing;
  }

  return {
    note(session) {
      const day = dayOf(now());
      const work: Promise<void> = wants(session.domain).then((yes) => {
        pending.delete(work);
        if (yes) count(session, day);
      });
      pending.add(work);
    },
    flush,
    async stop() {
      await Promise.all(pending);
      await flush();
    },
  };
}

function shortened({ text, hosts, ...outcome }: PolicyOutcome): PolicyOutcome {
  const some = (all: readonly string[]) =>
    all.slice(0, mostOfPolicy.lines).map((one) => one.slice(0, mostOfPolicy.characters));
  return { ...outcome, text: some(text), hosts: some(hosts) };
}

/** The day in UTC: `2026-11-26`. */
export function dayOf(milliseconds: number): string {
  return new Date(milliseconds).toISOString().slice(0, 10);
}

/** Days of which something is counted, the oldest first. */
export async function countedDays(folder: string): Promise<string[]> {
  return [...new Set((await filesIn(folder)).map((name) => name.slice(0, 10)))].sort();
}

/** Files of that day, of whichever process. */
export async function filesOf(folder: string, day: string): Promise<string[]> {
  return (await filesIn(folder)).filter((name) => name.startsWith(day)).map((name) => path.join(folder, name));
}

async function filesIn(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  return names.filter((name) => /^\d{4}-\d\d-\d\d\..*jsonl$/.test(name));
}

/** What was found about one policy. */
export interface PolicyCounts {
  readonly policy: Pick<PolicyOutcome, 'type' | 'domain' | 'text' | 'hosts'>;
  successes: number;
  failures: number;
  /** By what failed and where, as JSON of `[type, host, address, reason]`. */
  readonly details: Map<string, number>;
}

/** Kinds of failures of one policy that are named; further ones are counted in the sum alone. */
const mostDetails = 200;
/** Policies of one domain in one day. */
const mostPolicies = 50;

/** The counts of a day by domain. Lines that a crash tore count for nothing. */
export async function readCounts(folder: string, day: string): Promise<Map<string, PolicyCounts[]>> {
  const domains = new Map<string, Map<string, PolicyCounts>>();
  for (const file of await filesOf(folder, day))
    for await (const text of createInterface({ input: createReadStream(file, 'utf8') })) {
      const line = Line.safeParse(parsed(text));
      if (!line.success) continue;
      const { domain, server, count, outcome } = line.data;
      const { failure, ...policy } = outcome;
      const policies = domains.get(domain) ?? new Map<string, PolicyCounts>();
      domains.set(domain, policies);
      const key = JSON.stringify(policy);
      const counts = policies.get(key) ?? { policy, successes: 0, failures: 0, details: new Map<string, number>() };
      if (!policies.has(key) && policies.size >= mostPolicies) continue;
      policies.set(key, counts);
      if (failure === undefined) counts.successes += count;
      else {
        counts.failures += count;
        const detail = JSON.stringify([failure.type, server?.host, server?.address, failure.reason]);
        if (counts.details.has(detail) || counts.details.size < mostDetails)
          counts.details.set(detail, (counts.details.get(detail) ?? 0) + count);
      }
    }
  return new Map([...domains].map(([domain, policies]) => [domain, [...policies.values()]]));
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
