/**
 * Proofs that logarithms are equal (Chaum-Pedersen), batched and made non-interactive as in RFC 9497 section 2.2:
 * whoever knows k shows that `B = k·A` and `Dᵢ = k·Cᵢ` for every i, and says nothing else about k. What the proof is for is
 * part of its context, so it is good for that and for nothing else.
 */
import { concat, sha256, utf8 } from './encoding.ts';
import { combine, hashToScalar, multiply, type Point, randomScalar, readScalar, Scalar, writeScalar } from './group.ts';

export interface EqualityStatement {
  readonly base: Point;
  /** `k · base`. */
  readonly image: Point;
  readonly bases: readonly Point[];
  /** `k · bases[i]`. */
  readonly images: readonly Point[];
}

/**
 * The proof: challenge and answer, 64 octets.
 * @param context at most 200 octets that name the use of the proof
 * @param nonce of 32 octets, for test vectors only: a nonce used twice gives k away
 */
export function proveEquality(
  secret: Uint8Array,
  statement: EqualityStatement,
  context: Uint8Array,
  nonce: Uint8Array = randomScalar(),
): Uint8Array {
  const k = readScalar(secret);
  const r = readScalar(nonce);
  const { m } = composites(statement, context);
  const z = multiply(m, k);
  const challenge = challengeOf(statement, m, z, multiply(statement.base, r), multiply(m, r), context);
  nonce.fill(0);
  return concat(writeScalar(challenge), writeScalar(Scalar.sub(r, Scalar.mul(challenge, k))));
}

/** Is this a proof of that statement in that context? */
export function isEqualityProven(proof: Uint8Array, statement: EqualityStatement, context: Uint8Array): boolean {
  if (proof.length !== 64 || statement.bases.length !== statement.images.length) return false;
  let challenge: bigint;
  let answer: bigint;
  try {
    challenge = readScalar(proof.subarray(0, 32));
    answer = readScalar(proof.subarray(32));
  } catch {
    return false;
  }
  const { m, z } = composites(statement, context);
  const t2 = combine([statement.base, statement.image], [answer, challenge]);
  const t3 = combine([m, z], [answer, challenge]);
  // No honest proof passes through the neutral point, which has no serialisation.
  if ([m, z, t2, t3].some((point) => point.is0())) return false;
  return challenge === challengeOf(statement, m, z, t2, t3, context);
}

/** RFC 9497 section 2.2.1 ComputeComposites: one pair of points that stands for all of them. */
function composites({ image, bases, images }: EqualityStatement, context: Uint8Array): { m: Point; z: Point } {
  const seed = sha256(concat(withLength(serialise(image)), withLength(concat(utf8('Seed-'), context))));
  const weights = bases.map((base, at) =>
    hashToScalar(
      concat(
        withLength(seed),
        number(at),
        withLength(serialise(base)),
        withLength(serialise(images[at] as Point)),
        utf8('Composite'),
      ),
      concat(utf8('HashToScalar-'), context),
    ),
  );
  return { m: combine(bases, weights), z: combine(images, weights) };
}

function challengeOf(
  { image }: EqualityStatement,
  m: Point,
  z: Point,
  t2: Point,
  t3: Point,
  context: Uint8Array,
): bigint {
  const parts = [image, m, z, t2, t3].map((point) => withLength(serialise(point)));
  return hashToScalar(concat(...parts, utf8('Challenge')), concat(utf8('HashToScalar-'), context));
}

/** RFC 9497 section 4.3: compressed points. */
const serialise = (point: Point) => point.toBytes(true);

const withLength = (octets: Uint8Array) => concat(number(octets.length), octets);

/** I2OSP(value, 2); a batch larger than that is cut by whoever makes it. */
function number(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value & 255);
}
