/** The list of extensions: which there may be, how often, and which are critical. */
import { oids } from '@chancery/smime';
import { rfc5280, smimeBr } from './editions.ts';
import { labelOf } from './labels.ts';
import {
  everyCertificate,
  isBrSubscriber,
  isForUse,
  isOfficeIssued,
  isOfGeneration,
  isOfType,
  type Lint,
  type LintSubject,
} from './lint.ts';

const br = { severity: 'error', binds: 'smime-br', since: smimeBr } as const;

export const extensionListLints: readonly Lint[] = [
  {
    id: 'extensions-empty',
    clause: 'RFC 5280 4.1.2.9',
    severity: 'error',
    binds: 'any',
    demand: 'the list of extensions is absent or holds at least one',
    applies: everyCertificate,
    check: ({ certificate }) =>
      certificate.extensions?.value?.length === 0 ? ['the list of extensions is empty'] : [],
  },
  {
    id: 'extension-twice',
    clause: 'RFC 5280 4.2',
    severity: 'error',
    binds: 'any',
    demand: 'no extension stands twice',
    applies: everyCertificate,
    check({ certificate }) {
      const ids = certificate.extensionFields.map(({ id }) => id);
      return [...new Set(ids.filter((id, index) => ids.indexOf(id) !== index))].map(
        (id) => `the extension ${labelOf(id)} stands twice`,
      );
    },
  },
  {
    id: 'extension-criticality',
    clause: 'RFC 5280 4.2.1, 4.2.2',
    severity: 'error',
    binds: 'any',
    since: rfc5280,
    demand: 'extensions are critical where RFC 5280 says MUST, and not where it says MUST NOT',
    applies: everyCertificate,
    check: ({ certificate }) => [
      ...certificate.extensionFields
        .filter(({ id, critical }) => critical && NEVER_CRITICAL.has(id))
        .map(({ id }) => `the extension ${labelOf(id)} is critical, which it must not be`),
      ...certificate.extensionFields
        .filter(({ id, critical }) => !critical && ALWAYS_CRITICAL.has(id))
        .map(({ id }) => `the extension ${labelOf(id)} is not critical, which it must be`),
    ],
  },
  {
    id: 'extension-criticality-advice',
    clause: 'RFC 5280 4.2.1.3, 4.2.1.5, 4.2.1.7, 4.2.1.13',
    severity: 'warning',
    binds: 'any',
    since: rfc5280,
    demand: 'extensions are critical where RFC 5280 says SHOULD, and not where it says SHOULD NOT',
    applies: everyCertificate,
    check: ({ certificate, isUnderBr }) =>
      certificate.extensionFields
        // The S/MIME Baseline Requirements say the same of these, in lints of their own.
        .filter(({ id }) => !(isUnderBr && (id === oids.keyUsage || id === oids.crlDistributionPoints)))
        .flatMap(({ id, critical }) => {
          if (critical && BETTER_NOT_CRITICAL.has(id))
            return [`the extension ${labelOf(id)} is critical, which it should not be`];
          return !critical && BETTER_CRITICAL.has(id)
            ? [`the extension ${labelOf(id)} is not critical, which it should be`]
            : [];
        }),
  },
  {
    ...br,
    id: 'adobe-extensions-strict',
    clause: 'S/MIME BR 7.1.2.3 (m)',
    demand: 'the strict generation has no Adobe extensions',
    zlint: ['e_adobe_extensions_strict_presence'],
    applies: isOfGeneration('strict'),
    check: (subject) => present(subject, ADOBE).map((id) => `the Adobe extension ${labelOf(id)} is present`),
  },
  {
    ...br,
    id: 'adobe-extensions-criticality',
    clause: 'S/MIME BR 7.1.2.3 (m)',
    demand: 'Adobe extensions are not critical',
    zlint: ['e_adobe_extensions_legacy_multipurpose_criticality'],
    applies: (subject) => isOfGeneration('legacy', 'multipurpose')(subject) && present(subject, ADOBE).length > 0,
    check: (subject) => critical(subject, ADOBE),
  },
  {
    ...br,
    id: 'legal-entity-identifier',
    clause: 'S/MIME BR 7.1.2.3 (l)',
    demand:
      'an LEI stands only in organization- and sponsor-validated certificates, the LEI of a role only in the latter; neither is critical',
    zlint: ['e_legal_entity_identifier'],
    applies: isBrSubscriber,
    check(subject) {
      const wrong = critical(subject, LEI);
      if (isOfType('mailbox', 'individual')(subject))
        wrong.push(...present(subject, LEI).map((id) => `the LEI extension ${labelOf(id)} is present`));
      else if (isOfType('organization')(subject) && present(subject, [oids.legalEntityRole]).length > 0)
        wrong.push('the LEI of a role is present');
      return wrong;
    },
  },
  {
    ...br,
    id: 'qualified-statements-criticality',
    clause: 'S/MIME BR 7.1.2.3 (k)',
    demand: 'qcStatements is not critical',
    zlint: ['e_smime_qc_statements_must_not_be_critical'],
    applies: (subject) => isBrSubscriber(subject) && present(subject, [oids.qcStatements]).length > 0,
    check: (subject) => critical(subject, [oids.qcStatements]),
  },
  {
    ...br,
    id: 'subject-directory-attributes',
    clause: 'S/MIME BR 7.1.2.3 (j)',
    demand: 'outside the legacy generation there are no subjectDirectoryAttributes',
    zlint: ['e_strict_multipurpose_smime_ext_subject_directory_attr'],
    applies: isOfGeneration('multipurpose', 'strict'),
    check: (subject) =>
      present(subject, [oids.subjectDirectoryAttributes]).map(() => 'subjectDirectoryAttributes is present'),
  },
  {
    ...br,
    id: 'smime-capabilities-criticality',
    clause: 'S/MIME BR 7.1.2.3 (i)',
    demand: 'smimeCapabilities is not critical',
    applies: isBrSubscriber,
    check: (subject) => critical(subject, [oids.smimeCapabilities]),
  },
  {
    id: 'smime-capabilities-form',
    clause: 'RFC 4262 2, RFC 8551 2.5.2',
    severity: 'warning',
    binds: 'any',
    demand: 'smimeCapabilities is not critical and names at least one algorithm',
    applies: ({ certificate }) => certificate.extension(oids.smimeCapabilities) !== undefined,
    check: (subject) => [
      ...critical(subject, [oids.smimeCapabilities]),
      ...(subject.certificate.content(oids.smimeCapabilities)?.length === 0 ? ['smimeCapabilities is empty'] : []),
    ],
  },
  {
    id: 'smime-capabilities',
    clause: 'RFC 4262 2, RFC 8551 2.7',
    severity: 'warning',
    binds: 'office',
    demand: 'an encryption certificate says which ciphers its owner reads',
    applies: isForUse('encryption'),
    check: ({ certificate }) =>
      (certificate.content(oids.smimeCapabilities) ?? []).length === 0
        ? ['without S/MIME capabilities senders may fall back to a weak cipher']
        : [],
  },
  {
    id: 'ocsp-no-check',
    clause: 'RFC 6960 4.2.2.2.1, S/MIME BR 4.9.9',
    severity: 'error',
    binds: 'any',
    demand: 'ocsp-nocheck is for responder certificates; those of this office have it',
    applies: everyCertificate,
    check({ certificate, use }) {
      const isPresent = certificate.extension(oids.ocspNoCheck) !== undefined;
      if (use === 'ocsp' && !isPresent) return ['a responder certificate without ocsp-nocheck'];
      const mayRespond =
        use === undefined
          ? certificate.content(oids.extendedKeyUsage)?.includes(oids.ocspSigning) === true
          : use === 'ocsp';
      return isPresent && !mayRespond ? ['ocsp-nocheck is for responder certificates alone'] : [];
    },
  },
  {
    id: 'critical-extensions',
    clause: 'RFC 5280 4.2, S/MIME BR 7.1.2.3',
    severity: 'error',
    binds: 'office',
    demand: 'nothing but basicConstraints and keyUsage is critical',
    applies: isOfficeIssued,
    check: ({ certificate }) =>
      certificate.extensionFields
        .filter(({ id, critical: isCritical }) => isCritical && !CRITICAL_HERE.has(id))
        .map(({ id }) => `the extension ${labelOf(id)} is critical, which it must not be`),
  },
];

const ADOBE: readonly string[] = [oids.adobeTimeStamp, oids.adobeArchiveRevInfo];
const LEI: readonly string[] = [oids.legalEntityIdentifier, oids.legalEntityRole];

const NEVER_CRITICAL = new Set<string>([
  oids.authorityKeyIdentifier,
  oids.subjectKeyIdentifier,
  oids.subjectDirectoryAttributes,
  oids.freshestCrl,
  oids.authorityInfoAccess,
  oids.subjectInfoAccess,
]);
const ALWAYS_CRITICAL = new Set<string>([oids.nameConstraints, oids.policyConstraints, oids.inhibitAnyPolicy]);
const BETTER_NOT_CRITICAL = new Set<string>([oids.issuerAltName, oids.crlDistributionPoints]);
const BETTER_CRITICAL = new Set<string>([oids.keyUsage, oids.policyMappings]);
const CRITICAL_HERE = new Set<string>([oids.basicConstraints, oids.keyUsage]);

const present = ({ certificate }: LintSubject, ids: readonly string[]): string[] =>
  ids.filter((id) => certificate.extension(id) !== undefined);

const critical = ({ certificate }: LintSubject, ids: readonly string[]): string[] =>
  ids
    .filter((id) => certificate.extension(id)?.critical === true)
    .map((id) => `the extension ${labelOf(id)} is critical, which it must not be`);
