/**
 * Opening by a quorum. Each officer multiplies the ephemeral points of the records with their share and proves, with one
 * proof for all, that it was the share they were dealt. Any M of them add up to what the vault key would have given; the
 * vault key itself is never made.
 */

import type { Share, VaultKey } from './dealing.ts';
import { isEqualityProven, proveEquality } from './dleq.ts';
import { concat, digestOf, fromBase64Url, toBase64Url, utf8 } from './encoding.ts';
import { VaultError } from './errors.ts';
import { combine, GENERATOR, lagrange, multiply, type Point, readPoint, readScalar, writePoint } from './group.ts';

/** What is opened, and why. */
export interface Opening {
  readonly vaultId: string;
  /** SHA-256 of the canonical request (or drill, or re-wrapping) that this is for, hexadecimal. */
  readonly request: string;
  readonly records: readonly { readonly id: string /** 65 octets, base64url. */; readonly encapsulation: string }[];
}

export interface Partial {
  /** Index of the officer, from 1. */
  readonly officer: number;
  /** `share · encapsulation` of each record in turn, base64url. */
  readonly points: readonly string[];
  /** One proof for each `BATCH` of them, base64url. */
  readonly proofs: readonly string[];
}

/** Records under one proof. A proof of a million would be made anew for one bad point. */
const BATCH = 1000;
/** A progress bar moves no finer. */
const REPORTED = 10;
/** What the multiplications take of the whole; the rest is the proofs. */
const PROOFS_SHARE = 0.7;

/** How much of a computation is done, from 0 to 1. */
export type Progress = (share: number) => void;

/** An officer's contribution. @throws VaultError `malformed` for a record that is none */
export function contribute(share: Share, key: VaultKey, opening: Opening, report: Progress = () => {}): Partial {
  const secret = readScalar(share.secret);
  const { records } = opening;
  // Reading a point takes a square root, so it counts as work too.
  const bases: Point[] = [];
  const images: Point[] = [];
  for (const [at, { encapsulation }] of records.entries()) {
    const base = readPoint(fromBase64Url(encapsulation));
    bases.push(base);
    images.push(multiply(base, secret));
    if (at % REPORTED === 0) report((PROOFS_SHARE * at) / records.length);
  }
  const parts = batches(bases, images);
  const proofs = parts.map((batch, at) => {
    report(PROOFS_SHARE + ((1 - PROOFS_SHARE) * at) / parts.length);
    const statement = { base: GENERATOR, image: publicShare(key, share.index), ...batch };
    return toBase64Url(proveEquality(share.secret, statement, context(key, opening, share.index, at)));
  });
  report(1);
  return { officer: share.index, points: images.map((point) => toBase64Url(writePoint(point))), proofs };
}

/**
 * Is this the contribution of that officer's share to exactly this opening?
 * @throws VaultError `bad-proof` naming the officer
 */
export function checkPartial(partial: Partial, key: VaultKey, opening: Opening): void {
  const wrong = (what: string) => new VaultError('bad-proof', what, partial.officer);
  const bases = encapsulations(opening);
  if (partial.points.length !== bases.length) throw wrong('The contribution is for another number of keys.');
  const image = publicShare(key, partial.officer);
  let images: Point[];
  try {
    images = partial.points.map((text) => readPoint(fromBase64Url(text)));
  } catch {
    throw wrong('The contribution holds something that is not a point.');
  }
  const parts = batches(bases, images);
  if (partial.proofs.length !== parts.length) throw wrong('The contribution has another number of proofs.');
  for (const [at, batch] of parts.entries()) {
    const proof = fromBase64Url(partial.proofs[at] as string);
    if (!isEqualityProven(proof, { base: GENERATOR, image, ...batch }, context(key, opening, partial.officer, at))) {
      throw wrong("The contribution was not made with this officer's share for this request.");
    }
  }
}

/**
 * `vault key · encapsulation` for each record in turn.
 * @param partials checked ones; of more than the threshold the first are taken
 * @throws VaultError `no-quorum`
 */
export function combinePartials(partials: readonly Partial[], key: VaultKey, opening: Opening): Point[] {
  const quorum = partials.slice(0, key.threshold);
  if (quorum.length < key.threshold) {
    throw new VaultError('no-quorum', `${quorum.length} of ${key.threshold} officers have contributed.`);
  }
  const officers = quorum.map(({ officer }) => officer);
  const weights = officers.map((officer) => lagrange(officer, officers));
  return opening.records.map((_, at) =>
    combine(
      quorum.map(({ points }) => readPoint(fromBase64Url(points[at] as string))),
      weights,
    ),
  );
}

/**
 * What the contributions of a quorum add up to, by the id of each record. Each is checked anew: what opens keys is not taken
 * on trust from wherever it was kept.
 * @throws VaultError `bad-proof` naming the officer, `no-quorum`
 */
export function openPoints(partials: readonly Partial[], key: VaultKey, opening: Opening): Map<string, Point> {
  for (const partial of partials) checkPartial(partial, key, opening);
  const points = combinePartials(partials, key, opening);
  return new Map(opening.records.map(({ id }, at) => [id, points[at] as Point]));
}

function publicShare(key: VaultKey, officer: number): Point {
  const octets = key.publicShares[officer - 1];
  if (octets === undefined) throw new VaultError('bad-proof', 'Nobody of that number has a share.', officer);
  return readPoint(octets);
}

function encapsulations({ records }: Opening): Point[] {
  return records.map(({ encapsulation }) => readPoint(fromBase64Url(encapsulation)));
}

function batches(bases: readonly Point[], images: readonly Point[]) {
  return Array.from({ length: Math.ceil(bases.length / BATCH) }, (_, at) => ({
    bases: bases.slice(at * BATCH, (at + 1) * BATCH),
    images: images.slice(at * BATCH, (at + 1) * BATCH),
  }));
}

/** Binds a proof to the vault, the epoch, the officer, the request and every record of it. */
function context(key: VaultKey, opening: Opening, officer: number, batch: number): Uint8Array {
  const digest = digestOf({ ...opening, transcript: key.transcript, officer, batch });
  return concat(utf8('chancery partial v1 '), utf8(digest));
}
