/** What the overview counts in tables that grow with the office. Counting a million takes a second: the figures are kept for a while then. */
import type { Overview } from '@chancery/api';
import { sql } from 'kysely';
import type { AuthorityConfig } from '../config.ts';
import { standingOfDrills } from '../kra/drill.ts';
import { publicationTargets } from '../publication-config.ts';
import type { Snapshot } from '../store/database.ts';
import { isUsable } from '../store/escrow.ts';
import type { World } from '../world.ts';

export type OfficeCounts = Pick<Overview, 'people' | 'certificates' | 'escrow' | 'drill' | 'publication' | 'countedAt'>;

/** Milliseconds. Whatever is counted faster is counted whenever somebody asks. */
const SLOW = 500;
/** Counting takes a hundredth of the time at most, on each node… */
const REST = 100;
/** …but one that was slow by chance, beside thousands who join, is not shown for a quarter of an hour. Milliseconds. */
const LONGEST_REST = 120_000;
/** Milliseconds after which nobody is shown what was counted; until then it is counted again behind their back. */
const OLDEST = 900_000;

/** The counts of the office; after a slow counting those of a while ago, as `countedAt` says. */
export function countOffice(world: World): Promise<OfficeCounts> {
  const now = performance.now();
  const last = kept.get(world);
  if (last !== undefined && now < last.freshUntil) return last.counts;
  let running = counting.get(world);
  if (running === undefined) {
    running = count(world).finally(() => counting.delete(world));
    counting.set(world, running);
    // Whoever waits for it hears of its failure.
    running.catch(() => {});
  }
  return last !== undefined && now < last.until ? last.counts : running;
}

const kept = new WeakMap<World, { counts: Promise<OfficeCounts>; freshUntil: number; until: number }>();
const counting = new WeakMap<World, Promise<OfficeCounts>>();

async function count(world: World): Promise<OfficeCounts> {
  const began = performance.now();
  const at = world.clock();
  const counts = await world.database.snapshot(async (snapshot) => ({
    people: await people(snapshot, at),
    certificates: await certificates(snapshot, at),
    escrow: await escrow(snapshot),
    drill: await drill(snapshot, world),
    publication: await publication(snapshot, world.config),
    countedAt: at.toISOString(),
  }));
  const ended = performance.now();
  const took = ended - began;
  if (took < SLOW) kept.delete(world);
  else kept.set(world, { counts: Promise.resolve(counts), freshUntil: ended + restAfter(took), until: ended + OLDEST });
  return counts;
}

/** Both in milliseconds. */
export const restAfter = (took: number): number => Math.min(took * REST, LONGEST_REST);

async function people(snapshot: Snapshot, at: Date): Promise<Overview['people']> {
  const valid = (use: string) => sql<string>`count(*) FILTER (WHERE EXISTS (
    SELECT 1 FROM certificates c WHERE c.person_id = people.id AND c.use = ${use} AND c.revoked_at IS NULL
      AND c.not_before <= ${at} AND c.not_after > ${at}
      -- a key that its owner cannot use yet makes nobody reachable
      AND (${use} <> 'encryption' OR EXISTS (
        SELECT 1 FROM escrowed_keys e WHERE e.id = c.escrowed_key_id AND ${isUsable}))))`;
  const row = await snapshot
    .selectFrom('people')
    .select([
      sql<string>`count(*)`.as('active'),
      valid('signing').as('canSign'),
      valid('encryption').as('canBeWrittenTo'),
    ])
    .where('state', '=', 'active')
    .executeTakeFirstOrThrow();
  return {
    active: Number(row.active),
    canSign: Number(row.canSign),
    canBeWrittenTo: Number(row.canBeWrittenTo),
  };
}

async function certificates(snapshot: Snapshot, at: Date): Promise<Overview['certificates']> {
  const row = await snapshot
    .selectFrom('certificates')
    .select([
      sql<string>`count(*) FILTER (WHERE revoked_at IS NULL AND not_after > ${at} AND renew_at > ${at})`.as('valid'),
      sql<string>`count(*) FILTER (WHERE revoked_at IS NULL AND not_after > ${at} AND renew_at <= ${at})`.as(
        'expiring',
      ),
      sql<string>`count(*) FILTER (WHERE revoked_at IS NULL AND not_after <= ${at})`.as('expired'),
      sql<string>`count(*) FILTER (WHERE revoked_at IS NOT NULL)`.as('revoked'),
    ])
    .where('person_id', 'is not', null)
    .executeTakeFirstOrThrow();
  return {
    valid: Number(row.valid),
    expiring: Number(row.expiring),
    expired: Number(row.expired),
    revoked: Number(row.revoked),
  };
}

async function escrow(snapshot: Snapshot): Promise<Overview['escrow']> {
  const keys = await snapshot
    .selectFrom('escrowed_keys')
    .select((select) => select.fn.countAll<string>().as('count'))
    .where('destroyed_at', 'is', null)
    .executeTakeFirstOrThrow();
  const certified = await snapshot
    .selectFrom('certificates')
    .select([
      sql<string>`count(*)`.as('all'),
      sql<string>`count(*) FILTER (WHERE EXISTS (
        SELECT 1 FROM escrow_locks l WHERE l.escrowed_key_id = certificates.escrowed_key_id AND l.kind = 'vault'))`.as(
        'covered',
      ),
    ])
    .where('use', '=', 'encryption')
    .where(sql<boolean>`escrowed_key_id NOT IN (SELECT id FROM escrowed_keys WHERE destroyed_at IS NOT NULL)`)
    .executeTakeFirstOrThrow();
  return {
    keys: Number(keys.count),
    encryptionCertificates: Number(certified.all),
    covered: Number(certified.covered),
  };
}

async function drill(snapshot: Snapshot, world: World): Promise<Overview['drill']> {
  const { lastAt, dueAt, ...standing } = await standingOfDrills(snapshot, world);
  return { ...standing, lastAt: lastAt?.toISOString() ?? null, dueAt: dueAt?.toISOString() ?? null };
}

async function publication(snapshot: Snapshot, config: AuthorityConfig): Promise<Overview['publication']> {
  const rows = await snapshot
    .selectFrom('publications')
    .select([
      'target',
      sql<string>`count(*) FILTER (WHERE state = 'published')`.as('published'),
      sql<string>`count(*) FILTER (WHERE state = 'pending')`.as('pending'),
      sql<string>`count(*) FILTER (WHERE state = 'failed')`.as('failed'),
      sql<string | null>`(array_agg(error ORDER BY updated_at DESC) FILTER (WHERE error IS NOT NULL))[1]`.as(
        'lastError',
      ),
    ])
    .groupBy('target')
    .execute();
  const targets = new Set([...publicationTargets(config), ...rows.map((row) => row.target)]);
  return [...targets].sort().map((target) => {
    const row = rows.find((one) => one.target === target);
    return {
      target,
      published: Number(row?.published ?? 0),
      pending: Number(row?.pending ?? 0),
      failed: Number(row?.failed ?? 0),
      lastError: row?.lastError ?? null,
    };
  });
}
