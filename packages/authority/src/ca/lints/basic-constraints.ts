import { oids } from '@chancery/smime';
import { isEndEntity, type Lint } from './lint.ts';

export const basicConstraints: Lint = {
  id: 'basic-constraints',
  clause: 'RFC 5280 4.2.1.9, S/MIME BR 7.1.2.3 (d)',
  severity: 'error',
  applies: () => true,
  check(subject) {
    const { certificate, kind } = subject;
    const constraints = certificate.basicConstraints;
    if (isEndEntity(subject)) return constraints?.ca === true ? ['an end entity that claims to be an authority'] : [];
    const wrong: string[] = [];
    if (constraints?.ca !== true) wrong.push('an authority that does not say that it is one');
    if (certificate.extensions.find(({ id }) => id === oids.basicConstraints)?.critical !== true)
      wrong.push('basicConstraints is not critical');
    if (kind === 'issuing' && constraints?.pathLength !== 0)
      wrong.push('an issuing authority with a path length not 0');
    return wrong;
  },
};
