import { isEndEntity, type Lint } from './lint.ts';

export const authoritySubjectKeyIdentifier: Lint = {
  id: 'authority-subject-key-identifier',
  clause: 'RFC 5280 4.2.1.2',
  severity: 'error',
  applies: (subject) => !isEndEntity(subject),
  check: ({ certificate }) =>
    certificate.subjectKeyIdentifier === undefined ? ['an authority without a subject key identifier'] : [],
};
