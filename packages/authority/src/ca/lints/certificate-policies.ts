/** certificatePolicies (RFC 5280 4.2.1.4, S/MIME BR 7.1.2.3 (a), 7.1.6). */
import { oids, tag } from '@chancery/smime';
import { rfc5280, rfc6818, smimeBr, smimeBrWithoutLegacy } from './editions.ts';
import {
  everyCertificate,
  isBrAuthority,
  isBrSubscriber,
  isOfficeNonRoot,
  isOfGeneration,
  type Lint,
  type LintSubject,
} from './lint.ts';
import type { PolicyField, PolicyQualifierField } from './specimen-extensions.ts';

const br = { binds: 'smime-br', since: smimeBr } as const;
const pkix = { binds: 'any', since: rfc5280 } as const;

const policiesOf = ({ certificate }: LintSubject): readonly PolicyField[] =>
  certificate.content(oids.certificatePolicies) ?? [];
const qualifiersOf = (subject: LintSubject): PolicyQualifierField[] =>
  policiesOf(subject).flatMap(({ qualifiers }) => qualifiers);

export const certificatePolicyLints: readonly Lint[] = [
  {
    ...pkix,
    id: 'policy-list',
    clause: 'RFC 5280 4.2.1.4',
    severity: 'error',
    demand: 'certificatePolicies names at least one policy, and none twice',
    applies: ({ certificate }) => certificate.content(oids.certificatePolicies) !== undefined,
    check(subject) {
      const policies = policiesOf(subject).map(({ policy }) => policy);
      if (policies.length === 0) return ['certificatePolicies names no policy'];
      const seen = new Set<string>();
      const twice = policies.filter((policy) => seen.size === seen.add(policy).size);
      return [...new Set(twice)].map((policy) => `the policy ${policy} stands twice`);
    },
  },
  {
    ...pkix,
    since: rfc6818,
    id: 'policy-notice-text',
    clause: 'RFC 6818 3, RFC 5280 4.2.1.4',
    severity: 'error',
    demand: 'the explicitText of a user notice is no IA5String, and has at most 200 characters',
    applies: everyCertificate,
    check: (subject) =>
      qualifiersOf(subject).flatMap(({ explicitText }) => {
        if (explicitText === undefined) return [];
        if (!NOTICE_FORMS.has(explicitText.form))
          return ['an explicitText is neither UTF8String, VisibleString nor BMPString'];
        return [...(explicitText.text ?? '')].length > 200 ? ['an explicitText has more than 200 characters'] : [];
      }),
  },
  {
    ...pkix,
    since: rfc6818,
    id: 'policy-notice-form',
    clause: 'RFC 6818 3',
    severity: 'warning',
    demand: 'the explicitText of a user notice is a UTF8String',
    applies: everyCertificate,
    check: (subject) =>
      qualifiersOf(subject)
        .filter(({ explicitText }) => explicitText !== undefined && explicitText.form !== tag.utf8String)
        .map(() => 'an explicitText is no UTF8String'),
  },
  {
    ...br,
    id: 'policy-reserved',
    clause: 'S/MIME BR 7.1.2.3 (a), 7.1.6.4',
    severity: 'error',
    demand: 'a subscriber certificate has exactly one of the reserved policies',
    zlint: ['e_exactly_one_smime_policy'],
    applies: (subject) => isBrSubscriber(subject) || (subject.isUnclaimed && !subject.certificate.isAuthority),
    check: ({ certificate, claims }) => {
      if (claims.length > 1) return [`it has ${claims.length} of the reserved policies`];
      if (claims.length === 1 || certificate.extensionProblem(oids.certificatePolicies) !== undefined) return [];
      return ['it has none of the reserved policies 2.23.140.1.5'];
    },
  },
  {
    ...br,
    since: smimeBrWithoutLegacy,
    id: 'policy-legacy',
    clause: 'S/MIME BR 7.1.6.1',
    severity: 'error',
    demand: 'no certificate of the legacy generation is issued',
    zlint: ['e_legacy_generation_deprecated'],
    applies: isOfGeneration('legacy'),
    check: () => ['it is of the legacy generation, which ended on 15 July 2025'],
  },
  {
    ...br,
    id: 'policy-qualifiers',
    clause: 'S/MIME BR 7.1.2.2 (a), 7.1.2.3 (a)',
    severity: 'error',
    demand: 'a CPS pointer is an http or https URL, and a user notice has explicitText and no noticeRef',
    applies: ({ isUnderBr }) => isUnderBr,
    check: (subject) =>
      qualifiersOf(subject).flatMap(({ id, uri, hasNoticeReference, explicitText }) => {
        if (id === oids.qualifierCps)
          return /^https?:\/\/[!-~]+$/i.test(uri ?? '') ? [] : [`${JSON.stringify(uri)} is no http or https URL`];
        if (id !== oids.qualifierUserNotice) return [];
        if (hasNoticeReference) return ['a user notice has a noticeRef'];
        return explicitText === undefined ? ['a user notice has no explicitText'] : [];
      }),
  },
  {
    ...br,
    id: 'policy-criticality',
    clause: 'S/MIME BR 7.1.2.2 (a), 7.1.2.3 (a)',
    severity: 'warning',
    demand: 'certificatePolicies is not critical',
    applies: ({ isUnderBr }) => isUnderBr,
    check: ({ certificate }) =>
      certificate.extension(oids.certificatePolicies)?.critical === true ? ['certificatePolicies is critical'] : [],
  },
  {
    ...br,
    id: 'policy-any',
    clause: 'S/MIME BR 7.1.6.4',
    severity: 'error',
    demand: 'anyPolicy is for authorities alone',
    applies: isBrSubscriber,
    check: (subject) =>
      policiesOf(subject).some(({ policy }) => policy === oids.anyPolicy) ? ['it has anyPolicy'] : [],
  },
  {
    ...br,
    id: 'policy-authority',
    clause: 'S/MIME BR 7.1.2.2 (a), 7.1.6.3',
    severity: 'error',
    demand: 'a subordinate authority has reserved policies, or anyPolicy',
    applies: (subject) => isBrAuthority(subject) && !subject.certificate.isSelfIssued,
    check: (subject) =>
      subject.claims.length > 0 || policiesOf(subject).some(({ policy }) => policy === oids.anyPolicy)
        ? []
        : ['it has neither a reserved policy nor anyPolicy'],
  },
  {
    ...br,
    id: 'policy-root',
    clause: 'S/MIME BR 7.1.2.1 (c), 7.1.6.2',
    severity: 'warning',
    demand: 'a root has no certificatePolicies',
    applies: (subject) => isBrAuthority(subject) && subject.certificate.isSelfIssued,
    check: ({ certificate }) =>
      certificate.extension(oids.certificatePolicies) === undefined ? [] : ['a root has certificatePolicies'],
  },
  {
    id: 'certificate-policies',
    clause: 'S/MIME BR 7.1.2.3 (a), 7.1.6',
    severity: 'error',
    binds: 'office',
    demand: 'certificatePolicies is present and has none of the policies reserved for publicly trusted authorities',
    applies: isOfficeNonRoot,
    check(subject) {
      const policies = policiesOf(subject).map(({ policy }) => policy);
      if (policies.length === 0) return ['certificatePolicies is missing'];
      return policies.flatMap((policy) => {
        if (policy.startsWith('2.23.140.'))
          return [`the policy ${policy} is reserved for publicly trusted authorities`];
        return policy === oids.anyPolicy && subject.use !== 'issuing' ? ['anyPolicy is for authorities alone'] : [];
      });
    },
  },
];

const NOTICE_FORMS = new Set<number>([tag.utf8String, tag.visibleString, tag.bmpString]);
