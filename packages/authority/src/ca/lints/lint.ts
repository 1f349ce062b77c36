/** What a lint is, what it looks at, and whom it binds. */

import type { CertificateUse } from '@chancery/api';
import type { Claim } from './claims.ts';
import type { Edition } from './editions.ts';
import type { Specimen } from './specimen.ts';

export interface Lint {
  /** Stable: audit records and scripts name it. */
  readonly id: string;
  /** The clause that demands it. */
  readonly clause: string;
  /** A SHALL or MUST is an error, which blocks issuance; a SHOULD is a warning, which goes on record. */
  readonly severity: 'error' | 'warning';
  /** `any` certificate, those under the S/MIME Baseline Requirements (`smime-br`), or those this `office` is about to sign. */
  readonly binds: 'any' | 'smime-br' | 'office';
  /** Absent for what holds of every certificate of version 3, whenever it was issued. */
  readonly since?: Edition;
  /** The edition that ended it. */
  readonly until?: Edition;
  /** What it demands, as a clause for the reference page. */
  readonly demand: string;
  /** Names of zlint's lints of the same rule, for whoever compares. */
  readonly zlint?: readonly string[];
  applies(subject: LintSubject): boolean;
  /** What is wrong, a sentence each without a full stop; empty for a certificate that conforms. */
  check(subject: LintSubject): string[];
}

export interface LintFinding {
  readonly lint: string;
  readonly severity: Lint['severity'];
  readonly clause: string;
  readonly message: string;
  /** The document and its edition from which the lint binds: `S/MIME BR 1.0.0`. */
  readonly edition?: string;
}

export interface LintSubject {
  readonly certificate: Specimen;
  /** What it claims to be under the S/MIME Baseline Requirements: one for each reserved policy in it. */
  readonly claims: readonly Claim[];
  /** Judged by the S/MIME Baseline Requirements. */
  readonly isUnderBr: boolean;
  /** For mail, but without any policy: it does not say whether it is under the S/MIME Baseline Requirements. */
  readonly isUnclaimed: boolean;
  /** The authority that signed or will sign; for a root that is about to be made, the certificate itself. */
  readonly issuer?: Specimen;
  /** The use it is about to be signed for, by this office. */
  readonly use?: OfficeUse;
}

export type OfficeUse = 'root' | 'issuing' | CertificateUse;

export const everyCertificate = (): boolean => true;

/** What the S/MIME Baseline Requirements call a subscriber certificate. */
export const isBrSubscriber = ({ isUnderBr, certificate }: LintSubject): boolean =>
  isUnderBr && !certificate.isAuthority;

export const isBrAuthority = ({ isUnderBr, certificate }: LintSubject): boolean => isUnderBr && certificate.isAuthority;

/** A subscriber certificate of one of these types. */
export const isOfType =
  (...types: Claim['type'][]) =>
  (subject: LintSubject): boolean =>
    isBrSubscriber(subject) && subject.claims.some(({ type }) => types.includes(type));

/** A subscriber certificate of one of these generations. */
export const isOfGeneration =
  (...generations: Claim['generation'][]) =>
  (subject: LintSubject): boolean =>
    isBrSubscriber(subject) && subject.claims.some(({ generation }) => generations.includes(generation));

/** About to be signed by this office, for one of these uses. */
export const isForUse =
  (...uses: OfficeUse[]) =>
  ({ use }: LintSubject): boolean =>
    use !== undefined && uses.includes(use);

/** About to be signed by this office, and no authority. */
export const isOfficeEndEntity = isForUse(
  'signing',
  'encryption',
  'gateway',
  'ocsp',
  'scep-ra',
  'admin',
  'seal',
  'partner',
);

/** About to be signed by this office. */
export const isOfficeIssued = ({ use }: LintSubject): boolean => use !== undefined;

/** About to be signed by this office, and no root. */
export const isOfficeNonRoot = ({ use }: LintSubject): boolean => use !== undefined && use !== 'root';

/** About to be signed for mail by a profile of the multipurpose generation, which allows more beside it. */
export const isOfficeMultipurpose = (subject: LintSubject): boolean =>
  isOfficeSubscriber(subject) && subject.claims.some(({ generation }) => generation === 'multipurpose');

/** About to be signed by this office, for a person or mailbox. */
export const isOfficeSubscriber = isForUse('signing', 'encryption', 'partner');
