import type { Lint } from './lint.ts';

export const authorityKeyIdentifier: Lint = {
  id: 'authority-key-identifier',
  clause: 'S/MIME BR 7.1.2.3 (g), RFC 5280 4.2.1.1',
  severity: 'error',
  applies: ({ kind }) => kind !== 'root',
  check({ certificate: { authorityKeyIdentifier: identifier }, issuer }) {
    if (identifier?.keyIdentifier === undefined) return ['the authority key identifier is missing'];
    const wrong: string[] = [];
    if (identifier.issuerNames !== undefined || identifier.serialNumber !== undefined)
      wrong.push('the authority key identifier holds more than the key identifier');
    if (
      issuer.subjectKeyIdentifier === undefined ||
      Buffer.compare(identifier.keyIdentifier, issuer.subjectKeyIdentifier) !== 0
    )
      wrong.push("the authority key identifier is not the authority's subject key identifier");
    return wrong;
  },
};
