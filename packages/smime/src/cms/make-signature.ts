/** Makes signatures: the signed attributes of RFC 8551 section 2.5, and the SignedData around them. */
import { createHash } from 'node:crypto';
import { asBuffer, encodeOctetString, encodeOid, encodeSequence, encodeSetOf, encodeTime } from '../asn1/der.ts';
import { oids } from '../asn1/oids.ts';
import { SmimeError } from '../errors.ts';
import {
  type ContentCipher,
  contentCiphers,
  defaultHash,
  digestAlgorithm,
  type HashName,
  signatureAlgorithmFor,
} from '../keys/algorithms.ts';
import type { Signer } from '../keys/ports.ts';
import { type Certificate, serialInteger } from '../x509/certificate.ts';
import { encodeDirectoryName } from '../x509/general-names.ts';
import { encodeAttribute } from './attributes.ts';
import type { Chunks } from './chunks.ts';
import { encodeIssuerAndSerial } from './identifier.ts';
import { encodeSignedData, encodeSignerInfo } from './signed-data.ts';

/** With whose key to sign, and what to say beside the signature (RFC 8551 section 2.5). */
export interface SignatureInput {
  readonly signer: Signer;
  /** The certificate of the signer's key. */
  readonly certificate: Certificate;
  /** CA certificates to send along; the signer's own is always sent. */
  readonly chain?: readonly Certificate[];
  /** Default: the hash that fits the key. */
  readonly hash?: HashName;
  readonly signingTime: Date;
  /** Told to correspondents as the certificate to encrypt to (RFC 8551 section 2.5.3). It is sent along. */
  readonly encryptionCertificate?: Certificate;
  /** What the signer can decrypt, best first. Default: AES-CBC, which every client reads. */
  readonly capabilities?: readonly ContentCipher[];
}

const everywhere: readonly ContentCipher[] = ['aes-256-cbc', 'aes-192-cbc', 'aes-128-cbc'];

/** What is signed, known by its digests; its octets are needed only where the object carries them. */
export interface ContentToSign {
  digest(hash: HashName): Uint8Array;
  /** Undefined: a detached signature. */
  readonly carried: Uint8Array | Chunks | undefined;
}

/** @param detached leaves the octets out of the object */
export function contentToSign(octets: Uint8Array, detached: boolean): ContentToSign {
  return { digest: (hash) => createHash(hash).update(octets).digest(), carried: detached ? undefined : octets };
}

export async function makeSignedData(content: ContentToSign, input: SignatureInput): Promise<Chunks> {
  const { signer, certificate } = input;
  if (!asBuffer(certificate.spki).equals(signer.spki))
    throw new SmimeError('invalid-argument', "the signer's key is not the key of the certificate");
  const hash = signatureHash(input);
  const attributes = signedAttributes(content.digest(hash), input);
  const signature = await signer.sign(attributes, hash);
  const signerInfo = encodeSignerInfo({
    issuerAndSerial: encodeIssuerAndSerial(certificate),
    digestAlgorithm: digestAlgorithm(hash),
    signedAttributes: attributes,
    signatureAlgorithm: signatureAlgorithmFor(signer.kind, hash),
    signature,
  });
  return encodeSignedData({
    content: content.carried,
    digestAlgorithms: [digestAlgorithm(hash)],
    certificates: distinct([
      certificate,
      ...(input.chain ?? []),
      ...(input.encryptionCertificate ? [input.encryptionCertificate] : []),
    ]),
    signerInfos: [signerInfo],
  });
}

/** The hash that a signature will use: Ed25519 allows SHA-512 only (RFC 8419 section 3). */
export function signatureHash(input: Pick<SignatureInput, 'signer' | 'hash'>): HashName {
  return input.signer.kind === 'ed25519' ? 'sha512' : (input.hash ?? defaultHash(input.signer.kind));
}

function signedAttributes(digest: Uint8Array, input: SignatureInput): Buffer {
  const attributes = [
    encodeAttribute(oids.contentType, encodeOid(oids.data)),
    encodeAttribute(oids.messageDigest, encodeOctetString(digest)),
    encodeAttribute(oids.signingTime, encodeTime(input.signingTime)),
    encodeAttribute(
      oids.smimeCapabilities,
      encodeSequence(
        ...(input.capabilities ?? everywhere).map((cipher) => encodeSequence(encodeOid(contentCiphers[cipher].oid))),
      ),
    ),
    encodeAttribute(oids.signingCertificateV2, signingCertificate(input.certificate)),
  ];
  if (input.encryptionCertificate) {
    const issuerAndSerial = encodeIssuerAndSerial(input.encryptionCertificate);
    // RFC 8551 2.5.3: [0] IMPLICIT, hence the SEQUENCE's tag is replaced. Outlook reads only the second of the two.
    const preference = Buffer.from(issuerAndSerial);
    preference[0] = 0xa0;
    attributes.push(
      encodeAttribute(oids.encryptionKeyPreference, preference),
      encodeAttribute(oids.microsoftEncryptionKeyPreference, issuerAndSerial),
    );
  }
  return encodeSetOf(attributes);
}

/** SigningCertificateV2 (RFC 5035 section 3): SHA-256, which is the default and therefore left out. */
function signingCertificate(certificate: Certificate): Buffer {
  const certHash = encodeOctetString(createHash('sha256').update(certificate.der).digest());
  const issuerSerial = encodeSequence(
    encodeSequence(encodeDirectoryName(certificate.issuer.der)),
    serialInteger(certificate.serialNumber),
  );
  return encodeSequence(encodeSequence(encodeSequence(certHash, issuerSerial)));
}

function distinct(certificates: readonly Certificate[]): Uint8Array[] {
  return [...new Map(certificates.map(({ der }) => [asBuffer(der).toString('latin1'), der])).values()];
}
