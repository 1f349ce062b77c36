import type { Lint } from './lint.ts';

export const withinIssuerValidity: Lint = {
  id: 'within-issuer-validity',
  clause: 'RFC 5280 6.1.3 (a)(2)',
  severity: 'error',
  applies: () => true,
  check({ certificate, issuer }) {
    const wrong: string[] = [];
    if (certificate.notAfter <= certificate.notBefore) wrong.push('it ends before it begins');
    if (certificate.notAfter > issuer.notAfter) wrong.push('it outlives the authority that signs it');
    if (certificate.notBefore < issuer.notBefore) wrong.push('it begins before the authority that signs it');
    return wrong;
  },
};
