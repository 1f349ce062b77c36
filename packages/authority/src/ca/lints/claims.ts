/** What a certificate says of itself: S/MIME at all, and which profile of the S/MIME Baseline Requirements (7.1.6.1). */
import { oids } from '@chancery/smime';
import type { Specimen } from './specimen.ts';

export interface Claim {
  readonly type: 'mailbox' | 'organization' | 'sponsor' | 'individual';
  readonly generation: 'legacy' | 'multipurpose' | 'strict';
}

/** One for each reserved policy identifier, in the order of the certificate. */
export function claimsOf(certificate: Specimen): Claim[] {
  return (certificate.content(oids.certificatePolicies) ?? []).flatMap(({ policy }) => RESERVED.get(policy) ?? []);
}

/** BR 1.1: the purpose emailProtection, and an e-mail address among the alternative names. */
export function isForMail(certificate: Specimen): boolean {
  return (
    certificate.content(oids.extendedKeyUsage)?.includes(oids.emailProtection) === true &&
    mailboxesOf(certificate).length > 0
  );
}

/** The rfc822Names and SmtpUTF8Mailboxes of the subject alternative name. */
export function mailboxesOf(certificate: Specimen): string[] {
  return (certificate.content(oids.subjectAltName) ?? []).flatMap(({ kind, otherType, text }) =>
    text !== undefined && (kind === 'rfc822Name' || otherType === oids.smtpUtf8Mailbox) ? [text] : [],
  );
}

const TYPES: readonly Claim['type'][] = ['mailbox', 'organization', 'sponsor', 'individual'];
const GENERATIONS: readonly Claim['generation'][] = ['legacy', 'multipurpose', 'strict'];

const RESERVED = new Map<string, Claim>(
  TYPES.flatMap((type, t) =>
    GENERATIONS.map((generation, g): [string, Claim] => [`2.23.140.1.5.${t + 1}.${g + 1}`, { type, generation }]),
  ),
);
