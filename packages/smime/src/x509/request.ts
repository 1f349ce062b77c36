/** Certification requests (PKCS#10, RFC 2986). */
import type { KeyObject } from 'node:crypto';
import {
  encodeElement,
  encodeExplicit,
  encodeInteger,
  encodeOid,
  encodeSequence,
  encodeSetOf,
  readOnly,
  tag,
} from '../asn1/der.ts';
import { oids } from '../asn1/oids.ts';
import { SmimeError } from '../errors.ts';
import { defaultHash, type KeyKind, keyKindIfKnown, publicKeyOf, signatureAlgorithmFor } from '../keys/algorithms.ts';
import type { Signer } from '../keys/ports.ts';
import { limits } from '../limits.ts';
import { assembleSigned, certificateEmails, nameDer, verifySigned } from './certificate.ts';
import { type Extension, encodeExtensions, type KeyUsage, subjectAltName } from './extensions.ts';
import { type GeneralNames, noNames } from './general-names.ts';
import { type Name, readName } from './name.ts';
import { readAltNames, readExtensions, readKeyUsage } from './read-extensions.ts';

/** A certificate request, read (RFC 2986); its signature is not checked yet, see `verifyRequestSignature`. */
export interface CertificateRequest {
  readonly der: Uint8Array;
  /** The octets that are signed. */
  readonly tbs: Uint8Array;
  readonly subject: Name;
  /** DER SubjectPublicKeyInfo. */
  readonly spki: Uint8Array;
  readonly publicKey: KeyObject;
  readonly keyKind: KeyKind | undefined;
  /** What the requester asks for; a CA decides by its profile, not by this. */
  readonly extensions: readonly Extension[];
  readonly subjectAltNames: GeneralNames;
  /** As asked for; undefined where the request does not say. */
  readonly keyUsage: ReadonlySet<KeyUsage> | undefined;
  /** Addresses in the subject alternative names and the subject. */
  readonly emails: readonly string[];
  /** Dotted object identifiers of the attributes that stand in it. */
  readonly attributeTypes: readonly string[];
  /** PKCS#9 challengePassword: SCEP's one-time secret. Never log it. */
  readonly challengePassword: string | undefined;
  /** DER AlgorithmIdentifier. */
  readonly signatureAlgorithm: Uint8Array;
  readonly signature: Uint8Array;
}

/** Reads one DER request. Throws `SmimeError`. Checks no signature: see `verifyRequestSignature`. */
export function parseRequest(der: Uint8Array): CertificateRequest {
  if (der.length > limits.certificateOctets)
    throw new SmimeError('limit-exceeded', `a request of more than ${limits.certificateOctets} octets`);
  const outer = readOnly(der, 'the certification request');
  const start = outer.position;
  const info = outer.enter();
  const tbs = outer.bytes.subarray(start, outer.position);
  const signatureAlgorithm = outer.element(tag.sequence);
  const signature = outer.bitStringOctets();
  outer.finish('the certification request');

  // RFC 2986 4.1 knows version 0 alone; devices of Apple write 2 into the same structure when they speak SCEP.
  const version = info.smallInteger();
  if (version !== 0 && version !== 2) throw info.unexpected('a certification request of an unknown version', start);
  const subject = readName(info);
  const spki = info.element(tag.sequence);
  const keyKind = keyKindIfKnown(spki);
  let extensions: Extension[] = [];
  let challengePassword: string | undefined;
  const seen = new Set<string>();
  const attributes = info.enterIf(0xa0);
  while (attributes && !attributes.atEnd) {
    const offset = attributes.position;
    if (seen.size >= limits.extensions)
      throw new SmimeError('limit-exceeded', `more than ${limits.extensions} attributes`, { offset });
    const attribute = attributes.enter();
    const type = attribute.oid();
    const values = attribute.enter(tag.set);
    attribute.finish('an attribute');
    if (seen.has(type)) throw attributes.unexpected(`the attribute ${type} stands twice`, offset);
    seen.add(type);
    if (type === oids.challengePassword) challengePassword = values.string();
    // Windows' own attribute has the same content; a request has the one or the other.
    if ((type === oids.extensionRequest || type === oids.microsoftExtensionRequest) && extensions.length === 0)
      extensions = readExtensions(values.enter());
  }
  info.finish('the certification request');
  const altNames = extensions.find(({ id }) => id === oids.subjectAltName);
  const usage = extensions.find(({ id }) => id === oids.keyUsage);
  const subjectAltNames = altNames ? readAltNames(altNames.value) : noNames;
  return {
    der,
    tbs,
    subject,
    spki,
    get publicKey() {
      return publicKeyOf(spki);
    },
    keyKind,
    extensions,
    subjectAltNames,
    keyUsage: usage && readKeyUsage(usage.value),
    emails: certificateEmails({ subject, subjectAltNames }),
    attributeTypes: [...seen],
    challengePassword,
    signatureAlgorithm,
    signature,
  };
}

/** Proof of possession: the request is signed by the key it asks to have certified. */
export function verifyRequestSignature(request: CertificateRequest): boolean {
  try {
    return verifySigned(request, { publicKey: request.publicKey });
  } catch (error) {
    if (error instanceof SmimeError) return false;
    throw error;
  }
}

/** What a certificate request asks for. */
export interface RequestInput {
  /** DER Name, or what `buildName` returns. */
  readonly subject: Uint8Array | Name;
  readonly signer: Signer;
  readonly emails?: readonly string[];
  readonly challengePassword?: string;
  /** Further requested extensions. */
  readonly extensions?: readonly Extension[];
}

/** A signed DER request. */
export async function buildRequest(input: RequestInput): Promise<Uint8Array> {
  const wanted = [
    ...(input.emails?.length ? [subjectAltName({ emails: input.emails })] : []),
    ...(input.extensions ?? []),
  ];
  const attributes: Uint8Array[] = [];
  if (wanted.length > 0)
    attributes.push(encodeSequence(encodeOid(oids.extensionRequest), encodeSetOf([encodeExtensions(wanted)])));
  if (input.challengePassword !== undefined) {
    const value = encodeElement(tag.utf8String, Buffer.from(input.challengePassword, 'utf8'));
    attributes.push(encodeSequence(encodeOid(oids.challengePassword), encodeSetOf([value])));
  }
  const tbs = encodeSequence(
    encodeInteger(0),
    nameDer(input.subject),
    input.signer.spki,
    encodeExplicit(0, ...attributes.sort(Buffer.compare)),
  );
  const hash = defaultHash(input.signer.kind);
  return assembleSigned(tbs, signatureAlgorithmFor(input.signer.kind, hash), await input.signer.sign(tbs, hash));
}
