import { oids } from '@chancery/smime';
import type { Lint } from './lint.ts';

export const certificatePolicies: Lint = {
  id: 'certificate-policies',
  clause: 'S/MIME BR 7.1.2.3 (a), 7.1.6',
  severity: 'error',
  applies: ({ kind }) => kind !== 'root',
  check({ kind, certificate: { certificatePolicies: policies } }) {
    if (policies.length === 0) return ['certificatePolicies is missing'];
    const wrong: string[] = [];
    for (const { policy } of policies) {
      if (policy.startsWith('2.23.140.'))
        wrong.push(`the policy ${policy} is reserved for publicly trusted authorities`);
      if (policy === oids.anyPolicy && kind !== 'issuing') wrong.push('anyPolicy is for authorities alone');
    }
    return wrong;
  },
};
