import { oids } from '@chancery/smime';
import type { Lint } from './lint.ts';

/** RFC 5280 Appendix A.1, upper bounds in characters. */
const UPPER_BOUNDS: Readonly<Record<string, number>> = {
  [oids.commonName]: 64,
  [oids.organizationName]: 64,
  [oids.organizationalUnitName]: 64,
  [oids.serialNumber]: 64,
  [oids.emailAddress]: 255,
};

export const subjectLengths: Lint = {
  id: 'subject-lengths',
  clause: 'RFC 5280 Appendix A.1',
  severity: 'error',
  applies: () => true,
  check({ certificate }) {
    const attributes = certificate.subject.attributes.flat();
    if (attributes.length === 0) return ['the subject is empty'];
    return attributes
      .filter(({ type, value }) => [...value].length > (UPPER_BOUNDS[type] ?? 255) || value.trim() === '')
      .map(({ type }) => `the subject attribute ${type} is empty or too long`);
  },
};
