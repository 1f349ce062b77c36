/** A certificate that another office issued, as far as it can be judged by itself: may it come in, and what for. */
import { createHash } from 'node:crypto';
import {
  type Certificate,
  certificateEmails,
  encryptionSchemeOf,
  formatName,
  namesEqual,
  parseCertificate,
  SmimeError,
  verifyCertificateSignature,
} from '@chancery/smime';
import { keyLabel } from '../ca/authority-key.ts';
import type { AuthorityRow } from '../store/authorities.ts';

export interface OutsideCertificate {
  readonly certificate: Certificate;
  readonly subject: string;
  readonly issuer: string;
  readonly fingerprint: Buffer;
  readonly spkiSha256: Buffer;
  readonly keyAlgorithm: string;
  readonly use: 'signing' | 'encryption';
  /** For encryption, and the key may sign too. */
  readonly alsoSigns: boolean;
  /** As the certificate has them, without repetition. */
  readonly addresses: readonly string[];
}

/** Why a certificate stays out. */
export interface Refusal {
  readonly code: string;
  readonly reason: string;
  /** Whose certificate it is, where that can be read. */
  readonly subject?: string;
}

export const isRefusal = (value: object): value is Refusal => 'reason' in value;

/** @param der DER */
export function readOutside(der: Uint8Array): OutsideCertificate | Refusal {
  let certificate: Certificate;
  try {
    certificate = parseCertificate(der);
    // A key that node:crypto cannot load is found out here, not when mail is to be opened with it.
    certificate.publicKey.asymmetricKeyType;
  } catch (error) {
    if (!(error instanceof SmimeError)) throw error;
    return { code: 'unreadable', reason: `The certificate cannot be read: ${error.message}.` };
  }
  const subject = formatName(certificate.subject);
  if (isAuthority(certificate))
    return {
      code: 'authority',
      reason: 'It is the certificate of a certification authority, not of a person.',
      subject,
    };
  if (!isForMail(certificate))
    return { code: 'not-for-mail', reason: 'Its extended key usage has neither mail nor any purpose.', subject };
  const addresses = certificateEmails(certificate);
  if (addresses.length === 0) return { code: 'no-address', reason: 'It names no mail address.', subject };
  if (addresses.length > MOST_ADDRESSES)
    return {
      code: 'unreadable',
      reason: `It names ${addresses.length} addresses; at most ${MOST_ADDRESSES} are read.`,
    };
  const usage = certificate.keyUsage;
  const signs = usage === undefined || usage.has('digitalSignature') || usage.has('nonRepudiation');
  const encrypts = mayEncrypt(certificate);
  if (!encrypts && !signs)
    return { code: 'no-use', reason: 'Its key usage allows neither to sign nor to encrypt mail.', subject };
  return {
    certificate,
    subject,
    issuer: formatName(certificate.issuer),
    fingerprint: createHash('sha256').update(certificate.der).digest(),
    spkiSha256: createHash('sha256').update(certificate.spki).digest(),
    keyAlgorithm: keyLabel(certificate),
    use: encrypts ? 'encryption' : 'signing',
    alsoSigns: encrypts && signs,
    addresses,
  };
}

/** The authority here that signed it: by name and by signature, never by name alone. */
export function issuerHere(certificate: Certificate, authorities: readonly AuthorityRow[]): AuthorityRow | undefined {
  return authorities.find(
    (one) =>
      namesEqual(certificate.issuer, one.certificate.subject) &&
      verifyCertificateSignature(certificate, one.certificate),
  );
}

/** Real certificates name a person's address and a handful of aliases. */
const MOST_ADDRESSES = 100;

/** By its extensions (RFC 5280 4.2.1.9, 4.2.1.3), or, where it is too old to have any, by being its own issuer. */
function isAuthority({ basicConstraints, keyUsage, version, issuer, subject }: Certificate): boolean {
  if (basicConstraints?.ca === true || keyUsage?.has('keyCertSign') === true) return true;
  return version < 3 && namesEqual(issuer, subject);
}

/** RFC 8550 4.4.4: without the extension it is for everything. EFS alone is no mail. */
function isForMail({ extendedKeyUsage }: Certificate): boolean {
  return extendedKeyUsage === undefined || extendedKeyUsage.some((purpose) => MAIL.has(purpose));
}

/** id-kp-emailProtection, anyExtendedKeyUsage. */
const MAIL = new Set(['1.3.6.1.5.5.7.3.4', '2.5.29.37.0']);

function mayEncrypt({ keyKind, keyUsage: usage }: Certificate): boolean {
  if (keyKind === undefined || encryptionSchemeOf(keyKind) === undefined) return false;
  if (usage === undefined) return true;
  return usage.has('keyEncipherment') || usage.has('keyAgreement') || usage.has('dataEncipherment');
}
