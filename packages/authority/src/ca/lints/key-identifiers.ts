/** authorityKeyIdentifier and subjectKeyIdentifier (RFC 5280 4.2.1.1, 4.2.1.2, S/MIME BR 7.1.2.3 (g), (n)). */
import { keyIdentifier, oids } from '@chancery/smime';
import { rfc5280, smimeBr } from './editions.ts';
import {
  everyCertificate,
  isBrSubscriber,
  isOfficeEndEntity,
  isOfficeNonRoot,
  type Lint,
  type LintSubject,
} from './lint.ts';

const br = { binds: 'smime-br', since: smimeBr } as const;
const pkix = { binds: 'any', since: rfc5280 } as const;

const authorityIdentifierOf = ({ certificate }: LintSubject) => certificate.content(oids.authorityKeyIdentifier);

export const keyIdentifierLints: readonly Lint[] = [
  {
    ...pkix,
    id: 'authority-key-identifier-present',
    clause: 'RFC 5280 4.2.1.1',
    severity: 'error',
    demand: 'authorityKeyIdentifier has a keyIdentifier, but for a self-issued certificate',
    // The S/MIME Baseline Requirements ask for more, in a lint of their own.
    applies: ({ certificate, isUnderBr }) => !certificate.isSelfIssued && !isUnderBr,
    check(subject) {
      if (subject.certificate.extension(oids.authorityKeyIdentifier) === undefined)
        return ['authorityKeyIdentifier is missing'];
      const identifier = authorityIdentifierOf(subject);
      return identifier !== undefined && identifier.keyIdentifier === undefined
        ? ['authorityKeyIdentifier has no keyIdentifier']
        : [];
    },
  },
  {
    ...pkix,
    id: 'authority-key-identifier-pair',
    clause: 'RFC 5280 4.2.1.1',
    severity: 'error',
    demand: 'authorityCertIssuer and authorityCertSerialNumber stand together or not at all',
    applies: everyCertificate,
    check(subject) {
      const identifier = authorityIdentifierOf(subject);
      return identifier !== undefined && identifier.hasIssuer !== identifier.hasSerialNumber
        ? ['authorityKeyIdentifier has one of issuer and serial number without the other']
        : [];
    },
  },
  {
    ...br,
    id: 'authority-key-identifier-only',
    clause: 'S/MIME BR 7.1.2.2 (h), 7.1.2.3 (g)',
    severity: 'error',
    demand: 'authorityKeyIdentifier is present, not critical, and has a keyIdentifier alone',
    zlint: ['e_authority_key_identifier_correct'],
    applies: (subject) => subject.isUnderBr && !(subject.certificate.isAuthority && subject.certificate.isSelfIssued),
    check(subject) {
      const field = subject.certificate.extension(oids.authorityKeyIdentifier);
      if (field === undefined) return ['authorityKeyIdentifier is missing'];
      const wrong = field.critical ? ['authorityKeyIdentifier is critical'] : [];
      const identifier = authorityIdentifierOf(subject);
      if (identifier === undefined) return wrong;
      if (identifier.keyIdentifier === undefined) wrong.push('authorityKeyIdentifier has no keyIdentifier');
      if (identifier.hasIssuer) wrong.push('authorityKeyIdentifier has an authorityCertIssuer');
      if (identifier.hasSerialNumber) wrong.push('authorityKeyIdentifier has an authorityCertSerialNumber');
      return wrong;
    },
  },
  {
    ...pkix,
    id: 'subject-key-identifier-authority',
    clause: 'RFC 5280 4.2.1.2, S/MIME BR 7.1.2.1 (e), 7.1.2.2 (i)',
    severity: 'error',
    demand: 'an authority has a subjectKeyIdentifier',
    applies: ({ certificate, use }) => certificate.isAuthority || use === 'root' || use === 'issuing',
    check: ({ certificate }) =>
      certificate.extension(oids.subjectKeyIdentifier) === undefined
        ? ['an authority without a subject key identifier']
        : [],
  },
  {
    ...pkix,
    id: 'subject-key-identifier-present',
    clause: 'RFC 5280 4.2.1.2, S/MIME BR 7.1.2.3 (n)',
    severity: 'warning',
    demand: 'a certificate that is no authority has a subjectKeyIdentifier',
    applies: ({ certificate }) => !certificate.isAuthority,
    check: ({ certificate }) =>
      certificate.extension(oids.subjectKeyIdentifier) === undefined ? ['subjectKeyIdentifier is missing'] : [],
  },
  {
    ...pkix,
    id: 'subject-key-identifier-value',
    clause: 'RFC 5280 4.2.1.2',
    severity: 'error',
    demand: 'a subjectKeyIdentifier is not empty',
    applies: everyCertificate,
    check: ({ certificate }) =>
      certificate.content(oids.subjectKeyIdentifier)?.length === 0 ? ['subjectKeyIdentifier is empty'] : [],
  },
  {
    ...br,
    id: 'subject-key-identifier-criticality',
    clause: 'S/MIME BR 7.1.2.3 (n), RFC 5280 4.2.1.2',
    severity: 'error',
    demand: 'subjectKeyIdentifier is not critical',
    applies: isBrSubscriber,
    check: ({ certificate }) =>
      certificate.extension(oids.subjectKeyIdentifier)?.critical === true ? ['subjectKeyIdentifier is critical'] : [],
  },
  {
    id: 'authority-key-identifier',
    clause: 'S/MIME BR 7.1.2.3 (g), RFC 5280 4.2.1.1',
    severity: 'error',
    binds: 'office',
    demand: "authorityKeyIdentifier is the authority's subjectKeyIdentifier and nothing else",
    applies: isOfficeNonRoot,
    check(subject) {
      const identifier = authorityIdentifierOf(subject);
      if (identifier?.keyIdentifier === undefined) return ['the authority key identifier is missing'];
      const wrong: string[] = [];
      if (identifier.hasIssuer || identifier.hasSerialNumber)
        wrong.push('the authority key identifier holds more than the key identifier');
      const expected = subject.issuer?.content(oids.subjectKeyIdentifier);
      if (expected === undefined || !identifier.keyIdentifier.equals(expected))
        wrong.push("the authority key identifier is not the authority's subject key identifier");
      return wrong;
    },
  },
  {
    id: 'subject-key-identifier',
    clause: 'S/MIME BR 7.1.2.3 (n), RFC 5280 4.2.1.2',
    severity: 'warning',
    binds: 'office',
    demand: "subjectKeyIdentifier is the SHA-1 of the public key's bits",
    applies: isOfficeEndEntity,
    check: ({ certificate }) =>
      certificate.content(oids.subjectKeyIdentifier)?.equals(keyIdentifier(certificate.spki)) === true
        ? []
        : ["the subject key identifier is not the SHA-1 of the public key's bits"],
  },
];
