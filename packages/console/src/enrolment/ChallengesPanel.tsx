import type { Challenges, ListedChallenge } from '@chancery/api';
import { Button, Group, Modal, Skeleton, Stack, Switch, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { api } from '../api.ts';
import { plural } from '../format.ts';
import { Panel } from '../pieces/Page.tsx';
import { PlainTable } from '../pieces/PlainTable.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { StateBadge } from '../pieces/StateBadge.tsx';
import { useAct } from '../pieces/useAct.ts';
import { When } from '../pieces/When.tsx';
import { uses } from '../words.ts';
import { Holder } from './Requester.tsx';
import { challengeStates, enrolmentStates } from './words.ts';

/** One-time challenges, and the static ones of the configuration. What each says was shown once, and is kept nowhere. */
export function ChallengesPanel({ challenges, mayWithdraw }: { challenges: Challenges; mayWithdraw: boolean }) {
  const [ended, setEnded] = useState(false);
  const past = useQuery({
    queryKey: ['challenges', 'ended'],
    queryFn: () => api.allChallenges({ query: { state: 'ended' } }),
    enabled: ended,
  });
  const items = ended ? past.data?.items : challenges.items;
  return (
    <Panel
      title="Challenges"
      actions={
        <Switch
          label="Used, withdrawn and lapsed"
          checked={ended}
          onChange={(event) => setEnded(event.currentTarget.checked)}
        />
      }
    >
      <Stack>
        <ProblemAlert error={past.error} />
        {items === undefined && past.isPending && <Skeleton height={120} />}
        {items?.length === 0 && (
          <Text size="sm" c="dimmed">
            {ended ? 'None has ended yet.' : 'None is open: a device needs one the first time it asks.'}
          </Text>
        )}
        {items !== undefined && items.length > 0 && <OneTime items={items} ended={ended} mayWithdraw={mayWithdraw} />}
        {challenges.fixed.length > 0 && <Static challenges={challenges.fixed} />}
      </Stack>
    </Panel>
  );
}

function OneTime({
  items,
  ended,
  mayWithdraw,
}: {
  items: readonly ListedChallenge[];
  ended: boolean;
  mayWithdraw: boolean;
}) {
  const last = ended ? 'What became of it' : mayWithdraw ? '[Withdraw]' : '[State]';
  return (
    <PlainTable label="One-time challenges" head={['Person', 'For', 'Made', ended ? 'Ended' : 'Good until', last]}>
      {items.map((one) => (
        <tr key={one.id}>
          <Holder of={one} />
          <td>
            {uses[one.use]}
            <Text size="xs" c="dimmed">
              {one.profile}
              {one.approval && ', to be decided on'}
            </Text>
          </td>
          <td>
            <When at={one.createdAt} style="relative" />
            <Text size="xs" c="dimmed">
              {one.madeByName}
            </Text>
          </td>
          <td>
            <When at={one.endedAt ?? one.expiresAt} style="time" />
          </td>
          <td>
            {ended ? (
              <>
                <StateBadge state={challengeStates[one.state]} />{' '}
                {one.enrolment !== null && <StateBadge state={enrolmentStates[one.enrolment.state]} />}
              </>
            ) : (
              mayWithdraw && <Withdraw challenge={one} />
            )}
          </td>
        </tr>
      ))}
    </PlainTable>
  );
}

function Withdraw({ challenge: { id, name } }: { challenge: ListedChallenge }) {
  const [sure, { open, close }] = useDisclosure(false);
  const withdraw = useAct(() => api.withdrawChallenge({ params: { id } }), {
    stale: ['challenges'],
    said: () => 'Withdrawn: no device gets anything with it.',
    onDone: close,
  });
  return (
    <>
      <Button size="compact-xs" variant="default" onClick={open} aria-label={`Withdraw the challenge of ${name}`}>
        Withdraw
      </Button>
      <Modal opened={sure} onClose={close} title={`Withdraw the challenge of ${name}`}>
        <Stack>
          <Text size="sm">
            A device that has not used it yet is refused. Another challenge can be made at any time.
          </Text>
          <ProblemAlert error={withdraw.error} />
          <Group justify="flex-end">
            <Button variant="default" onClick={close} data-autofocus>
              Cancel
            </Button>
            <Button color="wax.7" loading={withdraw.isPending} onClick={() => withdraw.mutate(undefined)}>
              Withdraw
            </Button>
          </Group>
        </Stack>
      </Modal>
    </>
  );
}

function Static({ challenges }: { challenges: Challenges['fixed'] }) {
  return (
    <div>
      <Text size="sm" mb="xs">
        Static challenges are good for everybody who knows them. They stand in <code>authority.toml</code>, under{' '}
        <code>[enrolment.label]</code>, and are changed and taken away there.
      </Text>
      <PlainTable label="Static challenges" head={['Label', 'Whoever shows it', 'Used', 'Last']}>
        {challenges.map((one) => (
          <tr key={one.label}>
            <td>{one.label}</td>
            <td>
              <StateBadge state={one.approval ? ['Waits for a decision', 'ok'] : ['Is given a certificate', 'warn']} />
            </td>
            <td>{plural(one.uses, 'time', 'times')}</td>
            <td>{one.lastUsedAt === null ? 'Never' : <When at={one.lastUsedAt} style="relative" />}</td>
          </tr>
        ))}
      </PlainTable>
    </div>
  );
}
