/** Builders for the extensions of certificates, requests, CRLs and responses (RFC 5280 4.2, 5.2). */
import { hash } from 'node:crypto';
import {
  DerReader,
  encodeBitString,
  encodeBoolean,
  encodeElement,
  encodeExplicit,
  encodeIa5String,
  encodeImplicit,
  encodeInteger,
  encodeNull,
  encodeOctetString,
  encodeOid,
  encodeSequence,
  tag,
} from '../asn1/der.ts';
import { oids } from '../asn1/oids.ts';
import { SmimeError } from '../errors.ts';
import { encodeGeneralNames, encodeUri, type GeneralNamesInput } from './general-names.ts';

/** One extension. `value` is what stands inside the OCTET STRING: DER of the type that `id` names. */
export interface Extension {
  /** Dotted object identifier. */
  readonly id: string;
  readonly critical: boolean;
  readonly value: Uint8Array;
}

/** RFC 5280 4.2.1.3, in bit order. */
export const keyUsageBits = [
  'digitalSignature',
  'nonRepudiation',
  'keyEncipherment',
  'dataEncipherment',
  'keyAgreement',
  'keyCertSign',
  'cRLSign',
  'encipherOnly',
  'decipherOnly',
] as const;
/** RFC 5280 4.2.1.3: what a key may be used for. */
export type KeyUsage = (typeof keyUsageBits)[number];

/** RFC 5280 5.3.1: the reasons and their numbers. */
export const revocationReasons = {
  unspecified: 0,
  keyCompromise: 1,
  cACompromise: 2,
  affiliationChanged: 3,
  superseded: 4,
  cessationOfOperation: 5,
  certificateHold: 6,
  removeFromCRL: 8,
  privilegeWithdrawn: 9,
  aACompromise: 10,
} as const;
/** RFC 5280 5.3.1: why a certificate was revoked. */
export type RevocationReason = keyof typeof revocationReasons;

const reasonNames = new Map<number, RevocationReason>(
  Object.entries(revocationReasons).map(([name, number]) => [number, name as RevocationReason]),
);

/** The reason with that number; undefined for numbers that RFC 5280 does not assign. */
export function revocationReasonOf(number: number): RevocationReason | undefined {
  return reasonNames.get(number);
}

/** DER of one Extension. */
function encodeExtension({ id, critical, value }: Extension): Buffer {
  return critical
    ? encodeSequence(encodeOid(id), encodeBoolean(true), encodeOctetString(value))
    : encodeSequence(encodeOid(id), encodeOctetString(value));
}

/** DER of Extensions. Throws `invalid-argument` for two of the same kind. */
export function encodeExtensions(extensions: readonly Extension[]): Buffer {
  const seen = new Set<string>();
  for (const { id } of extensions) {
    if (seen.has(id)) throw new SmimeError('invalid-argument', `the extension ${id} stands twice`);
    seen.add(id);
  }
  return encodeSequence(...extensions.map(encodeExtension));
}

/** Critical, as RFC 5280 4.2.1.9 demands of a CA. `pathLength`: how many CA certificates may follow. */
export function basicConstraints(input: { ca: boolean; pathLength?: number }): Extension {
  const parts = input.ca
    ? [encodeBoolean(true), ...(input.pathLength === undefined ? [] : [encodeInteger(input.pathLength)])]
    : [];
  return { id: oids.basicConstraints, critical: true, value: encodeSequence(...parts) };
}

/** Critical. */
export function keyUsage(usages: Iterable<KeyUsage>): Extension {
  return {
    id: oids.keyUsage,
    critical: true,
    value: encodeNamedBits([...usages].map((usage) => keyUsageBits.indexOf(usage))),
  };
}

/** @param purposes dotted object identifiers */
/** RFC 5280 4.2.1.12: `purposes` are dotted object identifiers. */
export function extendedKeyUsage(purposes: readonly string[], critical = false): Extension {
  return { id: oids.extendedKeyUsage, critical, value: encodeSequence(...purposes.map(encodeOid)) };
}

/** Critical where the certificate's subject is empty (RFC 5280 4.2.1.6). */
export function subjectAltName(names: GeneralNamesInput, critical = false): Extension {
  return { id: oids.subjectAltName, critical, value: encodeGeneralNames(names) };
}

/** @param identifier the identifier itself, see `keyIdentifier` */
/** RFC 5280 4.2.1.2: the octets that `keyIdentifier` gives, or any others of the CA's choosing. */
export function subjectKeyIdentifier(identifier: Uint8Array): Extension {
  return { id: oids.subjectKeyIdentifier, critical: false, value: encodeOctetString(identifier) };
}

/** keyIdentifier alone, as the S/MIME Baseline Requirements ask. */
export function authorityKeyIdentifier(identifier: Uint8Array): Extension {
  return { id: oids.authorityKeyIdentifier, critical: false, value: encodeSequence(encodeImplicit(0, identifier)) };
}

/** RFC 5280 4.2.1.4: policies as dotted object identifiers, each with an optional URI of its practice statement. */
export function certificatePolicies(
  policies: readonly (string | { readonly policy: string; readonly cps?: string })[],
  critical = false,
): Extension {
  const encoded = policies.map((entry) => {
    const { policy, cps } = typeof entry === 'string' ? { policy: entry, cps: undefined } : entry;
    if (cps === undefined) return encodeSequence(encodeOid(policy));
    return encodeSequence(
      encodeOid(policy),
      encodeSequence(encodeSequence(encodeOid(oids.qualifierCps), encodeIa5String(cps))),
    );
  });
  return { id: oids.certificatePolicies, critical, value: encodeSequence(...encoded) };
}

/** One distribution point per URI. */
export function crlDistributionPoints(uris: readonly string[]): Extension {
  return { id: oids.crlDistributionPoints, critical: false, value: encodePoints(uris) };
}

/** RFC 5280 4.2.1.15, 5.2.6: where the delta CRLs are; of a certificate or of a complete CRL. One distribution point per URI. */
export function freshestCrl(uris: readonly string[]): Extension {
  return { id: oids.freshestCrl, critical: false, value: encodePoints(uris) };
}

const encodePoints = (uris: readonly string[]): Buffer =>
  encodeSequence(...uris.map((uri) => encodeSequence(encodeExplicit(0, encodeExplicit(0, encodeUri(uri))))));

/** RFC 5280 4.2.2.1: URLs of the OCSP responder and of the issuer's certificates. */
export function authorityInfoAccess(access: {
  readonly ocsp?: readonly string[];
  readonly caIssuers?: readonly string[];
}): Extension {
  const descriptions = [
    ...(access.ocsp ?? []).map((uri) => encodeSequence(encodeOid(oids.accessOcsp), encodeUri(uri))),
    ...(access.caIssuers ?? []).map((uri) => encodeSequence(encodeOid(oids.accessCaIssuers), encodeUri(uri))),
  ];
  return { id: oids.authorityInfoAccess, critical: false, value: encodeSequence(...descriptions) };
}

/**
 * RFC 4262: what the holder's software can decrypt, best first. Outlook reads it from the certificate.
 * @param algorithms dotted object identifiers without parameters
 */
export function smimeCapabilities(
  algorithms: readonly string[] = [oids.aes256Gcm, oids.aes256Cbc, oids.aes128Gcm, oids.aes128Cbc],
): Extension {
  return {
    id: oids.smimeCapabilities,
    critical: false,
    value: encodeSequence(...algorithms.map((id) => encodeSequence(encodeOid(id)))),
  };
}

/** RFC 6960 4.2.2.2.1: clients need not ask for the status of this responder certificate. */
export function ocspNoCheck(): Extension {
  return { id: oids.ocspNoCheck, critical: false, value: encodeNull };
}

/**
 * RFC 5280 4.2.1.10, critical: what names certificates below a CA may bear. An e-mail constraint is an address, a host, or
 * `.domain` for everything below it.
 */
export function nameConstraints(input: {
  readonly permitted?: GeneralNamesInput;
  readonly excluded?: GeneralNamesInput;
}): Extension {
  const subtrees = (n: number, names: GeneralNamesInput | undefined): Uint8Array[] => {
    const bases = names === undefined ? [] : constraintBases(names);
    return bases.length === 0 ? [] : [encodeExplicit(n, ...bases.map((base) => encodeSequence(base)))];
  };
  return {
    id: oids.nameConstraints,
    critical: true,
    value: encodeSequence(...subtrees(0, input.permitted), ...subtrees(1, input.excluded)),
  };
}

/** RFC 5280 5.2.3: a positive number, or its big-endian octets where it is long. */
export function crlNumber(number: number | Uint8Array): Extension {
  return { id: oids.crlNumber, critical: false, value: encodeInteger(number) };
}

/** RFC 5280 5.2.4: makes a CRL a delta CRL. @param base the number of the complete CRL that it continues */
export function deltaCrlIndicator(base: number | Uint8Array): Extension {
  return { id: oids.deltaCrlIndicator, critical: true, value: encodeInteger(base) };
}

/**
 * RFC 5280 5.2.5: the CRL holds only what its distribution point says.
 * @param input.uri equals the CRL distribution point of the certificates; several where that has moved
 */
export function issuingDistributionPoint(input: {
  readonly uri?: string | readonly string[];
  readonly onlyUserCertificates?: boolean;
  readonly onlyCaCertificates?: boolean;
}): Extension {
  const flag = Uint8Array.of(0xff);
  const uris = typeof input.uri === 'string' ? [input.uri] : (input.uri ?? []);
  const parts = [
    ...(uris.length === 0 ? [] : [encodeExplicit(0, encodeExplicit(0, ...uris.map(encodeUri)))]),
    ...(input.onlyUserCertificates ? [encodeImplicit(1, flag)] : []),
    ...(input.onlyCaCertificates ? [encodeImplicit(2, flag)] : []),
  ];
  return { id: oids.issuingDistributionPoint, critical: true, value: encodeSequence(...parts) };
}

/** SHA-1 of the subject public key's bits: method (1) of RFC 5280 4.2.1.2. An identifier, not a security function. */
export function keyIdentifier(spki: Uint8Array): Uint8Array {
  const info = new DerReader(spki).enter();
  info.skip(tag.sequence);
  return hash('sha1', info.bitStringOctets(), 'buffer');
}

/** A named BIT STRING: DER leaves trailing zero bits out (X.690 11.2.2). */
function encodeNamedBits(bits: readonly number[]): Buffer {
  const last = Math.max(-1, ...bits);
  if (last < 0) return encodeElement(tag.bitString, Uint8Array.of(0));
  const octets = Buffer.alloc((last >> 3) + 1);
  for (const bit of bits) octets[bit >> 3] = (octets[bit >> 3] as number) | (0x80 >> (bit & 7));
  return encodeBitString(octets, 7 - (last & 7));
}

/** In a constraint an rfc822Name may be a bare host or `.domain`, which is no address. */
function constraintBases(names: GeneralNamesInput): Uint8Array[] {
  const ascii = (n: number) => (text: string) => encodeImplicit(n, Buffer.from(text, 'latin1'));
  return [
    ...(names.emails ?? []).map(ascii(1)),
    ...(names.dns ?? []).map(ascii(2)),
    ...(names.uris ?? []).map(ascii(6)),
  ];
}
