/**
 * The vault lock. Its key comes of two halves: `a` under the key-encryption key in the key store, `b` under the vault key,
 * which nobody holds and a quorum uses. A provisional vault, before the officers' ceremony, has the first half alone.
 */
import {
  type LockedPoint,
  lockedPoint,
  lockKey,
  newHalf,
  openHalf,
  type PointOwner,
  type SealedHalf,
  sealOwnedHalf,
} from '@chancery/vault';
import { AuthorityError } from '../../errors.ts';
import type { VaultRow } from '../../store/vaults.ts';
import type { World } from '../../world.ts';
import { AEAD_OVERHEAD, openAead, sealAead } from '../aead.ts';
import { type HasKeys, openUnderVault, sealUnderVault } from '../vault.ts';

/** `vault key · encapsulation`, as `combinePartials` of the vault's package gives it. */
export type OpenedPoint = Parameters<typeof openHalf>[0];

/** The record that a lock is for. */
export type LockOwner = Omit<PointOwner, 'vaultId'>;

/**
 * Of a live vault: version (1 octet, 3), encapsulation (65), proof whose it is (64), sealed half `b` (48), wrapped DEK
 * (`aead.ts`, 60), and half `a` as the key store wrapped it. Of a provisional one: the DEK as the key store wrapped it.
 * Whoever stores one puts `lockedPoints` of it on the audit trail: officers open nothing else.
 */
export async function makeVaultLock(
  world: World,
  vault: VaultRow,
  { recordId, personId }: LockOwner,
  dek: Uint8Array,
): Promise<Buffer> {
  if (vault.publicKey === null) return sealUnderVault(world, vault, provisionalPurpose(recordId), dek);
  const [a, b] = [newHalf(), newHalf()];
  const key = lockKey(a, b, recordId);
  try {
    const half = await sealOwnedHalf(vault.publicKey, b, { recordId, personId, vaultId: vault.id });
    return Buffer.concat([
      Uint8Array.of(OWNED),
      Buffer.from(half.encapsulation, 'base64url'),
      Buffer.from(half.ownership, 'base64url'),
      Buffer.from(half.ciphertext, 'base64url'),
      sealAead(key, dek),
      await sealUnderVault(world, vault, halfPurpose(recordId), a),
    ]);
  } finally {
    for (const secret of [a, b, key]) secret.fill(0);
  }
}

/** What the audit trail says of a lock that was stored: its point, and whose it is. Nothing of a provisional vault's. */
export function lockedPoints(vault: VaultRow, owner: LockOwner, wrapped: Uint8Array): LockedPoint[] {
  if (vault.publicKey === null) return [];
  return [lockedPoint({ ...owner, vaultId: vault.id }, sealedHalfOf(wrapped).encapsulation)];
}

/**
 * What officers multiply to open this lock, what is sealed behind it, and the proof whose it is, null in a lock of version 2.
 * @throws AuthorityError `internal` for a lock that is none
 */
export function sealedHalfOf(wrapped: Uint8Array): SealedHalf & { readonly ownership: string | null } {
  const { point, ownership, half } = partsOf(wrapped);
  return {
    encapsulation: point.toString('base64url'),
    ownership: ownership.length === 0 ? null : ownership.toString('base64url'),
    ciphertext: half.toString('base64url'),
  };
}

/** The DEK, with what a quorum made of the lock's encapsulation. The caller zeroes it. Throws for an altered lock. */
export async function openVaultLock(
  world: HasKeys,
  vault: Pick<VaultRow, 'id' | 'publicKey' | 'kekReference' | 'previousKekReference'>,
  recordId: string,
  wrapped: Uint8Array,
  point: OpenedPoint,
): Promise<Buffer> {
  if (vault.publicKey === null) throw new AuthorityError('internal', 'A provisional vault has no quorum.');
  const b = await openHalf(point, vault.publicKey, sealedHalfOf(wrapped), { recordId, vaultId: vault.id });
  const { dek, halfA } = partsOf(wrapped);
  const a = await openUnderVault(world, vault, halfPurpose(recordId), halfA);
  const key = lockKey(a, b, recordId);
  try {
    return openAead(key, dek);
  } finally {
    for (const secret of [a, b, key]) secret.fill(0);
  }
}

/** The same lock with half `a` under the vault's key-encryption key of now; every other octet stays. @throws KeyStoreError `unwrap-failed` */
export async function resealHalf(
  world: HasKeys,
  vault: Pick<VaultRow, 'kekReference' | 'previousKekReference'>,
  recordId: string,
  wrapped: Uint8Array,
): Promise<Buffer> {
  const { halfA } = partsOf(wrapped);
  const a = await openUnderVault(world, vault, halfPurpose(recordId), halfA);
  try {
    return Buffer.concat([
      wrapped.subarray(0, wrapped.length - halfA.length),
      await sealUnderVault(world, vault, halfPurpose(recordId), a),
    ]);
  } finally {
    a.fill(0);
  }
}

/** The DEK out of a provisional vault, for `empty-vaults.ts`. The caller zeroes it. */
export function openProvisionalLock(
  world: World,
  vault: VaultRow,
  recordId: string,
  wrapped: Uint8Array,
): Promise<Buffer> {
  return openUnderVault(world, vault, provisionalPurpose(recordId), wrapped);
}

/** Made before there were proofs of ownership: opens as ever. */
const UNOWNED = 2;
const OWNED = 3;

function partsOf(wrapped: Uint8Array) {
  const octets = Buffer.from(wrapped.buffer, wrapped.byteOffset, wrapped.length);
  let end = 1;
  const next = (length: number) => {
    end += length;
    return octets.subarray(end - length, end);
  };
  const parts = {
    point: next(65),
    ownership: next(octets[0] === UNOWNED ? 0 : 64),
    half: next(48),
    dek: next(32 + AEAD_OVERHEAD),
  };
  if ((octets[0] !== OWNED && octets[0] !== UNOWNED) || octets.length <= end) {
    throw new AuthorityError('internal', 'This lock was not made by a live vault. Nothing was opened.');
  }
  return { ...parts, halfA: octets.subarray(end) };
}

const provisionalPurpose = (recordId: string): string => `chancery:vault-lock:${recordId}`;
const halfPurpose = (recordId: string): string => `chancery:vault-lock-half:${recordId}`;
