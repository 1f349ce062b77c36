import type { Lint } from './lint.ts';

export const issuerName: Lint = {
  id: 'issuer-name',
  clause: 'S/MIME BR 7.1.4.1, RFC 5280 4.1.2.4',
  severity: 'error',
  applies: () => true,
  check: ({ certificate, issuer }) =>
    Buffer.compare(certificate.issuer.der, issuer.subject.der) === 0
      ? []
      : ['the issuer is not octet for octet the subject of the authority'],
};
