/** What the state of lists, responders and publications means, and what somebody should do about it. */
import type { AuthorityHealth } from '@chancery/api';
import { formatRelative, plural } from '../format.ts';

export type Freshness = 'ok' | 'warn' | 'bad';

export interface StatusFinding {
  readonly key: string;
  readonly tone: 'bad' | 'warn';
  readonly text: string;
}

/** Half of a list's time is more than enough to make the next: past that somebody should look. */
export const LIST_LATE = 0.5;
/** A responder renews its certificate when a third of its time is left. */
const RESPONDER_LATE = 0.75;

/** @param now in milliseconds since 1970 */
export function listFreshness(list: { thisUpdate: string; nextUpdate: string }, now: number): Freshness {
  return freshness(list.thisUpdate, list.nextUpdate, LIST_LATE, now);
}

export function judgeResponder(responder: AuthorityHealth['responder'], now: number): Freshness {
  return responder === null ? 'warn' : freshness(responder.notBefore, responder.notAfter, RESPONDER_LATE, now);
}

/** A sentence for each thing that is late or failing, what is worst first; none where all is well. */
export function findingsOf(authorities: readonly AuthorityHealth[], now: number): StatusFinding[] {
  const found = authorities.flatMap((one) => [
    ...(one.offline === null ? lists(one, now) : ceremonies(one, one.offline, now)),
    ...(one.role === 'issuing' ? responders(one, now) : []),
  ]);
  return [...publications(authorities, now), ...found].sort(
    (a, b) => Number(b.tone === 'bad') - Number(a.tone === 'bad'),
  );
}

function freshness(from: string, until: string, late: number, now: number): Freshness {
  const [start, end] = [Date.parse(from), Date.parse(until)];
  if (now >= end) return 'bad';
  return now > start + (end - start) * late ? 'warn' : 'ok';
}

const MAKING =
  'The office makes lists by itself, every minute that one is due: see under Status on the overview whether the key can be used, and look for job.failed in its log';

function lists({ id, name, complete, delta, shards }: AuthorityHealth, now: number): StatusFinding[] {
  if (complete === null) {
    return [
      {
        key: `${id} none`,
        tone: 'bad',
        text: `${name} has no revocation list yet, so that nobody who asks for one believes its certificates. ${MAKING}.`,
      },
    ];
  }
  return (
    [
      ['revocation list', complete],
      ['delta list', delta],
      ['oldest list of a shard', shards],
    ] as const
  ).flatMap(([what, list]): StatusFinding[] => {
    if (list === null) return [];
    const state = listFreshness(list, now);
    if (state === 'ok') return [];
    const key = `${id} ${what}`;
    return state === 'bad'
      ? [
          {
            key,
            tone: 'bad',
            text: `The ${what} of ${name} ended ${formatRelative(list.nextUpdate, now)}: whoever checks it refuses certificates that are good. ${MAKING}.`,
          },
        ]
      : [
          {
            key,
            tone: 'warn',
            text: `The ${what} of ${name} was made ${formatRelative(list.thisUpdate, now)}, and its next should be there by now; it ends ${formatRelative(list.nextUpdate, now)}. ${MAKING}.`,
          },
        ];
  });
}

/** Its key is offline: people make its lists. */
function ceremonies(
  { id, name, complete }: AuthorityHealth,
  { warnFrom, behind }: NonNullable<AuthorityHealth['offline']>,
  now: number,
): StatusFinding[] {
  const find = (what: string, tone: StatusFinding['tone'], text: string): StatusFinding => ({
    key: `${id} ${what}`,
    tone,
    text: `${text} Hold a ceremony (chancery ceremony crl), and take in what it signed.`,
  });
  if (complete === null) return [find('none', 'warn', `${name} is offline, and no revocation list of it is here yet.`)];
  const found: StatusFinding[] = [];
  if (now >= Date.parse(complete.nextUpdate))
    found.push(
      find(
        'revocation list',
        'bad',
        `The revocation list of ${name} ended ${formatRelative(complete.nextUpdate, now)}: whoever checks it refuses certificates that are good.`,
      ),
    );
  else if (warnFrom !== null && now >= Date.parse(warnFrom))
    found.push(
      find(
        'revocation list',
        'warn',
        `The revocation list of ${name} ends ${formatRelative(complete.nextUpdate, now)}.`,
      ),
    );
  if (behind > 0) found.push(find('behind', 'warn', `What was revoked below ${name} stands on no list of it yet.`));
  return found;
}

function responders({ id, name, responder, revoked }: AuthorityHealth, now: number): StatusFinding[] {
  const state = judgeResponder(responder, now);
  // Nobody asks about what a revoked authority signed.
  if (state === 'ok' || revoked !== null) return [];
  const text =
    responder === null
      ? `OCSP of ${name} has no certificate to answer with, and says “try later”. The next minute makes one, if the authority’s key can be used.`
      : `The OCSP certificate of ${name} ends ${formatRelative(responder.notAfter, now)} and has not renewed itself. See whether the authority’s key can be used, and look for job.failed in the log; once it has ended, OCSP says “try later”.`;
  return [{ key: `${id} responder`, tone: state === 'bad' ? 'bad' : 'warn', text }];
}

/** One sentence for each target: what stops it, stops it for every authority. */
function publications(authorities: readonly AuthorityHealth[], now: number): StatusFinding[] {
  const refusals = authorities.flatMap(({ name, publications: targets }) =>
    targets.filter(({ error }) => error !== null).map((one) => ({ ...one, name })),
  );
  return [...new Set(refusals.map(({ target }) => target))].map((target) => {
    const own = refusals.filter((one) => one.target === target);
    const behind = own.reduce((sum, one) => sum + one.behind, 0);
    const of = own.length === 1 ? (own[0]?.name ?? '') : `${own.length} authorities`;
    const reached = own
      .flatMap(({ publishedAt }) => publishedAt ?? [])
      .sort()
      .at(-1);
    return {
      key: `publication ${target}`,
      tone: 'bad',
      text: `${target} refuses ${behind === 0 ? 'a document' : plural(behind, 'document', 'documents')} of ${of}: ${(own[0]?.error ?? '').replace(/\.$/, '')}. ${
        reached === undefined
          ? 'Nothing has reached it yet'
          : `It took something ${formatRelative(reached, now)} for the last time`
      }. It is tried again by itself, and over HTTP everything is served as it is in force.`,
    };
  });
}
