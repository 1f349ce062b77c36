/**
 * Joint dealing: the officers make a vault key together, and nobody, no server and no dealer, holds it at any moment.
 * Each officer deals a secret of their own by Feldman's verifiable sharing (Feldman 1987) with a proof of knowing it
 * (as in FROST, Komlo and Goldberg 2020: without it the last to deal could choose the vault key); the vault key is the sum.
 *
 * Re-sharing is the same act: M officers deal their old share, weighted, instead of a fresh secret. The sum stays what it
 * was, so the vault key stays, and the shares are new (Desmedt and Jajodia 1997).
 *
 * Everything an officer relies on is in the transcript, and every client checks it whole. What a client cannot check is
 * whose share keys these are: that is what officers compare, by the fingerprint of the transcript.
 */

import { isEqualityProven, proveEquality } from './dleq.ts';
import { canonical, digestOf, fromBase64Url, toBase64Url, utf8 } from './encoding.ts';
import { VaultError } from './errors.ts';
import {
  combine,
  GENERATOR,
  lagrange,
  multiply,
  Point,
  randomScalar,
  readPoint,
  readScalar,
  Scalar,
  writePoint,
  writeScalar,
} from './group.ts';
import { open, seal } from './hpke.ts';
import { isSignedBy, type ShareKey, type SharePublicKeys, signDocument } from './share-key.ts';

/** What the officers are about to do, before any of them deals. */
export interface CeremonyPlan {
  readonly version: 1;
  readonly vaultId: string;
  /** 1 when the vault is founded; one more with each re-sharing. */
  readonly epoch: number;
  /** How many officers open. At least 2. */
  readonly threshold: number;
  /** Who will hold a share; the first is officer 1. */
  readonly officers: readonly PlannedOfficer[];
  /** Who deals: everyone when the vault is founded, officers of the epoch before when it is re-shared. */
  readonly previous: PreviousEpoch | null;
}

export interface PlannedOfficer {
  readonly id: string;
  readonly name: string;
  readonly publicKeys: SharePublicKeys;
}

interface PreviousEpoch {
  /** Of the transcript whose shares are dealt on, hexadecimal. */
  readonly transcript: string;
  /** Indices (from 1) of the officers of that epoch who deal, as many as its threshold, ascending. */
  readonly dealers: readonly number[];
}

/** One officer's part. */
export interface Dealing {
  /** `digestOf` the plan. */
  readonly plan: string;
  /** Index of the dealer: in this epoch when the vault is founded, in the one before when it is re-shared. */
  readonly dealer: number;
  /** Feldman's commitments `aₖ·G` to the coefficients, lowest first; threshold many, base64url. */
  readonly commitments: readonly string[];
  /** That the dealer knows the secret dealt: a proof of the logarithm of the first commitment, base64url. */
  readonly proof: string;
  /** For each officer of the plan in turn: the value of the polynomial at their index, sealed to their share key. */
  readonly shares: readonly { readonly encapsulation: string; readonly ciphertext: string }[];
  /** The dealer's, over all the above. */
  readonly signature: string;
}

export interface Transcript {
  readonly plan: CeremonyPlan;
  /** Ascending by dealer. */
  readonly dealings: readonly Dealing[];
}

/** What a whole and valid transcript says. */
export interface VaultKey {
  /** 65 octets: the vault's public key. */
  readonly publicKey: Uint8Array;
  /** Of each officer in turn: `share · G`, against which partials are proven. */
  readonly publicShares: readonly Uint8Array[];
  readonly threshold: number;
  /** `digestOf` the transcript, hexadecimal. */
  readonly transcript: string;
}

/** A ceremony that is over: what a re-sharing goes on from. */
export interface PastCeremony {
  readonly plan: CeremonyPlan;
  readonly key: VaultKey;
}

/** An officer's share of a vault key. */
export interface Share {
  /** From 1. */
  readonly index: number;
  /** 32 octets; whoever holds it zeroes it. */
  readonly secret: Uint8Array;
}

const DEALING = 'dealing';
const ACCEPTANCE = 'acceptance of a ceremony';
/** More than this nobody gathers, and proofs of batches count in two octets. */
export const MOST_OFFICERS = 64;

/** @throws VaultError `invalid-argument`, `malformed` */
export function checkPlan({ threshold, officers, previous, epoch }: CeremonyPlan): void {
  const wrong = (what: string) => new VaultError('invalid-argument', what);
  if (!Number.isInteger(threshold) || threshold < 2) throw wrong('At least two officers open a vault.');
  if (officers.length > MOST_OFFICERS) throw wrong(`At most ${MOST_OFFICERS} officers share a vault.`);
  if (threshold > officers.length) throw wrong(`${officers.length} officers cannot make up a quorum of ${threshold}.`);
  if ((previous === null) !== (epoch === 1)) throw wrong('The first epoch founds, and every later one re-shares.');
  if (new Set(officers.map(({ id }) => id)).size !== officers.length) throw wrong('An officer is named twice.');
  // One share key twice would be one person who counts for two.
  const keys = officers.flatMap(({ publicKeys }) => [publicKeys.encryption, publicKeys.signing]);
  if (new Set(keys).size !== keys.length) throw wrong('Two officers have the same share key.');
  for (const { publicKeys } of officers) readPoint(fromBase64Url(publicKeys.encryption));
}

/** Deals a fresh secret, for a vault that is founded. @param dealer index of the officer who deals */
export function deal(plan: CeremonyPlan, dealer: number, key: ShareKey): Promise<Dealing> {
  if (plan.previous !== null) throw new VaultError('invalid-argument', 'A vault in use is re-shared, not founded.');
  return dealSecret(plan, dealer, key, randomScalar());
}

/** Deals an old share on, for a vault that is re-shared. */
export function dealOn(plan: CeremonyPlan, share: Share, key: ShareKey): Promise<Dealing> {
  if (plan.previous === null) throw new VaultError('invalid-argument', 'A vault is founded with fresh secrets.');
  if (!plan.previous.dealers.includes(share.index)) {
    throw new VaultError('invalid-argument', 'This officer is not among those who deal.');
  }
  const weight = lagrange(share.index, plan.previous.dealers);
  return dealSecret(plan, share.index, key, writeScalar(Scalar.mul(weight, readScalar(share.secret))));
}

/** Zeroes `secret`. */
async function dealSecret(plan: CeremonyPlan, dealer: number, key: ShareKey, secret: Uint8Array): Promise<Dealing> {
  checkPlan(plan);
  const coefficients = [secret, ...Array.from({ length: plan.threshold - 1 }, () => randomScalar())];
  try {
    const commitments = coefficients.map((octets) => multiply(GENERATOR, readScalar(octets)));
    const head = {
      plan: digestOf(plan),
      dealer,
      commitments: commitments.map((point) => toBase64Url(writePoint(point))),
    };
    const proof = proveEquality(secret, knowledge(commitments[0] as Point), proofContext(head));
    const shares = [];
    for (const [at, officer] of plan.officers.entries()) {
      const value = evaluate(coefficients, at + 1);
      const sealed = await seal(fromBase64Url(officer.publicKeys.encryption), value, shareContext(head, at + 1));
      value.fill(0);
      shares.push({
        encapsulation: toBase64Url(sealed.encapsulation),
        ciphertext: toBase64Url(sealed.ciphertext),
      });
    }
    const unsigned = { ...head, proof: toBase64Url(proof), shares };
    return { ...unsigned, signature: signDocument(key, DEALING, unsigned) };
  } finally {
    for (const coefficient of coefficients) coefficient.fill(0);
  }
}

/**
 * Is this dealing what it should be, as far as anybody can tell who cannot open its shares?
 * @param previous of the epoch before, for a re-sharing, with its transcript's plan
 * @throws VaultError `bad-proof` (naming the dealer), `malformed`
 */
export function checkDealing(plan: CeremonyPlan, dealing: Dealing, previous?: PastCeremony): void {
  const wrong = (what: string) => new VaultError('bad-proof', what, dealing.dealer);
  const signer =
    plan.previous === null ? plan.officers[dealing.dealer - 1] : previous?.plan.officers[dealing.dealer - 1];
  if (signer === undefined) throw wrong('Nobody of that number deals here.');
  if (dealing.plan !== digestOf(plan)) throw wrong('The dealing is for another ceremony.');
  const { signature, ...unsigned } = dealing;
  if (!isSignedBy(signer.publicKeys.signing, signature, DEALING, unsigned)) {
    throw wrong('The dealing is not signed by its dealer.');
  }
  if (dealing.commitments.length !== plan.threshold || dealing.shares.length !== plan.officers.length) {
    throw wrong('The dealing is of another size than the ceremony.');
  }
  const commitments = dealing.commitments.map((text) => readPoint(fromBase64Url(text)));
  const first = commitments[0] as Point;
  if (!isEqualityProven(fromBase64Url(dealing.proof), knowledge(first), proofContext(dealing))) {
    throw wrong('The dealer has not shown to know the secret that was dealt.');
  }
  if (plan.previous === null) return;
  if (previous === undefined || previous.key.transcript !== plan.previous.transcript) {
    throw wrong('The dealing goes on from a ceremony that is not the one before.');
  }
  const old = previous.key.publicShares[dealing.dealer - 1];
  if (old === undefined || !plan.previous.dealers.includes(dealing.dealer))
    throw wrong('This officer does not deal here.');
  // A re-sharing that dealt anything but the old share would move the vault key.
  const expected = combine([readPoint(old)], [lagrange(dealing.dealer, plan.previous.dealers)]);
  if (!first.equals(expected)) throw wrong('The dealer has dealt something else than their share.');
}

/**
 * Checks a transcript whole and says what vault key it makes.
 * @param previous transcript of the epoch before, for a re-sharing; its own forebears are taken as checked
 * @throws VaultError `bad-proof` naming whose dealing is wrong, `no-quorum` when dealings are missing, `invalid-argument`
 */
export function readTranscript(transcript: Transcript, previous?: PastCeremony): VaultKey {
  const { plan, dealings } = transcript;
  checkPlan(plan);
  if (plan.previous !== null && previous !== undefined) {
    if (plan.previous.dealers.length !== previous.key.threshold) {
      throw new VaultError('no-quorum', 'A re-sharing takes as many dealers as the threshold.');
    }
    if (plan.vaultId !== previous.plan.vaultId || plan.epoch !== previous.plan.epoch + 1) {
      throw new VaultError('invalid-argument', 'This is not the next epoch of that vault.');
    }
  }
  const dealers = plan.previous?.dealers ?? plan.officers.map((_, at) => at + 1);
  if (dealings.length !== dealers.length || dealings.some(({ dealer }, at) => dealer !== dealers[at])) {
    throw new VaultError(
      'no-quorum',
      'The transcript does not hold exactly one dealing of each dealer, in their order.',
    );
  }
  for (const dealing of dealings) checkDealing(plan, dealing, previous);
  const key = vaultKeyOf(transcript);
  if (previous !== undefined && !readPoint(key.publicKey).equals(readPoint(previous.key.publicKey))) {
    throw new VaultError('bad-proof', 'The re-sharing does not keep the vault key.');
  }
  return key;
}

/**
 * What vault key a transcript makes, for one that `readTranscript` has checked before.
 * @throws VaultError `malformed`, `bad-proof`
 */
export function vaultKeyOf(transcript: Transcript): VaultKey {
  const { plan, dealings } = transcript;
  const sums = Array.from({ length: plan.threshold }, (_, degree) =>
    dealings.reduce((sum, { commitments }) => sum.add(readPoint(fromBase64Url(commitments[degree] ?? ''))), Point.ZERO),
  );
  const [publicKey] = sums;
  if (publicKey === undefined || publicKey.is0()) {
    throw new VaultError('bad-proof', 'The dealings cancel each other out. Hold the ceremony again.');
  }
  return {
    publicKey: writePoint(publicKey),
    publicShares: plan.officers.map((_, at) => writePoint(evaluateInGroup(sums, at + 1))),
    threshold: plan.threshold,
    transcript: digestOf(transcript),
  };
}

/**
 * An officer's share out of a transcript, each part checked against its dealer's commitments.
 * @param index of the officer, from 1
 * @throws VaultError `bad-proof` naming the dealer whose part is wrong; `cannot-open` for a share key that is not the officer's
 */
export async function receiveShare(transcript: Transcript, index: number, key: ShareKey): Promise<Share> {
  const officer = transcript.plan.officers[index - 1];
  if (officer?.publicKeys.encryption !== key.publicKeys.encryption) {
    throw new VaultError('cannot-open', 'This share key is not the one that this officer has in the ceremony.');
  }
  let sum = Scalar.ZERO;
  for (const dealing of transcript.dealings) {
    const part = await openPart(dealing, index, key);
    try {
      const value = readScalar(part);
      const commitments = dealing.commitments.map((text) => readPoint(fromBase64Url(text)));
      // Feldman's check: the part lies on the polynomial that the dealer has committed to.
      if (!multiply(GENERATOR, value).equals(evaluateInGroup(commitments, index))) {
        throw new VaultError('bad-proof', 'The part dealt does not fit its commitments.', dealing.dealer);
      }
      sum = Scalar.add(sum, value);
    } finally {
      part.fill(0);
    }
  }
  return { index, secret: writeScalar(sum) };
}

async function openPart(dealing: Dealing, index: number, key: ShareKey): Promise<Uint8Array> {
  const sealed = dealing.shares[index - 1];
  if (sealed === undefined) throw new VaultError('bad-proof', 'There is no part for this officer.', dealing.dealer);
  const message = {
    encapsulation: fromBase64Url(sealed.encapsulation),
    ciphertext: fromBase64Url(sealed.ciphertext),
  };
  try {
    return await open(key.encryption, fromBase64Url(key.publicKeys.encryption), message, shareContext(dealing, index));
  } catch {
    throw new VaultError('bad-proof', 'The part dealt to this officer does not open.', dealing.dealer);
  }
}

/** An officer has received a share and checked the whole transcript: the signature that says so, base64url. */
export function acceptTranscript(key: ShareKey, transcriptDigest: string): string {
  return signDocument(key, ACCEPTANCE, { transcript: transcriptDigest });
}

export function isAcceptedBy(officer: PlannedOfficer, signature: string, transcriptDigest: string): boolean {
  return isSignedBy(officer.publicKeys.signing, signature, ACCEPTANCE, { transcript: transcriptDigest });
}

/** What officers read to each other: the digest of a transcript in twelve groups of five digits (199 bits). */
export function fingerprintOf(transcriptDigest: string): string {
  const number = BigInt(`0x${transcriptDigest}`) % 10n ** 60n;
  return number.toString().padStart(60, '0').match(/.{5}/g)?.join(' ') ?? '';
}

type DealingHead = Pick<Dealing, 'plan' | 'dealer' | 'commitments'>;

const shareContext = ({ plan, dealer, commitments }: DealingHead, to: number) => ({
  info: utf8('chancery share v1'),
  aad: canonical({ plan, dealer, commitments, to }),
});

/** A proof of equality over no further bases is Schnorr's proof of one logarithm. */
const knowledge = (image: Point) => ({ base: GENERATOR, image, bases: [GENERATOR], images: [image] });

const proofContext = ({ plan, dealer, commitments }: DealingHead) =>
  utf8(`chancery dealing v1 ${digestOf({ plan, dealer, commitments })}`);

/** The polynomial at x, 32 octets. */
function evaluate(coefficients: readonly Uint8Array[], x: number): Uint8Array {
  return writeScalar(
    coefficients.reduceRight((sum, octets) => Scalar.add(Scalar.mul(sum, BigInt(x)), readScalar(octets)), Scalar.ZERO),
  );
}

/** The committed polynomial at x, times G. */
function evaluateInGroup(commitments: readonly Point[], x: number): Point {
  let power = Scalar.ONE;
  const powers = commitments.map(() => {
    const here = power;
    power = Scalar.mul(power, BigInt(x));
    return here;
  });
  return combine(commitments, powers);
}
