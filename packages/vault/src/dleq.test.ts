import { p256_oprf } from '@noble/curves/nist.js';
import { describe, expect, it } from 'vitest';
import { isEqualityProven, proveEquality } from './dleq.ts';
import { concat, utf8 } from './encoding.ts';
import { GENERATOR, multiply, Point, randomScalar, readScalar } from './group.ts';

const context = utf8('what this proof is for');

function statement(secret: Uint8Array, size = 3) {
  const k = readScalar(secret);
  const bases = Array.from({ length: size }, () => multiply(GENERATOR, readScalar(randomScalar())));
  return { base: GENERATOR, image: multiply(GENERATOR, k), bases, images: bases.map((base) => multiply(base, k)) };
}

describe('a proof of equal logarithms', () => {
  it('holds for what was proven', () => {
    const secret = randomScalar();
    for (const size of [1, 2, 50]) {
      const said = statement(secret, size);
      expect(isEqualityProven(proveEquality(secret, said, context), said, context)).toBe(true);
    }
  });

  it('holds for nothing else', () => {
    const secret = randomScalar();
    const said = statement(secret);
    const proof = proveEquality(secret, said, context);
    const other = multiply(GENERATOR, 7n);
    const cases: [string, boolean][] = [
      ['another context', isEqualityProven(proof, said, utf8('another'))],
      ['another image', isEqualityProven(proof, { ...said, image: other }, context)],
      ['one image altered', isEqualityProven(proof, { ...said, images: said.images.with(1, other) }, context)],
      ['one base altered', isEqualityProven(proof, { ...said, bases: said.bases.with(1, other) }, context)],
      ['one left out', isEqualityProven(proof, { ...said, bases: said.bases.slice(1) }, context)],
      [
        'both left out',
        isEqualityProven(proof, { ...said, bases: said.bases.slice(1), images: said.images.slice(1) }, context),
      ],
      ['two exchanged', isEqualityProven(proof, { ...said, images: said.images.toReversed() }, context)],
      ['a bit turned', isEqualityProven(proof.with(63, (proof[63] ?? 0) ^ 1), said, context)],
      ['short', isEqualityProven(proof.subarray(1), said, context)],
      ['a challenge above the order', isEqualityProven(new Uint8Array(64).fill(255), said, context)],
      ['zeros', isEqualityProven(new Uint8Array(64), said, context)],
    ];
    expect(cases.filter(([, held]) => held)).toEqual([]);
  });

  it('is not made by whoever used another secret for one base', () => {
    const secret = randomScalar();
    const said = statement(secret);
    const forged = { ...said, images: said.images.with(2, multiply(said.bases[2] as Point, 5n)) };
    expect(isEqualityProven(proveEquality(secret, forged, context), forged, context)).toBe(false);
  });
});

describe('beside another implementation of RFC 9497', () => {
  // RFC 9497 section 3.1: "OPRFV1-" || I2OSP(mode, 1) || "-" || identifier, mode 1 for VOPRF.
  const rfcContext = concat(utf8('OPRFV1-'), Uint8Array.of(1), utf8('-P256-SHA256'));

  it('proofs are taken both ways', () => {
    const { secretKey, publicKey } = p256_oprf.voprf.generateKeyPair();
    const input = utf8('input');
    const { blind, blinded } = p256_oprf.voprf.blind(input);
    const { evaluated, proof } = p256_oprf.voprf.blindEvaluate(secretKey, publicKey, blinded);
    const said = {
      base: GENERATOR,
      image: Point.fromBytes(publicKey),
      bases: [Point.fromBytes(blinded)],
      images: [Point.fromBytes(evaluated)],
    };
    expect(isEqualityProven(proof, said, rfcContext)).toBe(true);
    const ours = proveEquality(secretKey, said, rfcContext);
    const finalize = (given: Uint8Array) =>
      p256_oprf.voprf.finalize(input, blind, evaluated, blinded, publicKey, given);
    expect(finalize(ours)).toEqual(finalize(proof));
    expect(() => finalize(ours.with(40, (ours[40] ?? 0) ^ 1))).toThrow();
  });
});
