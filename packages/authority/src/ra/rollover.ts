/**
 * A rollover: another authority has taken over, and everyone whose certificate the one before signed gets another from it, a few at a
 * time over days. It can be paused, resumed and ended; what has begun goes on by itself.
 */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { AuthorityError } from '../errors.ts';
import { operation, perform } from '../operation.ts';
import { actorOf, system } from '../principal.ts';
import { authorityById, issuingAuthority } from '../store/authorities.ts';
import { begunSince, dueForRollover, rolloverProgress } from '../store/renewals.ts';
import {
  insertRollover,
  lockRollover,
  type RolloverRow,
  runningRollovers,
  setRolloverState,
} from '../store/rollovers.ts';
import type { World } from '../world.ts';
import { beginRenewals, GROUP } from './renewal.ts';

const DAY = 86_400_000;

/** @throws AuthorityError `not-found`, `wrong-state` (it issues still, or is no issuing authority), `conflict` (one is open) */
export const beginRollover = operation({
  action: 'rollover.begin',
  permission: 'authority:write',
  input: z.strictObject({
    authorityId: z.uuid(),
    /** Renewals in 24 hours. */
    perDay: z.int().min(1).max(1_000_000),
    note: z.string().trim().max(1000).default(''),
  }),
  subject: ({ authorityId }) => `authority:${authorityId}`,
  async run(tx, { authorityId, perDay, note }, by, world) {
    const authority = await authorityById(tx, authorityId);
    if (authority === undefined)
      throw new AuthorityError('not-found', 'There is no such authority. Nothing was changed.');
    const issuing = await issuingAuthority(tx);
    if (authority.role !== 'issuing' || issuing.id === authorityId) {
      throw new AuthorityError(
        'wrong-state',
        authority.role === 'issuing'
          ? `${authority.name} issues still: what it signed has nothing to roll over to. Nothing was changed. Make another issuing authority first.`
          : `${authority.name} issues to no people. Nothing was changed.`,
      );
    }
    const id = randomUUID();
    const at = world.clock();
    const begun = await insertRollover(tx, {
      id,
      authority_id: authorityId,
      per_day: perDay,
      note,
      begun_by: actorOf(by),
      begun_at: at,
    });
    if (!begun) {
      throw new AuthorityError(
        'conflict',
        `A rollover from ${authority.name} is open already. Nothing was changed. Resume that one.`,
      );
    }
    const { left } = await rolloverProgress(tx, { authorityId, rolloverId: id, at });
    return {
      result: { id },
      audit: { rolloverId: id, from: authority.slug, to: issuing.slug, perDay, certificates: left, note },
    };
  },
});

/** @throws AuthorityError `not-found`, `wrong-state` */
export const changeRollover = operation({
  action: 'rollover.change',
  permission: 'authority:write',
  input: z.strictObject({ id: z.uuid(), act: z.enum(['pause', 'resume', 'end']) }),
  subject: ({ id }) => `rollover:${id}`,
  async run(tx, { id, act }, _by, world) {
    const row = await lockRollover(tx, id);
    if (row === undefined) throw new AuthorityError('not-found', 'There is no such rollover. Nothing was changed.');
    if (!FROM[act].includes(row.state)) {
      throw new AuthorityError('wrong-state', `This rollover is ${row.state}. Nothing was changed.`);
    }
    await setRolloverState(tx, id, TO[act], world.clock());
    return { result: undefined, audit: { act, from: row.state } };
  },
});

const FROM = { pause: ['running'], resume: ['paused'], end: ['running', 'paused'] } as const satisfies Record<
  string,
  readonly RolloverRow['state'][]
> as Record<'pause' | 'resume' | 'end', readonly RolloverRow['state'][]>;
const TO = { pause: 'paused', resume: 'running', end: 'ended' } as const;

/** Nothing is left that the authority signed and another did not sign since. */
export const finishRollover = operation({
  action: 'rollover.finish',
  permission: 'system',
  input: z.strictObject({ id: z.uuid() }),
  subject: ({ id }) => `rollover:${id}`,
  async run(tx, { id }, _by, world) {
    const row = await lockRollover(tx, id);
    const at = world.clock();
    const left =
      row?.state === 'running'
        ? (await rolloverProgress(tx, { authorityId: row.authority_id, rolloverId: id, at })).left
        : undefined;
    if (left === 0) await setRolloverState(tx, id, 'done', at);
    const from = row === undefined ? undefined : (await authorityById(tx, row.authority_id))?.slug;
    return { result: left === 0, audit: { left: left ?? null, ...(from !== undefined && { from }) } };
  },
});

/** For the scheduler: so many as the pace allows since the last time. */
export async function continueRollovers(world: World): Promise<void> {
  for (const row of await world.database.snapshot(runningRollovers)) await continueOne(world, row);
}

async function continueOne(world: World, row: RolloverRow): Promise<void> {
  const at = world.clock();
  const since = new Date(Math.max(row.begun_at.getTime(), at.getTime() - DAY));
  // The first at once, and then evenly over the day.
  const allowed = Math.floor((row.per_day * (at.getTime() - since.getTime())) / DAY) + 1;
  const { due, left } = await world.database.snapshot(async (snapshot) => {
    const room = Math.max(0, allowed - (await begunSince(snapshot, row.id, since)));
    const asked = { authorityId: row.authority_id, rolloverId: row.id, at };
    return {
      due: room === 0 ? [] : await dueForRollover(snapshot, { ...asked, limit: Math.min(room, GROUP * 10) }),
      left: room === 0 ? 1 : (await rolloverProgress(snapshot, asked)).left,
    };
  });
  if (left === 0) {
    await perform(world, finishRollover, system, { id: row.id });
    return;
  }
  for (let from = 0; from < due.length; from += GROUP) {
    await perform(world, beginRenewals, system, {
      serialNumbers: due.slice(from, from + GROUP).map(({ serialNumber }) => serialNumber),
      rolloverId: row.id,
    });
  }
}
