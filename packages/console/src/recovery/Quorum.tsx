import '../vault/vault.css';
import type { RecoveryRequest } from '@chancery/api';
import { Group, Text } from '@mantine/core';
import { plural } from '../format.ts';
import { type PicturedOfficer, SealRow } from '../vault/VaultPicture.tsx';
import { approvals } from './rules.ts';

/** Who has given their part of the opening, as seals: M of N. */
export function Quorum({ request }: { request: RecoveryRequest }) {
  const have = approvals(request);
  const officers = picturedIn(request);
  const missing = Math.max(0, request.threshold - have);
  return (
    <Group gap="lg" align="center">
      <div style={{ flex: `0 1 ${officers.length * 48}px`, minWidth: 96 }}>
        <SealRow officers={officers} label={`${have} of ${request.threshold} parts that are needed are there`} />
      </div>
      <Text size="sm" style={{ flex: '1 1 280px' }}>
        <strong>
          {have} of {request.threshold} parts.
        </strong>{' '}
        {missing > 0
          ? `${plural(missing, 'more officer', 'more officers')} must give theirs: with fewer, nobody can open the key, whatever they have.`
          : 'Together they open the key.'}{' '}
        Each part carries a proof, checked here, that this officer's share made it for exactly this request.
      </Text>
    </Group>
  );
}

/** The officers of the vault, where it is still theirs; else those who approved, and places for the rest. */
function picturedIn({ decisions, threshold, vault }: RecoveryRequest): PicturedOfficer[] {
  const holders = vault.officers;
  const given = decisions.filter(({ decision }) => decision === 'approve');
  if (holders.length > 0 && given.every(({ officerId }) => holders.some(({ id }) => id === officerId))) {
    return holders.map(({ id, name, inOffice }) => ({
      id,
      name,
      look: given.some(({ officerId }) => officerId === id) ? 'set' : inOffice ? 'due' : 'gone',
    }));
  }
  const places = Array.from({ length: Math.max(0, threshold - given.length) }, (_, at) => ({
    id: `place ${at}`,
    name: '',
    look: 'due' as const,
  }));
  return [
    ...given.map(({ officerId, officerName }) => ({ id: officerId, name: officerName, look: 'set' as const })),
    ...places,
  ];
}
