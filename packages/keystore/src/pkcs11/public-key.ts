/** Public keys and signatures between the forms of tokens and those of the engine. */
import { createPublicKey } from 'node:crypto';
import type { KeySpec } from '../key-store.ts';

type Curve = 'p256' | 'p384' | 'p521';

/** Octets of a co-ordinate, and of the order. */
export const curveSizes: Readonly<Record<Curve, number>> = { p256: 32, p384: 48, p521: 66 };

const JWK_CURVES: Readonly<Record<Curve, string>> = { p256: 'P-256', p384: 'P-384', p521: 'P-521' };

export const isCurve = (spec: string): spec is Curve => spec in curveSizes;

/** DER SubjectPublicKeyInfo. Throws where the numbers are no key. */
export function rsaSpki(modulus: Uint8Array, exponent: Uint8Array): Buffer {
  return exportJwk({
    kty: 'RSA',
    n: base64url(withoutLeadingZeros(modulus)),
    e: base64url(withoutLeadingZeros(exponent)),
  });
}

/**
 * DER SubjectPublicKeyInfo of a key on a curve. Throws where the point is not on it.
 * @param point CKA_EC_POINT: a DER OCTET STRING, which some tokens leave away
 */
export function pointSpki(spec: KeySpec, point: Uint8Array): Buffer {
  if (isCurve(spec)) {
    const size = curveSizes[spec];
    const raw = point.subarray(point.length - (2 * size + 1));
    if (raw[0] !== 4 || raw.length !== 2 * size + 1) throw new Error('the point is not an uncompressed one');
    return exportJwk({
      kty: 'EC',
      crv: JWK_CURVES[spec],
      x: base64url(raw.subarray(1, 1 + size)),
      y: base64url(raw.subarray(1 + size)),
    });
  }
  return exportJwk({ kty: 'OKP', crv: 'Ed25519', x: base64url(point.subarray(-32)) });
}

/** The uncompressed point of a DER SubjectPublicKeyInfo. Throws for a point that is not on its curve. */
export function pointOf(spec: Curve, spki: Uint8Array): Buffer {
  const { x = '', y = '' } = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' }).export({
    format: 'jwk',
  });
  const point = Buffer.concat([Uint8Array.of(4), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]);
  if (point.length === 2 * curveSizes[spec] + 1) return point;
  throw new Error('the two keys are on different curves');
}

/** DER `ECDSA-Sig-Value` (RFC 3279 section 2.2.3) of r and s, one after the other. */
export function ecdsaSignature(raw: Uint8Array): Buffer {
  const half = raw.length / 2;
  const body = Buffer.concat([derInteger(raw.subarray(0, half)), derInteger(raw.subarray(half))]);
  // On P-521 the sequence is longer than the short form of a length can say.
  const head = body.length < 0x80 ? [0x30, body.length] : [0x30, 0x81, body.length];
  return Buffer.concat([Uint8Array.from(head), body]);
}

function derInteger(unsigned: Uint8Array): Buffer {
  const digits = withoutLeadingZeros(unsigned);
  const sign = (digits[0] ?? 0) >= 0x80 ? [0] : [];
  return Buffer.concat([Uint8Array.of(2, digits.length + sign.length, ...sign), digits]);
}

function exportJwk(key: Record<string, string>): Buffer {
  return createPublicKey({ key, format: 'jwk' }).export({ type: 'spki', format: 'der' });
}

function withoutLeadingZeros(unsigned: Uint8Array): Uint8Array {
  const start = unsigned.findIndex((octet) => octet !== 0);
  return start === -1 ? unsigned.subarray(-1) : unsigned.subarray(start);
}

const base64url = (octets: Uint8Array): string => Buffer.from(octets).toString('base64url');
