import type { InboxItem } from '@chancery/api';
import { Button, Group, Skeleton, Stack, Switch, Text } from '@mantine/core';
import { useState } from 'react';
import { api, useMay } from '../api.ts';
import { EmptyState } from '../pieces/EmptyState.tsx';
import { TextLink } from '../pieces/Links.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { StateBadge } from '../pieces/StateBadge.tsx';
import { useAct } from '../pieces/useAct.ts';
import { usePages } from '../pieces/usePages.ts';
import { When } from '../pieces/When.tsx';

/** What operators should know, newest first. Each reads it for themselves. */
export function InboxList() {
  const [unread, setUnread] = useState(false);
  const mayAsk = useMay('recovery:request');
  const inbox = usePages<InboxItem>(['inbox', 'list', unread], async (after) => {
    const page = await api.inbox({
      query: { limit: 50, ...(unread && { unread: 'true' }), ...(after === undefined ? {} : { after }) },
    });
    return { ...page, total: page.unread };
  });
  const read = useAct((ids: string[] | undefined) => api.readInbox({ body: ids === undefined ? {} : { ids } }), {
    stale: ['inbox'],
  });
  return (
    <Stack>
      <Group justify="space-between">
        <Switch
          label="Only what I have not read"
          checked={unread}
          onChange={(event) => setUnread(event.currentTarget.checked)}
        />
        <Button
          variant="default"
          disabled={inbox.total === 0}
          loading={read.isPending && read.variables === undefined}
          onClick={() => read.mutate(undefined)}
        >
          I have read all of it
        </Button>
      </Group>
      <ProblemAlert error={inbox.error ?? read.error} onRetry={inbox.retry} />
      {inbox.loading && <Skeleton height={240} />}
      {!inbox.loading && inbox.error === null && inbox.rows.length === 0 && (
        <EmptyState title={unread ? 'All read' : 'Nothing yet'}>
          Here stands what somebody of the office should know: a directory that takes nothing, a list that ends, an
          employee who asks for help.
        </EmptyState>
      )}
      <ul className="notice-list" aria-label="Inbox">
        {inbox.rows.map((item) => (
          <li key={item.id} className="panel" data-unread={!item.read}>
            <Group justify="space-between" align="flex-start" wrap="nowrap" gap="sm">
              <div style={{ minWidth: 0 }}>
                <Group gap="xs">
                  <Text fw={item.read ? 400 : 650} style={{ overflowWrap: 'anywhere' }}>
                    {item.subject}
                  </Text>
                  {item.urgent && <StateBadge state={['Urgent', 'bad']} />}
                  {!item.read && <StateBadge state={['New', 'wait']} />}
                </Group>
                <Text size="sm" c="dimmed">
                  <When at={item.at} style="relative" />
                </Text>
                <Text size="sm" mt={6} style={{ whiteSpace: 'pre-line', overflowWrap: 'anywhere' }}>
                  {item.text}
                </Text>
                {item.personId !== null && (
                  <Group gap="md">
                    <TextLink to="/people/$id" params={{ id: item.personId }}>
                      Go to the person
                    </TextLink>
                    {item.event === 'person-left' && mayAsk && (
                      <TextLink to="/recovery/new" search={{ person: item.personId, handover: true }}>
                        Prepare a request for their mail
                      </TextLink>
                    )}
                  </Group>
                )}
              </div>
              {!item.read && (
                <Button
                  size="xs"
                  variant="default"
                  style={{ flexShrink: 0 }}
                  aria-label={`I have read: ${item.subject}`}
                  onClick={() => read.mutate([item.id])}
                >
                  Read
                </Button>
              )}
            </Group>
          </li>
        ))}
      </ul>
      {inbox.hasMore && (
        <Group justify="center">
          <Button variant="default" onClick={inbox.onMore}>
            Older ones
          </Button>
        </Group>
      )}
    </Stack>
  );
}
