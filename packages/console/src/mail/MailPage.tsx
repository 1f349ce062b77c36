import { journalOutcomes as allOutcomes, type ListedEntry } from '@chancery/api';
import { Button, Group, Stack, Text, TextInput } from '@mantine/core';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { api } from '../api.ts';
import { Address } from '../pieces/Address.tsx';
import { Choice } from '../pieces/Choice.tsx';
import type { Column } from '../pieces/DataTable.tsx';
import { EmptyState } from '../pieces/EmptyState.tsx';
import { ExportMenu } from '../pieces/ExportMenu.tsx';
import { LinkButton, TextLink } from '../pieces/Links.tsx';
import { ListFrame } from '../pieces/ListFrame.tsx';
import { Page } from '../pieces/Page.tsx';
import { StateBadge } from '../pieces/StateBadge.tsx';
import { usePages } from '../pieces/usePages.ts';
import { When } from '../pieces/When.tsx';
import { journalOutcomes, verdicts } from '../words.ts';
import { filterOf, type MailSearch } from './search.ts';

/** What the gateways decided about each message and recipient. No bodies, no subjects: there are none. */
export function MailPage() {
  const search = useSearch({ from: '/office/mail' });
  const navigate = useNavigate({ from: '/mail' });
  const filter = filterOf(search);
  const narrow = (change: MailSearch) =>
    void navigate({ search: { ...search, ...change }, replace: true, resetScroll: false });
  const entries = usePages<ListedEntry>(['mail', filter], (after) =>
    api.journal({ query: { ...filter, limit: 100, ...(after === undefined ? {} : { after }) } }),
  );
  const isNarrowed = Object.keys(filter).length > 0;
  return (
    <Page
      title="Mail"
      lead={entries.loading ? undefined : `${counted(entries)} of what the gateways decided, newest first.`}
      actions={
        <>
          <Export search={search} />
          <LinkButton to="/mail-rules" variant="default">
            Rules
          </LinkButton>
        </>
      }
    >
      <ListFrame
        label="Mail decisions"
        list={entries}
        search={{
          label: 'Address, message id or rule',
          value: search.search,
          onSearch: (text) => narrow({ search: text }),
        }}
        filters={<Filters search={search} onNarrow={narrow} />}
        narrowings={<Narrowings search={search} onNarrow={narrow} />}
        columns={columns}
        card={EntryCard}
        rowKey={(entry) => entry.id}
        empty={
          entries.hasMore ? (
            <EmptyState title="Not among the newest twenty thousand">
              <Button variant="default" onClick={entries.onMore}>
                Look further back
              </Button>
            </EmptyState>
          ) : isNarrowed ? (
            <EmptyState title="No decision matches">
              Whole addresses, domains and message ids are found whatever their age.
            </EmptyState>
          ) : (
            <EmptyState title="No mail yet">
              Each message that goes through a gateway leaves one line here for each recipient: what was done, by which
              rule, and why.
            </EmptyState>
          )
        }
      />
    </Page>
  );
}

function counted({ total, totalIsExact }: { total: number; totalIsExact: boolean }): string {
  if (!totalIsExact) return `More than ${total} records`;
  return total === 1 ? 'One record' : `${total} records`;
}

interface FiltersProps {
  search: MailSearch;
  onNarrow: (change: MailSearch) => void;
}

function Filters({ search, onNarrow }: FiltersProps) {
  return (
    <>
      <Choice
        label="Way"
        any="Both ways"
        value={search.direction}
        data={[
          { value: 'outbound', label: 'Out' },
          { value: 'inbound', label: 'In' },
        ]}
        onPick={(direction) => onNarrow({ direction })}
      />
      <Choice
        label="Done"
        any="Whatever"
        value={search.outcome}
        data={allOutcomes.map((value) => ({ value, label: journalOutcomes[value][0] }))}
        onPick={(outcome) => onNarrow({ outcome })}
      />
      <Choice
        label="Signature"
        any="Any or none"
        value={search.verdict}
        data={(['valid', 'invalid', 'unsigned', 'ambiguous'] as const).map((value) => ({
          value,
          label: verdicts[value][0],
        }))}
        onPick={(verdict) => onNarrow({ verdict })}
      />
      <Day label="From" value={search.from} onPick={(from) => onNarrow({ from })} />
      <Day label="To" value={search.to} onPick={(to) => onNarrow({ to })} />
    </>
  );
}

/** What another page has narrowed the list to. */
function Narrowings({ search, onNarrow }: FiltersProps) {
  const named = (['rule', 'ruleSet', 'gateway', 'shadow', 'messageId', 'address', 'domain'] as const).filter(
    (name) => search[name] !== undefined,
  );
  if (named.length === 0) return null;
  return (
    <Group gap="xs">
      {named.map((name) => (
        <Button
          key={name}
          size="compact-sm"
          variant="default"
          aria-label={`No longer only ${filterNames[name]} ${search[name]}`}
          onClick={() => onNarrow({ [name]: undefined })}
        >
          {filterNames[name]} {search[name]} ✕
        </Button>
      ))}
    </Group>
  );
}

const filterNames = {
  rule: 'Rule',
  ruleSet: 'Rules version',
  gateway: 'Gateway',
  shadow: 'In shadow:',
  messageId: 'Message',
  address: 'Address',
  domain: 'Domain',
} as const;

function Day({
  label,
  value,
  onPick,
}: {
  label: string;
  value: string | undefined;
  onPick: (value: string | undefined) => void;
}) {
  return (
    <TextInput
      type="date"
      label={label}
      w={150}
      value={value ?? ''}
      onChange={({ currentTarget }) => onPick(currentTarget.value === '' ? undefined : currentTarget.value)}
    />
  );
}

function Export({ search }: { search: MailSearch }) {
  const href = (format: 'csv' | 'jsonl') => {
    const filter = Object.entries(filterOf(search)).map(([name, value]) => [name, String(value)]);
    return `/api/v1/journal-export?${new URLSearchParams([['format', format], ...filter] as [string, string][])}`;
  };
  return <ExportMenu href={href} />;
}

const columns: readonly Column<ListedEntry>[] = [
  {
    header: 'When',
    width: 190,
    cell: (entry) => (
      <TextLink to="/mail/$id" params={{ id: entry.id }} size="sm">
        <When at={entry.at} style="time" />
      </TextLink>
    ),
  },
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

export function Addressee({ address }: { address: string }) {
  return address === '' ? 'empty sender' : <Address of={address} />;
}

export function Outcome({ entry }: { entry: Pick<ListedEntry, 'outcome' | 'verdict' | 'shadow'> }) {
  return (
    <Group gap={6}>
      <StateBadge state={journalOutcomes[entry.outcome]} />
      {entry.verdict !== null && <StateBadge of="Signature" state={verdicts[entry.verdict]} />}
      {entry.shadow.length > 0 && <StateBadge of="In shadow" state={journalOutcomes[shadowOutcome(entry)]} />}
    </Group>
  );
}

/** Rules in shadow are judged together: each says the same. */
const shadowOutcome = ({ shadow, outcome }: Pick<ListedEntry, 'outcome' | 'shadow'>) => shadow[0]?.outcome ?? outcome;

function EntryCard(entry: ListedEntry) {
  return (
    <Stack gap={6}>
      <Outcome entry={entry} />
      <TextLink to="/mail/$id" params={{ id: entry.id }} size="sm" style={{ overflowWrap: 'anywhere' }}>
        {entry.sender === '' ? 'empty sender' : entry.sender} to {entry.recipient}
      </TextLink>
      <Text size="sm" c="dimmed">
        <When at={entry.at} style="time" />. {entry.detail}
      </Text>
    </Stack>
  );
}
