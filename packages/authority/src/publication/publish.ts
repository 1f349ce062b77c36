/**
 * Publication: what every target should hold of one person, and the job that makes it so. The plan commits first, then
 * each target is asked on its own: one that is down delays no other, and is asked again by the queue.
 */
import { z } from 'zod';
import { operation, perform } from '../operation.ts';
import { system } from '../principal.ts';
import { publicationTargets } from '../publication-config.ts';
import { noteDown, recordStates, wantPublications } from '../store/publications.ts';
import type { World } from '../world.ts';
import { holdersOf, planFor } from './plan.ts';
import { SeenPerson, seenPerson, settle } from './settle.ts';
import { TargetDown } from './target.ts';
import { targetsOf, visit } from './targets.ts';

/** @throws Error when a target could not be brought in line: the queue tries again */
export async function publishPerson(world: World, personId: string, targets = targetsOf(world)): Promise<void> {
  const names = publicationTargets(world.config);
  if (names.length === 0) return;
  await planPeople(world, [personId], names);
  const failures = await Promise.all(
    targets.map(async (target) => {
      const since = world.clock().toISOString();
      const found = await world.database.snapshot((snapshot) => holdersOf(snapshot, [personId], target.name));
      const [one] = found;
      if (one === undefined) return undefined;
      const open = one.rows.filter((row) => row.state === 'pending' || row.state === 'failed');
      if (open.length === 0) return undefined;
      const about = { personId, target: target.name, since };
      try {
        const [sight] = await visit(world, target, [one.holder], 'mend');
        if (sight === undefined) return undefined;
        await perform(world, notePublication, system, { ...about, seen: seenPerson(personId, sight), down: null });
        return sight.problem === null ? undefined : `${target.name}: ${sight.problem.detail}`;
      } catch (error) {
        if (!(error instanceof TargetDown)) throw error;
        const serialNumbers = open.map((row) => row.serial_number);
        await perform(world, notePublication, system, {
          ...about,
          seen: null,
          down: { error: error.message, serialNumbers },
        });
        return `${target.name}: ${error.message}`;
      }
    }),
  );
  const failed = failures.filter((one) => one !== undefined);
  if (failed.length > 0) throw new Error(failed.join('; '));
}

/** Writes down what should stand where of those people. The plan is looked at first: whoever nothing changes for leaves no record. */
export async function planPeople(
  world: World,
  personIds: readonly string[],
  targets: readonly string[],
): Promise<void> {
  const plan = await world.database.snapshot((snapshot) => planFor(snapshot, personIds, targets, world.clock()));
  for (const personId of new Set(plan.map((one) => one.personId)))
    await perform(world, planPublication, system, { personId, targets: [...targets] });
}

/** Writes down what should stand where, before any target is asked. */
export const planPublication = operation({
  action: 'publication.plan',
  permission: 'system',
  input: z.object({ personId: z.uuid(), targets: z.array(z.string()) }),
  subject: ({ personId }) => `person:${personId}`,
  async run(tx, { personId, targets }, _by, world) {
    const plan = (await planFor(tx, [personId], targets, world.clock())).map(({ target, serialNumber, wanted }) => ({
      target,
      serialNumber,
      wanted,
    }));
    await wantPublications(tx, plan, world.clock());
    return { result: undefined, audit: { plan } };
  },
});

export const notePublication = operation({
  action: 'publication.note',
  permission: 'system',
  input: z.object({
    personId: z.uuid(),
    target: z.string(),
    since: z.iso.datetime(),
    seen: SeenPerson.nullable(),
    /** Where the target could not be asked: what was to be brought in line there. */
    down: z.object({ error: z.string(), serialNumbers: z.array(z.string()) }).nullable(),
  }),
  subject: ({ personId }) => `person:${personId}`,
  async run(tx, { personId, target, since, seen, down }, _by, world) {
    const at = world.clock();
    if (down !== null) {
      const { error, serialNumbers } = down;
      const states = serialNumbers.map((serialNumber) => ({ serialNumber, state: 'failed' as const, error }));
      await recordStates(tx, target, states, { since: new Date(since), at });
      await noteDown(tx, target, [personId], error, at);
      return { result: undefined, audit: { target, serialNumbers, error } };
    }
    if (seen === null) return { result: undefined, audit: { target } };
    await settle(tx, world, { target, since: new Date(since), seen: [seen], wrote: true });
    const { missing, extra, problem } = seen;
    return { result: undefined, audit: { target, added: missing, removed: extra, error: problem?.detail ?? null } };
  },
});
