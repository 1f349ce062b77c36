/** The cryptography of one signer (RFC 5652 section 5.4 to 5.6, RFC 8551 section 2.5). Trust and identity are judged elsewhere. */
import { timingSafeEqual } from 'node:crypto';
import { context, contextConstructed, DerReader, encodeSetOf, headerLength, tag } from '../asn1/der.ts';
import { oids } from '../asn1/oids.ts';
import { SmimeError } from '../errors.ts';
import {
  type DigestName,
  digestLabel,
  digestOfAlgorithm,
  digestOfOid,
  isWeakDigest,
  modulusBits,
  parseSignatureAlgorithm,
  type SignatureAlgorithm,
  verifySignature,
} from '../keys/algorithms.ts';
import { digestOf } from '../keys/digest.ts';
import { type Problem, problem } from '../problem.ts';
import type { Certificate } from '../x509/certificate.ts';
import { readSmimeCapabilities, type SmimeCapability } from '../x509/read-extensions.ts';
import { type Attribute, readAttributes, soleValue } from './attributes.ts';
import { type CertificateIdentifier, formatIdentifier, names, readIssuerAndSerial } from './identifier.ts';
import type { SignerInfo } from './signed-data.ts';

export interface SignerCheck {
  /** `unverifiable`: no certificate at hand, or an algorithm that is not implemented. */
  readonly signature: 'valid' | 'invalid' | 'unverifiable';
  readonly certificate: Certificate | undefined;
  /** What the signer claims; it proves nothing about when. */
  readonly signingTime: Date | undefined;
  /** For a person: `SHA-256`. */
  readonly digestAlgorithm: string;
  readonly signatureAlgorithm: string;
  /** node:crypto's name of the digest, where it is known. */
  readonly digest: DigestName | undefined;
  readonly capabilities: readonly SmimeCapability[] | undefined;
  /** The certificate that the signer asks to be encrypted to. */
  readonly encryptionKeyPreference: CertificateIdentifier | undefined;
  readonly problems: readonly Problem[];
}

/** The content that the signers of one object share. Of a stream that went by, only digests are left. */
export interface SignedContent {
  /** Undefined for the signature that a counter-signature is about: it has no type (RFC 5652 section 11.4). */
  readonly contentType: string | undefined;
  readonly octets: Uint8Array | undefined;
  /** Undefined for a digest that was not computed while the octets were there. */
  digest(name: DigestName): Buffer | undefined;
}

/** Content at hand: digests are computed once for each algorithm. */
export function contentAtHand(contentType: string | undefined, octets: Uint8Array): SignedContent {
  const digests = new Map<DigestName, Buffer>();
  return {
    contentType,
    octets,
    digest: (name) => {
      const computed = digests.get(name) ?? digestOf(name, octets);
      digests.set(name, computed);
      return computed;
    },
  };
}

/**
 * Never throws.
 * @param certificates those in which the signer's is looked for
 * @param legacy weak algorithms are warnings, and no errors
 */
export function checkSigner(
  info: SignerInfo,
  content: SignedContent,
  certificates: readonly Certificate[],
  legacy: boolean,
): SignerCheck {
  const problems: Problem[] = [];
  const fail = (code: string, message: string, clause?: string): void => {
    problems.push(problem('error', code, message, clause));
  };
  const digestOid = new DerReader(info.digestAlgorithm).enter().oid();
  const digest = digestOfAlgorithm(info.digestAlgorithm);
  const algorithm = readAlgorithm(info.signatureAlgorithm, fail);
  const certificate = certificates.find((candidate) => names(info.identifier, candidate));
  const list = info.signedAttributes?.list ?? [];
  const described = {
    certificate,
    signingTime: readSigningTime(list, problems),
    digest,
    digestAlgorithm: digest === undefined ? digestOid : digestLabel(digest),
    signatureAlgorithm: algorithm?.label ?? new DerReader(info.signatureAlgorithm).enter().oid(),
    capabilities: lenient(list, oids.smimeCapabilities, (value) => readSmimeCapabilities(value.element())),
    encryptionKeyPreference: lenient(list, oids.encryptionKeyPreference, readPreference),
    problems,
  };
  // RFC 9882 3.3, RFC 8419 3.2: EdDSA and ML-DSA sign the content itself where there are no attributes; then the digest says nothing.
  const digestMatters =
    info.signedAttributes !== undefined || (algorithm?.family !== 'eddsa' && algorithm?.family !== 'ml-dsa');
  if (digest === undefined && digestMatters)
    fail('unsupported-digest', `The digest algorithm ${digestOid} is not implemented.`);
  if (certificate === undefined)
    fail(
      'signer-certificate-missing',
      `The signer's certificate (${formatIdentifier(info.identifier)}) is neither in the message nor at hand.`,
      'RFC 8551 section 2.3',
    );
  if ((digest === undefined && digestMatters) || certificate === undefined || algorithm === undefined)
    return { signature: 'unverifiable', ...described };

  problems.push(...weaknesses(algorithm, digestMatters ? digest : undefined, certificate, legacy));
  if (algorithm.digest !== undefined && algorithm.digest !== digest)
    problems.push(
      problem(
        'warning',
        'digest-algorithms-differ',
        'The signature uses another digest than the signer announces.',
        'RFC 5754 section 3',
      ),
    );
  const octets = covered(info, content);
  if (
    octets === undefined ||
    (info.signedAttributes !== undefined && digest !== undefined && content.digest(digest) === undefined)
  ) {
    fail(
      'content-not-kept',
      octets === undefined
        ? 'The signature has no signed attributes: it can only be checked with all of the content at hand.'
        : 'The content went by without the digest that this signer uses: the message does not announce it.',
      'RFC 5652 section 5.4',
    );
    return { signature: 'unverifiable', ...described };
  }
  const sound =
    info.signedAttributes === undefined
      ? contentMaySignDirectly(content, fail)
      : digest !== undefined && attributesBind(info, list, content, digest, certificate, fail);
  const alone = unsignedMayStand(info, fail);
  let right = false;
  try {
    right = octets.some((form) => verifySignature(algorithm, certificate.publicKey, form, info.signature, digest));
  } catch (error) {
    if (!(error instanceof SmimeError)) throw error;
    fail('unsupported-key', `The signer's public key cannot be used: ${error.message}.`);
    return { signature: 'unverifiable', ...described };
  }
  if (!right)
    fail(
      'signature-wrong',
      'The signature does not belong to this content and this certificate.',
      'RFC 5652 section 5.6',
    );
  return { signature: right && sound && alone ? 'valid' : 'invalid', ...described };
}

/** What the signature may cover: the attributes as received and, where their order is not DER's, in that order (RFC 5652 5.4). */
function covered(info: SignerInfo, content: SignedContent): Uint8Array[] | undefined {
  const { signedAttributes } = info;
  if (signedAttributes === undefined) return content.octets && [content.octets];
  const { octets } = signedAttributes;
  const reader = new DerReader(octets).enter(tag.set);
  const minimal = headerLength(reader.end - reader.position) === reader.position;
  const elements: Buffer[] = [];
  let inOrder = true;
  while (!reader.atEnd) {
    const element = reader.element();
    const before = elements.at(-1);
    if (before && Buffer.compare(before, element) > 0) inOrder = false;
    elements.push(element);
  }
  return minimal && inOrder ? [octets] : [octets, encodeSetOf(elements)];
}

type Fail = (code: string, message: string, clause?: string) => void;

function attributesBind(
  info: SignerInfo,
  list: readonly Attribute[],
  content: SignedContent,
  digest: DigestName,
  certificate: Certificate,
  fail: Fail,
): boolean {
  let sound = true;
  const refuse: Fail = (code, message, clause) => {
    sound = false;
    fail(code, message, clause);
  };
  const contentType = soleValue(list, oids.contentType);
  // RFC 5652 11.4 forbids the attribute in a counter-signature; time-stamps of old have it, and it says nothing there.
  if (content.contentType !== undefined) {
    if (!(contentType instanceof DerReader))
      refuse(
        `content-type-attribute-${contentType}`,
        `The content-type attribute is ${contentType}; it must stand exactly once.`,
        'RFC 5652 section 11.1',
      );
    else if (contentType.peek() !== tag.oid || contentType.oid() !== content.contentType)
      refuse(
        'content-type-attribute-wrong',
        'The content-type attribute names another type than the content has.',
        'RFC 5652 section 11.1',
      );
  }
  const messageDigest = soleValue(list, oids.messageDigest);
  if (!(messageDigest instanceof DerReader))
    refuse(
      `message-digest-${messageDigest}`,
      `The message-digest attribute is ${messageDigest}; it must stand exactly once.`,
      'RFC 5652 section 11.2',
    );
  else {
    const computed = content.digest(digest);
    const claimed = messageDigest.peek() === tag.octetString ? messageDigest.octetString() : Buffer.alloc(0);
    if (claimed.length !== computed?.length || !timingSafeEqual(claimed, computed))
      refuse(
        'digest-mismatch',
        'The content is not the content that was signed: it was altered on the way or by whoever sent it.',
        'RFC 5652 section 5.6',
      );
  }
  if (!essBinds(list, certificate))
    refuse(
      'signing-certificate-mismatch',
      'The signature is bound to another certificate than the one it is shown with.',
      'RFC 5035 section 5',
    );
  if (!algorithmsProtected(list, info))
    refuse(
      'algorithm-protection-mismatch',
      'The protected algorithm identifiers differ from those of the signer.',
      'RFC 6211',
    );
  return sound;
}

/** Where nobody vouches for them they can only be meant to deceive. */
const mustBeSigned: ReadonlySet<string> = new Set([oids.contentType, oids.messageDigest, oids.signingTime]);

function unsignedMayStand({ unsignedAttributes }: SignerInfo, fail: Fail): boolean {
  if (!unsignedAttributes.some(({ type }) => mustBeSigned.has(type))) return true;
  fail(
    'attribute-not-signed',
    'A content type, message digest or signing time stands among the attributes that are not signed.',
    'RFC 5652 section 11.1 to 11.3',
  );
  return false;
}

/**
 * Without signed attributes the signature covers the content itself. Then the signed attributes of some other message can be
 * passed off as content, since both are signed as octets; nobody sends such content in earnest.
 */
function contentMaySignDirectly(content: SignedContent, fail: Fail): boolean {
  if (content.contentType !== undefined && content.contentType !== oids.data) {
    fail(
      'signed-attributes-missing',
      'Content of this type must be signed with signed attributes.',
      'RFC 5652 section 5.3',
    );
    return false;
  }
  if (content.octets === undefined || !looksLikeAttributes(content.octets)) return true;
  fail('attributes-as-content', 'The content is the signed attributes of another signature.', 'RFC 5652 section 5.4');
  return false;
}

function looksLikeAttributes(octets: Uint8Array): boolean {
  if (octets[0] !== tag.set) return false;
  try {
    const outer = new DerReader(octets);
    const list = readAttributes(outer.enter(tag.set));
    return outer.atEnd && list.some(({ type }) => type === oids.messageDigest || type === oids.contentType);
  } catch {
    return false;
  }
}

/** The first ESSCertID names the signer's certificate by its hash (RFC 2634 5.4, RFC 5035 3). True where there is none. */
function essBinds(list: readonly Attribute[], certificate: Certificate): boolean {
  for (const { type, values } of list) {
    if (type !== oids.signingCertificate && type !== oids.signingCertificateV2) continue;
    try {
      const [value] = values;
      if (value === undefined || values.length !== 1) return false;
      const id = new DerReader(value).enter().enter().enter();
      let hash: DigestName | undefined = type === oids.signingCertificate ? 'sha1' : 'sha256';
      if (type === oids.signingCertificateV2 && id.peek() === tag.sequence) hash = digestOfOid(id.enter().oid());
      if (hash === undefined || !digestOf(hash, certificate.der).equals(id.octetString())) return false;
    } catch (error) {
      if (error instanceof SmimeError) return false;
      throw error;
    }
  }
  return true;
}

/** CMSAlgorithmProtection (RFC 6211 section 2): must repeat both identifiers. True where the attribute is absent. */
function algorithmsProtected(list: readonly Attribute[], info: SignerInfo): boolean {
  const value = soleValue(list, oids.cmsAlgorithmProtect);
  if (value === 'absent') return true;
  if (value === 'repeated') return false;
  try {
    const protectedOnes = value.enter();
    const digestAlgorithm = protectedOnes.element(tag.sequence);
    const signature = protectedOnes.peek() === contextConstructed(1) ? protectedOnes.element() : undefined;
    if (signature === undefined) return false;
    const signatureAlgorithm = Buffer.from(signature);
    signatureAlgorithm[0] = tag.sequence;
    return (
      sameAlgorithm(digestAlgorithm, info.digestAlgorithm) && sameAlgorithm(signatureAlgorithm, info.signatureAlgorithm)
    );
  } catch (error) {
    if (error instanceof SmimeError) return false;
    throw error;
  }
}

/** Equal but for an absent parameter written as NULL. */
function sameAlgorithm(a: Buffer, b: Buffer): boolean {
  const parts = (der: Buffer): { oid: string; rest: Buffer } => {
    const reader = new DerReader(der).enter();
    const oid = reader.oid();
    const rest = reader.atEnd ? Buffer.alloc(0) : reader.element();
    return { oid, rest: rest[0] === tag.null ? Buffer.alloc(0) : rest };
  };
  const left = parts(a);
  const right = parts(b);
  return left.oid === right.oid && left.rest.equals(right.rest);
}

/** Mechanism and policy apart: a weak signature can be right, and still convince nobody. */
function* weaknesses(
  algorithm: SignatureAlgorithm,
  digest: DigestName | undefined,
  certificate: Certificate,
  legacy: boolean,
): Generator<Problem> {
  const severity = legacy ? 'warning' : 'error';
  if (algorithm.weak || isWeakDigest(digest))
    yield problem(
      severity,
      'weak-digest',
      'The signature rests on SHA-1 or MD5, for which collisions can be made.',
      'RFC 8551 section 2.1',
    );
  if (algorithm.family === 'dsa')
    yield problem(severity, 'weak-signature-algorithm', 'DSA is no longer accepted.', 'RFC 8551 section 2.2');
  // RFC 9882 3.3: a digest that is easier to collide than the key is to break.
  if (digest !== undefined && algorithm.family === 'ml-dsa' && !fitsMlDsa(algorithm.label, digest))
    yield problem(
      'warning',
      'digest-too-short',
      `The digest ${digestLabel(digest)} is weaker than the key.`,
      'RFC 9882 section 3.3',
    );
  const bits = rsaBits(certificate);
  if (bits !== undefined && bits < 2048)
    yield problem(severity, 'weak-key', `An RSA key of ${bits} bits is too short.`, 'RFC 8551 section 4.2');
  if (bits !== undefined && bits > 16_384)
    yield problem('warning', 'oversized-key', `An RSA key of ${bits} bits serves no purpose but to burn time.`);
}

/** Undefined for other keys, and for one that is malformed: loading it says so. */
function rsaBits({ spki }: Certificate): number | undefined {
  try {
    return modulusBits(spki);
  } catch (error) {
    if (error instanceof SmimeError) return undefined;
    throw error;
  }
}

const of256Bits: ReadonlySet<DigestName> = new Set(['sha512', 'sha3-512', 'shake256']);
const of192Bits: ReadonlySet<DigestName> = new Set([...of256Bits, 'sha384', 'sha3-384']);

function fitsMlDsa(label: string, digest: DigestName): boolean {
  if (label === 'ML-DSA-87') return of256Bits.has(digest);
  return label === 'ML-DSA-65' ? of192Bits.has(digest) : digest !== 'sha224' && !isWeakDigest(digest);
}

function readAlgorithm(der: Buffer, fail: Fail): SignatureAlgorithm | undefined {
  try {
    return parseSignatureAlgorithm(der);
  } catch (error) {
    if (!(error instanceof SmimeError)) throw error;
    fail('unsupported-signature-algorithm', `The signature cannot be checked: ${error.message}.`);
    return undefined;
  }
}

function readSigningTime(list: readonly Attribute[], problems: Problem[]): Date | undefined {
  const value = soleValue(list, oids.signingTime);
  if (value === 'absent') return undefined;
  try {
    if (value instanceof DerReader) return value.time();
  } catch (error) {
    if (!(error instanceof SmimeError)) throw error;
  }
  problems.push(
    problem(
      'warning',
      'signing-time-malformed',
      'The signing time is repeated or is no time.',
      'RFC 5652 section 11.3',
    ),
  );
  return undefined;
}

function readPreference(value: DerReader): CertificateIdentifier | undefined {
  if (value.peek() === contextConstructed(0)) return readIssuerAndSerial(value, contextConstructed(0));
  if (value.peek() === contextConstructed(1))
    return { subjectKeyIdentifier: value.enter(contextConstructed(1)).octetString() };
  return value.peek() === context(2) ? { subjectKeyIdentifier: value.octetString(context(2)) } : undefined;
}

/** For attributes that only inform: unreadable is as good as absent. */
function lenient<T>(list: readonly Attribute[], type: string, read: (value: DerReader) => T): T | undefined {
  const value = soleValue(list, type);
  if (!(value instanceof DerReader)) return undefined;
  try {
    return read(value);
  } catch (error) {
    if (error instanceof SmimeError) return undefined;
    throw error;
  }
}
