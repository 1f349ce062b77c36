/**
 * Checkpoints of the audit trail: the Merkle tree grows by the records since the last one, and its size and root are signed.
 * Whoever keeps a checkpoint elsewhere can show later that no record under it was altered, removed or put in.
 */
import { parseKeyReference } from '@chancery/keystore';
import {
  type Checkpoint,
  checkpointText,
  formatSignedCheckpoint,
  formatVerifierKey,
  GrowingTree,
  keyId,
  leafHash,
  type Node,
  peaksOf,
  type VerifierKey,
} from '@chancery/trail';
import { z } from 'zod';
import { operation, perform } from '../operation.ts';
import { system } from '../principal.ts';
import {
  type AuditKeyRow,
  auditKey,
  hasRecordsOfOthers,
  insertAuditKey,
  insertCheckpoint,
  insertNodes,
  latestCheckpoint,
  lockTree,
  nodeReader,
} from '../store/audit-tree.ts';
import type { Snapshot, Transaction } from '../store/database.ts';
import { findOffice } from '../store/office.ts';
import type { World } from '../world.ts';
import { readTrail } from './trail.ts';

/** Signs the trail as it stands, where it has grown since the last time. */
export const makeCheckpoint = operation({
  action: 'audit.checkpoint',
  permission: 'system',
  input: z.strictObject({}),
  subject: () => 'audit',
  async run(tx, _input, _by, world) {
    // The scheduler and officers who want one at once come at the same time.
    await lockTree(tx);
    const key = (await auditKey(tx)) ?? (await makeKey(tx, world));
    const before = (await latestCheckpoint(tx))?.size ?? 0;
    const { size, root } = await growTree(tx, before);
    const note = await sign(world, key, { origin: key.name, size, root });
    await insertCheckpoint(tx, { size, root: Buffer.from(root), note, at: world.clock() });
    return {
      result: { size, note },
      audit: { size, root: Buffer.from(root).toString('hex'), key: formatVerifierKey(verifierKeyOf(key)) },
    };
  },
});

/** For the scheduler. */
export async function checkpointIfDue(world: World): Promise<void> {
  const due = await world.database.snapshot(async (snapshot) => {
    if ((await findOffice(snapshot)) === undefined) return false;
    return hasRecordsOfOthers(snapshot, (await latestCheckpoint(snapshot))?.size ?? 0);
  });
  if (due) await perform(world, makeCheckpoint, system, {});
}

export function verifierKeyOf({ name, public_key }: Pick<AuditKeyRow, 'name' | 'public_key'>): VerifierKey {
  return { name, use: 'log', publicKey: new Uint8Array(public_key) };
}

/** Adds the records after `from` to the tree; those that commit meanwhile are the next checkpoint's. */
async function growTree(tx: Transaction, from: number): Promise<{ size: number; root: Uint8Array }> {
  const read = nodeReader(tx);
  const peaks = peaksOf(from);
  const hashes = await read(peaks);
  const tree = new GrowingTree(
    from,
    peaks.map((peak, at) => ({ ...peak, hash: hashes[at] as Uint8Array })),
  );
  for (;;) {
    const records = await readTrail(tx, tree.size, PAGE);
    const made: Node[] = [];
    for (const { sequence, canonical } of records) {
      if (Number(sequence) !== tree.size + 1) {
        throw new Error(`The audit trail lacks record ${tree.size + 1}. No checkpoint was made.`);
      }
      made.push(...tree.append(leafHash(Buffer.from(canonical, 'utf8'))));
    }
    if (made.length > 0) await insertNodes(tx, made);
    if (records.length < PAGE) return { size: tree.size, root: tree.root() };
  }
}

const PAGE = 2_000;

async function sign(world: World, key: AuditKeyRow, checkpoint: Checkpoint): Promise<string> {
  const text = checkpointText(checkpoint);
  const signer = await world.keyStore.signer(parseKeyReference(key.key_reference));
  const signature = await signer.sign(Buffer.from(text, 'utf8'), 'sha512');
  const verifier = verifierKeyOf(key);
  return formatSignedCheckpoint(text, [{ name: verifier.name, keyId: keyId(verifier), signature }]);
}

async function makeKey(tx: Transaction, world: World): Promise<AuditKeyRow> {
  const name = await trailName(tx);
  const keyReference = await world.keyStore.generate('ed25519', 'audit trail');
  const spki = await world.keyStore.publicKey(keyReference);
  // RFC 8410 section 4: the last 32 octets of the SubjectPublicKeyInfo are the key.
  const key = {
    key_reference: keyReference,
    name,
    public_key: Buffer.from(spki.slice(-32)),
    created_at: world.clock(),
  };
  await insertAuditKey(tx, key);
  return key;
}

/** C2SP tlog-checkpoint: a schema-less URL that names the log; it need not resolve. */
async function trailName(snapshot: Snapshot): Promise<string> {
  const office = await findOffice(snapshot);
  return `${office?.domains[0] ?? 'chancery.invalid'}/audit`;
}
