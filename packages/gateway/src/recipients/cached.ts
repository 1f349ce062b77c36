/** Keeps what a source said for as long as it is good: what it found and what it did not, each for a time of its own, and that it did not answer, briefly. */
import { domainOf } from '@chancery/mail-policy';
import type { PromptSource, SourceAnswer } from './source.ts';

/** Milliseconds. Certificates are judged anew each time they are used, so that one that ends or is revoked meanwhile is not used. */
export const lifetimes = {
  /** Where the source says nothing of it. */
  found: 60 * 60 * 1000,
  nothing: 10 * 60 * 1000,
  /** So that a directory that is down is not asked for each mail, and is asked again soon. */
  unknown: 15 * 1000,
  /** Whatever a source says: a partner who changes a certificate waits no longer. */
  longest: 24 * 60 * 60 * 1000,
  /** And a source that says 0 is not asked for each recipient of one mail. */
  shortest: 5 * 1000,
} as const;

const remembered = 10_000;

/** Answers of `source` from memory while they are good; many who ask for one address at once are one question. */
export function cached(source: PromptSource, now: () => number): PromptSource {
  const answers = new Map<string, { until: number; answer: SourceAnswer }>();
  const asking = new Map<string, Promise<SourceAnswer>>();

  async function ask(address: string): Promise<SourceAnswer> {
    const answer = await source.find(address);
    answers.delete(address);
    answers.set(address, { until: now() + lifetimeOf(answer), answer });
    const [oldest] = answers.keys();
    if (answers.size > remembered && oldest !== undefined) answers.delete(oldest);
    return answer;
  }

  return {
    ...source,
    find(given) {
      const address = keyOf(given);
      const known = answers.get(address);
      if (known !== undefined && known.until > now()) return Promise.resolve(known.answer);
      const under = asking.get(address);
      if (under !== undefined) return under;
      const fresh = ask(address).finally(() => asking.delete(address));
      asking.set(address, fresh);
      return fresh;
    },
  };
}

function lifetimeOf(answer: SourceAnswer): number {
  if (answer.said === 'unknown') return lifetimes.unknown;
  return Math.min(Math.max(answer.lifetime ?? lifetimes[answer.said], lifetimes.shortest), lifetimes.longest);
}

/** Local parts are their domain's to compare: in the DNS `Bob` and `bob` are two names. */
function keyOf(address: string): string {
  return `${address.slice(0, address.lastIndexOf('@'))}@${domainOf(address)}`;
}
