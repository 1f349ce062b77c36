/** What every release begins and ends with: the rules, what the officers contributed, and that it happens once. */
import { openPoints, type Partial } from '@chancery/vault';
import { AuthorityError } from '../errors.ts';
import type { Principal } from '../principal.ts';
import type { Snapshot, Transaction } from '../store/database.ts';
import { certificatesOfKeys, type EscrowedKeyRow, escrowedKeysByIds, vaultLocksOfKeys } from '../store/escrow.ts';
import {
  lockRecovery,
  markReleased,
  type RecoveryDecision,
  type RecoveryRow,
  recoveryById,
} from '../store/recovery.ts';
import { useVault, type VaultRow } from '../store/vaults.ts';
import type { World } from '../world.ts';
import { type CanonicalRequest, isRequestIntact, openingOf, readCanonical } from './canonical-request.ts';
import { type OpenedPoint, openVaultLock, sealedHalfOf } from './locks/vault.ts';
import { type DecisionFacts, type RequestFacts, standing, whyNotRelease } from './quorum.ts';
import { factsOf, noSuchRequest, refused } from './recovery.ts';
import { tellSubjects } from './recovery-notices.ts';
import { keyOfVault, trust } from './vault.ts';
import { keysOf, peopleOf } from './whom.ts';

/** An approved request, and what opens its keys. */
export interface Approved {
  readonly request: RecoveryRow;
  readonly canonical: CanonicalRequest;
  readonly vault: VaultRow;
  readonly decisions: readonly (DecisionFacts & RecoveryDecision)[];
  readonly keys: readonly OpenableKey[];
}

/** Every rule, and nothing is opened yet. @throws AuthorityError `not-found`, `quorum-refused`, `wrong-state` */
export async function beginRelease(tx: Transaction, world: World, id: string, by: Principal): Promise<Approved> {
  const named = await recoveryById(tx, id);
  if (named === undefined) throw noSuchRequest(NOTHING_RELEASED);
  // Until the end of it, since its password is sealed under the vault's key.
  await useVault(tx, readCanonical(named).vaultId);
  const request = await lockRecovery(tx, id);
  if (request === undefined) throw noSuchRequest(NOTHING_RELEASED);
  const { facts, decisions, vault } = await factsOf(tx, request);
  if (!isRequestIntact(request)) {
    throw new AuthorityError(
      'quorum-refused',
      'The stored request is not the one that was made. Nothing was released. Tell an auditor.',
    );
  }
  const refusal = whyNotRelease(facts, decisions, by, world.clock());
  if (refusal !== null) throw refused(refusal, NOTHING_RELEASED);
  const canonical = readCanonical(request);
  const points = openedPoints(request, vault, facts, decisions);
  return { request, canonical, vault, decisions, keys: await openableKeys(tx, world, canonical, vault, points) };
}

/** Once. @returns what the trail says of it */
export async function endRelease(
  tx: Transaction,
  world: World,
  { request, canonical, decisions }: Approved,
  sealedPassword: Buffer | null,
): Promise<Record<string, unknown>> {
  await markReleased(tx, request.id, world.clock(), sealedPassword);
  await tellSubjects(tx, world, canonical, 'released');
  return {
    ...peopleOf(canonical),
    ...keysOf(canonical),
    delivery: canonical.delivery.kind,
    digest: request.digest,
    approvedBy: decisions
      .filter(({ decision }) => decision === 'approve')
      .map(({ officerId, officerName }) => ({ officerId, officerName })),
    reason: canonical.reason,
    caseNumber: canonical.caseNumber,
  };
}

export interface OpenableKey {
  readonly key: EscrowedKeyRow;
  readonly certificate: Uint8Array;
  readonly authorityId: string | null;
  readonly openDek: () => Promise<Buffer>;
}

export const NOTHING_RELEASED = 'Nothing was released.';

async function openableKeys(
  snapshot: Snapshot,
  world: World,
  { people, records }: CanonicalRequest,
  vault: VaultRow,
  points: ReadonlyMap<string, OpenedPoint>,
): Promise<OpenableKey[]> {
  const ids = people.flatMap(({ keys }) => keys.map(({ id }) => id));
  const rows = new Map((await escrowedKeysByIds(snapshot, ids)).map((row) => [row.id, row]));
  const certificates = await certificatesOfKeys(snapshot, ids);
  const locks = await vaultLocksOfKeys(snapshot, vault.id, ids);
  return records.map(({ id, encapsulation }) => {
    const [key, certificate, lock, point] = [rows.get(id), certificates.get(id), locks.get(id), points.get(id)];
    if (lock === undefined && key !== undefined) {
      throw new AuthorityError(
        'wrong-state',
        'A key of this request has moved to another vault since. Nothing was released. Make a new request.',
      );
    }
    if (key === undefined || certificate === undefined || lock === undefined || point === undefined) {
      throw new AuthorityError(
        'internal',
        'Not every key of this request is in escrow with its certificate. Nothing was released.',
      );
    }
    // The officers opened what stands in the request; a lock that was made anew since is another.
    if (sealedHalfOf(lock.wrapped).encapsulation !== encapsulation) {
      throw new AuthorityError(
        'wrong-state',
        'A key of this request was locked anew since. Nothing was released. Make a new request.',
      );
    }
    return { key, ...certificate, openDek: () => openVaultLock(world, vault, key.id, lock.wrapped, point) };
  });
}

/** What the approving officers' parts add up to, for each record. */
function openedPoints(
  request: RecoveryRow,
  vault: VaultRow,
  facts: RequestFacts,
  decisions: readonly (DecisionFacts & RecoveryDecision)[],
): Map<string, OpenedPoint> {
  const { key } = keyOfVault(vault);
  const partials = standing(facts, decisions).flatMap(({ partial }) =>
    partial === null ? [] : [JSON.parse(partial) as Partial],
  );
  return trust(() => openPoints(partials, key, openingOf(request)));
}
