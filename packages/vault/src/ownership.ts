/**
 * Whose point it is. Whoever seals a record knows the logarithm of its encapsulation for that one moment, and proves it
 * (Schnorr, in the form of RFC 8235 section 3) in a proof that names the record, its person and its vault. Afterwards nobody
 * can make such a proof: neither for the point of another record nor for one that was blinded, so officers who ask for it
 * never multiply a point under a wrong name.
 */
import { canonical, concat, fromBase64Url, toBase64Url, utf8 } from './encoding.ts';
import {
  combine,
  GENERATOR,
  hashToScalar,
  multiply,
  type Point,
  randomScalar,
  readPoint,
  readScalar,
  Scalar,
  writePoint,
  writeScalar,
} from './group.ts';

export interface PointOwner {
  readonly recordId: string;
  readonly personId: string;
  readonly vaultId: string;
}

/** Challenge and answer, 64 octets, base64url. @param ephemeral secret of the encapsulation, 32 octets; the caller zeroes it */
export function proveOwnership(ephemeral: Uint8Array, encapsulation: Uint8Array, owner: PointOwner): string {
  const nonce = randomScalar();
  const challenge = challengeOf(encapsulation, multiply(GENERATOR, readScalar(nonce)), owner);
  const answer = Scalar.sub(readScalar(nonce), Scalar.mul(challenge, readScalar(ephemeral)));
  nonce.fill(0);
  return toBase64Url(concat(writeScalar(challenge), writeScalar(answer)));
}

/** Any input is allowed; what is not a proof is false. @param encapsulation and @param proof in base64url */
export function isOwnedBy(proof: string, encapsulation: string, owner: PointOwner): boolean {
  try {
    const octets = fromBase64Url(proof);
    if (octets.length !== 64) return false;
    const [challenge, answer] = [readScalar(octets.subarray(0, 32)), readScalar(octets.subarray(32))];
    const point = fromBase64Url(encapsulation);
    const commitment = combine([GENERATOR, readPoint(point)], [answer, challenge]);
    return !commitment.is0() && challenge === challengeOf(point, commitment, owner);
  } catch {
    return false;
  }
}

function challengeOf(encapsulation: Uint8Array, commitment: Point, owner: PointOwner): bigint {
  const { recordId, personId, vaultId } = owner;
  const message = concat(encapsulation, writePoint(commitment), canonical({ recordId, personId, vaultId }));
  return hashToScalar(message, utf8('chancery point ownership v1'));
}
