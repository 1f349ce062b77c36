import { ActionIcon, Tooltip } from '@mantine/core';
import { IconBell } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { api } from '../api.ts';

/** How much an operator has not read yet. */
export function Bell() {
  const inbox = useQuery({
    queryKey: ['inbox', 'bell'],
    queryFn: () => api.inbox({ query: { limit: 1 } }),
    refetchInterval: 60_000,
  });
  const unread = inbox.data?.unread ?? 0;
  const label = unread === 0 ? 'Inbox: all read' : `Inbox: ${unread === 100 ? '100 or more' : unread} not read`;
  return (
    <Tooltip label={label}>
      <ActionIcon component={Link} to="/notices" size="lg" color="gray" aria-label={label} className="bell">
        <IconBell size={20} aria-hidden />
        {unread > 0 && <span className="bell-count">{unread > 99 ? '99+' : unread}</span>}
      </ActionIcon>
    </Tooltip>
  );
}
