/** What a leaf may be used for, and whom it names: RFC 8550 3 and 4.4, with the rules that each kind of key brings. */
import { oids } from '../asn1/oids.ts';
import { canSign, encryptionSchemeOf, type KeyKind } from '../keys/algorithms.ts';
import { type Problem, problem } from '../problem.ts';
import { type Certificate, certificateEmails } from '../x509/certificate.ts';
import type { KeyUsage } from '../x509/extensions.ts';
import { sameMailbox } from '../x509/mailbox.ts';
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
  yield* unfitUsages(leaf);
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

function maySign({ keyKind, keyUsage }: Certificate): boolean {
  if (keyKind !== undefined && !canSign(keyKind)) return false;
  return !keyUsage || keyUsage.has('digitalSignature') || keyUsage.has('nonRepudiation');
}

function mayBeEncryptedTo({ keyKind, keyUsage }: Certificate): boolean {
  const needed = keyKind && encryptionUsage(keyKind);
  return needed !== undefined && (!keyUsage || keyUsage.has(needed));
}

/** RFC 3560 4 and RFC 9935 5 on the one hand, RFC 5753 2.1.1 and RFC 8410 5 on the other. */
function encryptionUsage(kind: KeyKind): KeyUsage | undefined {
  const scheme = encryptionSchemeOf(kind);
  return scheme && (scheme === 'key-agreement' ? 'keyAgreement' : 'keyEncipherment');
}

/** Key usages that mean nothing for the kind of key. CAs have set too many on elliptic keys of every kind; on newer kinds none may. */
function* unfitUsages(leaf: Certificate): Generator<Problem> {
  const { keyKind: kind, keyUsage } = leaf;
  if (!kind || !keyUsage || kind === 'rsa') return;
  const unfit = [...keyUsage].filter((usage) => !fits(usage, kind));
  if (unfit.length === 0) return;
  const modern = kind.startsWith('ml-');
  const message = `${called(leaf)} allows its key ${unfit.join(', ')}, which is nothing it can do`;
  yield problem(modern ? 'error' : 'warning', 'key-usage-unfit', message, usageClause(kind));
}

function usageClause(kind: KeyKind): string {
  if (kind === 'rsa-pss') return 'RFC 4055 section 1.2';
  if (kind.startsWith('ml-dsa')) return 'RFC 9881 section 5';
  if (kind.startsWith('ml-kem')) return 'RFC 9935 section 5';
  return kind.startsWith('p') ? 'RFC 8813 section 3' : 'RFC 9295 section 3';
}

function fits(usage: KeyUsage, kind: KeyKind): boolean {
  switch (usage) {
    case 'digitalSignature':
    case 'nonRepudiation':
    case 'keyCertSign':
    case 'cRLSign':
      return canSign(kind);
    case 'encipherOnly':
    case 'decipherOnly':
      return encryptionUsage(kind) === 'keyAgreement';
    default:
      return usage === encryptionUsage(kind);
  }
}
