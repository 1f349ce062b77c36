/** Whether a relying party gets what it needs here and now: for a load balancer, and whoever it wakes. */
import type { AuthorityHealth } from '@chancery/api';
import type { StatusWorld } from '../world.ts';
import { authorityHealth } from './health.ts';
import type { OcspResponder } from './ocsp-responder.ts';

interface JudgedHealth {
  readonly status: 'ok' | 'failing';
  /** A sentence for each thing that is wrong. */
  readonly problems: readonly string[];
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
    return { status: problems.length === 0 ? 'ok' : 'failing', problems, authorities, answersPerMinute };
  } catch (error) {
    world.log.error('health.failed', { error: error instanceof Error ? error.message : String(error) });
    return { status: 'failing', problems: ['The database does not answer.'], authorities: [], answersPerMinute };
  }
}

function problemsOf(one: Omit<AuthorityHealth, 'publications'>, answers: boolean, now: Date): string[] {
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
