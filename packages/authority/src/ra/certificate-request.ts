/** A certificate request as it comes in. */
import { type CertificateRequest, parseRequest, pemToDer, SmimeError } from '@chancery/smime';
import { AuthorityError } from '../errors.ts';

/** Undefined for a request that cannot be read: `prepareCertificate` says what is wrong with it. */
export function spkiOf(request: Uint8Array): Uint8Array | undefined {
  try {
    return parseRequest(request).spki;
  } catch (error) {
    if (error instanceof SmimeError) return undefined;
    throw error;
  }
}

/** @param undone what was left undone, a sentence @throws AuthorityError `unusable-input` */
export function readRequest(der: Uint8Array, undone: string): CertificateRequest {
  try {
    return parseRequest(der);
  } catch (error) {
    if (!(error instanceof SmimeError)) throw error;
    throw new AuthorityError('unusable-input', `The certificate request cannot be read: ${error.message}. ${undone}`);
  }
}

/**
 * DER of a PKCS#10 request, from PEM or base64. What is inside is for `prepareCertificate` to judge.
 * @throws AuthorityError `unusable-input`
 */
export function requestOf(csr: string): Uint8Array {
  const text = csr.trim();
  if (!text.startsWith('-----')) return Buffer.from(text, 'base64');
  try {
    return pemToDer(text, text.includes('NEW CERTIFICATE REQUEST') ? 'NEW CERTIFICATE REQUEST' : 'CERTIFICATE REQUEST');
  } catch (error) {
    if (!(error instanceof SmimeError)) throw error;
    throw new AuthorityError(
      'unusable-input',
      `The certificate request cannot be read: ${error.message}. Nothing was issued.`,
    );
  }
}
