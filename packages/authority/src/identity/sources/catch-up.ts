/** What the office does by itself about people from sources: rules that were changed, conflicts that have ended; and what an administrator decides. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { AuthorityError } from '../../errors.ts';
import { operation, perform } from '../../operation.ts';
import { system } from '../../principal.ts';
import { lockPerson } from '../../store/people.ts';
import {
  conflictsThatMayEnd,
  listSources,
  lockSources,
  recordIdsOf,
  recordsByIds,
  recordsOfPeople,
  setRules,
  settleRecords,
  startByHand,
} from '../../store/sources.ts';
import type { World } from '../../world.ts';
import { withdrawRolesOf } from '../providers/source-groups.ts';
import { isLiving } from './decide.ts';
import { describeOutcome } from './present.ts';
import { describeOutcomes } from './present-groups.ts';
import { reconcile } from './reconcile.ts';

/** Idempotent; nothing to do costs two queries. */
export async function catchUpSources(world: World): Promise<void> {
  const digest = createHash('sha256').update(JSON.stringify(world.config.identity)).digest('hex');
  const sources = await world.database.snapshot(listSources);
  for (const { name } of sources.filter((one) => isLiving(one) && one.rules !== digest)) {
    for (let after = FIRST; ; ) {
      const ids = await world.database.snapshot((snapshot) => recordIdsOf(snapshot, name, after, GROUP));
      const last = ids.at(-1);
      const done = last === undefined || ids.length < GROUP;
      await perform(world, reconcileSource, system, { source: name, ids, digest: done ? digest : null });
      if (done) break;
      after = last;
    }
  }
  const free = await world.database.snapshot(conflictsThatMayEnd);
  if (free.length > 0) await perform(world, reconcileSource, system, { source: null, ids: free, digest: null });
}

const FIRST = '00000000-0000-0000-0000-000000000000';
const GROUP = 500;

/** Looks anew at what sources present, as the rules or other people have changed. */
export const reconcileSource = operation({
  action: 'source.reconcile',
  permission: 'system',
  input: z.strictObject({ source: z.string().nullable(), ids: z.array(z.uuid()), digest: z.string().nullable() }),
  subject: ({ source }) => (source === null ? null : `source:${source}`),
  async run(tx, { source, ids, digest }, _by, world) {
    await lockSources(tx);
    const outcomes = await reconcile(tx, world, ids);
    if (source !== null && digest !== null) await setRules(tx, source, digest);
    const operators = source === null ? [] : await withdrawRolesOf(tx, world, source);
    const audit = { ...describeOutcomes(outcomes.values()), ...(operators.length > 0 && { operators }) };
    return { result: undefined, audit: { records: ids.length, ...audit } };
  },
});

/** That a record in conflict is that person's after all. @throws AuthorityError `not-found`, `wrong-state` */
export const linkRecord = operation({
  action: 'source.link',
  permission: 'person:write',
  input: z.strictObject({ recordId: z.uuid(), personId: z.uuid() }),
  subject: ({ personId }) => `person:${personId}`,
  async run(tx, { recordId, personId }, _by, world) {
    await lockSources(tx);
    const [record] = await recordsByIds(tx, [recordId]);
    const person = await lockPerson(tx, personId);
    if (record === undefined || record.gone_at !== null || person === undefined)
      throw new AuthorityError(
        'not-found',
        'There is no such person, or no source presents that. Nothing was changed.',
      );
    if (record.person_id !== null)
      throw new AuthorityError('wrong-state', 'That is somebody’s already. Nothing was changed.');
    const twin = (await recordsOfPeople(tx, [personId])).find(
      (one) => one.source === record.source && one.gone_at === null,
    );
    if (twin !== undefined) {
      throw new AuthorityError(
        'wrong-state',
        `${record.source} presents ${person.name} already, as ${twin.key}. Nothing was changed. Take one of the two from ${record.source}.`,
      );
    }
    await settleRecords(tx, [{ id: recordId, personId, conflict: null }]);
    const outcome = (await reconcile(tx, world, [recordId], new Set(record.active ? [recordId] : []))).get(recordId);
    const audit = outcome === undefined ? {} : describeOutcome(outcome, null);
    return { result: undefined, audit: { source: record.source, key: record.key, ...audit } };
  },
});

/**
 * Whom somebody in the office had leave, though a source presents them on: they come back.
 * @throws AuthorityError `not-found`, `wrong-state` (nobody had them leave; no source presents them)
 */
export const readmitPerson = operation({
  action: 'person.readmit',
  permission: 'person:write',
  input: z.strictObject({ id: z.uuid() }),
  subject: ({ id }) => `person:${id}`,
  async run(tx, { id }, _by, world) {
    await lockSources(tx);
    const person = await lockPerson(tx, id);
    if (person === undefined) throw new AuthorityError('not-found', 'There is no such person. Nothing was changed.');
    const records = await recordsOfPeople(tx, [id]);
    const stopped = records.some((one) => one.source === 'hand' && !one.active);
    const presented = records.filter((one) => one.gone_at === null && one.source !== 'hand' && one.source !== 'csv');
    if (!stopped || presented.length === 0) {
      throw new AuthorityError(
        'wrong-state',
        stopped
          ? `No source presents ${person.name}. Nothing was changed. Import them again, and they come back.`
          : `Nobody in the office had ${person.name} leave. Nothing was changed.`,
      );
    }
    await startByHand(tx, id, world.clock());
    const outcomes = await reconcile(
      tx,
      world,
      presented.map((one) => one.id),
    );
    const [outcome] = outcomes.values();
    return { result: undefined, audit: outcome === undefined ? {} : describeOutcome(outcome, null) };
  },
});
