/** What a leaf may be used for, and whom it names: RFC 8550 3 and 4.4, with the rules that each kind of key brings. */
import { oids } from '../asn1/oids.ts';
import { canSign, encryptionSchemeOf } from '../keys/algorithms.ts';
import { type Problem, problem } from '../problem.ts';
import { type Certificate, certificateEmails } from '../x509/certificate.ts';
import type { KeyUsage } from '../x509/extensions.ts';
import { called } from './describe-certificate.ts';

/**
 * What the leaf is to be used for (RFC 8550 section 4.4): its key usage and extended key usage must allow it. `email` is signing or
 * encryption, whichever the key is for.
 */
export type PathPurpose = 'email-signing' | 'email-encryption' | 'email' | 'any';

export function* purposeProblems(leaf: Certificate, purpose: PathPurpose): Generator<Problem> {
  if (purpose === 'any') return;
  const signs = maySign(leaf);
  const encrypts = mayBeEncryptedTo(leaf);
  const clause = 'RFC 8550 section 4.4.2';
  if (purpose === 'email-signing' && !signs)
    yield problem('error', 'key-usage', `${called(leaf)} must not sign messages`, clause);
  if (purpose === 'email-encryption' && !encrypts)
    yield problem('error', 'key-usage', `${called(leaf)} must not be encrypted to`, clause);
  if (purpose === 'email' && !signs && !encrypts)
    yield problem('error', 'key-usage', `${called(leaf)} must neither sign nor be encrypted to`, clause);
  if (!allowsEmail(leaf))
    yield problem('error', 'extended-key-usage', `${called(leaf)} is not meant for e-mail`, 'RFC 8550 section 4.4.4');
}

/** RFC 8550 4.4.4: without the extension every purpose is allowed. */
export function allowsEmail({ extendedKeyUsage }: Certificate): boolean {
  return (
    !extendedKeyUsage ||
    extendedKeyUsage.includes(oids.emailProtection) ||
    extendedKeyUsage.includes(oids.anyExtendedKeyUsage)
  );
}

export function* emailProblems(leaf: Certificate, email: string | undefined): Generator<Problem> {
  if (email === undefined || certificateEmails(leaf).some((named) => sameMailbox(named, email))) return;
  yield problem('error', 'email-mismatch', `${called(leaf)} does not name ${email}`, 'RFC 8550 section 3');
}

/**
 * Whether two addresses mean the same mailbox. The domain has no case; nor, in every directory that issues certificates by the
 * thousand, has the local part, though RFC 5321 2.4 would let a host tell them apart.
 */
export function sameMailbox(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

function maySign({ keyKind, keyUsage }: Certificate): boolean {
  if (keyKind !== undefined && !canSign(keyKind)) return false;
  return !keyUsage || keyUsage.has('digitalSignature') || keyUsage.has('nonRepudiation');
}

function mayBeEncryptedTo({ keyKind, keyUsage }: Certificate): boolean {
  const scheme = keyKind === undefined ? 'key-agreement' : encryptionSchemeOf(keyKind);
  if (scheme === undefined) return false;
  // RFC 3560 4 and RFC 9935 5 on the one hand, RFC 5753 2.1.1 and RFC 8410 5 on the other.
  const needed: KeyUsage = scheme === 'key-agreement' ? 'keyAgreement' : 'keyEncipherment';
  return !keyUsage || keyUsage.has(needed);
}
