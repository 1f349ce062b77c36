/** Officers who hold a ceremony in one process, for tests. */
import { deal, dealOn, receiveShare, type Share } from '../src/dealing.ts';
import {
  type CeremonyPlan,
  deriveShareKey,
  digestOf,
  newSeed,
  readTranscript,
  type ShareKey,
  type Transcript,
  type VaultKey,
} from '../src/index.ts';

export interface Ceremony {
  readonly transcript: Transcript;
  readonly key: VaultKey;
  readonly shareKeys: readonly ShareKey[];
  readonly shares: readonly Share[];
}

export function makeShareKeys(count: number): ShareKey[] {
  return Array.from({ length: count }, () => deriveShareKey(newSeed()));
}

export function planFor(shareKeys: readonly ShareKey[], threshold: number, vaultId = 'vault-1'): CeremonyPlan {
  const officers = shareKeys.map(({ publicKeys }, at) => ({
    id: `officer-${at + 1}`,
    name: `Officer ${at + 1}`,
    publicKeys,
  }));
  return { version: 1, vaultId, epoch: 1, threshold, officers, previous: null };
}

export async function found(count: number, threshold: number): Promise<Ceremony> {
  const shareKeys = makeShareKeys(count);
  const plan = planFor(shareKeys, threshold);
  const dealings = await Promise.all(shareKeys.map((key, at) => deal(plan, at + 1, key)));
  return close({ plan, dealings }, shareKeys);
}

export async function reshare(
  before: Ceremony,
  dealers: readonly number[],
  count: number,
  threshold: number,
): Promise<Ceremony> {
  const shareKeys = makeShareKeys(count);
  const plan = {
    ...planFor(shareKeys, threshold, before.transcript.plan.vaultId),
    epoch: before.transcript.plan.epoch + 1,
    previous: { transcript: digestOf(before.transcript), dealers },
  };
  const dealings = await Promise.all(
    dealers.map((dealer) => dealOn(plan, before.shares[dealer - 1] as Share, before.shareKeys[dealer - 1] as ShareKey)),
  );
  return close({ plan, dealings }, shareKeys, { plan: before.transcript.plan, key: before.key });
}

async function close(
  transcript: Transcript,
  shareKeys: readonly ShareKey[],
  previous?: { plan: CeremonyPlan; key: VaultKey },
): Promise<Ceremony> {
  const key = readTranscript(transcript, previous);
  const shares = await Promise.all(shareKeys.map((shareKey, at) => receiveShare(transcript, at + 1, shareKey)));
  return { transcript, key, shareKeys, shares };
}
