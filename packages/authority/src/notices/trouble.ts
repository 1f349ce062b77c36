/** What is wrong with the office itself, or will be soon: looked for once a minute, and each told once, as its key says. */
import { createHash } from 'node:crypto';
import type { KeyStoreHealth } from '@chancery/keystore';
import { sql } from 'kysely';
import { standingOfDrills } from '../kra/drill.ts';
import { authorityHealth } from '../status/health.ts';
import { problemsOf, warningsOf } from '../status/judge-health.ts';
import { auditTargets } from '../store/audit-targets.ts';
import { listAuthorities } from '../store/authorities.ts';
import type { Snapshot } from '../store/database.ts';
import type { World } from '../world.ts';
import type { Happening } from './tell.ts';

/** What is so now of one kind of thing. */
export type Look = (snapshot: Snapshot, world: World, now: Date) => Promise<Happening[]>;

const DAY = 86_400_000;

/** Once a day for each store of keys, while it lasts. */
export function silentStores(stores: readonly KeyStoreHealth[], now: Date): Happening[] {
  return stores.flatMap(({ name, state, since, lastError }) =>
    // What is back within a minute wakes nobody.
    state === 'available' || now.getTime() - since.getTime() < 60_000
      ? []
      : [
          {
            event: 'token-trouble' as const,
            key: `token-trouble ${name} ${now.toISOString().slice(0, 10)}`,
            about: `store:${name}`,
            facts: { target: name, since, detail: lastError?.message ?? '' },
          },
        ],
  );
}

/** Once a day for each place, while it lasts. */
const targetsDown: Look = async (snapshot, _world, now) => {
  const people = await snapshot
    .selectFrom('publications')
    .select('target')
    .select((select) => select.fn.countAll<string>().as('count'))
    .select([
      sql<Date>`min(updated_at)`.as('since'),
      sql<string | null>`(array_agg(error ORDER BY updated_at DESC))[1]`.as('error'),
    ])
    .where('state', '=', 'failed')
    .where('attempts', '>=', 3)
    .groupBy('target')
    .execute();
  const documents = await snapshot
    .selectFrom('document_publications')
    .select('target')
    .select((select) => select.fn.countAll<string>().as('count'))
    .select([
      sql<Date>`min(coalesce(published_at, updated_at))`.as('since'),
      sql<string | null>`(array_agg(error ORDER BY updated_at DESC))[1]`.as('error'),
    ])
    .where('error', 'is not', null)
    .where('attempts', '>=', 3)
    .groupBy('target')
    .execute();
  const rows = [...people, ...documents.filter(({ target }) => !people.some((one) => one.target === target))];
  return rows.map(({ target, count, since, error }) => ({
    event: 'target-down',
    key: `target-down ${target} ${now.toISOString().slice(0, 10)}`,
    about: `target:${target}`,
    facts: { target, count, since, detail: error ?? '' },
  }));
};

/** What a load balancer is told, in the same sentences. */
const authoritiesInTrouble: Look = async (snapshot, world, now) => {
  const health = await authorityHealth(world, snapshot);
  const sentences = health.flatMap((one) =>
    [...problemsOf(one, one.responder !== null, now), ...warningsOf(one, now)].map((detail) => ({
      slug: one.slug,
      detail,
    })),
  );
  return sentences.map(({ slug, detail }) => ({
    event: 'authority-trouble',
    key: `authority-trouble ${createHash('sha256').update(detail).digest('hex').slice(0, 32)}`,
    about: `authority:${slug}`,
    facts: { authority: slug, detail },
  }));
};

/** The end of an authority itself: ninety days before, thirty and seven, each once. */
const authoritiesEnding: Look = async (snapshot, _world, now) =>
  (await listAuthorities(snapshot)).flatMap(({ slug, certificate, revokedAt }) => {
    const { notAfter, serialNumber } = certificate;
    const left = (notAfter.getTime() - now.getTime()) / DAY;
    const stage = STAGES.find((days) => left <= days);
    if (revokedAt !== null || left <= 0 || stage === undefined) return [];
    return [
      {
        event: 'authority-ending' as const,
        key: `authority-ending ${slug} ${serialNumber} ${stage}`,
        about: `authority:${slug}`,
        facts: { authority: slug, until: notAfter },
      },
    ];
  });

const STAGES = [7, 30, 90];

/** Since an hour, once for each time that it began. */
const unwitnessed: Look = async (snapshot, world, now) => {
  const { witness, export: exports } = world.config.audit;
  const configured = new Set([
    ...Object.keys(witness).map((name) => `witness:${name}`),
    ...Object.keys(exports).map((name) => `export:${name}`),
  ]);
  return (await auditTargets(snapshot)).flatMap(({ name, failing_since: since, error }) =>
    since === null || since.getTime() > now.getTime() - 3_600_000 || !configured.has(name)
      ? []
      : [
          {
            event: 'trail-unwitnessed' as const,
            key: `trail-unwitnessed ${name} ${since.toISOString()}`,
            about: 'audit',
            facts: { target: name, since, detail: error ?? '' },
          },
        ],
  );
};

const overdueDrills: Look = async (snapshot, world) => {
  const { dueAt, overdue } = await standingOfDrills(snapshot, world);
  if (dueAt === null || !overdue) return [];
  const day = dueAt.toISOString().slice(0, 10);
  return [{ event: 'drill-overdue', key: `drill-overdue ${day}`, about: 'vault', facts: { since: dueAt } }];
};

export const troubles: readonly Look[] = [
  targetsDown,
  authoritiesInTrouble,
  authoritiesEnding,
  unwitnessed,
  overdueDrills,
];
