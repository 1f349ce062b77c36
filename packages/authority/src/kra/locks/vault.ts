/**
 * The vault lock. Its key comes of two halves: `a` under the key-encryption key in the key store, `b` under the vault key,
 * which nobody holds and a quorum uses. A provisional vault, before the officers' ceremony, has the first half alone.
 */
import { lockKey, newHalf, openHalf, type SealedHalf, sealHalf } from '@chancery/vault';
import { AuthorityError } from '../../errors.ts';
import type { VaultRow } from '../../store/vaults.ts';
import type { World } from '../../world.ts';
import { openUnderVault, sealUnderVault } from '../vault.ts';
import { unwrapDek, WRAPPED_LENGTH, wrapDek } from './wrapped-dek.ts';

/** `vault key · encapsulation`, as `combinePartials` of the vault's package gives it. */
export type OpenedPoint = Parameters<typeof openHalf>[0];

/**
 * Of a live vault: version (1 octet, 2), encapsulation (65), sealed half `b` (48), wrapped DEK
 * (`wrapped-dek.ts`, 60), and half `a` as the key store wrapped it. Of a provisional one: the DEK as the key store wrapped it.
 */
export async function makeVaultLock(world: World, vault: VaultRow, recordId: string, dek: Uint8Array): Promise<Buffer> {
  if (vault.publicKey === null) return sealUnderVault(world, vault, provisionalPurpose(recordId), dek);
  const [a, b] = [newHalf(), newHalf()];
  const key = lockKey(a, b, recordId);
  try {
    const half = await sealHalf(vault.publicKey, b, { recordId, vaultId: vault.id });
    return Buffer.concat([
      Uint8Array.of(QUORUM),
      Buffer.from(half.encapsulation, 'base64url'),
      Buffer.from(half.ciphertext, 'base64url'),
      wrapDek(key, dek),
      await sealUnderVault(world, vault, halfPurpose(recordId), a),
    ]);
  } finally {
    for (const secret of [a, b, key]) secret.fill(0);
  }
}

/** What officers multiply to open this lock, and what is sealed behind it. @throws AuthorityError `internal` for a lock that is none */
export function sealedHalfOf(wrapped: Uint8Array): SealedHalf {
  if (wrapped[0] !== QUORUM || wrapped.length <= END_OF_DEK) {
    throw new AuthorityError('internal', 'This lock was not made by a live vault. Nothing was opened.');
  }
  return {
    encapsulation: Buffer.from(wrapped.subarray(1, END_OF_POINT)).toString('base64url'),
    ciphertext: Buffer.from(wrapped.subarray(END_OF_POINT, END_OF_HALF)).toString('base64url'),
  };
}

/** The DEK, with what a quorum made of the lock's encapsulation. The caller zeroes it. Throws for an altered lock. */
export async function openVaultLock(
  world: World,
  vault: VaultRow,
  recordId: string,
  wrapped: Uint8Array,
  point: OpenedPoint,
): Promise<Buffer> {
  if (vault.publicKey === null) throw new AuthorityError('internal', 'A provisional vault has no quorum.');
  const b = await openHalf(point, vault.publicKey, sealedHalfOf(wrapped), { recordId, vaultId: vault.id });
  const a = await openUnderVault(world, vault, halfPurpose(recordId), wrapped.subarray(END_OF_DEK));
  const key = lockKey(a, b, recordId);
  try {
    return unwrapDek(key, wrapped.subarray(END_OF_HALF, END_OF_DEK));
  } finally {
    for (const secret of [a, b, key]) secret.fill(0);
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

const QUORUM = 2;
const END_OF_POINT = 1 + 65;
const END_OF_HALF = END_OF_POINT + 48;
const END_OF_DEK = END_OF_HALF + WRAPPED_LENGTH;

const provisionalPurpose = (recordId: string): string => `chancery:vault-lock:${recordId}`;
const halfPurpose = (recordId: string): string => `chancery:vault-lock-half:${recordId}`;
