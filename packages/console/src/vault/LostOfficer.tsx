import { standAfterLoss, type Vault } from '@chancery/api';
import { Button, Checkbox, Group, Stack, Text } from '@mantine/core';
import { useState } from 'react';
import { StateBadge } from '../pieces/StateBadge.tsx';
import type { Worded } from '../words.ts';

interface LostOfficerProps {
  vault: Vault;
  mayInvite: boolean;
  /** Goes on to sharing anew, with these dealers. */
  onShareAnew: (dealers: readonly string[]) => void;
  onNewVault: () => void;
  onClose: () => void;
}

const STATES: Record<ReturnType<typeof standAfterLoss>['state'], Worded> = {
  spare: ['Keys can be recovered', 'ok'],
  'no-spare': ['No spare share key', 'warn'],
  reinstate: ['Not enough in office', 'warn'],
  lost: ['No quorum is left', 'bad'],
};

/** Who is left, and what to do then. */
export function LostOfficer({ vault, mayInvite, onShareAnew, onNewVault, onClose }: LostOfficerProps) {
  const [lost, setLost] = useState<string[]>([]);
  const standing = standAfterLoss(vault, lost);
  return (
    <Stack>
      <Checkbox.Group
        label="Whose share key is lost, or who cannot be reached?"
        description="A passkey that is gone, a file without its passphrase, somebody who has left and does not answer"
        value={lost}
        onChange={setLost}
      >
        <Stack gap="xs" mt="xs">
          {vault.officers.map(({ id, name, inOffice }) => (
            <Checkbox key={id} value={id} label={inOffice ? name : `${name}, not in office`} />
          ))}
        </Stack>
      </Checkbox.Group>
      <div aria-live="polite">
        <StateBadge state={STATES[standing.state]} />
        <ol className="plain-steps">
          {standing.steps.map((step) => (
            <li key={step}>
              <Text size="sm">{step}</Text>
            </li>
          ))}
        </ol>
      </div>
      <Group justify="flex-end">
        <Button variant="default" onClick={onClose}>
          Close
        </Button>
        {mayInvite && standing.state === 'lost' && <Button onClick={onNewVault}>Found a new vault</Button>}
        {mayInvite && standing.dealers.length > 0 && (
          <Button onClick={() => onShareAnew(standing.dealers.map(({ id }) => id))}>Share anew</Button>
        )}
      </Group>
    </Stack>
  );
}
