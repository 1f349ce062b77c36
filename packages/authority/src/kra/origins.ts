/** Where the points of an opening come from: the audit records that say whose they are, proven under a checkpoint. */
import { consistencyProof, formatVerifierKey, inclusionProof } from '@chancery/trail';
import { type LockedPoint, lockedPoint, type Origins, pointsOfRequest, type WantedPoint } from '@chancery/vault';
import { z } from 'zod';
import { makeCheckpoint, verifierKeyOf } from '../audit/checkpoint.ts';
import { AuthorityError } from '../errors.ts';
import { operation, perform } from '../operation.ts';
import { system } from '../principal.ts';
import { auditKeys, checkpointOfSize, latestCheckpoint, lockedRecords, nodeReader } from '../store/audit-tree.ts';
import type { Snapshot } from '../store/database.ts';
import { markAttested, unattestedLocks, vaultLocksOfKeys } from '../store/escrow.ts';
import type { RecoveryRow } from '../store/recovery.ts';
import type { World } from '../world.ts';
import { sealedHalfOf } from './locks/vault.ts';

/**
 * One page of what an officer's client checks before it approves that request.
 * @param after how many points earlier pages had
 * @throws AuthorityError as `originsOf`
 */
export async function originsOfRequest(
  world: World,
  request: RecoveryRow,
  { after = 0, limit = 500, seen, size }: OriginsPage = {},
): Promise<Origins & { readonly next: string | null }> {
  const all = pointsOfRequest(request.canonical);
  const end = after + limit;
  const { vaultId } = JSON.parse(request.canonical) as { vaultId: string };
  const origins = await originsOf(world, vaultId, all.slice(after, end), { seen, size, since: request.requested_at });
  return { ...origins, next: end < all.length ? String(end) : null };
}

interface OriginsPage {
  readonly after?: number | undefined;
  readonly limit?: number;
  readonly seen?: number | undefined;
  readonly size?: number | undefined;
}

/**
 * @param seen records under the checkpoint that the client saw last
 * @param size of the checkpoint to prove under; without it the latest, or a new one where that does not reach far enough
 * @param since when the request was made: all of its points are on the trail by then, those of other pages too
 * @throws AuthorityError `wrong-state` for a point that the trail does not know, `not-found` for a checkpoint that is none
 */
async function originsOf(
  world: World,
  vaultId: string,
  points: readonly WantedPoint[],
  { seen, size, since }: { seen?: number | undefined; size?: number | undefined; since?: Date } = {},
): Promise<Origins> {
  const wanted = points.map(({ record, person, encapsulation }) =>
    lockedPoint({ recordId: record, personId: person, vaultId }, encapsulation),
  );
  if (size === undefined) await coverAll(world, wanted, since);
  return world.database.snapshot(async (snapshot) => {
    const records = await recordsOf(snapshot, wanted);
    const checkpoint = await (size === undefined ? latestCheckpoint(snapshot) : checkpointOfSize(snapshot, size));
    if (checkpoint === undefined || (seen ?? 0) > checkpoint.size) {
      throw new AuthorityError(
        'not-found',
        `There is no checkpoint of ${size ?? seen} records. Nothing was shown. If your client saw one, tell an auditor: the trail was cut off.`,
      );
    }
    const read = nodeReader(snapshot);
    const entries = new Map<number, Origins['entries'][number]>();
    for (const { sequence, canonical } of records.values()) {
      if (entries.has(sequence)) continue;
      if (sequence > checkpoint.size) {
        throw new AuthorityError('wrong-state', 'The trail has grown meanwhile. Nothing was shown. Ask again.');
      }
      const leaf = sequence - 1;
      const proof = await inclusionProof(leaf, checkpoint.size, read);
      entries.set(sequence, { leaf, canonical, proof: proof.map(toHex) });
    }
    const locks = await vaultLocksOfKeys(
      snapshot,
      vaultId,
      points.map(({ record }) => record),
    );
    return {
      checkpoint: checkpoint.note,
      keys: (await auditKeys(snapshot)).map((key) => formatVerifierKey(verifierKeyOf(key))),
      consistency: seen === undefined ? [] : (await consistencyProof(seen, checkpoint.size, read)).map(toHex),
      entries: [...entries.values()],
      points: points.map(({ record }) => {
        const wrapped = locks.get(record)?.wrapped;
        return {
          record,
          leaf: (records.get(record)?.sequence ?? 0) - 1,
          ownership: wrapped === undefined ? null : sealedHalfOf(wrapped).ownership,
        };
      }),
    };
  });
}

/**
 * Puts the points of locks on the trail that were made before points stood there. Officers are told that nothing else says
 * whose those are.
 */
export const attestPoints = operation({
  action: 'escrow.attest',
  permission: 'system',
  input: z.strictObject({}),
  subject: () => 'vault',
  async run(tx, _input, _by, world) {
    const locks = await unattestedLocks(tx, GROUP);
    await markAttested(
      tx,
      locks.map(({ id }) => id),
      world.clock(),
    );
    const locked = locks.map((lock) =>
      lockedPoint(
        { recordId: lock.escrowed_key_id, personId: lock.person_id, vaultId: lock.vault_id },
        sealedHalfOf(lock.wrapped).encapsulation,
      ),
    );
    return { result: { attested: locks.length }, audit: { locked } };
  },
});

/** The job; idempotent, and without a record where there is nothing to attest. */
export async function attestOldPoints(world: World): Promise<void> {
  for (;;) {
    const left = await world.database.snapshot((snapshot) => unattestedLocks(snapshot, 1));
    if (left.length === 0) return;
    await perform(world, attestPoints, system, {});
  }
}

/** Records in one transaction, and in one audit record. */
const GROUP = 100;

/** Signs a checkpoint where the latest does not reach to all of these records: an officer should not wait for the next. */
async function coverAll(world: World, wanted: readonly LockedPoint[], since = new Date(0)): Promise<void> {
  const covered = await world.database.snapshot(async (snapshot) => {
    const latest = await latestCheckpoint(snapshot);
    if (latest === undefined || latest.at < since) return false;
    return [...(await recordsOf(snapshot, wanted)).values()].every(({ sequence }) => sequence <= latest.size);
  });
  if (!covered) await perform(world, makeCheckpoint, system, {});
}

async function recordsOf(snapshot: Snapshot, wanted: readonly LockedPoint[]) {
  const records = await lockedRecords(snapshot, wanted);
  const missing = wanted.find(({ record }) => !records.has(record));
  if (missing === undefined) return records;
  throw new AuthorityError(
    'wrong-state',
    `The audit trail does not say where the point of the record ${missing.record} came from. Nothing was shown. Tell an auditor.`,
  );
}

const toHex = (hash: Uint8Array): string => Buffer.from(hash).toString('hex');
