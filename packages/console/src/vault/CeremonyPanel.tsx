import type { Ceremony } from '@chancery/api';
import { Button, Group, Modal, Stack, Text, Textarea } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { useState } from 'react';
import { api, useMay } from '../api.ts';
import { Panel } from '../pieces/Page.tsx';
import { PlainTable } from '../pieces/PlainTable.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { StateBadge } from '../pieces/StateBadge.tsx';
import { useAct } from '../pieces/useAct.ts';
import { When } from '../pieces/When.tsx';
import type { Worded } from '../words.ts';
import { hasDoneStage, named, waitedFor } from './part.ts';
import { VaultPicture } from './VaultPicture.tsx';

/** The open ceremony, as everybody sees it: who has done what, and whom it waits for. */
export function CeremonyPanel({ ceremony }: { ceremony: Ceremony }) {
  const mayAbandon = useMay('vault:write');
  const done = ceremony.officers.filter((officer) => hasDoneStage(ceremony, officer)).length;
  return (
    <Panel
      title={ceremony.kind === 'found' ? 'The ceremony' : `The ceremony: epoch ${ceremony.epoch}`}
      actions={mayAbandon && <Abandon ceremony={ceremony} />}
    >
      <div className="vault-view">
        <VaultPicture
          officers={ceremony.officers.map((officer) => ({
            id: officer.id,
            name: officer.name,
            look: hasDoneStage(ceremony, officer) ? 'set' : 'due',
          }))}
          threshold={ceremony.threshold}
          shut={false}
          label={`${done} of ${ceremony.officers.length} officers have done this step; ${ceremony.threshold} will open a key together`}
        />
        <Stack gap="sm">
          <Text aria-live="polite">{stageWords(ceremony)}</Text>
          <PlainTable label="Officers in the ceremony" head={['Officer', 'Key', 'Dealt', 'Accepted']}>
            {people(ceremony).map((one) => (
              <tr key={one.id}>
                <td>{one.name}</td>
                <td>
                  <StateBadge state={one.shareKey} />
                </td>
                <td>
                  <StateBadge state={one.dealt} />
                </td>
                <td>
                  <StateBadge state={one.accepted} />
                </td>
              </tr>
            ))}
          </PlainTable>
          <Text size="sm" c="dimmed">
            {ceremony.threshold} of {ceremony.officers.length} will open a key together. Begun{' '}
            <When at={ceremony.openedAt} style="relative" />.
          </Text>
        </Stack>
      </div>
    </Panel>
  );
}

function stageWords(ceremony: Ceremony): string {
  const { gathering, dealing, accepting } = waitedFor(ceremony);
  if (ceremony.state === 'gathering') return `Waiting for ${named(gathering)} to make a share key.`;
  if (ceremony.state === 'dealing') return `Everybody has a share key. Waiting for ${named(dealing)} to deal.`;
  return `Everybody has dealt. Waiting for ${named(accepting)} to compare the fingerprint and accept.`;
}

const yes: Worded = ['Yes', 'ok'];
const due: Worded = ['Waiting', 'wait'];
const later: Worded = ['Later', 'quiet'];
const notAsked: Worded = ['Not asked', 'quiet'];

/** Holders of shares to be, then those who only deal. */
function people({ state, officers, dealers }: Ceremony) {
  const dealtBy = (id: string): Worded => {
    const dealer = dealers.find((one) => one.id === id);
    if (dealer === undefined) return notAsked;
    return dealer.dealt ? yes : state === 'dealing' ? due : later;
  };
  const leaving = dealers.filter(({ id }) => !officers.some((officer) => officer.id === id));
  return [
    ...officers.map(({ id, name, hasShareKey, accepted }) => ({
      id,
      name,
      shareKey: hasShareKey ? yes : due,
      dealt: dealtBy(id),
      accepted: accepted ? yes : state === 'accepting' ? due : later,
    })),
    ...leaving.map(({ id, name }) => ({
      id,
      name: `${name}, gets no new share`,
      shareKey: notAsked,
      dealt: dealtBy(id),
      accepted: notAsked,
    })),
  ];
}

function Abandon({ ceremony }: { ceremony: Ceremony }) {
  const [opened, { open, close }] = useDisclosure(false);
  const [reason, setReason] = useState('');
  const abandon = useAct((why: string) => api.abandonCeremony({ params: { id: ceremony.id }, body: { reason: why } }), {
    stale: ['vault', 'ceremonies', 'overview'],
    said: () => 'The ceremony is abandoned.',
    onDone: close,
  });
  return (
    <>
      <Button variant="default" size="compact-sm" onClick={open}>
        Abandon
      </Button>
      <Modal opened={opened} onClose={close} title="Abandon the ceremony">
        <form
          noValidate
          onSubmit={(event) => {
            event.preventDefault();
            abandon.mutate(reason);
          }}
        >
          <Stack>
            <Text>
              What the officers have done in it counts no more; their share keys stay.{' '}
              {ceremony.kind === 'found'
                ? 'The keys stay in the provisional vault until officers found one.'
                : 'The vault and the shares of now stay as they are.'}
            </Text>
            <Textarea
              label="Reason"
              description="It stands in the audit trail"
              autosize
              minRows={2}
              maxLength={1000}
              data-autofocus
              value={reason}
              onChange={(event) => setReason(event.currentTarget.value)}
            />
            <ProblemAlert error={abandon.error} />
            <Group justify="flex-end">
              <Button variant="default" onClick={close}>
                Go on with it
              </Button>
              <Button type="submit" color="wax.7" disabled={reason.trim() === ''} loading={abandon.isPending}>
                Abandon the ceremony
              </Button>
            </Group>
          </Stack>
        </form>
      </Modal>
    </>
  );
}
