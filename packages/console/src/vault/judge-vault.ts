/** What is wrong with a vault in use, for somebody who can do something about it. */
import type { Vault } from '@chancery/api';
import type { ShownFinding } from '../pieces/Findings.tsx';
import { named } from './part.ts';

export function findingsOfVault({ officers, threshold }: Pick<Vault, 'officers' | 'threshold'>): ShownFinding[] {
  const gone = officers.filter(({ inOffice }) => !inOffice).map(({ name }) => name);
  const present = officers.length - gone.length;
  const left = gone.length === 0 ? '' : `${named(gone)} ${gone.length === 1 ? 'is' : 'are'} not in office. `;
  if (present < threshold) {
    return [
      {
        key: 'no-quorum',
        tone: 'bad',
        text: `${left}Of ${threshold} officers who are needed, ${present === 0 ? 'none is' : `only ${present} ${present === 1 ? 'is' : 'are'}`} left: no key can be recovered. Make them recovery officers again, then share the vault anew.`,
      },
    ];
  }
  if (present === threshold) {
    return [
      {
        key: 'no-spare',
        tone: 'warn',
        text: `${left}Every officer who is left is needed: if one more loses their share key, no key ever comes back. Invite more officers, and share the vault anew.`,
      },
    ];
  }
  if (gone.length === 0) return [];
  return [
    {
      key: 'gone',
      tone: 'warn',
      text: `${left}Share the vault anew, so that those who hold a share are those in office.`,
    },
  ];
}
