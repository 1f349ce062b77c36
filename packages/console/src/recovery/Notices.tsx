import type { RecoveryRequest } from '@chancery/api';
import { Button, Group, Stack, Text, TextInput } from '@mantine/core';
import { useState } from 'react';
import { api } from '../api.ts';
import { Panel } from '../pieces/Page.tsx';
import { PlainTable } from '../pieces/PlainTable.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { StateBadge } from '../pieces/StateBadge.tsx';
import { useAct } from '../pieces/useAct.ts';
import { When } from '../pieces/When.tsx';
import { noticeStates } from '../words.ts';

/** What the owners were told, and what they were not. */
export function Notices({ request }: { request: RecoveryRequest }) {
  const { notices, mail } = request;
  if (notices.length === 0) return null;
  const unsent = !mail && notices.some(({ state }) => state === 'waiting');
  return (
    <Panel title="What the owners are told">
      <Stack>
        {unsent && (
          <Text size="sm">
            This office can send no mail yet: what waits is sent once [mail] is configured. Tell them in another way
            until then.
          </Text>
        )}
        <PlainTable label="Notices" head={['To', 'What', 'State', 'When']}>
          {notices.slice(0, 50).map(({ to, subject, state, queuedAt, sentAt, error }) => (
            <tr key={`${to} ${subject} ${queuedAt}`}>
              <td>{to}</td>
              <td>{subject}</td>
              <td title={error ?? undefined}>
                <StateBadge state={state === 'waiting' && !mail ? ['Unsent', 'warn'] : noticeStates[state]} />
              </td>
              <td>
                <When at={sentAt ?? queuedAt} style="time" />
              </td>
            </tr>
          ))}
        </PlainTable>
        {request.mayTellSubjects && <Lift request={request} />}
      </Stack>
    </Panel>
  );
}

function Lift({ request }: { request: RecoveryRequest }) {
  const [reason, setReason] = useState('');
  const tell = useAct(() => api.tellSubjects({ params: { id: request.id }, body: { reason } }), {
    stale: ['recovery'],
    said: () => 'They are told.',
  });
  return (
    <>
      <TextInput
        label="Why they may know now"
        maw={420}
        maxLength={1000}
        value={reason}
        onChange={(event) => setReason(event.currentTarget.value)}
      />
      <ProblemAlert error={tell.error} />
      <Group>
        <Button
          variant="default"
          disabled={reason.trim() === ''}
          loading={tell.isPending}
          onClick={() => tell.mutate(undefined)}
        >
          Tell the owners
        </Button>
      </Group>
    </>
  );
}
