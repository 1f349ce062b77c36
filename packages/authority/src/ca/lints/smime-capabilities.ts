import type { Lint } from './lint.ts';

export const smimeCapabilities: Lint = {
  id: 'smime-capabilities',
  clause: 'RFC 4262 2, RFC 8551 2.7',
  severity: 'warning',
  applies: ({ kind }) => kind === 'encryption',
  check: ({ certificate }) =>
    (certificate.smimeCapabilities ?? []).length === 0
      ? ['without S/MIME capabilities senders may fall back to a weak cipher']
      : [],
};
