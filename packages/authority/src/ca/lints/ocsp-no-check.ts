import { oids } from '@chancery/smime';
import type { Lint } from './lint.ts';

export const ocspNoCheck: Lint = {
  id: 'ocsp-no-check',
  clause: 'RFC 6960 4.2.2.2.1, S/MIME BR 4.9.9',
  severity: 'error',
  applies: () => true,
  check({ kind, certificate }) {
    const present = certificate.extensions.some(({ id }) => id === oids.ocspNoCheck);
    if (kind === 'ocsp' && !present) return ['a responder certificate without ocsp-nocheck'];
    return kind !== 'ocsp' && present ? ['ocsp-nocheck is for responder certificates alone'] : [];
  },
};
