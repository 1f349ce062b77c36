import type { JournalEntry } from '@chancery/api';
import { Group, Stack, Text } from '@mantine/core';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { api } from '../api.ts';
import { plural } from '../format.ts';
import { Address } from '../pieces/Address.tsx';
import { type Column, DataTable } from '../pieces/DataTable.tsx';
import { EmptyState } from '../pieces/EmptyState.tsx';
import { Page } from '../pieces/Page.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { SearchField } from '../pieces/SearchField.tsx';
import { StateBadge } from '../pieces/StateBadge.tsx';
import { usePages } from '../pieces/usePages.ts';
import { When } from '../pieces/When.tsx';
import { journalOutcomes, verdicts } from '../words.ts';

type Entry = JournalEntry & { gateway: string };

/** What the gateways decided about each message and recipient. No bodies, no subjects: there are none. */
export function MailPage() {
  const { search = '' } = useSearch({ from: '/office/mail' });
  const navigate = useNavigate({ from: '/mail' });
  const entries = usePages<Entry>(['mail', search], (after) =>
    api.journal({
      query: { limit: 100, ...(search === '' ? {} : { search }), ...(after === undefined ? {} : { after }) },
    }),
  );
  return (
    <Page title="Mail" lead={entries.loading ? undefined : plural(entries.total, 'decision', 'decisions')}>
      <Group>
        <SearchField
          label="Search mail decisions"
          value={search}
          onSearch={(text) => void navigate({ search: { search: text === '' ? undefined : text }, replace: true })}
        />
      </Group>
      <ProblemAlert error={entries.error} onRetry={entries.retry} />
      {entries.error === null && (
        <DataTable
          label="Mail decisions"
          columns={columns}
          card={EntryCard}
          rowKey={(entry) => entry.id}
          empty={
            search === '' ? (
              <EmptyState title="No mail yet">
                Each message that goes through a gateway leaves one line here for each recipient: what was done, by
                which rule, and why.
              </EmptyState>
            ) : (
              <EmptyState title="No decision matches">Search looks in addresses and message ids.</EmptyState>
            )
          }
          {...entries}
        />
      )}
    </Page>
  );
}

const columns: readonly Column<Entry>[] = [
  { header: 'When', width: 190, cell: (entry) => <When at={entry.at} style="time" /> },
  { header: 'Way', cell: (entry) => (entry.direction === 'outbound' ? 'Out' : 'In') },
  { header: 'From', cell: (entry) => <Addressee address={entry.sender} /> },
  { header: 'To', cell: (entry) => <Addressee address={entry.recipient} /> },
  { header: 'Done', cell: (entry) => <Outcome entry={entry} /> },
  {
    header: 'Why',
    width: '28%',
    cell: (entry) => (
      <Text size="sm" c="dimmed" lineClamp={2} title={entry.detail}>
        {entry.rule === null ? '' : `Rule ${entry.rule}. `}
        {entry.detail}
      </Text>
    ),
  },
];

function Addressee({ address }: { address: string }) {
  return address === '' ? 'empty sender' : <Address of={address} />;
}

function Outcome({ entry }: { entry: Entry }) {
  return (
    <Group gap={6}>
      <StateBadge state={journalOutcomes[entry.outcome]} />
      {entry.verdict !== null && <StateBadge of="Signature" state={verdicts[entry.verdict]} />}
    </Group>
  );
}

function EntryCard(entry: Entry) {
  return (
    <Stack gap={6}>
      <Outcome entry={entry} />
      <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
        {entry.sender} to {entry.recipient}
      </Text>
      <Text size="sm" c="dimmed">
        <When at={entry.at} style="time" />. {entry.detail}
      </Text>
    </Stack>
  );
}
