/** The record of an escrowed key: sealed, locked, stored. Every road into escrow ends here. */
import { createHash } from 'node:crypto';
import type { LockedPoint } from '@chancery/vault';
import type { Transaction } from '../store/database.ts';
import { type EscrowedKeyRow, enrolledGateways, insertEscrowedKey, type LockRow } from '../store/escrow.ts';
import type { PersonRow } from '../store/people.ts';
import type { VaultRow } from '../store/vaults.ts';
import type { World } from '../world.ts';
import { FORMAT_VERSION, type SealedKey } from './generate.ts';
import { makeClaimLock } from './locks/claim.ts';
import { makeGatewayLock } from './locks/gateway.ts';
import { makeOwnerLocks } from './locks/owner.ts';
import { lockedPoints, makeVaultLock } from './locks/vault.ts';

export interface NewRecord {
  readonly recordId: string;
  readonly person: PersonRow;
  readonly vault: VaultRow;
  readonly origin: EscrowedKeyRow['origin'];
  readonly key: SealedKey;
  /** The link that opens it too; only for a key that nobody has had yet. */
  readonly claim?: { readonly id: string; readonly secret: string; readonly expiresAt: Date };
  /** Its owner has it already. */
  readonly delivered?: boolean;
}

/** What was stored, for the audit trail. */
export interface StoredRecord {
  readonly vaultId: string;
  readonly claimId?: string;
  readonly key: string;
  readonly spkiSha256: string;
  readonly locks: string[];
  /** The point of the vault lock, and whose it is: officers open nothing that the trail does not know. */
  readonly locked: LockedPoint[];
}

/** Locked to the vault, to the claim link where there is one, to the gateways where the person lets them open mail, and to its owner's passkeys. Zeroes the DEK. */
export async function storeRecord(tx: Transaction, world: World, record: NewRecord): Promise<StoredRecord> {
  const { recordId, person, vault, origin, key, claim } = record;
  const at = world.clock();
  try {
    const owner = { recordId, personId: person.id };
    const vaultLock = await makeVaultLock(world, vault, owner, key.dek);
    const locks = await locksOf(tx, world, record, vaultLock, at);
    const spkiSha256 = createHash('sha256').update(key.spki).digest();
    await insertEscrowedKey(
      tx,
      {
        id: recordId,
        person_id: person.id,
        vault_id: vault.id,
        key_algorithm: key.algorithm,
        spki: key.spki,
        spki_sha256: spkiSha256,
        format_version: FORMAT_VERSION,
        sealed: key.sealed,
        created_at: at,
        delivered_at: record.delivered === true ? at : null,
        origin,
      },
      locks,
    );
    return {
      vaultId: vault.id,
      ...(claim !== undefined && { claimId: claim.id }),
      key: key.algorithm,
      spkiSha256: spkiSha256.toString('hex'),
      locks: locks.map(({ kind, holder }) => `${kind}:${holder}`),
      locked: lockedPoints(vault, owner, vaultLock),
    };
  } finally {
    key.dek.fill(0);
  }
}

async function locksOf(tx: Transaction, world: World, record: NewRecord, vaultLock: Buffer, at: Date) {
  const { recordId, person, vault, key, claim } = record;
  const locks: Pick<LockRow, 'kind' | 'holder' | 'wrapped' | 'expires_at'>[] = [
    { kind: 'vault', holder: vault.id, wrapped: vaultLock, expires_at: null },
  ];
  if (claim !== undefined) {
    const wrapped = makeClaimLock(recordId, claim.secret, key.dek);
    locks.push({ kind: 'claim', holder: claim.id, wrapped, expires_at: claim.expiresAt });
  }
  const opens = person.state === 'active' && person.gateway_decrypts;
  for (const gateway of opens ? await enrolledGateways(tx, at) : []) {
    const wrapped = await makeGatewayLock(gateway.certificate, key.dek);
    locks.push({ kind: 'gateway', holder: gateway.id, wrapped, expires_at: null });
  }
  locks.push(...(await makeOwnerLocks(world, tx, { recordId, personId: person.id }, key.dek)));
  return locks;
}
