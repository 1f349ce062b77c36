/** What an officer's client does, in the browser and on the command line: each step of a ceremony, and an approval. */
import {
  acceptTranscript,
  type CeremonyPlan,
  type Dealing,
  deal,
  dealOn,
  type PastCeremony,
  readTranscript,
  receiveShare,
  type Share,
  type Transcript,
  vaultKeyOf,
} from './dealing.ts';
import { digestOf, sha256, toHex, utf8 } from './encoding.ts';
import { VaultError } from './errors.ts';
import { checkOrigins, type KnownTrail, type Origins, type WantedPoint } from './origins.ts';
import { contribute, type Opening, type Partial, type Progress } from './partial.ts';
import { type ShareKey, signDocument } from './share-key.ts';

/** What an officer signs for: a signature made for one of these is none for another. */
export const PURPOSES = {
  shareKey: 'share key',
  decision: 'recovery decision',
  drill: 'drill contribution',
  rewrap: 're-wrapping contribution',
  offline: 'opening offline',
} as const;

/** @param previous transcript of the epoch before, for a re-sharing */
export async function dealFor(
  plan: CeremonyPlan,
  previous: Transcript | null,
  officerId: string,
  key: ShareKey,
): Promise<Dealing> {
  if (previous === null) return deal(plan, indexIn(plan, officerId), key);
  const share = await receiveShare(previous, indexIn(previous.plan, officerId), key);
  try {
    return await dealOn(plan, share, key);
  } finally {
    share.secret.fill(0);
  }
}

/**
 * Checks a transcript whole, takes the officer's share from it, and opens the test record's part with it.
 * @param opening that the server asks for: the test record, for this transcript
 * @throws VaultError for a transcript that does not check, naming the officer at fault
 */
export async function acceptFor(
  transcript: Transcript,
  previous: Transcript | null,
  officerId: string,
  key: ShareKey,
  opening: Opening,
): Promise<{ signature: string; partial: Partial }> {
  const before: PastCeremony | undefined =
    previous === null ? undefined : { plan: previous.plan, key: vaultKeyOf(previous) };
  const vaultKey = readTranscript(transcript, before);
  // The server chooses what is opened: for an acceptance, the test record of this very ceremony and nothing else.
  const [record, ...more] = opening.records;
  if (opening.request !== vaultKey.transcript || record?.id !== 'test' || more.length > 0) {
    throw new VaultError('invalid-argument', 'The server asks to open something else than the test record.');
  }
  const share = await receiveShare(transcript, indexIn(transcript.plan, officerId), key);
  try {
    return {
      signature: acceptTranscript(key, vaultKey.transcript),
      partial: contribute(share, vaultKey, opening),
    };
  } finally {
    share.secret.fill(0);
  }
}

/** What the office shows of the points that it asks an officer to multiply, and what the officer's client remembers. */
export interface PointEvidence {
  readonly origins: Origins;
  /** Null at this client's first approval. */
  readonly known: KnownTrail | null;
  /** May points be opened that were escrowed before there were proofs of ownership, on the word of the trail alone? */
  readonly acceptAttested: boolean;
}

/**
 * An officer's approval of a request: their part of the opening, and their signature.
 * @param document the canonical request (RFC 8785 JSON), as the officer was shown it: what is opened must stand in it
 * @param report for requests of many keys
 * @returns beside them, what the client remembers of the trail until the next time
 * @throws VaultError `bad-proof` where the server asks to open something else, or points that were not made for that record and person
 */
export async function approve(
  transcript: Transcript,
  officerId: string,
  key: ShareKey,
  opening: Opening,
  document: string,
  evidence: PointEvidence,
  report?: Progress,
): Promise<{ signature: string; partial: Partial; known: KnownTrail }> {
  if (!isOpeningOf(document, opening)) {
    throw new VaultError('bad-proof', 'The office asks to open something else than the request says.');
  }
  const wanted = pointsOfRequest(document);
  const { known, attested } = checkOrigins(evidence.origins, opening.vaultId, wanted, evidence.known);
  if (attested > 0 && !evidence.acceptAttested) {
    throw new VaultError(
      'bad-proof',
      `${attested} of these keys were escrowed before there were proofs of whose they are: only the audit trail says so. Nothing was decided.`,
    );
  }
  const share: Share = await receiveShare(transcript, indexIn(transcript.plan, officerId), key);
  try {
    return {
      signature: signDocument(key, PURPOSES.decision, { request: opening.request, decision: 'approve' }),
      partial: contribute(share, vaultKeyOf(transcript), opening, report),
      known,
    };
  } finally {
    share.secret.fill(0);
  }
}

/** The points that a request opens, in their order, and whose it says they are. @param document RFC 8785 JSON of it */
export function pointsOfRequest(document: string): readonly WantedPoint[] {
  const { records = [], person, people } = JSON.parse(document) as RequestDocument;
  const owners = new Map((people ?? []).flatMap(({ id, keys }) => keys.map((key) => [key.id, id] as const)));
  return records.map(({ id, encapsulation }) => ({
    record: id,
    person: owners.get(id) ?? person?.id ?? '',
    encapsulation,
  }));
}

/** What matters here of a request; of version 2 with one person, of version 3 with several. */
interface RequestDocument {
  /** Of what is no request. */
  readonly kind?: unknown;
  readonly vaultId: string;
  /** None in version 1, which opens nothing any more. */
  readonly records?: Opening['records'];
  readonly person?: { readonly id: string };
  readonly people?: readonly { readonly id: string; readonly keys: readonly { readonly id: string }[] }[];
}

function isOpeningOf(document: string, opening: Opening): boolean {
  if (toHex(sha256(utf8(document))) !== opening.request) return false;
  const { vaultId, records, people, kind } = JSON.parse(document) as RequestDocument;
  // A drill, a re-wrapping and the like say their kind, and are no request: whoever contributes to one has approved no release.
  if (kind !== undefined && kind !== 'recovery') return false;
  if (digestOf({ vaultId, records }) !== digestOf({ vaultId: opening.vaultId, records: opening.records })) return false;
  // A page shows people with their keys: no record may hide behind them.
  const ids = (list: readonly { readonly id: string }[] = []) => list.map(({ id }) => id).sort();
  return people === undefined || digestOf(ids(people.flatMap(({ keys }) => keys))) === digestOf(ids(records));
}

/** From 1. @throws VaultError `invalid-argument` for somebody who has no part in it */
function indexIn(plan: CeremonyPlan, officerId: string): number {
  const at = plan.officers.findIndex(({ id }) => id === officerId);
  if (at < 0) throw new VaultError('invalid-argument', 'This officer holds no share here.');
  return at + 1;
}
