/** What an officer does over REST, with a share key in hand: a ceremony's next step, and a decision on a recovery. */
import { type Ceremony, type Client, type RecoveryRequest, type Round, routes } from '@chancery/api';
import {
  acceptFor,
  approve,
  type CeremonyPlan,
  collectOrigins,
  contributeToBatches,
  dealFor,
  digestOf,
  fingerprintOf,
  type KnownTrail,
  PURPOSES,
  type RewrapTarget,
  type ShareKey,
  signDocument,
  type Transcript,
  tookPart,
} from '@chancery/vault';
import { CommandError } from '../exit-codes.ts';

/** The office learns the public half; the private half stays where the caller keeps it. */
export async function registerShareKeyAs(client: Client, key: ShareKey): Promise<void> {
  const { id } = await client.me();
  const { publicKeys } = key;
  const signature = signDocument(key, PURPOSES.shareKey, { operatorId: id, publicKeys });
  await client.registerShareKey({ body: { publicKeys, signature, kind: 'file' } });
}

/**
 * Does what the open ceremony waits for from this officer.
 * @param confirm is shown the fingerprint before an acceptance, and throws where it is not the others'
 * @returns the ceremony after it, or null where nothing is waited for
 */
export async function takePart(
  client: Client,
  key: ShareKey,
  confirm: (fingerprint: string) => Promise<void>,
): Promise<Ceremony | null> {
  const { id: officerId } = await client.me();
  const { ceremony } = await client.vault();
  if (ceremony === null || ceremony.plan === null) return null;
  const params = { id: ceremony.id };
  const previous = read<Transcript>(ceremony.previousTranscript);
  if (ceremony.yourTurn === 'deal') {
    const plan = JSON.parse(ceremony.plan) as CeremonyPlan;
    const dealing = await dealFor(plan, previous, officerId, key);
    return client.dealPart({ params, body: routes.dealPart.body.parse(dealing) });
  }
  const transcript = read<Transcript>(ceremony.transcript);
  if (ceremony.yourTurn !== 'accept' || transcript === null || ceremony.opening === null) return null;
  const acceptance = await acceptFor(transcript, previous, officerId, key, ceremony.opening);
  // Of what was checked here, not of what the office says about it.
  await confirm(fingerprintOf(digestOf(transcript)));
  return client.acceptCeremony({ params, body: routes.acceptCeremony.body.parse(acceptance) });
}

/** What an officer's client keeps of the audit trail from one approval to the next. */
export interface TrailMemory {
  known: KnownTrail | null;
  /** On the word of the trail alone, for keys from before there were proofs of ownership. */
  readonly acceptAttested?: boolean;
}

/**
 * Approves or rejects, as an officer who holds a share.
 * @param memory is brought up to date by an approval
 */
export async function decideAs(
  client: Client,
  key: ShareKey,
  requestId: string,
  decision: 'approve' | 'reject',
  note = '',
  memory: TrailMemory = { known: null },
  report?: (share: number) => void,
): Promise<RecoveryRequest> {
  const params = { id: requestId };
  const { digest, opening, why, canonical, vault } = await client.recoveryRequest({ params });
  if (decision === 'reject') {
    const signature = signDocument(key, PURPOSES.decision, { request: digest, decision });
    return client.decideRecovery({ params, body: { decision, digest, note, signature } });
  }
  const { transcript } = vault;
  if (opening === null || transcript === null) {
    const said = why === null ? 'You cannot approve this request.' : `${why.why}. ${why.next}.`;
    throw new CommandError(`${said} Nothing was decided.`);
  }
  const { id: officerId } = await client.me();
  const { known, acceptAttested = false } = memory;
  const origins = await collectOrigins(known, (query) => client.recoveryOrigins({ params, query }));
  const points = { origins, known, acceptAttested };
  const evidence = await approve(JSON.parse(transcript), officerId, key, opening, canonical, points, report);
  memory.known = evidence.known;
  const { signature, partial } = evidence;
  return client.decideRecovery({
    params,
    body: routes.decideRecovery.body.parse({ decision, digest, note, signature, partial }),
  });
}

/**
 * Works through what a round waits for from this officer, some batches at a time; it may be stopped and begun again.
 * @param compare for a re-wrapping into a vault that this share key has no part in: is shown the fingerprint of its founding, and
 *   gives what an officer of that vault read
 * @returns the round after the last part, and how many batches were done
 */
export async function contributeAs(
  client: Client,
  key: ShareKey,
  { id, kind }: Pick<Round, 'id' | 'kind'>,
  compare: (fingerprint: string) => Promise<string>,
  {
    onProgress = () => {},
    acceptAttested = false,
  }: { onProgress?: (left: number) => void; acceptAttested?: boolean } = {},
): Promise<{ round: Round; batches: number }> {
  const { id: officerId } = await client.me();
  const params = { id };
  let target: RewrapTarget | null = null;
  for (let batches = 0; ; ) {
    const work = await client.roundWork({ params, query: { limit: 10 } });
    if (work.batches.length === 0) return { round: await client.round({ params }), batches };
    const founding = read<Transcript>(work.target);
    if (founding !== null && target === null) {
      const fingerprint = tookPart(founding, key) ? null : await compare(fingerprintOf(digestOf(founding)));
      target = { transcript: founding, fingerprint };
    }
    const officer = { transcript: JSON.parse(work.transcript) as Transcript, officerId, key, target, acceptAttested };
    const parts = await contributeToBatches(
      kind,
      officer,
      work.batches.map(({ canonical }) => canonical),
    );
    for (const [at, part] of parts.entries()) {
      const batch = work.batches[at];
      if (batch === undefined) continue;
      await client.contribute({ params: { id: batch.id }, body: routes.contribute.body.parse(part) });
      batches += 1;
      onProgress(work.waiting - at - 1);
    }
  }
}

const read = <T>(text: string | null): T | null => (text === null ? null : (JSON.parse(text) as T));
