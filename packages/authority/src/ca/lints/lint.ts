/** What a lint is. Each stands in a file of its own and is listed in `all.ts`. */
import type { Certificate } from '@chancery/smime';

/** A certificate about to be signed, and what it has to agree with. */
export interface LintSubject {
  readonly kind: 'root' | 'issuing' | 'signing' | 'encryption' | 'gateway' | 'ocsp';
  /** As it will be, but for the signature, which does not exist yet. */
  readonly certificate: Certificate;
  /** The authority that will sign; for a root, the certificate itself. */
  readonly issuer: Certificate;
}

export interface Lint {
  readonly id: string;
  /** The clause that demands it. */
  readonly clause: string;
  /** An error blocks issuance; a warning goes on record. */
  readonly severity: 'error' | 'warning';
  applies(subject: LintSubject): boolean;
  /** What is wrong, a sentence each; empty for a certificate that conforms. */
  check(subject: LintSubject): string[];
}

/** Ends a path: neither authority. */
export const isEndEntity = ({ kind }: LintSubject): boolean => kind !== 'root' && kind !== 'issuing';
/** Belongs to a person or mailbox: what the S/MIME Baseline Requirements call a subscriber certificate. */
export const isSubscriber = ({ kind }: LintSubject): boolean => kind === 'signing' || kind === 'encryption';
