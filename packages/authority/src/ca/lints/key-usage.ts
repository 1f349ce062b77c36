import { type KeyUsage, oids } from '@chancery/smime';
import type { Lint, LintSubject } from './lint.ts';

export const keyUsage: Lint = {
  id: 'key-usage',
  clause: 'S/MIME BR 7.1.2.3 (e), RFC 5280 4.2.1.3',
  severity: 'error',
  applies: () => true,
  check(subject) {
    const { certificate } = subject;
    const present = certificate.keyUsage;
    if (present === undefined) return ['keyUsage is missing'];
    const wrong: string[] = [];
    if (certificate.extensions.find(({ id }) => id === oids.keyUsage)?.critical !== true)
      wrong.push('keyUsage is not critical');
    const { needed, allowed } = usagesOf(subject);
    for (const usage of needed) if (!present.has(usage)) wrong.push(`keyUsage lacks ${usage}`);
    for (const usage of present)
      if (!needed.includes(usage) && !allowed.includes(usage)) wrong.push(`keyUsage has ${usage}, which it must not`);
    return wrong;
  },
};

function usagesOf({ kind, certificate }: LintSubject): { needed: KeyUsage[]; allowed: KeyUsage[] } {
  const establishment: KeyUsage = certificate.keyKind === 'rsa' ? 'keyEncipherment' : 'keyAgreement';
  switch (kind) {
    case 'root':
    case 'issuing':
      return { needed: ['keyCertSign', 'cRLSign'], allowed: ['digitalSignature'] };
    case 'signing':
      return { needed: ['digitalSignature'], allowed: ['nonRepudiation'] };
    case 'encryption':
      // dataEncipherment is allowed to RSA by the multipurpose profile only; we follow the strict one.
      return { needed: [establishment], allowed: [] };
    case 'gateway':
      return { needed: [establishment], allowed: ['digitalSignature'] };
    case 'ocsp':
      return { needed: ['digitalSignature'], allowed: [] };
  }
}
