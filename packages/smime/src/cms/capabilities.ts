/** SMIMECapabilities (RFC 8551 section 2.5.2): what a signer can decrypt, told to correspondents. */
import { encodeOid, encodeSequence } from '../asn1/der.ts';
import { oids } from '../asn1/oids.ts';
import { type ContentCipher, contentCiphers } from '../keys/algorithms.ts';
import { encodeOaepParameters } from './recipients/key-transport.ts';

/** A content cipher, or a way for the content key to reach its reader: RSAES-OAEP, ECDH (X9.63 KDF, or HKDF for X25519 and X448), ML-KEM. */
export type Capability = ContentCipher | keyof typeof keyManagement;

/** The SEQUENCE OF SMIMECapability, in the order given: best first. */
export function encodeCapabilities(capabilities: readonly Capability[]): Buffer {
  return encodeSequence(...capabilities.flatMap(encodeCapability));
}

function encodeCapability(capability: Capability): Buffer[] {
  if (capability in contentCiphers) return [encodeSequence(encodeOid(contentCiphers[capability as ContentCipher].oid))];
  const { oid, parameters } = keyManagement[capability as keyof typeof keyManagement] as KeyManagement;
  if (parameters === undefined) return [encodeSequence(encodeOid(oid))];
  return parameters.map((one) => encodeSequence(encodeOid(oid), one));
}

interface KeyManagement {
  readonly oid: string;
  /** One capability for each; none has no parameters. */
  readonly parameters?: readonly Uint8Array[];
}

/** RFC 5753 section 7, RFC 8418 section 6: agreement is announced together with the key wrap. */
const wraps = [oids.aes256Wrap, oids.aes128Wrap].map((oid) => encodeSequence(encodeOid(oid)));

const keyManagement = {
  'rsa-oaep-sha256': { oid: oids.rsaOaep, parameters: [encodeOaepParameters('sha256')] },
  'rsa-oaep-sha384': { oid: oids.rsaOaep, parameters: [encodeOaepParameters('sha384')] },
  'rsa-oaep-sha512': { oid: oids.rsaOaep, parameters: [encodeOaepParameters('sha512')] },
  'ecdh-sha256': { oid: oids.dhSinglePassStdDhSha256Kdf, parameters: wraps },
  'ecdh-sha384': { oid: oids.dhSinglePassStdDhSha384Kdf, parameters: wraps },
  'ecdh-sha512': { oid: oids.dhSinglePassStdDhSha512Kdf, parameters: wraps },
  'ecdh-hkdf-sha256': { oid: oids.dhSinglePassStdDhHkdfSha256, parameters: wraps },
  'ecdh-hkdf-sha384': { oid: oids.dhSinglePassStdDhHkdfSha384, parameters: wraps },
  'ecdh-hkdf-sha512': { oid: oids.dhSinglePassStdDhHkdfSha512, parameters: wraps },
  'ml-kem-512': { oid: oids.mlKem512 },
  'ml-kem-768': { oid: oids.mlKem768 },
  'ml-kem-1024': { oid: oids.mlKem1024 },
} as const;
