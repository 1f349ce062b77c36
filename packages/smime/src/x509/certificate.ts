/** X.509 certificates (RFC 5280 4): read, compared, and assembled for a CA. */
import { createHash, type KeyObject } from 'node:crypto';
import {
  encodeBitString,
  encodeElement,
  encodeExplicit,
  encodeInteger,
  encodeSequence,
  encodeTime,
  readOnly,
  tag,
} from '../asn1/der.ts';
import { oids } from '../asn1/oids.ts';
import { SmimeError } from '../errors.ts';
import {
  type KeyKind,
  keyKindIfKnown,
  parseSignatureAlgorithm,
  publicKeyOf,
  verifySignature,
} from '../keys/algorithms.ts';
import { limits } from '../limits.ts';
import { type Extension, encodeExtensions, type KeyUsage } from './extensions.ts';
import { type GeneralNames, noNames } from './general-names.ts';
import { type Name, namesEqual, nameValues, readName } from './name.ts';
import {
  type AuthorityKeyIdentifier,
  type BasicConstraints,
  type PolicyInformation,
  readAltNames,
  readAuthorityKeyIdentifier,
  readBasicConstraints,
  readCertificatePolicies,
  readDistributionPoints,
  readExtensions,
  readInfoAccess,
  readKeyUsage,
  readObjectIdentifiers,
  readSmimeCapabilities,
  readSubjectKeyIdentifier,
  type SmimeCapability,
  serialText,
} from './read-extensions.ts';

/** An X.509 certificate, read (RFC 5280 4.1). Buffers are views of `der`. */
export interface Certificate {
  readonly der: Uint8Array;
  /** The octets that are signed. */
  readonly tbs: Uint8Array;
  /** 1, 2 or 3. */
  readonly version: number;
  /** Lower-case hex without the sign octet; a negative number, which RFC 5280 forbids, begins with `-`. */
  readonly serialNumber: string;
  /** DER AlgorithmIdentifier. */
  readonly signatureAlgorithm: Uint8Array;
  readonly signature: Uint8Array;
  readonly issuer: Name;
  readonly subject: Name;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** DER SubjectPublicKeyInfo. */
  readonly spki: Uint8Array;
  /** Loaded at first use and kept. Throws `SmimeError` `unsupported` for a key that node:crypto cannot load. */
  readonly publicKey: KeyObject;
  /** Undefined for a key that the engine neither signs nor decrypts with. */
  readonly keyKind: KeyKind | undefined;
  readonly extensions: readonly Extension[];
  readonly basicConstraints: BasicConstraints | undefined;
  readonly keyUsage: ReadonlySet<KeyUsage> | undefined;
  /** Dotted object identifiers. */
  readonly extendedKeyUsage: readonly string[] | undefined;
  readonly subjectAltNames: GeneralNames;
  readonly subjectKeyIdentifier: Uint8Array | undefined;
  readonly authorityKeyIdentifier: AuthorityKeyIdentifier | undefined;
  readonly certificatePolicies: readonly PolicyInformation[];
  /** URIs, in order. */
  readonly crlDistributionPoints: readonly string[];
  readonly ocspUrls: readonly string[];
  readonly caIssuerUrls: readonly string[];
  /** RFC 4262. */
  readonly smimeCapabilities: readonly SmimeCapability[] | undefined;
}

/** Reads one DER certificate. Throws `SmimeError` with the offset of what is wrong. */
export function parseCertificate(der: Uint8Array): Certificate {
  if (der.length > limits.certificateOctets)
    throw new SmimeError('limit-exceeded', `a certificate of more than ${limits.certificateOctets} octets`);
  const outer = readOnly(der, 'the certificate');
  const tbsStart = outer.position;
  const tbs = outer.enter();
  const tbsBytes = outer.bytes.subarray(tbsStart, outer.position);
  const signatureAlgorithm = outer.element(tag.sequence);
  const signature = outer.bitStringOctets();
  outer.finish('the certificate');

  const versionField = tbs.enterIf(0xa0);
  const version = versionField ? versionField.smallInteger() + 1 : 1;
  if (version < 1 || version > 3) throw tbs.unexpected(`a certificate of the unknown version ${version}`, tbsStart);
  const serialNumber = serialText(tbs.integerContent());
  // RFC 5280 4.1.1.2: the algorithm inside the signature is the one outside.
  const innerAlgorithm = tbs.position;
  if (!tbs.element(tag.sequence).equals(signatureAlgorithm))
    throw tbs.unexpected('the certificate names two different signature algorithms', innerAlgorithm);
  const issuer = readName(tbs);
  const validity = tbs.enter();
  const notBefore = validity.time();
  const notAfter = validity.time();
  validity.finish('the validity');
  const subject = readName(tbs);
  const spki = tbs.element(tag.sequence);
  const keyKind = keyKindIfKnown(spki);
  tbs.skipIf(0x81);
  tbs.skipIf(0x82);
  const extensionsOffset = tbs.position;
  const wrapper = tbs.enterIf(0xa3);
  const extensions = wrapper ? readExtensions(wrapper.enter()) : [];
  wrapper?.finish('the extensions');
  tbs.finish('the certificate');
  if (wrapper && version !== 3)
    throw tbs.unexpected('extensions in a certificate that is not of version 3', extensionsOffset);

  return new ParsedCertificate(
    {
      der,
      tbs: tbsBytes,
      version,
      serialNumber,
      signatureAlgorithm,
      signature,
      issuer,
      subject,
      notBefore,
      notAfter,
      spki,
      keyKind,
      extensions,
    },
    readKnownExtensions(extensions),
  );
}

/**
 * Every e-mail address that the certificate names, in the order rfc822Name, SmtpUTF8Mailbox (RFC 9598), subject emailAddress,
 * without repetition. Compare them without regard to the case of the domain; see `message/`.
 */
export function certificateEmails(certificate: Pick<Certificate, 'subjectAltNames' | 'subject'>): string[] {
  return [...new Set([...certificate.subjectAltNames.emails, ...nameValues(certificate.subject, oids.emailAddress)])];
}

/** Lower-case hex of the digest of the DER. SHA-1 only to name a certificate, never to trust it. */
export function fingerprint(der: Uint8Array, hash: 'sha256' | 'sha1' = 'sha256'): string {
  return createHash(hash).update(der).digest('hex');
}

/** True where the names chain and the key identifiers, where both stand there, agree. Looks at no signature. */
export function isIssuedBy(certificate: Certificate, issuer: Certificate): boolean {
  if (!namesEqual(certificate.issuer, issuer.subject)) return false;
  const wanted = certificate.authorityKeyIdentifier?.keyIdentifier;
  const found = issuer.subjectKeyIdentifier;
  return wanted === undefined || found === undefined || Buffer.compare(wanted, found) === 0;
}

/** True where the issuer's key made the signature. False as well for an algorithm or a key that the engine cannot use. */
export function verifyCertificateSignature(certificate: Certificate, issuer: Pick<Certificate, 'publicKey'>): boolean {
  return verifySigned(certificate, issuer);
}

/** The same for anything of the form {tbs, signatureAlgorithm, signature}: certificates, requests, CRLs, OCSP responses. */
export function verifySigned(
  signed: { readonly tbs: Uint8Array; readonly signatureAlgorithm: Uint8Array; readonly signature: Uint8Array },
  issuer: { readonly publicKey: KeyObject },
): boolean {
  try {
    return verifySignature(
      parseSignatureAlgorithm(signed.signatureAlgorithm),
      issuer.publicKey,
      signed.tbs,
      signed.signature,
    );
  } catch (error) {
    if (error instanceof SmimeError) return false;
    throw error;
  }
}

/** The certificate as it stands with another DER SubjectPublicKeyInfo: a key completed from outside, see `inheritParameters`. */
export function withPublicKey(certificate: Certificate, spki: Uint8Array): Certificate {
  return new ParsedCertificate({ ...certificate, spki, keyKind: keyKindIfKnown(spki) }, certificate);
}

/** The fields of a certificate that a CA is about to sign. */
export interface TbsCertificateInput {
  /** Lower-case or upper-case hex, positive, at most 20 octets (RFC 5280 4.1.2.2). */
  readonly serialNumber: string;
  /** DER AlgorithmIdentifier, see `signatureAlgorithmFor`. */
  readonly signatureAlgorithm: Uint8Array;
  /** DER Name. */
  readonly issuer: Uint8Array | Name;
  /** DER Name. */
  readonly subject: Uint8Array | Name;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** DER SubjectPublicKeyInfo. */
  readonly spki: Uint8Array;
  readonly extensions: readonly Extension[];
}

/** The DER TBSCertificate (version 3) that a CA signs. Throws `invalid-argument`. */
export function buildTbsCertificate(input: TbsCertificateInput): Uint8Array {
  const serial = serialInteger(input.serialNumber);
  if (input.serialNumber.startsWith('-') || serial.length > 22 || /^0*$/.test(input.serialNumber)) {
    throw new SmimeError(
      'invalid-argument',
      'a serial number is positive and has at most 20 octets (RFC 5280 4.1.2.2)',
    );
  }
  if (!(input.notBefore.getTime() <= input.notAfter.getTime()))
    throw new SmimeError('invalid-argument', 'notBefore is later than notAfter');
  return encodeSequence(
    encodeExplicit(0, encodeInteger(2)),
    serial,
    input.signatureAlgorithm,
    nameDer(input.issuer),
    encodeSequence(encodeTime(input.notBefore), encodeTime(input.notAfter)),
    nameDer(input.subject),
    input.spki,
    encodeExplicit(3, encodeExtensions(input.extensions)),
  );
}

/** DER of what is signed, its algorithm and its signature: certificates, requests and CRLs alike. */
export function assembleSigned(tbs: Uint8Array, signatureAlgorithm: Uint8Array, signature: Uint8Array): Uint8Array {
  return encodeSequence(tbs, signatureAlgorithm, encodeBitString(signature));
}

/** DER INTEGER of a serial number in hex (the form of `Certificate.serialNumber`). */
export function serialInteger(serialNumber: string): Buffer {
  const negative = serialNumber.startsWith('-');
  const digits = negative ? serialNumber.slice(1) : serialNumber;
  if (!/^[0-9a-fA-F]+$/.test(digits)) throw new SmimeError('invalid-argument', 'a serial number is written in hex');
  const octets = Buffer.from(digits.length % 2 ? `0${digits}` : digits, 'hex');
  return negative ? encodeElement(tag.integer, octets) : encodeInteger(octets);
}

export const nameDer = (name: Uint8Array | Name): Uint8Array => ('attributes' in name ? name.der : name);

type Fields = Omit<Certificate, 'publicKey' | keyof KnownExtensions>;

interface KnownExtensions {
  basicConstraints: BasicConstraints | undefined;
  keyUsage: ReadonlySet<KeyUsage> | undefined;
  extendedKeyUsage: readonly string[] | undefined;
  subjectAltNames: GeneralNames;
  subjectKeyIdentifier: Uint8Array | undefined;
  authorityKeyIdentifier: AuthorityKeyIdentifier | undefined;
  certificatePolicies: readonly PolicyInformation[];
  crlDistributionPoints: readonly string[];
  ocspUrls: readonly string[];
  caIssuerUrls: readonly string[];
  smimeCapabilities: readonly SmimeCapability[] | undefined;
}

function readKnownExtensions(extensions: readonly Extension[]): KnownExtensions {
  const known: KnownExtensions = {
    basicConstraints: undefined,
    keyUsage: undefined,
    extendedKeyUsage: undefined,
    subjectAltNames: noNames,
    subjectKeyIdentifier: undefined,
    authorityKeyIdentifier: undefined,
    certificatePolicies: [],
    crlDistributionPoints: [],
    ocspUrls: [],
    caIssuerUrls: [],
    smimeCapabilities: undefined,
  };
  for (const { id, value } of extensions) {
    switch (id) {
      case oids.basicConstraints:
        known.basicConstraints = readBasicConstraints(value);
        break;
      case oids.keyUsage:
        known.keyUsage = readKeyUsage(value);
        break;
      case oids.extendedKeyUsage:
        known.extendedKeyUsage = readObjectIdentifiers(value, 'extendedKeyUsage');
        break;
      case oids.subjectAltName:
        known.subjectAltNames = readAltNames(value);
        break;
      case oids.subjectKeyIdentifier:
        known.subjectKeyIdentifier = readSubjectKeyIdentifier(value);
        break;
      case oids.authorityKeyIdentifier:
        known.authorityKeyIdentifier = readAuthorityKeyIdentifier(value);
        break;
      case oids.certificatePolicies:
        known.certificatePolicies = readCertificatePolicies(value);
        break;
      case oids.crlDistributionPoints:
        known.crlDistributionPoints = readDistributionPoints(value).flatMap((point) => point.fullName?.uris ?? []);
        break;
      case oids.authorityInfoAccess: {
        const access = readInfoAccess(value);
        known.ocspUrls = access.ocsp;
        known.caIssuerUrls = access.caIssuers;
        break;
      }
      case oids.smimeCapabilities:
        known.smimeCapabilities = readSmimeCapabilities(value);
        break;
    }
  }
  return known;
}

class ParsedCertificate implements Certificate {
  readonly der: Uint8Array;
  readonly tbs: Uint8Array;
  readonly version: number;
  readonly serialNumber: string;
  readonly signatureAlgorithm: Uint8Array;
  readonly signature: Uint8Array;
  readonly issuer: Name;
  readonly subject: Name;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly spki: Uint8Array;
  readonly keyKind: KeyKind | undefined;
  readonly extensions: readonly Extension[];
  readonly basicConstraints: BasicConstraints | undefined;
  readonly keyUsage: ReadonlySet<KeyUsage> | undefined;
  readonly extendedKeyUsage: readonly string[] | undefined;
  readonly subjectAltNames: GeneralNames;
  readonly subjectKeyIdentifier: Uint8Array | undefined;
  readonly authorityKeyIdentifier: AuthorityKeyIdentifier | undefined;
  readonly certificatePolicies: readonly PolicyInformation[];
  readonly crlDistributionPoints: readonly string[];
  readonly ocspUrls: readonly string[];
  readonly caIssuerUrls: readonly string[];
  readonly smimeCapabilities: readonly SmimeCapability[] | undefined;
  #publicKey: KeyObject | undefined;

  constructor(fields: Fields, known: KnownExtensions) {
    this.der = fields.der;
    this.tbs = fields.tbs;
    this.version = fields.version;
    this.serialNumber = fields.serialNumber;
    this.signatureAlgorithm = fields.signatureAlgorithm;
    this.signature = fields.signature;
    this.issuer = fields.issuer;
    this.subject = fields.subject;
    this.notBefore = fields.notBefore;
    this.notAfter = fields.notAfter;
    this.spki = fields.spki;
    this.keyKind = fields.keyKind;
    this.extensions = fields.extensions;
    this.basicConstraints = known.basicConstraints;
    this.keyUsage = known.keyUsage;
    this.extendedKeyUsage = known.extendedKeyUsage;
    this.subjectAltNames = known.subjectAltNames;
    this.subjectKeyIdentifier = known.subjectKeyIdentifier;
    this.authorityKeyIdentifier = known.authorityKeyIdentifier;
    this.certificatePolicies = known.certificatePolicies;
    this.crlDistributionPoints = known.crlDistributionPoints;
    this.ocspUrls = known.ocspUrls;
    this.caIssuerUrls = known.caIssuerUrls;
    this.smimeCapabilities = known.smimeCapabilities;
  }

  get publicKey(): KeyObject {
    this.#publicKey ??= publicKeyOf(this.spki);
    return this.#publicKey;
  }
}
