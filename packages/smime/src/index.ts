/** The engine's public face: explicit names, grouped by room. */

// ---- asn1
export { DerReader, tag } from './asn1/der.ts';
export { oids } from './asn1/oids.ts';
export { derToPem, type PemBlock, pemBlocks, pemToDer } from './asn1/pem.ts';
// ---- cms
export type { Capability } from './cms/capabilities.ts';
export type { ReadableCipher } from './cms/content-encryption.ts';
export { type DecryptedContent, decryptContent, type OpeningInput } from './cms/decrypt-content.ts';
export { type EncryptionInput, encryptContent } from './cms/encrypt-content.ts';
export type { SignatureInput, SignerInput } from './cms/make-signature.ts';
export type { ContentKey, DecryptionKey, OpeningKey } from './cms/match-recipients.ts';
export type { KeyTransport } from './cms/recipients/key-transport.ts';
export type { Password } from './cms/recipients/password.ts';
export type { CertificateRecipient, PasswordRecipientInput, RecipientInput } from './cms/recipients/recipient.ts';
export type { SharedKey } from './cms/recipients/shared-key.ts';
export { certsOnly, crlOnly } from './cms/signed-data.ts';
export {
  buildTimeStampRequest,
  readTimeStampResponse,
  type TimeStampInfo,
  type TimeStampResponse,
} from './cms/time-stamp-info.ts';
// ---- errors, limits
export { SmimeError, type SmimeErrorCode } from './errors.ts';
// ---- keys
export {
  type ContentCipher,
  type DigestName,
  defaultHash,
  type EncryptionScheme,
  encryptionSchemeOf,
  type HashName,
  type KeyKind,
  keyKindLabel,
  keyKindOf,
  type RsaPadding,
  signatureAlgorithmFor,
  signingHash,
} from './keys/algorithms.ts';
export { localDecrypter, localSigner } from './keys/local.ts';
export { decodeOaep } from './keys/oaep.ts';
export type { Decrypter, OaepHash, RsaScheme, Signer } from './keys/ports.ts';
export { limits } from './limits.ts';
// ---- message
export { decodeBodyStream } from './message/body-stream.ts';
export type { ByteStream, ReopenableSource, StreamSource } from './message/byte-source.ts';
export { type CompressionInput, compressMessage, expandMessage } from './message/compress.ts';
export {
  type ContentReport,
  type SignContentInput,
  signContent,
  type VerifyContentInput,
  verifyContent,
} from './message/content.ts';
export { type DecryptedMessage, type DecryptInput, decryptMessage } from './message/decrypt.ts';
export {
  type DecryptedContentStream,
  type DecryptedStream,
  type DecryptMessageStreamInput,
  type DecryptStreamInput,
  decryptContentStream,
  decryptStream,
} from './message/decrypt-stream.ts';
export type { EffectiveHeader } from './message/effective-message.ts';
export { type EncryptInput, encryptMessage } from './message/encrypt.ts';
export {
  type EncryptContentStreamInput,
  type EncryptStreamInput,
  encryptContentStream,
  encryptStream,
} from './message/encrypt-stream.ts';
export type { ConfidentialField, HeaderConfidentiality } from './message/header-block.ts';
export { type InspectInput, inspectMessage } from './message/inspect.ts';
export type { InspectNode } from './message/inspect-objects.ts';
export type { CounterSignatureReport, SignerReport, TrustInput } from './message/judge-signers.ts';
export { withoutLegacyDisplay } from './message/legacy-display.ts';
export { cmsObjectIn } from './message/object.ts';
export type { CompressedLayer, EncryptedLayer } from './message/open-layers.ts';
export type { HeaderProtection } from './message/protect-headers.ts';
export type { FieldProtection, NamedField, ProtectedField, ProtectedHeaders } from './message/protected-headers.ts';
export {
  forward,
  type ReplyInput,
  type Respond,
  type RespondInput,
  type ResponseHeader,
  replyTo,
  respondTo,
} from './message/respond.ts';
export { scanStream } from './message/scan-stream.ts';
export { type SignInput, signMessage } from './message/sign.ts';
export { type SignStreamInput, signStream } from './message/sign-stream.ts';
export {
  makeTimeStamp,
  type TimeStampInput,
  type TimeStampReport,
  type VerifyTimeStampInput,
  verifyTimeStamp,
} from './message/time-stamp.ts';
export {
  type LayerReport,
  type SignedLayerReport,
  type Verdict,
  type VerifyInput,
  type VerifyObjectInput,
  type VerifyReport,
  verifyMessage,
  verifyObject,
} from './message/verify.ts';
export {
  type VerifyingStream,
  type VerifyStreamInput,
  verifyObjectStream,
  verifyStream,
} from './message/verify-stream.ts';
// ---- mime
export { type AddressList, type Mailbox, parseAddressHeader } from './mime/addresses.ts';
export {
  allAmbiguities,
  type ContentType,
  decodeBody,
  type HeaderField,
  headerFields,
  headerValue,
  type MimeEntity,
} from './mime/entity.ts';
export { fileName } from './mime/file-name.ts';
export { decodeHeaderText, encodeHeaderText } from './mime/header-text.ts';
export { scanMessage } from './mime/scan.ts';
// ---- online
export type {
  FetchRecord,
  OnlineCache,
  OnlineInput,
  OnlineRequest,
  OnlineResponse,
} from './online/guarded-fetch.ts';
export { isPublicAddress } from './online/public-address.ts';
export { type OnlinePathReport, validatePathOnline } from './online/validate-path-online.ts';
export type { PathPurpose } from './path/check-purpose.ts';
// ---- path
export type { PolicyInput } from './path/policy-tree.ts';
export { type PathInput, type PathReport, type RevocationDemand, validatePath } from './path/validate-path.ts';
// ---- pkcs12
export { createPkcs12, type Pkcs12Entry, type Pkcs12Input } from './pkcs12/create.ts';
export type { Pkcs12Profile } from './pkcs12/encryption.ts';
export {
  type Pkcs12Certificate,
  type Pkcs12Content,
  type Pkcs12Key,
  type Pkcs12Options,
  readPkcs12,
} from './pkcs12/read.ts';
export type { Problem } from './problem.ts';
// ---- revocation
export { checkRevocation, type RevocationReport, type RevocationSources } from './revocation/check.ts';
export {
  type BasicOcspResponse,
  buildOcspRequest,
  buildOcspResponse,
  type CertId,
  certIdFor,
  certIdMatches,
  type OcspCertificateStatus,
  type OcspRequest,
  type OcspResponse,
  type OcspResponseInput,
  type OcspResponseStatus,
  type OcspSingleResponse,
  ocspErrorResponse,
  parseOcspRequest,
  parseOcspResponse,
} from './revocation/ocsp.ts';
export { verifyOcspResponse } from './revocation/verify-ocsp.ts';
// ---- scep
export {
  makePkiMessage,
  type PkiMessage,
  type PkiMessageInput,
  pkiFailures,
  pkiMessageTypes,
  pkiStatuses,
  readCertificateQuery,
  readPkiMessage,
} from './scep/pki-message.ts';
export {
  buildTbsCrl,
  type CrlToSign,
  layOutCrl,
  type RevokedCertificate,
  RevokedList,
  type TbsCrlInput,
} from './x509/build-crl.ts';
// ---- x509
export {
  assembleSigned,
  buildTbsCertificate,
  type Certificate,
  certificateEmails,
  fingerprint,
  isIssuedBy,
  parseCertificate,
  type TbsCertificateInput,
  verifyCertificateSignature,
} from './x509/certificate.ts';
export {
  type Crl,
  type CrlEntry,
  type IssuingDistributionPoint,
  parseCrl,
  verifyCrlSignature,
} from './x509/crl.ts';
export { buildCsrAttributes, type CsrAttributesInput } from './x509/csr-attributes.ts';
export {
  authorityInfoAccess,
  authorityKeyIdentifier,
  basicConstraints,
  certificatePolicies,
  crlDistributionPoints,
  crlNumber,
  deltaCrlIndicator,
  type Extension,
  extendedKeyUsage,
  freshestCrl,
  issuingDistributionPoint,
  type KeyUsage,
  keyIdentifier,
  keyUsage,
  keyUsageBits,
  nameConstraints,
  ocspNoCheck,
  type RevocationReason,
  revocationReasonOf,
  revocationReasons,
  smimeCapabilities,
  subjectAltName,
  subjectKeyIdentifier,
} from './x509/extensions.ts';
export type { GeneralNames, GeneralNamesInput } from './x509/general-names.ts';
export { mailboxKey, sameMailbox } from './x509/mailbox.ts';
export {
  buildName,
  formatName,
  type Name,
  type NameAttribute,
  type NameAttributeType,
  namesEqual,
  nameValues,
  parseName,
} from './x509/name.ts';
export type {
  AuthorityKeyIdentifier,
  BasicConstraints,
  DistributionPoint,
  PolicyInformation,
  SmimeCapability,
} from './x509/read-extensions.ts';
export {
  buildRequest,
  type CertificateRequest,
  parseRequest,
  type RequestInput,
  verifyRequestSignature,
} from './x509/request.ts';
export { SignatureBudget, type SignedObject } from './x509/signature-budget.ts';
