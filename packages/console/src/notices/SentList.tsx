import type { NoticeEvent, SentNotice } from '@chancery/api';
import { Anchor, Button, Group, Modal, Select, Stack, Switch, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { api, useMay } from '../api.ts';
import { type Column, DataTable } from '../pieces/DataTable.tsx';
import { EmptyState } from '../pieces/EmptyState.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { SearchField } from '../pieces/SearchField.tsx';
import { StateBadge } from '../pieces/StateBadge.tsx';
import { useAct } from '../pieces/useAct.ts';
import { usePages } from '../pieces/usePages.ts';
import { When } from '../pieces/When.tsx';
import { choices } from '../words.ts';
import { eventNames, sentStates } from './words.ts';

/** What went to whom, and what has not gone out, and why. */
export function SentList() {
  const [search, setSearch] = useState('');
  const [unsent, setUnsent] = useState(false);
  const [event, setEvent] = useState<NoticeEvent | null>(null);
  const [shown, show] = useState<SentNotice | null>(null);
  const notices = usePages<SentNotice>(['notices', 'list', search, unsent, event], (after) =>
    api.notices({
      query: {
        limit: 100,
        ...(search === '' ? {} : { search }),
        ...(unsent ? { unsent: 'true' } : {}),
        ...(event === null ? {} : { event }),
        ...(after === undefined ? {} : { after }),
      },
    }),
  );
  const columns: readonly Column<SentNotice>[] = [
    { header: 'When', cell: (one) => <When at={one.sentAt ?? one.queuedAt} style="time" /> },
    { header: 'To', width: '22%', cell: (one) => <To notice={one} /> },
    {
      header: 'What',
      width: '34%',
      cell: (one) => (
        <Anchor component="button" type="button" size="sm" ta="left" onClick={() => show(one)}>
          {one.subject}
        </Anchor>
      ),
    },
    { header: 'State', cell: (one) => <State notice={one} /> },
    { header: 'Why not', cell: (one) => <Text size="sm">{one.why ?? ''}</Text> },
  ];
  return (
    <Stack>
      <Group gap="sm">
        <SearchField label="Search notices" value={search} onSearch={setSearch} />
        <Select
          aria-label="Event"
          placeholder="Any event"
          clearable
          clearButtonProps={{ 'aria-label': 'Any event' }}
          w={240}
          value={event}
          data={choices(eventNames)}
          onChange={setEvent}
        />
        <Switch
          label="Only what has not gone out"
          checked={unsent}
          onChange={(change) => setUnsent(change.currentTarget.checked)}
        />
      </Group>
      <ProblemAlert error={notices.error} onRetry={notices.retry} />
      {notices.error === null && (
        <DataTable
          label="Notices"
          columns={columns}
          rowKey={(one) => one.id}
          card={(one) => (
            <Stack gap={6}>
              <Group justify="space-between" wrap="nowrap">
                <To notice={one} />
                <State notice={one} />
              </Group>
              <Anchor component="button" type="button" size="sm" ta="left" onClick={() => show(one)}>
                {one.subject}
              </Anchor>
              <Text size="sm" c="dimmed">
                <When at={one.sentAt ?? one.queuedAt} style="time" />
                {one.why === null ? '' : `. ${one.why}`}
              </Text>
            </Stack>
          )}
          empty={
            <EmptyState title={search === '' && event === null ? 'Nothing was told yet' : 'No notice matches'}>
              Each notice leaves a line here: to whom, what, and why it has not gone out where it has not.
            </EmptyState>
          }
          {...notices}
        />
      )}
      <Modal opened={shown !== null} onClose={() => show(null)} title={shown?.subject} size="lg">
        {shown !== null && <OneNotice notice={shown} onDone={() => show(null)} />}
      </Modal>
    </Stack>
  );
}

function OneNotice({ notice, onDone }: { notice: SentNotice; onDone: () => void }) {
  const mayWrite = useMay('notice:write');
  const one = useQuery({
    queryKey: ['notices', 'one', notice.id],
    queryFn: () => api.notice({ params: { id: notice.id } }),
  });
  const retry = useAct(() => api.retryNotice({ params: { id: notice.id } }), {
    stale: ['notices'],
    said: () => 'It is tried again.',
    onDone,
  });
  return (
    <Stack>
      <ProblemAlert error={one.error ?? retry.error} />
      {notice.why !== null && <Text size="sm">{notice.why}</Text>}
      {notice.doubtful && (
        <Text size="sm">
          The office ended while a server took it: it may have arrived twice, with the same Message-ID.
        </Text>
      )}
      {one.data !== undefined && (
        <Text component="pre" className="notice-text">
          {one.data.text ?? 'What it said let somebody in, and is kept nowhere.'}
        </Text>
      )}
      {mayWrite && notice.state === 'failed' && one.data?.text != null && (
        <Group>
          <Button loading={retry.isPending} onClick={() => retry.mutate(undefined)}>
            Try again
          </Button>
        </Group>
      )}
    </Stack>
  );
}

function To({ notice }: { notice: SentNotice }) {
  return (
    <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
      {notice.channel === 'webhook' ? `webhook ${notice.to}` : notice.to}
    </Text>
  );
}

function State({ notice }: { notice: SentNotice }) {
  return (
    <Group gap={4}>
      <StateBadge state={sentStates[notice.state]} />
      {notice.doubtful && <StateBadge state={['Maybe twice', 'warn']} />}
    </Group>
  );
}
