/** The one-time link by which a person collects their keys: how its secret is kept until it is shown, and how it ends. */
import { randomUUID } from 'node:crypto';
import { closeClaim, insertClaim, resealClaim } from '../store/claims.ts';
import type { Transaction } from '../store/database.ts';
import { dropLocks } from '../store/escrow.ts';
import { hashToken, newToken } from '../store/tokens.ts';
import type { VaultRow } from '../store/vaults.ts';
import type { World } from '../world.ts';
import { openUnderVault, sealUnderVault } from './vault.ts';

export function claimExpiry(world: World, from: Date): Date {
  return new Date(from.getTime() + world.config.claims.expiresAfterDays * 86_400_000);
}

/** A link that is shown at once: nothing is kept that would show it again. Whoever calls locks keys to it. */
export async function insertShownClaim(
  tx: Transaction,
  personId: string,
  { at, expiresAt }: { readonly at: Date; readonly expiresAt: Date },
): Promise<{ id: string; secret: string; expiresAt: Date }> {
  const id = randomUUID();
  const secret = newToken();
  await insertClaim(tx, {
    id,
    person_id: personId,
    secret_hash: hashToken(secret),
    sealed_secret: null,
    vault_id: null,
    created_at: at,
    expires_at: expiresAt,
  });
  return { id, secret, expiresAt };
}

/** Closes a claim for good: nothing is left that its secret would open. */
export async function endClaim(tx: Transaction, claimId: string, at: Date): Promise<void> {
  await dropLocks(tx, { kind: 'claim', holder: claimId });
  await closeClaim(tx, claimId, at);
}

export async function sealClaimSecret(world: World, vault: VaultRow, claimId: string, secret: string): Promise<Buffer> {
  return sealUnderVault(world, vault, purposeOf(claimId), Buffer.from(secret, 'latin1'));
}

/** Only until the link is shown; then the sealed secret is erased. */
export async function unsealClaimSecret(
  world: World,
  vault: VaultRow,
  claimId: string,
  sealed: Uint8Array,
): Promise<string> {
  const secret = await openUnderVault(world, vault, purposeOf(claimId), sealed);
  try {
    return secret.toString('latin1');
  } finally {
    secret.fill(0);
  }
}

/** The same secret under the key of another vault, or under the newer key of the same. @throws KeyStoreError `unwrap-failed` */
export async function moveClaimSecret(
  tx: Transaction,
  world: World,
  { id, sealed_secret }: { readonly id: string; readonly sealed_secret: Buffer },
  from: VaultRow,
  to: VaultRow,
): Promise<void> {
  const secret = await unsealClaimSecret(world, from, id, sealed_secret);
  await resealClaim(tx, id, to.id, await sealClaimSecret(world, to, id, secret));
}

const purposeOf = (claimId: string): string => `chancery:claim-secret:${claimId}`;
