/**
 * What a quorum does besides recoveries, a batch of records at a time: a drill, which opens keys and lets none of them out, a
 * re-wrapping, which moves them into another vault, and an opening without an office after a disaster. What a batch is for stands in its canonical document; an officer's
 * client contributes to the one that its officer means, signs it under a purpose of its own, and to nothing else.
 */
import { fingerprintOf, readTranscript, receiveShare, type Transcript, vaultKeyOf } from './dealing.ts';
import { digestOf, sha256, toBase64Url, toHex, utf8 } from './encoding.ts';
import { VaultError } from './errors.ts';
import { PURPOSES } from './officer.ts';
import { isOwnedBy } from './ownership.ts';
import { contribute, type Opening, type Partial } from './partial.ts';
import { type ShareKey, signDocument } from './share-key.ts';

/** Records that officers prove at once. A bad part spoils that many, and a page of the server's holds that many points. */
export const MOST_IN_BATCH = 100;

/** A record of a batch: whose it is, the point that officers multiply, and the proof that it was made for exactly this record. */
interface BatchRecord {
  readonly id: string;
  readonly person: string;
  /** 65 octets, base64url. */
  readonly encapsulation: string;
  /** As `sealOwnedHalf` made it; null for what was escrowed before there were such proofs. */
  readonly ownership: string | null;
}

/** What every batch says: which records of which vault. */
interface BatchHead {
  readonly version: 1;
  readonly id: string;
  /** The drill or the re-wrapping that this is a part of. */
  readonly roundId: string;
  readonly vaultId: string;
  readonly records: readonly BatchRecord[];
  readonly at: string;
}

/** The keys are opened inside the server, held against their certificates, and forgotten. */
interface DrillDocument extends BatchHead {
  readonly kind: 'drill';
}

/** The data keys are locked to another vault. */
interface RewrapDocument extends BatchHead {
  readonly kind: 'rewrap';
  readonly target: {
    readonly vaultId: string;
    /** P-256 point, 65 octets, base64url. */
    readonly publicKey: string;
    /** Of the ceremony that founded it: digest of its transcript, hexadecimal. */
    readonly transcript: string;
  };
}

/** The keys are opened from an export, on a machine without an office. */
export interface OfflineDocument extends BatchHead {
  readonly kind: 'offline';
  readonly reason: string;
  /** SHA-256 of the export, hexadecimal. */
  readonly export: string;
}

export type BatchDocument = DrillDocument | RewrapDocument | OfflineDocument;
export type BatchKind = BatchDocument['kind'];

/** One officer's part of a batch. */
export interface BatchPart {
  /** SHA-256 of the document, hexadecimal. */
  readonly digest: string;
  /** By the officer's share key, over the digest, for this kind and no other. */
  readonly signature: string;
  readonly partial: Partial;
}

/** Where keys go, for a re-wrapping. */
export interface RewrapTarget {
  /** Of the ceremony that founded the target. */
  readonly transcript: Transcript;
  /** What an officer of the target read to this one; null for who took part in that ceremony with this share key. */
  readonly fingerprint: string | null;
}

/**
 * An officer's parts of some batches of one kind, in their order.
 * @param documents word for word as the server has them @param transcript of the vault whose records they are
 * @param target for `rewrap`, and for nothing else
 * @param acceptAttested may there be records from before there were proofs whose point it is?
 * @throws VaultError `bad-proof` for a document that is not of this kind or vault, holds a point that was not made for its record,
 *   or goes to another vault than the one whose ceremony was shown; `cannot-open` for a share key that is not the officer's
 */
export async function contributeToBatches(
  kind: BatchKind,
  {
    transcript,
    officerId,
    key,
    target,
    acceptAttested = false,
  }: {
    readonly transcript: Transcript;
    readonly officerId: string;
    readonly key: ShareKey;
    readonly target: RewrapTarget | null;
    readonly acceptAttested?: boolean;
  },
  documents: readonly string[],
  onProgress: (done: number) => void = () => {},
): Promise<BatchPart[]> {
  const vaultKey = vaultKeyOf(transcript);
  const allowed = kind === 'rewrap' ? checkedTarget(target, key) : null;
  const index = transcript.plan.officers.findIndex(({ id }) => id === officerId) + 1;
  if (index === 0) throw new VaultError('invalid-argument', 'This officer holds no share here.');
  const share = await receiveShare(transcript, index, key);
  try {
    return documents.map((text, at) => {
      const document = readBatch(text);
      const opening = openingOf(document, text);
      requireDocument(document, kind, transcript.plan.vaultId, allowed);
      requireOwners(document, acceptAttested);
      const part = {
        digest: opening.request,
        signature: signDocument(key, PURPOSES[kind], { request: opening.request }),
        partial: contribute(share, vaultKey, opening),
      };
      onProgress(at + 1);
      return part;
    });
  } finally {
    share.secret.fill(0);
  }
}

/** What officers multiply for a batch. @throws VaultError `malformed` */
export function openingOfBatch(text: string): Opening {
  return openingOf(readBatch(text), text);
}

function openingOf({ vaultId, records }: BatchDocument, text: string): Opening {
  return {
    vaultId,
    request: toHex(sha256(utf8(text))),
    records: records.map(({ id, encapsulation }) => ({ id, encapsulation })),
  };
}

/** @throws VaultError `malformed` for anything but a batch as officers sign it */
export function readBatch(text: string): BatchDocument {
  const malformed = () => new VaultError('malformed', 'This is no batch that an officer signs.');
  let document: BatchDocument;
  try {
    document = JSON.parse(text) as BatchDocument;
  } catch {
    throw malformed();
  }
  const { version, kind, records } = document;
  if (version !== 1 || !Object.hasOwn(WORDS, kind ?? '') || !Array.isArray(records)) throw malformed();
  if (records.length === 0 || records.length > MOST_IN_BATCH) throw malformed();
  // What is hashed is the canonical form: one document has one digest.
  if (digestOf(document) !== toHex(sha256(utf8(text)))) throw malformed();
  return document;
}

/** Did this share key take part in that ceremony? Then the vault key holds a secret of its officer's own. */
export function tookPart({ plan, dealings }: Transcript, key: Pick<ShareKey, 'publicKeys'>): boolean {
  const index = plan.officers.findIndex(({ publicKeys }) => publicKeys.signing === key.publicKeys.signing) + 1;
  return index > 0 && plan.previous === null && dealings.some(({ dealer }) => dealer === index);
}

function requireDocument(
  document: BatchDocument,
  kind: BatchKind,
  vaultId: string,
  target: RewrapDocument['target'] | null,
): void {
  const wrong = (what: string) => new VaultError('bad-proof', `${what} Nothing was contributed.`);
  if (document.kind !== kind) throw wrong(`The office asks for something else than a ${WORDS[kind]}.`);
  if (document.vaultId !== vaultId) throw wrong('The office asks for records of another vault.');
  if (document.kind === 'rewrap' && digestOf(document.target) !== digestOf(target)) {
    throw wrong('The keys would go to another vault than the one whose ceremony was shown.');
  }
}

/** What an officer signs names whose keys are opened: a point that was made for another record is none of it. */
function requireOwners({ vaultId, records }: BatchDocument, acceptAttested: boolean): void {
  for (const { id, person, encapsulation, ownership } of records) {
    if (ownership === null && acceptAttested) continue;
    if (ownership !== null && isOwnedBy(ownership, encapsulation, { recordId: id, personId: person, vaultId }))
      continue;
    throw new VaultError(
      'bad-proof',
      ownership === null
        ? `The record ${id} is from before there were proofs of whose it is. Nothing was contributed.`
        : `The point of the record ${id} was not made for that record of this person. Nothing was contributed. Tell an auditor.`,
    );
  }
}

const WORDS: Record<BatchKind, string> = { drill: 'drill', rewrap: 're-wrapping', offline: 'opening offline' };

/** The only vault that keys may go to: founded by a ceremony that checks, and known to the officer. */
function checkedTarget(target: RewrapTarget | null, key: ShareKey): RewrapDocument['target'] {
  if (target === null) throw new VaultError('invalid-argument', 'A re-wrapping names the vault that the keys go to.');
  const { transcript, fingerprint } = target;
  if (transcript.plan.previous !== null) {
    throw new VaultError('bad-proof', 'The ceremony shown did not found the vault that the keys go to.');
  }
  const founded = readTranscript(transcript);
  const digits = (text: string) => text.replaceAll(/\D/g, '');
  const compared = fingerprint !== null && digits(fingerprint) === digits(fingerprintOf(founded.transcript));
  if (!compared && !tookPart(transcript, key)) {
    throw new VaultError(
      'bad-proof',
      'You have no part in the vault that the keys go to, and the fingerprint of its founding is not the one that was read to you. Nothing was contributed.',
    );
  }
  return {
    vaultId: transcript.plan.vaultId,
    publicKey: toBase64Url(founded.publicKey),
    transcript: founded.transcript,
  };
}
