/** Whether a relying party gets what it needs here and now: for a load balancer, and whoever it wakes. */
import type { AuthorityHealth } from '@chancery/api';
import type { StatusWorld } from '../world.ts';
import { authorityHealth } from './health.ts';
import type { OcspResponder } from './ocsp-responder.ts';

interface JudgedHealth {
  readonly status: 'ok' | 'failing';
  /** A sentence for each thing that is wrong. */
  readonly problems: readonly string[];
  /** A sentence for each thing that will be wrong soon. */
  readonly warnings: readonly string[];
  readonly authorities: readonly Omit<AuthorityHealth, 'publications'>[];
  /** Of this process, within the last minute. */
  readonly answersPerMinute: Readonly<Record<string, number>>;
}

/** Never throws: a database that does not answer is a problem like the others. */
export async function judgeHealth(world: StatusWorld, responder: OcspResponder): Promise<JudgedHealth> {
  const now = world.clock();
  const answersPerMinute = responder.answers.perMinute(now);
  try {
    const authorities = await world.database.snapshot((snapshot) => authorityHealth(world, snapshot));
    const answering = new Set((await responder.responders.all()).map(({ authority }) => authority.slug));
    const problems = authorities.flatMap((one) => problemsOf(one, answering.has(one.slug), now));
    const warnings = authorities.flatMap((one) => warningsOf(one, now));
    return { status: problems.length === 0 ? 'ok' : 'failing', problems, warnings, authorities, answersPerMinute };
  } catch (error) {
    world.log.error('health.failed', { error: error instanceof Error ? error.message : String(error) });
    return {
      status: 'failing',
      problems: ['The database does not answer.'],
      warnings: [],
      authorities: [],
      answersPerMinute,
    };
  }
}

/** What only people can do, in time. */
export function warningsOf({ slug, offline, complete }: Omit<AuthorityHealth, 'publications'>, now: Date): string[] {
  if (offline === null) return [];
  const warnings: string[] = [];
  if (offline.warnFrom !== null && complete !== null && Date.parse(offline.warnFrom) <= now.getTime())
    warnings.push(
      `${slug}: its CRL ends on ${complete.nextUpdate}. Hold a ceremony for the next ("chancery ceremony crl").`,
    );
  if (offline.behind > 0)
    warnings.push(
      `${slug}: what was revoked here since stands on no CRL of it (${offline.behind}). Hold a ceremony ("chancery ceremony crl").`,
    );
  return warnings;
}

/** What is wrong now. @param answers whether a responder of it can sign here */
export function problemsOf(one: Omit<AuthorityHealth, 'publications'>, answers: boolean, now: Date): string[] {
  const problems: string[] = [];
  const lists = [
    ['CRL', one.complete],
    ['delta CRL', one.delta],
    ['oldest CRL of a shard', one.shards],
  ] as const;
  if (one.complete === null) problems.push(`${one.slug}: there is no CRL.`);
  for (const [what, list] of lists) {
    if (list !== null && Date.parse(list.nextUpdate) <= now.getTime())
      problems.push(`${one.slug}: the ${what} ended on ${list.nextUpdate}.`);
  }
  if (one.role === 'issuing' && !answers)
    problems.push(`${one.slug}: there is no OCSP responder certificate in force whose key is here.`);
  return problems;
}
