/**
 * The reconciler: every target compared with the inventory, page by page, and what has drifted mended. It touches our own values
 * alone. What a page lacks is written down before it is mended, and how far it has come with each page: killed, it goes on
 * where it was, and counts nothing twice and nothing never.
 */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { AuthorityError } from '../errors.ts';
import { operation, perform } from '../operation.ts';
import { actorOf, system } from '../principal.ts';
import { publicationTargets } from '../publication-config.ts';
import type { Snapshot, Transaction } from '../store/database.ts';
import { holdPublications } from '../store/publications.ts';
import {
  advanceReconciliation,
  countPeopleWithCertificates,
  endReconciliation,
  holdReconciliation,
  insertReconciliation,
  newestReconciliations,
  noteWaiting,
  openReconciliation,
  peopleWithCertificates,
  type ReconciliationRow,
  takeInHand,
} from '../store/reconciliations.ts';
import type { DriftByPerson } from '../store/schema.ts';
import type { World } from '../world.ts';
import { holdersOf } from './plan.ts';
import { planPeople } from './publish.ts';
import { SeenPerson, seenPerson, settle } from './settle.ts';
import { type Target, TargetDown } from './target.ts';
import { targetsOf, visit } from './targets.ts';

/** People in one page: as many as one connection is opened for, and one record says what was found of. */
const PAGE = 200;
/** Milliseconds after which the rest is another job's: a job that runs for long is taken for one whose node is gone. */
const TURN = 60_000;
const HOUR = 3_600_000;

/** Begins comparing a target, or all of them, with the inventory. @throws AuthorityError `not-found`, `wrong-state` */
export const beginReconciliation = operation({
  action: 'publication.reconcile',
  permission: 'publication:write',
  input: z.strictObject({ target: z.string().optional(), mend: z.boolean().default(true) }),
  subject: ({ target }) => `target:${target ?? 'all'}`,
  async run(tx, { target, mend }, by, world) {
    const all = publicationTargets(world.config);
    const targets = target === undefined ? all : all.filter((name) => name === target);
    if (targets.length === 0) {
      throw target === undefined
        ? new AuthorityError(
            'wrong-state',
            'Nothing is published anywhere: no target is configured. Nothing was changed.',
          )
        : new AuthorityError('not-found', `No target is called ${target}. Nothing was changed.`);
    }
    const people = await countPeopleWithCertificates(tx);
    const begun: string[] = [];
    for (const name of targets) {
      const row = {
        id: randomUUID(),
        target: name,
        mends: mend,
        begun_by: actorOf(by),
        begun_at: world.clock(),
        people,
      };
      if (!(await insertReconciliation(tx, row))) continue;
      begun.push(name);
      await world.jobs.enqueue(tx, 'reconcile', { target: name });
    }
    if (begun.length === 0)
      throw new AuthorityError('wrong-state', 'It is being compared with the inventory already. Nothing was changed.');
    return { result: { begun }, audit: { begun, mend, people } };
  },
});

/** For the scheduler: begins what is due. */
export async function beginDueReconciliations(world: World): Promise<void> {
  const every = world.config.publication.reconcileEveryHours * HOUR;
  if (every === 0) return;
  const newest = await world.database.snapshot((snapshot) => newestReconciliations(snapshot, 1));
  for (const target of publicationTargets(world.config)) {
    const last = newest.find((row) => row.target === target);
    const isDue =
      last === undefined || (last.ended_at !== null && last.begun_at.getTime() + every <= world.clock().getTime());
    if (isDue) await perform(world, beginReconciliation, system, { target });
  }
}

/**
 * The job: page after page of the comparison that is open.
 * @param page people in one page
 * @throws TargetDown: the queue tries again, and it goes on there
 */
export async function reconcile(world: World, name: string, targets = targetsOf(world), page = PAGE): Promise<void> {
  const target = targets.find((one) => one.name === name);
  const until = performance.now() + TURN;
  for (;;) {
    const { run, personIds } = await world.database.snapshot((snapshot) => nextPage(snapshot, name, page));
    if (run === undefined) return;
    const at = { id: run.id, target: name, reached: run.reached };
    const last = personIds.at(-1);
    const isKnown = publicationTargets(world.config).includes(name);
    if (!isKnown || last === undefined) {
      await perform(world, finishReconciliation, system, at);
      return;
    }
    try {
      const isOver = performance.now() > until;
      if (await reconcilePage(world, target, run, personIds, isOver)) return;
    } catch (error) {
      if (error instanceof TargetDown)
        await perform(world, delayReconciliation, system, { ...at, error: error.message });
      throw error;
    }
  }
}

async function nextPage(snapshot: Snapshot, target: string, page: number) {
  const run = await openReconciliation(snapshot, target);
  return { run, personIds: run === undefined ? [] : await peopleWithCertificates(snapshot, run.reached, page) };
}

/** @returns whether this job ends with it */
async function reconcilePage(
  world: World,
  target: Target | undefined,
  run: ReconciliationRow,
  personIds: readonly string[],
  isLast: boolean,
): Promise<boolean> {
  if (run.mends) await planPeople(world, personIds, [run.target]);
  const since = world.clock().toISOString();
  const page = { upTo: personIds.at(-1) ?? '', checked: personIds.length, since, again: isLast };
  if (target === undefined) {
    // Nobody looks there but whoever runs the runbook, which says now what should stand.
    const at = { id: run.id, target: run.target, reached: run.reached };
    return !(await perform(world, noteReconciled, system, { ...at, ...page, people: [], wrote: [] })) || isLast;
  }
  const found = await world.database.snapshot((snapshot) => holdersOf(snapshot, personIds, target.name));
  const holders = found.map(({ holder }) => holder);
  const looked = await visit(world, target, holders, 'look');
  const seen = new Map(looked.map((sight, index) => [holders[index]?.personId ?? '', sight]));
  const now = Object.fromEntries(
    [...seen].flatMap(([personId, { missing, extra }]) =>
      missing.length + extra.length === 0 ? [] : [[personId, { missing: [...missing], extra: [...extra] }]],
    ),
  );
  const at = { id: run.id, target: target.name, reached: run.reached };
  const drifted = holders.filter(({ personId }) => now[personId] !== undefined);
  if (run.mends && drifted.length > 0) {
    if (!(await perform(world, findDrift, system, { ...at, drift: now }))) return true;
    const mended = await visit(world, target, drifted, 'mend');
    for (const [index, { personId }] of drifted.entries()) {
      const sight = mended[index];
      if (sight !== undefined) seen.set(personId, sight);
    }
  }
  const people = [...seen].map(([personId, sight]) => seenPerson(personId, sight));
  const done = await perform(world, noteReconciled, system, {
    ...at,
    ...page,
    people,
    wrote: drifted.map(({ personId }) => personId),
  });
  return !done || isLast;
}

const At = z.strictObject({ id: z.uuid(), target: z.string(), reached: z.uuid().nullable() });
const Drift = z.record(z.string(), z.strictObject({ missing: z.array(z.string()), extra: z.array(z.string()) }));

/** What of a page is about to be mended. @returns false where another node has come further */
export const findDrift = operation({
  action: 'publication.find-drift',
  permission: 'system',
  input: At.extend({ drift: Drift }),
  subject: ({ target }) => `target:${target}`,
  async run(tx, { id, reached, drift }) {
    const run = await holdReconciliation(tx, id, reached);
    if (run === undefined) return { result: false, audit: { superseded: true } };
    // Of a page that was mended in part before the process was killed: what it lacked then, it lacked.
    await takeInHand(tx, id, united(run.in_hand, drift));
    return { result: true, audit: { drift } };
  },
});

/** A page is as it should be, or it is known why not. @returns false where another node has come further */
export const noteReconciled = operation({
  action: 'publication.note-reconciled',
  permission: 'system',
  input: At.extend({
    upTo: z.uuid(),
    checked: z.int(),
    since: z.iso.datetime(),
    people: z.array(SeenPerson),
    /** Whose entries were written to. */
    wrote: z.array(z.uuid()),
    /** The rest is another job's. */
    again: z.boolean(),
  }),
  subject: ({ target }) => `target:${target}`,
  async run(tx, input, _by, world) {
    const run = await holdReconciliation(tx, input.id, input.reached);
    if (run === undefined) return { result: false, audit: { superseded: true } };
    const tally = { ...tallyOf(run, input.people), checked: input.checked };
    if (run.mends) await settlePage(tx, world, input);
    await advanceReconciliation(tx, run.id, input.upTo, tally);
    if (input.again) await world.jobs.enqueue(tx, 'reconcile', { target: input.target });
    return { result: true, audit: { ...tally, reached: input.upTo } };
  },
});

/** The target does not answer: the comparison waits where it is. */
export const delayReconciliation = operation({
  action: 'publication.delay-reconciliation',
  permission: 'system',
  input: At.extend({ error: z.string() }),
  subject: ({ target }) => `target:${target}`,
  async run(tx, { id, error }) {
    await noteWaiting(tx, id, error);
    return { result: undefined, audit: { error } };
  },
});

export const finishReconciliation = operation({
  action: 'publication.finish-reconciliation',
  permission: 'system',
  input: At,
  subject: ({ target }) => `target:${target}`,
  async run(tx, { id, reached }, _by, world) {
    const run = await holdReconciliation(tx, id, reached);
    if (run === undefined) return { result: undefined, audit: { superseded: true } };
    await endReconciliation(tx, id, world.clock());
    const { checked, missing, extra, mended, not_found: notFound, refused, others } = run;
    return { result: undefined, audit: { checked, missing, extra, mended, notFound, refused, others } };
  },
});

async function settlePage(
  tx: Transaction,
  world: World,
  { target, since, people, wrote }: { target: string; since: string; people: SeenPerson[]; wrote: string[] },
): Promise<void> {
  const hands = new Set(wrote);
  const visit = { target, since: new Date(since) };
  // All of them before any is changed: the two halves would hold them in an order of their own.
  await holdPublications(
    tx,
    target,
    people.map(({ personId }) => personId),
  );
  await settle(tx, world, { ...visit, seen: people.filter(({ personId }) => hands.has(personId)), wrote: true });
  await settle(tx, world, { ...visit, seen: people.filter(({ personId }) => !hands.has(personId)), wrote: false });
}

function tallyOf(run: ReconciliationRow, people: readonly SeenPerson[]) {
  const drift = united(
    run.in_hand,
    Object.fromEntries(people.map(({ personId, missing, extra }) => [personId, { missing, extra }])),
  );
  const sum = (list: readonly number[]) => list.reduce((total, one) => total + one, 0);
  const problems = (...kinds: readonly string[]) =>
    people.filter(({ problem }) => problem !== null && kinds.includes(problem.kind)).length;
  const stuck = new Set(
    people.flatMap(({ personId, problem }) =>
      problem !== null && ['refused', 'ambiguous'].includes(problem.kind) ? [personId] : [],
    ),
  );
  const values = (personId: string) => (drift[personId]?.missing.length ?? 0) + (drift[personId]?.extra.length ?? 0);
  return {
    missing: sum(Object.values(drift).map(({ missing }) => missing.length)),
    extra: sum(Object.values(drift).map(({ extra }) => extra.length)),
    mended: run.mends
      ? sum(
          Object.keys(drift)
            .filter((id) => !stuck.has(id))
            .map(values),
        )
      : 0,
    not_found: problems('not-found'),
    refused: problems('refused', 'ambiguous', 'no-room'),
    others: sum(people.map(({ others }) => others)),
  };
}

/** Each value as often as the one or the other saw it amiss. */
function united(one: DriftByPerson, other: DriftByPerson): DriftByPerson {
  const ids = new Set([...Object.keys(one), ...Object.keys(other)]);
  return Object.fromEntries(
    [...ids].map((id) => [
      id,
      {
        missing: mostOften(one[id]?.missing ?? [], other[id]?.missing ?? []),
        extra: mostOften(one[id]?.extra ?? [], other[id]?.extra ?? []),
      },
    ]),
  );
}

function mostOften(one: readonly string[], other: readonly string[]): string[] {
  const often = (list: readonly string[], value: string) => list.filter((each) => each === value).length;
  return [...new Set([...one, ...other])].flatMap((value) =>
    new Array<string>(Math.max(often(one, value), often(other, value))).fill(value),
  );
}
