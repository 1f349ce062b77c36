/**
 * Drills: does what is in escrow really open? Records are drawn at random, the officers contribute as they would to a recovery,
 * and each key is opened in memory, held against its certificate and forgotten. Nothing is released: a drill is a document of
 * its own kind, signed for a purpose of its own, and no delivery takes one.
 */
import { createPrivateKey, createPublicKey, randomUUID } from 'node:crypto';
import { parseCertificate } from '@chancery/smime';
import { MOST_IN_BATCH } from '@chancery/vault';
import { z } from 'zod';
import { AuthorityError } from '../errors.ts';
import { bulkOperation, operation, perform } from '../operation.ts';
import { actorOf, system } from '../principal.ts';
import type { Snapshot, Transaction } from '../store/database.ts';
import { certificatesOfKeys, escrowedKeyById } from '../store/escrow.ts';
import {
  closeRound,
  drillStanding,
  finishBatch,
  hasPendingBatches,
  insertRound,
  openRound,
  type RecordOutcome,
  randomLocks,
} from '../store/rounds.ts';
import { currentVault } from '../store/vaults.ts';
import type { World } from '../world.ts';
import { openVaultLock } from './locks/vault.ts';
import { openKey, type SealedKeyAndLock } from './release.ts';
import { isUnopenable } from './rewrap.ts';
import { addBatch, holdQuorumBatch, lockOfBatch, type QuorumBatch } from './rounds.ts';
import { keyOfVault } from './vault.ts';

const DAY = 86_400_000;
/** After it was due for that long, people are told. */
const GRACE = 14 * DAY;

/** Draws records for the officers to prove. @throws AuthorityError `wrong-state` (no vault, one is open, nothing to draw) */
export const beginDrill = operation({
  action: 'escrow.begin-drill',
  permission: 'vault:write',
  input: z.strictObject({ records: z.int().min(1).max(10_000).optional() }),
  subject: () => 'vault',
  async run(tx, { records }, by, world) {
    const vault = await currentVault(tx);
    keyOfVault(vault);
    if ((await openRound(tx, vault.id, 'drill')) !== undefined) {
      throw new AuthorityError('wrong-state', 'A drill is open already. Nothing was changed.');
    }
    const wanted = records ?? world.config.escrow.drill.records;
    const locks = await randomLocks(tx, vault.id, wanted);
    if (locks.length === 0) {
      throw new AuthorityError('wrong-state', 'There is no certified key in the vault to open. Nothing was changed.');
    }
    const at = world.clock();
    const round = { id: randomUUID(), kind: 'drill' as const, vault_id: vault.id, target_vault_id: null };
    await insertRound(tx, { ...round, begun_by: actorOf(by), begun_at: at });
    const digests: string[] = [];
    for (let from = 0; from < locks.length; from += MOST_IN_BATCH) {
      const batch = await addBatch(tx, round, locks.slice(from, from + MOST_IN_BATCH), { kind: 'drill' }, at);
      digests.push(batch.digest);
    }
    return { result: round.id, audit: { roundId: round.id, vaultId: vault.id, records: locks.length, digests } };
  },
});

/** Opens the keys of one batch and says of each whether it is the key of its certificate. Nothing leaves. */
export const proveKeys = bulkOperation({
  action: 'escrow.prove',
  permission: 'system',
  irreversible: true,
  input: z.strictObject({ batchId: z.uuid(), escrowedKeyId: z.uuid(), personId: z.uuid().nullable() }),
  subject: ({ personId }) => (personId === null ? null : `person:${personId}`),
  async runAll(tx, inputs, _by, world) {
    const [first] = inputs;
    if (first === undefined) return [];
    const work = await holdQuorumBatch(tx, first.batchId, 'drill');
    const outcomes = [];
    for (const { escrowedKeyId } of inputs)
      outcomes.push({ escrowedKeyId, ...(await proveOne(tx, world, work, escrowedKeyId)) });
    const at = world.clock();
    await finishBatch(tx, first.batchId, outcomes, at);
    if (!(await hasPendingBatches(tx, work.round.id))) await closeRound(tx, work.round.id, 'complete', at);
    return outcomes.map(({ escrowedKeyId, outcome, error }) => ({
      result: outcome,
      audit: {
        escrowedKeyId,
        outcome,
        ...(error === null ? {} : { error }),
        roundId: work.round.id,
        digest: work.batch.digest,
        contributedBy: work.officerIds,
      },
    }));
  },
});

/** When a drill was complete last, what share of the vault's keys drills have opened, and when the next is due. */
export interface DrillStanding {
  readonly keys: number;
  readonly proven: number;
  readonly failed: number;
  readonly lastAt: Date | null;
  /** Null where none is scheduled, or the vault is not live. */
  readonly dueAt: Date | null;
  readonly overdue: boolean;
}

export async function standingOfDrills(
  snapshot: Snapshot,
  world: Pick<World, 'config' | 'clock'>,
): Promise<DrillStanding> {
  const vault = await currentVault(snapshot);
  const standing = await drillStanding(snapshot, vault.id);
  const { everyDays } = world.config.escrow.drill;
  const scheduled = vault.state === 'live' && everyDays > 0 && standing.keys > 0;
  const dueAt = scheduled ? new Date((standing.lastAt ?? vault.createdAt).getTime() + everyDays * DAY) : null;
  const overdue = dueAt !== null && world.clock().getTime() - dueAt.getTime() > GRACE;
  return { ...standing, dueAt, overdue };
}

/** For the scheduler: begins the drill that is due. */
export async function beginDueDrill(world: World): Promise<void> {
  const due = await world.database.snapshot(async (snapshot) => {
    const { dueAt } = await standingOfDrills(snapshot, world);
    if (dueAt === null || dueAt > world.clock()) return false;
    return (await openRound(snapshot, (await currentVault(snapshot)).id, 'drill')) === undefined;
  });
  if (due) await perform(world, beginDrill, system, {});
}

/** Opens a key and looks whether it is the one of its certificate. It is clear in this function, in a Buffer that is zeroed. */
async function isOfItsCertificate(
  sealed: SealedKeyAndLock,
  spki: Uint8Array,
  certificate: Uint8Array,
): Promise<boolean> {
  const pkcs8 = await openKey(sealed);
  try {
    const publicKey = createPublicKey(createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' }));
    const found = Buffer.from(publicKey.export({ format: 'der', type: 'spki' }));
    return found.equals(spki) && found.equals(parseCertificate(certificate).spki);
  } finally {
    pkcs8.fill(0);
  }
}

async function proveOne(
  tx: Transaction,
  world: World,
  work: QuorumBatch,
  escrowedKeyId: string,
): Promise<{ outcome: RecordOutcome; error: string | null }> {
  const failed = (error: string) => ({ outcome: 'failed' as const, error });
  const key = await escrowedKeyById(tx, escrowedKeyId);
  if (key === undefined) return { outcome: 'gone', error: null };
  const held = await lockOfBatch(tx, work, escrowedKeyId);
  if ('refused' in held) return held.refused;
  const { lock, point } = held;
  const certificate = (await certificatesOfKeys(tx, [escrowedKeyId])).get(escrowedKeyId);
  if (certificate === undefined) return failed('The key has no certificate.');
  try {
    const openDek = () => openVaultLock(world, work.vault, escrowedKeyId, lock.wrapped, point);
    return (await isOfItsCertificate({ key, openDek }, key.spki, certificate.certificate))
      ? { outcome: 'proven', error: null }
      : failed('The key that opens is not the one of its certificate.');
  } catch (error) {
    if (!isUnopenable(error) && !(error instanceof AuthorityError && error.code === 'internal')) throw error;
    return failed('The record does not open: it was altered, or restored beside another key store.');
  }
}
