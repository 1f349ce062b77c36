/**
 * How long an escrowed key is kept, and its end. The newest version of a profile says how many years after their last certificate keys
 * are kept; a key is announced some days before, and then destroyed: what was sealed, and every lock. The row stays, with its public
 * key and its trail. A legal hold, a certificate that still stands in a directory, and a recovery that waits all keep it.
 */
import { z } from 'zod';
import { AuthorityError } from '../errors.ts';
import { bulkOperation, type Done, operation, perform, performAll } from '../operation.ts';
import { type Principal, permissionsOf, system } from '../principal.ts';
import type { Transaction } from '../store/database.ts';
import { isAddressOf, lockPerson, type PersonRow, peopleByIds } from '../store/people.ts';
import {
  announcedKeys,
  destroySealed,
  type EndingKey,
  insertAnnouncement,
  insertApproval,
  retentionEnds,
  unannouncedKeys,
  withdrawAnnouncement,
} from '../store/retention.ts';
import type { World } from '../world.ts';

/** Keys in one transaction. */
const GROUP = 100;
/** In one list. */
export const MOST_LISTED = 1000;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** Says which keys are about to end, and takes back what a profile keeps longer now. */
export const announceRetention = operation({
  action: 'retention.announce',
  permission: 'system',
  input: z.strictObject({ ending: z.array(z.uuid()).max(GROUP), kept: z.array(z.uuid()).max(GROUP) }),
  subject: () => null,
  async run(tx, { ending, kept }, _by, world) {
    const at = world.clock();
    const ends = await retentionEnds(tx, [...ending, ...kept]);
    const announced = ending.flatMap((id) => {
      const endsAt = ends.get(id);
      return endsAt !== undefined && endsAt <= announceUntil(world) ? [{ id, endsAt }] : [];
    });
    for (const { id, endsAt } of announced) await insertAnnouncement(tx, id, endsAt, at);
    const withdrawn = kept.filter(
      (id) => (ends.get(id)?.getTime() ?? Number.POSITIVE_INFINITY) > announceUntil(world).getTime(),
    );
    for (const id of withdrawn) await withdrawAnnouncement(tx, id);
    // A directory that holds an ended certificate still would keep its key from going.
    const keys = await announcedKeys(tx, { ids: announced.map(({ id }) => id), limit: GROUP, at });
    await world.jobs.enqueueAll(
      tx,
      'publish-person',
      [...new Set(keys.map(({ personId }) => personId))].map((personId) => ({ personId })),
    );
    return {
      result: announced.length + withdrawn.length,
      audit: { announced: announced.map(({ id, endsAt }) => ({ id, endsAt: endsAt.toISOString() })), withdrawn },
    };
  },
});

/**
 * An operator agrees that announced keys are destroyed, where the office wants two to.
 * @throws AuthorityError `not-found`, `forbidden` (their own key, no operator), `wrong-state` (nobody need agree)
 */
export const approveDestruction = operation({
  action: 'retention.approve',
  permission: 'escrow:destroy',
  input: z.strictObject({ escrowedKeyIds: z.array(z.uuid()).min(1).max(MOST_LISTED) }),
  subject: () => null,
  async run(tx, { escrowedKeyIds }, by, world) {
    const at = world.clock();
    if (by.kind !== 'operator') throw forbidden('Only an operator agrees to it, under their own name');
    if (world.config.escrow.retention.operators === 0) {
      throw new AuthorityError(
        'wrong-state',
        'This office destroys keys at the end of their retention by itself: nobody need agree. Nothing was changed.',
      );
    }
    const ids = [...new Set(escrowedKeyIds)];
    const keys = await announcedKeys(tx, { ids, limit: MOST_LISTED, at });
    if (keys.length < ids.length)
      throw new AuthorityError('not-found', 'One of these keys is not announced, or gone. Nothing was changed.');
    const people = await peopleByIds(tx, [...new Set(keys.map(({ personId }) => personId))]);
    if (people.some((person) => isAddressOf(person, by.address)))
      throw forbidden('Nobody agrees that a key of their own is destroyed');
    const approved: string[] = [];
    for (const { id } of keys)
      if (await insertApproval(tx, { escrowed_key_id: id, operator_id: by.id, approved_at: at })) approved.push(id);
    return { result: approved.length, audit: { escrowedKeyIds: approved } };
  },
});

/** Destroys keys whose time is over. @throws AuthorityError `wrong-state` with what keeps one of them */
export const destroyKey = bulkOperation({
  action: 'key.destroy',
  permission: 'system',
  irreversible: true,
  input: z.strictObject({ escrowedKeyId: z.uuid() }),
  subject: ({ escrowedKeyId }) => `escrowed-key:${escrowedKeyId}`,
  async runAll(tx, inputs, _by, world) {
    const ids = inputs.map(({ escrowedKeyId }) => escrowedKeyId);
    const found = await announcedKeys(tx, { ids, limit: ids.length, at: world.clock() });
    // In one order, against deadlock; whoever places a hold or asks for a key holds the person too.
    for (const personId of [...new Set(found.map((key) => key.personId))].sort()) await lockPerson(tx, personId);
    const keys = await announcedKeys(tx, { ids, limit: ids.length, at: world.clock() });
    const done: (Done<undefined> | AuthorityError)[] = [];
    for (const id of ids)
      done.push(
        await destroyOne(
          tx,
          world,
          id,
          keys.find((key) => key.id === id),
        ),
      );
    return done;
  },
});

async function destroyOne(
  tx: Transaction,
  world: World,
  id: string,
  key: EndingKey | undefined,
): Promise<Done<undefined> | AuthorityError> {
  const at = world.clock();
  const kept = key === undefined ? 'It is not announced, or gone' : whatKeeps(key, world, at);
  if (key?.endsAt == null || kept !== null)
    return new AuthorityError('wrong-state', `${kept}. The key was not destroyed.`);
  const locks = await destroySealed(tx, id, { endsAt: key.endsAt, at });
  return {
    result: undefined,
    audit: {
      personId: key.personId,
      key: key.keyAlgorithm,
      keptUntil: key.endsAt.toISOString(),
      approvedBy: [...key.approvedBy],
      locks: locks.map(({ kind, holder }) => `${kind}:${holder}`),
    },
  };
}

/** Null where the key may be destroyed now; else what keeps it, without a full stop. */
export function whatKeeps(key: EndingKey, world: Pick<World, 'config'>, at: Date): string | null {
  const { warnDays, operators } = world.config.escrow.retention;
  if (key.endsAt === null) return 'Its profile keeps it for ever';
  if (key.underHold) return 'Its owner is under a legal hold';
  if (key.published) return 'Its certificate still stands in a directory';
  if (key.asked) return 'A recovery of its owner’s keys waits';
  const from = destroyedFrom(key, warnDays);
  if (from > at) return `It is kept until ${from.toISOString().slice(0, 10)}`;
  if (key.approvedBy.length < operators) return `${key.approvedBy.length} of ${operators} operators have agreed`;
  return null;
}

export function mayApprove(key: EndingKey, person: PersonRow, by: Principal, world: Pick<World, 'config'>): boolean {
  return (
    world.config.escrow.retention.operators > 0 &&
    by.kind === 'operator' &&
    permissionsOf(by).has('escrow:destroy') &&
    !isAddressOf(person, by.address) &&
    !key.approvedBy.includes(by.id)
  );
}

/** Once announced, nothing goes before its days are over, however late it was announced. */
export function destroyedFrom({ endsAt, announcedAt }: EndingKey, warnDays: number): Date {
  const warned = announcedAt === null ? Number.POSITIVE_INFINITY : announcedAt.getTime() + warnDays * DAY;
  return new Date(Math.max(endsAt?.getTime() ?? Number.POSITIVE_INFINITY, warned));
}

/** For the scheduler: once an hour on each node, since it looks at every certificate that ended long ago. */
export async function endRetention(world: World): Promise<void> {
  const now = world.clock();
  if ((lookedAt.get(world)?.getTime() ?? Number.NEGATIVE_INFINITY) > now.getTime() - HOUR) return;
  lookedAt.set(world, now);
  await announceDue(world);
  // What was refused between the look and the act waits an hour.
  const tried = new Set<string>();
  for (;;) {
    const due = (await dueKeys(world)).filter(({ id }) => !tried.has(id)).slice(0, GROUP);
    if (due.length === 0) return;
    for (const { id } of due) tried.add(id);
    await performAll(
      world,
      destroyKey,
      system,
      due.map(({ id }) => ({ escrowedKeyId: id })),
    );
  }
}

const lookedAt = new WeakMap<World, Date>();

async function announceDue(world: World): Promise<void> {
  for (;;) {
    const { ending, kept } = await world.database.snapshot(async (snapshot) => {
      const until = announceUntil(world);
      const announced = await announcedKeys(snapshot, { limit: MOST_LISTED, at: world.clock() });
      return {
        ending: await unannouncedKeys(snapshot, until, GROUP),
        kept: announced.filter(({ endsAt }) => endsAt === null || endsAt > until).map(({ id }) => id),
      };
    });
    if (ending.length + kept.length === 0) return;
    const changed = await perform(world, announceRetention, system, { ending, kept: kept.slice(0, GROUP) });
    if (changed === 0) return;
  }
}

async function dueKeys(world: World): Promise<EndingKey[]> {
  const at = world.clock();
  const keys = await world.database.snapshot((snapshot) =>
    announcedKeys(snapshot, { free: true, limit: MOST_LISTED, at }),
  );
  return keys.filter((key) => whatKeeps(key, world, at) === null);
}

function announceUntil(world: World): Date {
  return new Date(world.clock().getTime() + world.config.escrow.retention.warnDays * DAY);
}

function forbidden(rule: string): AuthorityError {
  return new AuthorityError('forbidden', `${rule}. Nothing was changed.`);
}
