/** The figures of the database, as they are when somebody scrapes; what is slow to count is kept for a while. */
import { sql } from 'kysely';
import { coverageCounts } from '../inventory/inventory.ts';
import { standingOfDrills } from '../kra/drill.ts';
import { authorityHealth } from '../status/health.ts';
import { auditTargets } from '../store/audit-targets.ts';
import { latestCheckpoint } from '../store/audit-tree.ts';
import { listAuthorities } from '../store/authorities.ts';
import type { Snapshot } from '../store/database.ts';
import { countUnsent } from '../store/notice-events.ts';
import { findOffice } from '../store/office.ts';
import { otherRules, readRuleCounts } from '../store/rule-counts.ts';
import type { World } from '../world.ts';
import { endingBuckets, type FamilyName } from './families.ts';

export interface Sample {
  readonly family: FamilyName;
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
}

/** All but what this process counts by itself. @throws Error where the database does not answer */
export async function collect(world: World): Promise<Sample[]> {
  const large = await countLarge(world);
  const now = world.clock();
  const small = await world.database.snapshot(async (snapshot) => {
    if ((await findOffice(snapshot)) === undefined) return [];
    return [
      ...(await authorities(snapshot, world, now)),
      ...(await reconciliations(snapshot, now)),
      ...(await documents(snapshot)),
      ...(await notices(snapshot, now)),
      ...(await vault(snapshot, world, now)),
      ...(await trail(snapshot, world, now)),
    ];
  });
  return [...large, ...small, ...(await jobs(world))];
}

// Large tables --------------------------------------------------------------------------------------------------------

/** Milliseconds for which figures are good at least; slow ones for fifty times as long as the counting took. */
const KEPT = 10_000;
const REST = 50;
const kept = new WeakMap<World, { samples: Sample[]; at: number; until: number }>();
const counting = new WeakMap<World, Promise<void>>();

async function countLarge(world: World): Promise<Sample[]> {
  const last = kept.get(world);
  if (last === undefined || performance.now() >= last.until) {
    // Whoever scrapes at the same time waits for the same counting.
    let running = counting.get(world);
    if (running === undefined) {
      running = recount(world).finally(() => counting.delete(world));
      counting.set(world, running);
    }
    await running;
  }
  const found = kept.get(world);
  if (found === undefined) return [];
  return [...found.samples, { family: 'collectedAge', value: (performance.now() - found.at) / 1000 }];
}

async function recount(world: World): Promise<void> {
  const began = performance.now();
  const at = world.clock();
  const samples = await world.database.snapshot(async (snapshot) => [
    ...(await people(snapshot, at)),
    ...(await coverage(world, snapshot)),
    ...(await certificates(snapshot, at)),
    ...(await publications(snapshot, at)),
    ...(await escrow(snapshot)),
    ...(await mail(snapshot)),
  ]);
  const ended = performance.now();
  kept.set(world, { samples, at: ended, until: ended + Math.max(KEPT, (ended - began) * REST) });
}

async function people(snapshot: Snapshot, at: Date): Promise<Sample[]> {
  const states = await snapshot
    .selectFrom('people')
    .select('state')
    .select((select) => select.fn.countAll<string>().as('count'))
    .groupBy('state')
    .execute();
  const ready = (use: 'signing' | 'encryption') =>
    sql<string>`count(DISTINCT c.person_id) FILTER (WHERE c.use = ${use} AND (${use} = 'signing' OR e.delivered_at IS NOT NULL
      OR EXISTS (SELECT 1 FROM escrow_locks l WHERE l.escrowed_key_id = e.id AND l.kind = 'gateway')))`;
  const row = await snapshot
    .selectFrom('certificates as c')
    .innerJoin('people as p', 'p.id', 'c.person_id')
    .leftJoin('escrowed_keys as e', 'e.id', 'c.escrowed_key_id')
    .select([ready('signing').as('signing'), ready('encryption').as('encryption')])
    .where('p.state', '=', 'active')
    .where('c.revoked_at', 'is', null)
    .where('c.not_before', '<=', at)
    .where('c.not_after', '>', at)
    .executeTakeFirstOrThrow();
  return [
    ...states.map(({ state, count }) => sample('people', Number(count), { state })),
    sample('peopleReady', Number(row.signing), { use: 'signing' }),
    sample('peopleReady', Number(row.encryption), { use: 'encryption' }),
  ];
}

/** As the inventory says it. */
async function coverage(world: World, snapshot: Snapshot): Promise<Sample[]> {
  if ((await findOffice(snapshot)) === undefined) return [];
  const { items } = await coverageCounts(world, snapshot);
  return items.map(({ use, reason, count }) => sample('coverage', count, { use, reason }));
}

async function certificates(snapshot: Snapshot, at: Date): Promise<Sample[]> {
  const within = (days: number) => sql<string>`count(*) FILTER (WHERE revoked_at IS NULL AND not_after > ${at}
    AND not_after <= ${new Date(at.getTime() + days * 86_400_000)})`;
  const rows = await snapshot
    .selectFrom('certificates')
    .select('use')
    .select([
      sql<string>`count(*) FILTER (WHERE revoked_at IS NULL AND not_after > ${at} AND renew_at > ${at})`.as('valid'),
      sql<string>`count(*) FILTER (WHERE revoked_at IS NULL AND not_after > ${at} AND renew_at <= ${at})`.as(
        'expiring',
      ),
      sql<string>`count(*) FILTER (WHERE revoked_at IS NULL AND not_after <= ${at})`.as('expired'),
      sql<string>`count(*) FILTER (WHERE revocation_reason = 'certificateHold')`.as('held'),
      sql<string>`count(*) FILTER (WHERE revocation_reason <> 'certificateHold')`.as('revoked'),
      sql<string[]>`ARRAY[${sql.join(endingBuckets.map(within))}]::text[]`.as('ending'),
    ])
    .groupBy('use')
    .execute();
  return rows.flatMap(({ use, ending, ...states }) => [
    ...Object.entries(states).map(([state, count]) => sample('certificates', Number(count), { use, state })),
    ...endingBuckets.map((days, index) =>
      sample('certificatesEnding', Number(ending[index]), { use, within_days: String(days) }),
    ),
  ]);
}

async function publications(snapshot: Snapshot, at: Date): Promise<Sample[]> {
  const rows = await snapshot
    .selectFrom('publications')
    .select(['target', 'state'])
    .select((select) => select.fn.countAll<string>().as('count'))
    .select(sql<Date>`min(updated_at)`.as('since'))
    .groupBy(['target', 'state'])
    .orderBy('target')
    .limit(MOST_VALUES * 4)
    .execute();
  const open = rows.filter(({ state }) => state === 'pending' || state === 'failed');
  const targets = [...new Set(rows.map(({ target }) => target))];
  return [
    ...rows.map(({ target, state, count }) => sample('publications', Number(count), { target, state })),
    ...targets.map((target) => {
      const since = open.filter((row) => row.target === target).map((row) => row.since.getTime());
      return sample('publicationLag', since.length === 0 ? 0 : (at.getTime() - Math.min(...since)) / 1000, { target });
    }),
  ];
}

async function escrow(snapshot: Snapshot): Promise<Sample[]> {
  const { count } = await snapshot
    .selectFrom('escrowed_keys')
    .select((select) => select.fn.countAll<string>().as('count'))
    .where('destroyed_at', 'is', null)
    .executeTakeFirstOrThrow();
  return [sample('escrowedKeys', Number(count))];
}

/** By as many names of rules as whoever keeps the figures can bear: those that were last heard of. */
async function mail(snapshot: Snapshot): Promise<Sample[]> {
  const counts = await readRuleCounts(snapshot);
  const named = new Set([...new Set(counts.map(({ rule }) => rule))].slice(0, MOST_VALUES));
  const totals = new Map<string, Sample>();
  for (const { rule, direction, outcome, shadow, count } of counts) {
    const labels = { rule: named.has(rule) ? rule : otherRules, direction, outcome };
    const key = JSON.stringify([shadow, labels]);
    const family = shadow ? 'mailShadow' : 'mailDecisions';
    totals.set(key, sample(family, (totals.get(key)?.value ?? 0) + count, labels));
  }
  return [...totals.values()];
}

// Small ones ----------------------------------------------------------------------------------------------------------

/** Of authorities and targets: more than an office has, and few enough for whoever keeps the figures. */
const MOST_VALUES = 100;

async function authorities(snapshot: Snapshot, world: World, now: Date): Promise<Sample[]> {
  const until = (instant: string | Date) => (new Date(instant).getTime() - now.getTime()) / 1000;
  const health = (await authorityHealth(world, snapshot)).slice(0, MOST_VALUES);
  const ends = (await listAuthorities(snapshot)).slice(0, MOST_VALUES);
  return [
    ...ends.map(({ slug, certificate }) => sample('authorityEnds', until(certificate.notAfter), { authority: slug })),
    ...health.flatMap(({ slug: authority, complete, responder }) => [
      ...(complete === null
        ? []
        : [
            sample('crlAge', -until(complete.thisUpdate), { authority }),
            sample('crlEnds', until(complete.nextUpdate), { authority }),
            sample('crlEntries', complete.entries, { authority }),
          ]),
      ...(responder === null ? [] : [sample('responderEnds', until(responder.notAfter), { authority })]),
    ]),
  ];
}

async function reconciliations(snapshot: Snapshot, now: Date): Promise<Sample[]> {
  const rows = await snapshot
    .selectFrom('reconciliations')
    .select('target')
    .select(sql<Date>`max(ended_at)`.as('ended'))
    .where('ended_at', 'is not', null)
    .where('error', 'is', null)
    .groupBy('target')
    .orderBy('target')
    .limit(MOST_VALUES)
    .execute();
  return rows.map(({ target, ended }) => sample('reconcileAge', (now.getTime() - ended.getTime()) / 1000, { target }));
}

async function documents(snapshot: Snapshot): Promise<Sample[]> {
  const rows = await snapshot
    .selectFrom('document_publications')
    .select('target')
    .select(sql<string>`count(*) FILTER (WHERE error IS NOT NULL)`.as('failed'))
    .groupBy('target')
    .orderBy('target')
    .limit(MOST_VALUES)
    .execute();
  return rows.map(({ target, failed }) => sample('documentsFailed', Number(failed), { target }));
}

async function notices(snapshot: Snapshot, now: Date): Promise<Sample[]> {
  const { oldest, ...states } = await countUnsent(snapshot);
  return [
    ...Object.entries(states).map(([state, count]) => sample('notices', count, { state })),
    sample('noticesOldest', oldest === null ? 0 : (now.getTime() - oldest.getTime()) / 1000),
  ];
}

async function vault(snapshot: Snapshot, world: World, now: Date): Promise<Sample[]> {
  const { lastAt, overdue } = await standingOfDrills(snapshot, world);
  const live = await snapshot.selectFrom('vaults').select('id').where('state', '=', 'live').limit(1).executeTakeFirst();
  const open = await snapshot
    .selectFrom('recovery_requests')
    .select([
      sql<string>`count(*) FILTER (WHERE state = 'open')`.as('open'),
      sql<string>`count(*) FILTER (WHERE state = 'approved')`.as('approved'),
    ])
    .where('expires_at', '>', now)
    .executeTakeFirstOrThrow();
  return [
    sample('vaultLive', live === undefined ? 0 : 1),
    sample('drillOverdue', overdue ? 1 : 0),
    ...(lastAt === null ? [] : [sample('drillAge', (now.getTime() - lastAt.getTime()) / 1000)]),
    sample('recoveriesOpen', Number(open.open), { state: 'open' }),
    sample('recoveriesOpen', Number(open.approved), { state: 'approved' }),
  ];
}

async function trail(snapshot: Snapshot, world: World, now: Date): Promise<Sample[]> {
  const latest = await latestCheckpoint(snapshot);
  if (latest === undefined) return [];
  const { witness, export: exports } = world.config.audit;
  const names = [
    ...Object.keys(witness).map((name) => `witness:${name}`),
    ...Object.keys(exports).map((name) => `export:${name}`),
  ].slice(0, MOST_VALUES);
  const states = new Map((await auditTargets(snapshot)).map((row) => [row.name, row]));
  return [
    sample('trailRecords', latest.size),
    sample('checkpointAge', (now.getTime() - latest.at.getTime()) / 1000),
    ...names.flatMap((target) => [
      sample('targetBehind', Math.max(0, latest.size - (states.get(target)?.reached ?? 0)), { target }),
      sample('targetFailing', states.get(target)?.failing_since == null ? 0 : 1, { target }),
    ]),
  ];
}

/** The queue is pg-boss's own table. */
async function jobs({ database }: World): Promise<Sample[]> {
  const { rows } = await database.pool.query<{ queue: string; state: string; count: number; age: number }>(
    `SELECT name AS queue, CASE WHEN state = 'active' THEN 'active' WHEN state = 'retry' THEN 'retry' ELSE 'waiting' END AS state,
       count(*)::int AS count, extract(epoch FROM now() - min(created_on))::float8 AS age
     FROM jobs.job WHERE state IN ('created', 'retry', 'active') AND start_after <= now() + interval '1 hour'
     GROUP BY 1, 2 ORDER BY 1, 2 LIMIT 200`,
  );
  const queues = [...new Set(rows.map(({ queue }) => queue))];
  return [
    ...rows.map(({ queue, state, count }) => sample('jobs', count, { queue, state })),
    ...queues.map((queue) =>
      sample('jobsOldest', Math.max(...rows.filter((row) => row.queue === queue).map(({ age }) => age)), { queue }),
    ),
  ];
}

function sample(family: FamilyName, value: number, labels: Record<string, string> = {}): Sample {
  return { family, labels, value };
}
