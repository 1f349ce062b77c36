/** Why a peer refuses, for a person: what its own words in answers.json come to. */
import type { MatrixPeerName } from './peers.ts';

interface Reason {
  /** Stands in the peer's own words. */
  readonly says: string;
  /** Where it makes a difference: a part of the row's id. */
  readonly row?: RegExp;
  readonly because: string;
}

const reasons: Readonly<Record<MatrixPeerName, readonly Reason[]>> = {
  openssl: [
    { says: 'invalid digest', because: 'no EdDSA in CMS' },
    { says: 'cms datafinal error', because: 'no EdDSA in CMS' },
    { says: 'unknown digest algorithm', because: 'no SHAKE256 as a digest in CMS, and so no Ed448' },
    { says: 'no matching recipient', because: 'no X25519 and X448 in CMS' },
    { says: 'operation not supported for this keytype', because: 'no X25519 and X448 in CMS' },
    { says: 'unsupported compression algorithm', because: 'Debian builds it without zlib' },
  ],
  bouncyCastle: [
    { says: 'no such algorithm: 1.2.840.113549.1.9.16.3', because: 'no X25519 and X448 in CMS (RFC 8418)' },
    {
      says: 'Unknown key agreement algorithm: 1.2.840.113549.1.9.16.3',
      because: 'no X25519 and X448 in CMS (RFC 8418)',
    },
  ],
  gpgsm: [
    {
      says: 'DSA requires the hash length to be a multiple of 8 bits',
      row: /p521/,
      because: 'takes a hash of 512 bits for too short or too long for a key of 521',
    },
    { says: 'DSA requires the hash length to be a multiple of 8 bits', because: 'takes Ed25519 for DSA' },
    { says: 'unknown hash algorithm', because: 'no SHAKE256, and so no Ed448' },
    { says: 'error getting IV', because: 'no AuthEnvelopedData' },
    { says: 'error getting info', because: 'finds recipients by issuer and serial number alone' },
    { says: 'possibly unsupported KEK info', because: 'no recipients by a shared key' },
    { says: 'error getting encrypted session key', because: 'no RSA-OAEP' },
    { says: 'Invalid session key', because: 'no ECDH' },
    { says: 'failed to find the certificate', because: 'no X25519 and X448' },
    { says: 'No secret key', because: 'no way to bring an EdDSA key in' },
    { says: 'Wrong key usage', because: 'no ECDH: only keyEncipherment is a usage for encryption' },
    { says: 'No public key', because: 'no X25519 and X448' },
  ],
  nss: [
    { says: 'BadSignature', because: 'no certificates for RSASSA-PSS alone' },
    { says: 'ProcessingError', because: 'no EdDSA' },
    { says: 'SEC_ERROR_UNRECOGNIZED_OID', because: 'no AuthEnvelopedData' },
    { says: 'SEC_ERROR_UNSUPPORTED_KEYALG', because: 'no RSA-OAEP in CMS' },
    {
      says: 'SEC_ERROR_BAD_DER',
      row: /^(kek|password)|password/,
      because: 'no recipients by a shared key or a password, nor messages that have one among others',
    },
    { says: 'SEC_ERROR_BAD_DER', because: 'no ECDH in CMS' },
    { says: 'SEC_ERROR_INVALID_ALGORITHM', because: 'no ECDH in CMS' },
    { says: 'SEC_ERROR_PKCS12_UNABLE_TO_IMPORT_KEY', because: 'no keys on the curves of Bernstein and Hamburg' },
    {
      says: 'we say unsupported-signature-algorithm',
      because: 'writes RSASSA-PSS without its parameters (RFC 4056 section 3); OpenSSL refuses that too',
    },
  ],
  nssOfThunderbird: [
    { says: 'BadSignature', row: /pss/, because: 'no certificates for RSASSA-PSS alone' },
    { says: 'BadSignature', because: 'no EdDSA in CMS' },
    { says: 'ProcessingError', because: 'no Ed448' },
    {
      says: 'SEC_ERROR_UNRECOGNIZED_OID',
      row: /password/,
      because: 'no recipients by a password, nor messages that have one among others',
    },
    { says: 'SEC_ERROR_UNRECOGNIZED_OID', because: 'no AuthEnvelopedData' },
    { says: 'SEC_ERROR_BAD_DATA', because: 'no recipients by a shared key' },
    { says: 'SEC_ERROR_PKCS12_UNABLE_TO_IMPORT_KEY', because: 'no keys on the curves of Bernstein and Hamburg' },
    {
      says: 'we say unsupported-signature-algorithm',
      because: 'writes RSASSA-PSS without its parameters (RFC 4056 section 3); OpenSSL refuses that too',
    },
  ],
  thunderbird: [
    { says: 'VERIFY_UNTRUSTED', row: /pss/, because: 'no certificates for RSASSA-PSS alone' },
    { says: 'VERIFY_UNTRUSTED', because: 'no EdDSA' },
    { says: 'no signature', row: /ed448/, because: 'no Ed448: it shows the message as if it were not signed' },
    { says: 'no signature', because: 'no AuthEnvelopedData: it shows an attachment' },
    { says: 'no encryption', because: 'no AuthEnvelopedData: it shows an attachment' },
    {
      says: 'GENERAL_ERROR',
      row: /x25519|x448/,
      because: 'no X25519 and X448',
    },
    {
      says: 'GENERAL_ERROR',
      because: 'no recipients by a shared key or a password, nor messages that have one among others',
    },
  ],
  gnutls: [
    {
      says: 'Public key signature verification has failed',
      row: /pss/,
      because: 'RSASSA-PSS with SHA-256 alone; it refuses what OpenSSL makes with other hashes too',
    },
    { says: 'The request is invalid', because: 'no Ed448 in PKCS #7' },
    { says: 'The signature algorithm is not supported', because: 'no Ed448 in PKCS #7' },
  ],
};

/** Throws where nobody has written down what such a refusal comes to. */
export function reasonFor(peer: MatrixPeerName, row: string, says: string): Reason {
  const found = reasons[peer].find((one) => says.includes(one.says) && (one.row?.test(row) ?? true));
  if (!found) throw new Error(`reasons.ts has no reason why ${peer} says of "${row}": ${says}`);
  return found;
}
