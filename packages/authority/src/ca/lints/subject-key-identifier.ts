import { keyIdentifier } from '@chancery/smime';
import { isEndEntity, type Lint } from './lint.ts';

const check: Lint['check'] = ({ certificate }) =>
  certificate.subjectKeyIdentifier !== undefined &&
  Buffer.compare(certificate.subjectKeyIdentifier, keyIdentifier(certificate.spki)) === 0
    ? []
    : ["the subject key identifier is not the SHA-1 of the public key's bits"];

export const subjectKeyIdentifier: Lint = {
  id: 'subject-key-identifier',
  clause: 'S/MIME BR 7.1.2.3 (j), RFC 5280 4.2.1.2',
  severity: 'warning',
  applies: isEndEntity,
  check,
};
