import { oids } from '@chancery/smime';
import { isEndEntity, type Lint } from './lint.ts';

export const subjectEmailInAlternativeName: Lint = {
  id: 'subject-email-in-alternative-name',
  clause: 'S/MIME BR 7.1.4.2.2 (h)',
  severity: 'error',
  applies: isEndEntity,
  check({ certificate }) {
    const alternative = new Set(certificate.subjectAltNames.emails);
    return certificate.subject.attributes
      .flat()
      .filter(
        ({ type, value }) => (type === oids.emailAddress || /^[^\s@]+@[^\s@]+$/.test(value)) && !alternative.has(value),
      )
      .map(({ value }) => `the address ${value} stands in the subject but not in the subject alternative name`);
  },
};
