/**
 * The engine's one error class. Malformed input throws it; a bad signature does not (verification *returns* a report).
 */

/** Stable codes: scripts and translations depend on them, so a code is never renamed or given a second meaning. */
export type SmimeErrorCode =
  /** The bytes are not the ASN.1 they should be: truncated, wrong tag, bad length. */
  | 'malformed-asn1'
  /** Well-formed ASN.1 that is not the structure asked for (not a certificate, not CMS, …). */
  | 'unexpected-structure'
  /** PEM armour missing, of the wrong label, or with bad base64. */
  | 'malformed-pem'
  /** A message whose MIME structure can be read in more than one way. */
  | 'ambiguous-mime'
  /** A MIME structure that cannot be read at all. */
  | 'malformed-mime'
  /** A budget of `limits.ts` was exceeded. */
  | 'limit-exceeded'
  /** An algorithm, version or option that this engine does not implement. */
  | 'unsupported'
  /** Content or a key encrypted with an algorithm that is read only under the option `legacy`: Triple DES, DES, RC2. */
  | 'legacy-algorithm'
  /** The caller asked for something that makes no sense (empty recipients, a key that does not fit the certificate). */
  | 'invalid-argument'
  /** A stream must be read a second time, and its source can be read only once: give a function that opens it. */
  | 'source-read-once'
  /** A source gave other octets when it was read a second time, or not as many as was said. */
  | 'source-changed'
  /** A PKCS#12 or other password did not open the container. */
  | 'wrong-password'
  /** A decryption failed. Deliberately indistinct: it never says what failed (RFC 3218, RFC 5652 section 6). */
  | 'decryption-failed'
  /** None of the keys offered belongs to any recipient of the message. */
  | 'no-matching-recipient';

/** What went wrong, as a stable code, a sentence for a person and, for malformed input, the byte offset where it shows. */
export class SmimeError extends Error {
  override readonly name = 'SmimeError';
  readonly code: SmimeErrorCode;
  /** Offset in octets into the buffer that was being read, where one is known. */
  readonly offset: number | undefined;

  constructor(code: SmimeErrorCode, message: string, options: { offset?: number; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.offset = options.offset;
  }
}
