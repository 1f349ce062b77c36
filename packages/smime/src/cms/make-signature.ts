/** Makes signatures: the signed attributes of RFC 8551 section 2.5, and the SignedData around them. */
import {
  asBuffer,
  contextConstructed,
  encodeOctetString,
  encodeOid,
  encodeSequence,
  encodeSetOf,
  encodeTime,
} from '../asn1/der.ts';
import { oids } from '../asn1/oids.ts';
import { SmimeError } from '../errors.ts';
import {
  type DigestName,
  digestAlgorithm,
  type HashName,
  type RsaPadding,
  signatureAlgorithmFor,
  signingHash,
} from '../keys/algorithms.ts';
import { digestOf } from '../keys/digest.ts';
import type { Signer } from '../keys/ports.ts';
import { limits } from '../limits.ts';
import { type Certificate, serialInteger } from '../x509/certificate.ts';
import { encodeDirectoryName } from '../x509/general-names.ts';
import { encodeAttribute } from './attributes.ts';
import { type Capability, encodeCapabilities } from './capabilities.ts';
import type { Chunks } from './chunks.ts';
import { encodeIssuerAndSerial } from './identifier.ts';
import { encodeSignedData, encodeSignerInfo } from './signed-data.ts';

/** One of those who sign. */
export interface SignerInput {
  readonly signer: Signer;
  /** The certificate of the signer's key. */
  readonly certificate: Certificate;
  /** CA certificates to send along; the signer's own is always sent. */
  readonly chain?: readonly Certificate[];
  /** Default: the hash that fits the key. EdDSA knows one hash only (RFC 8419 section 3.1) and ignores it. */
  readonly hash?: HashName;
  /** For RSA keys that may do both; default `pkcs1`, which every client reads. */
  readonly padding?: RsaPadding;
}

/** Who signs, and what to say beside the signature (RFC 8551 section 2.5). */
export interface SignatureInput {
  /** At least one. Two with keys of different kinds make a dual signature: classical and post-quantum in one message. */
  readonly signers: readonly SignerInput[];
  readonly signingTime: Date;
  /** Told to correspondents as the certificate to encrypt to (RFC 8551 section 2.5.3). It is sent along. */
  readonly encryptionCertificate?: Certificate;
  /** Of what is signed, dotted; default: data. */
  readonly contentType?: string;
  /** What the signer can decrypt, best first. Default: AES-CBC, which every client reads. */
  readonly capabilities?: readonly Capability[];
}

const everywhere = encodeCapabilities(['aes-256-cbc', 'aes-192-cbc', 'aes-128-cbc']);

/** What is signed, known by its digests; its octets are needed only where the object carries them. */
export interface ContentToSign {
  digest(digest: DigestName): Uint8Array;
  /** Undefined: a detached signature. */
  readonly carried: Uint8Array | Chunks | undefined;
}

/** @param detached leaves the octets out of the object */
export function contentToSign(octets: Uint8Array, detached: boolean): ContentToSign {
  return { digest: (digest) => digestOf(digest, octets), carried: detached ? undefined : octets };
}

/** Throws `invalid-argument` for no signer, a key that is not the certificate's, and a hash that does not go with a key. */
export async function makeSignedData(content: ContentToSign, input: SignatureInput): Promise<Chunks> {
  const digests = new Map(signatureDigests(input).map((digest) => [digest, content.digest(digest)] as const));
  return encodeSignedData({
    contentType: input.contentType,
    content: content.carried,
    digestAlgorithms: [...digests.keys()].map(digestAlgorithm),
    certificates: carriedCertificates(input),
    signerInfos: await makeSignerInfos(digests, input),
  });
}

/** The digests of the content that the signatures will need, each once. Throws `invalid-argument` as `makeSignedData` does. */
export function signatureDigests(input: Pick<SignatureInput, 'signers'>): DigestName[] {
  if (input.signers.length === 0) throw new SmimeError('invalid-argument', 'signing needs at least one signer');
  if (input.signers.length > limits.signers)
    throw new SmimeError('limit-exceeded', `more than ${limits.signers} signers in one signed object`);
  return [...new Set(input.signers.map(digestFor))];
}

/** DER SignerInfos. @param digests of the content, by the names that `signatureDigests` gave */
function makeSignerInfos(digests: ReadonlyMap<DigestName, Uint8Array>, input: SignatureInput): Promise<Buffer[]> {
  return Promise.all(
    input.signers.map(async (one) => {
      const { signer, certificate, padding } = one;
      if (!asBuffer(certificate.spki).equals(signer.spki))
        throw new SmimeError('invalid-argument', "the signer's key is not the key of the certificate");
      const digest = digestFor(one);
      const hash = signingHash(signer, one.hash);
      const algorithms = {
        digestAlgorithm: digestAlgorithm(digest),
        signatureAlgorithm: signatureAlgorithmFor(signer.kind, hash, padding),
      };
      const attributes = signedAttributes(digests.get(digest) as Uint8Array, certificate, algorithms, input);
      return encodeSignerInfo({
        issuerAndSerial: encodeIssuerAndSerial(certificate),
        ...algorithms,
        signedAttributes: attributes,
        signature: await signer.sign(attributes, hash, padding),
      });
    }),
  );
}

/** DER of the certificates to send along, each once. */
function carriedCertificates(input: SignatureInput): Uint8Array[] {
  const certificates = [
    ...input.signers.flatMap(({ certificate, chain }) => [certificate, ...(chain ?? [])]),
    ...(input.encryptionCertificate ? [input.encryptionCertificate] : []),
  ];
  const carried: Uint8Array[] = [];
  for (const { der } of certificates) if (!carried.some((known) => asBuffer(known).equals(der))) carried.push(der);
  return carried;
}

/** RFC 8419 section 3.1: one digest for each of the two EdDSA curves. RFC 9882 section 3.3: as strong as the ML-DSA key. */
function digestFor({ signer, hash: wish }: SignerInput): DigestName {
  if (signer.kind === 'ed25519') return 'sha512';
  if (signer.kind === 'ed448') return 'shake256';
  const hash = signingHash(signer, wish);
  if ((signer.kind === 'ml-dsa-87' && hash !== 'sha512') || (signer.kind === 'ml-dsa-65' && hash === 'sha256'))
    throw new SmimeError('invalid-argument', `the hash ${hash} is too weak for the key`);
  return hash;
}

interface Algorithms {
  readonly digestAlgorithm: Uint8Array;
  readonly signatureAlgorithm: Uint8Array;
}

function signedAttributes(
  digest: Uint8Array,
  certificate: Certificate,
  algorithms: Algorithms,
  input: SignatureInput,
): Buffer {
  const attributes = [
    encodeAttribute(oids.contentType, encodeOid(input.contentType ?? oids.data)),
    encodeAttribute(oids.messageDigest, encodeOctetString(digest)),
    encodeAttribute(oids.signingTime, encodeTime(input.signingTime)),
    encodeAttribute(oids.cmsAlgorithmProtect, algorithmProtection(algorithms)),
    encodeAttribute(oids.signingCertificateV2, signingCertificate(certificate)),
  ];
  // What can be decrypted is for whoever writes back to a message.
  if (input.contentType === undefined || input.contentType === oids.data)
    attributes.push(
      encodeAttribute(oids.smimeCapabilities, input.capabilities ? encodeCapabilities(input.capabilities) : everywhere),
    );
  if (input.encryptionCertificate) {
    const issuerAndSerial = encodeIssuerAndSerial(input.encryptionCertificate);
    // RFC 8551 2.5.3: [0] IMPLICIT, hence the SEQUENCE's tag is replaced. Outlook reads only the second of the two.
    attributes.push(
      encodeAttribute(oids.encryptionKeyPreference, retagged(issuerAndSerial, 0)),
      encodeAttribute(oids.microsoftEncryptionKeyPreference, issuerAndSerial),
    );
  }
  return encodeSetOf(attributes);
}

/** RFC 6211 section 2: without it nothing signed says which algorithms the signer chose. */
function algorithmProtection({ digestAlgorithm: digest, signatureAlgorithm }: Algorithms): Buffer {
  return encodeSequence(digest, retagged(signatureAlgorithm, 1));
}

/** SigningCertificateV2 (RFC 5035 section 3): SHA-256, which is the default and therefore left out. */
function signingCertificate(certificate: Certificate): Buffer {
  const certHash = encodeOctetString(digestOf('sha256', certificate.der));
  const issuerSerial = encodeSequence(
    encodeSequence(encodeDirectoryName(certificate.issuer.der)),
    serialInteger(certificate.serialNumber),
  );
  return encodeSequence(encodeSequence(encodeSequence(certHash, issuerSerial)));
}

/** A SEQUENCE under an IMPLICIT `[n]`. */
function retagged(sequence: Uint8Array, n: number): Buffer {
  const copy = Buffer.from(sequence);
  copy[0] = contextConstructed(n);
  return copy;
}
