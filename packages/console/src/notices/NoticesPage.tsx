import { Tabs } from '@mantine/core';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useMay } from '../api.ts';
import { Page } from '../pieces/Page.tsx';
import { InboxList } from './InboxList.tsx';
import { Rules } from './Rules.tsx';
import { SentList } from './SentList.tsx';
import { Texts } from './Texts.tsx';

/** What operators should know, what was told to others, and by which rules and texts. */
export function NoticesPage() {
  const { tab = 'inbox' } = useSearch({ from: '/office/notices' });
  const navigate = useNavigate({ from: '/notices' });
  const mayRead = useMay('notice:read');
  return (
    <Page title="Notices" lead="What you should know, and what the office tells others by itself.">
      <Tabs
        value={mayRead ? tab : 'inbox'}
        keepMounted={false}
        onChange={(value) => void navigate({ search: { tab: value as typeof tab } })}
      >
        <Tabs.List mb="md">
          <Tabs.Tab value="inbox">Inbox</Tabs.Tab>
          {mayRead && <Tabs.Tab value="sent">What was told</Tabs.Tab>}
          {mayRead && <Tabs.Tab value="rules">Rules</Tabs.Tab>}
          {mayRead && <Tabs.Tab value="texts">Texts</Tabs.Tab>}
        </Tabs.List>
        <Tabs.Panel value="inbox">
          <InboxList />
        </Tabs.Panel>
        <Tabs.Panel value="sent">
          <SentList />
        </Tabs.Panel>
        <Tabs.Panel value="rules">
          <Rules />
        </Tabs.Panel>
        <Tabs.Panel value="texts">
          <Texts />
        </Tabs.Panel>
      </Tabs>
    </Page>
  );
}
