import type { Lint } from './lint.ts';

export const crlDistributionPoints: Lint = {
  id: 'crl-distribution-points',
  clause: 'S/MIME BR 7.1.2.3 (b)',
  severity: 'error',
  // RFC 6960 4.2.2.2.1: a responder certificate with ocsp-nocheck is checked against no CRL.
  applies: ({ kind }) => kind !== 'root' && kind !== 'ocsp',
  check({ certificate: { crlDistributionPoints: points } }) {
    if (points.length === 0) return ['the CRL distribution point is missing'];
    return points
      .filter((point) => !point.startsWith('http://'))
      .map((point) => `the CRL distribution point ${point} is not an http address`);
  },
};
