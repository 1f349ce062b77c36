import { oids } from '@chancery/smime';
import type { Lint } from './lint.ts';

export const criticalExtensions: Lint = {
  id: 'critical-extensions',
  clause: 'RFC 5280 4.2, S/MIME BR 7.1.2.3',
  severity: 'error',
  applies: () => true,
  check: ({ certificate }) =>
    certificate.extensions
      .filter(({ id, critical }) => critical && !MAY_BE_CRITICAL.has(id))
      .map(({ id }) => `the extension ${id} is critical, which it must not be`),
};

const MAY_BE_CRITICAL: ReadonlySet<string> = new Set([oids.basicConstraints, oids.keyUsage]);
