/** Every lint, and the one function that runs them. */
import { authorityInformationAccess } from './authority-information-access.ts';
import { authorityKeyIdentifier } from './authority-key-identifier.ts';
import { authoritySubjectKeyIdentifier } from './authority-subject-key-identifier.ts';
import { basicConstraints } from './basic-constraints.ts';
import { certificatePolicies } from './certificate-policies.ts';
import { criticalExtensions } from './critical-extensions.ts';
import { crlDistributionPoints } from './crl-distribution-points.ts';
import { extendedKeyUsage } from './extended-key-usage.ts';
import { issuerName } from './issuer-name.ts';
import { keyUsage } from './key-usage.ts';
import type { Lint, LintSubject } from './lint.ts';
import { ocspNoCheck } from './ocsp-no-check.ts';
import { publicKey } from './public-key.ts';
import { serialNumber } from './serial-number.ts';
import { signatureAlgorithm } from './signature-algorithm.ts';
import { smimeCapabilities } from './smime-capabilities.ts';
import { subjectAlternativeName } from './subject-alternative-name.ts';
import { subjectEmailInAlternativeName } from './subject-email-in-alternative-name.ts';
import { subjectKeyIdentifier } from './subject-key-identifier.ts';
import { subjectLengths } from './subject-lengths.ts';
import { validityPeriod } from './validity-period.ts';
import { withinIssuerValidity } from './within-issuer-validity.ts';

export const lints: readonly Lint[] = [
  serialNumber,
  validityPeriod,
  withinIssuerValidity,
  publicKey,
  signatureAlgorithm,
  issuerName,
  subjectLengths,
  subjectAlternativeName,
  subjectEmailInAlternativeName,
  keyUsage,
  extendedKeyUsage,
  basicConstraints,
  certificatePolicies,
  crlDistributionPoints,
  authorityInformationAccess,
  authorityKeyIdentifier,
  authoritySubjectKeyIdentifier,
  subjectKeyIdentifier,
  smimeCapabilities,
  ocspNoCheck,
  criticalExtensions,
];

export interface LintFinding {
  readonly lint: string;
  readonly clause: string;
  readonly severity: Lint['severity'];
  readonly message: string;
}

/** Everything that is wrong with a certificate about to be signed; errors first. */
export function lintCertificate(subject: LintSubject): LintFinding[] {
  return lints
    .filter((lint) => lint.applies(subject))
    .flatMap((lint) =>
      lint.check(subject).map((message) => ({ lint: lint.id, clause: lint.clause, severity: lint.severity, message })),
    )
    .sort((a, b) => Number(b.severity === 'error') - Number(a.severity === 'error'));
}
