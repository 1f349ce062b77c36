import { defaultHash, keyKindOf, signatureAlgorithmFor } from '@chancery/smime';
import type { Lint } from './lint.ts';

export const signatureAlgorithm: Lint = {
  id: 'signature-algorithm',
  clause: 'S/MIME BR 7.1.3.2',
  severity: 'error',
  applies: () => true,
  check({ certificate, issuer }) {
    const kind = keyKindOf(issuer.spki);
    return Buffer.compare(certificate.signatureAlgorithm, signatureAlgorithmFor(kind, defaultHash(kind))) === 0
      ? []
      : ["the signature algorithm is not the one of the authority's key"];
  },
};
