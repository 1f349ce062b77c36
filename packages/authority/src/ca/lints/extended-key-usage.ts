import { oids } from '@chancery/smime';
import type { Lint, LintSubject } from './lint.ts';

export const extendedKeyUsage: Lint = {
  id: 'extended-key-usage',
  clause: 'S/MIME BR 7.1.2.3 (f)',
  severity: 'error',
  applies: ({ kind }) => kind !== 'root',
  check({ kind, certificate }) {
    const present = certificate.extendedKeyUsage ?? [];
    const wanted = WANTED[kind];
    const wrong = wanted.filter((id) => !present.includes(id)).map((id) => `extendedKeyUsage lacks ${id}`);
    for (const id of present) {
      if (FORBIDDEN.has(id)) wrong.push(`extendedKeyUsage has ${id}, which no certificate for mail may have`);
      else if (!wanted.includes(id)) wrong.push(`extendedKeyUsage has ${id}, which a ${kind} certificate may not have`);
    }
    return wrong;
  },
};

const WANTED: Readonly<Record<LintSubject['kind'], readonly string[]>> = {
  root: [],
  // An authority's purposes bound those of everything below it.
  issuing: [oids.emailProtection, oids.clientAuth, oids.ocspSigning],
  signing: [oids.emailProtection],
  encryption: [oids.emailProtection],
  gateway: [oids.clientAuth],
  ocsp: [oids.ocspSigning],
};

const FORBIDDEN: ReadonlySet<string> = new Set([
  oids.serverAuth,
  oids.codeSigning,
  oids.timeStamping,
  oids.anyExtendedKeyUsage,
]);
