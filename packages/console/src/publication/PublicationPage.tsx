import type { PublicationTarget, UnreachableReason, UnreachableReport } from '@chancery/api';
import { Button, Group, Select, Skeleton, Stack, Text } from '@mantine/core';
import { IconArrowsDiff } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { lazy, Suspense } from 'react';
import { api, useMay } from '../api.ts';
import { formatCount, plural } from '../format.ts';
import { Address } from '../pieces/Address.tsx';
import { type Column, DataTable } from '../pieces/DataTable.tsx';
import { EmptyState } from '../pieces/EmptyState.tsx';
import { TextLink } from '../pieces/Links.tsx';
import { Page, Panel } from '../pieces/Page.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { SearchField } from '../pieces/SearchField.tsx';
import { StateBadge } from '../pieces/StateBadge.tsx';
import { useAct } from '../pieces/useAct.ts';
import { usePages } from '../pieces/usePages.ts';
import { Runbooks } from './Runbooks.tsx';
import { Targets } from './Targets.tsx';
import { remedies, unreachableReasons } from './words.ts';

const Reasons = lazy(() => import('./Reasons.tsx').then((module) => ({ default: module.Reasons })));

/** Where certificates are published, how each place compares with the inventory, and who cannot be written to and why. */
export function PublicationPage() {
  const mayWrite = useMay('publication:write');
  const publication = useQuery({
    queryKey: ['publication'],
    queryFn: () => api.publication(),
    // A comparison that goes on is looked at as it goes.
    refetchInterval: ({ state }) => (state.data?.targets.some(goesOn) ? 2_000 : 30_000),
  });
  const compare = useAct(
    (target: string | undefined) => api.beginReconciliation({ body: { ...(target !== undefined && { target }) } }),
    {
      stale: ['publication', 'unreachable'],
      said: ({ begun }) => `Comparing ${begun.join(', ')} with the inventory`,
    },
  );
  const targets = publication.data?.targets ?? [];
  return (
    <Page
      title="Publication"
      lead="Where senders find certificates, and who cannot be written to"
      actions={
        mayWrite &&
        targets.length > 0 && (
          <Button
            leftSection={<IconArrowsDiff size={16} aria-hidden />}
            loading={compare.isPending}
            disabled={targets.every(goesOn)}
            onClick={() => compare.mutate(undefined)}
          >
            Compare all now
          </Button>
        )
      }
    >
      <ProblemAlert error={publication.error ?? compare.error} onRetry={() => void publication.refetch()} />
      {publication.isPending && <Skeleton height={160} />}
      {publication.data !== undefined &&
        (targets.length === 0 ? (
          <NoTarget />
        ) : (
          <Targets targets={targets} onCompare={mayWrite ? (name) => compare.mutate(name) : undefined} />
        ))}
      <Runbooks targets={targets.filter(({ byRunbook }) => byRunbook)} />
      <WhoAndWhy targets={targets} />
    </Page>
  );
}

const goesOn = ({ reconciliations }: PublicationTarget) => reconciliations[0]?.endedAt === null;

function NoTarget() {
  return (
    <Panel title="Targets">
      <Text c="dimmed" size="sm">
        Nothing is published anywhere yet. Name a directory, a zone or a mail service under{' '}
        <code className="mono">[publication]</code> in the configuration, so that senders find your certificates.
      </Text>
    </Panel>
  );
}

type Row = UnreachableReport['items'][number];

function WhoAndWhy({ targets }: { targets: readonly PublicationTarget[] }) {
  const { search = '', reason, target } = useSearch({ from: '/office/publication' });
  const navigate = useNavigate({ from: '/publication' });
  const filter = {
    ...(search !== '' && { search }),
    ...(reason !== undefined && { reason }),
    ...(target !== undefined && { target }),
  };
  const pages = usePages(['unreachable', search, reason, target], (after) =>
    api.unreachable({ query: { limit: 100, ...filter, ...(after !== undefined && { after }) } }),
  );
  const counts = useQuery({
    queryKey: ['unreachable', 'counts'],
    queryFn: () => api.unreachable({ query: { limit: 1 } }),
  });
  const set = (change: {
    reason?: UnreachableReason | undefined;
    target?: string | undefined;
    search?: string | undefined;
  }) => void navigate({ search: (old) => ({ ...old, ...change }), replace: true });
  return (
    <>
      {counts.data !== undefined && counts.data.counts.length > 0 && (
        <Suspense fallback={<Skeleton height={320} />}>
          <Reasons report={counts.data} target={target} onReason={(chosen) => set({ reason: chosen })} />
        </Suspense>
      )}
      <Stack gap="sm">
        <Text component="h2" fw={650} fz="lg">
          Who cannot be written to encrypted
        </Text>
        <Group gap="sm">
          <SearchField
            label="Search names and addresses"
            value={search}
            onSearch={(text) => set({ search: text === '' ? undefined : text })}
          />
          <Select
            aria-label="Reason"
            placeholder="Any reason"
            clearable
            clearButtonProps={{ 'aria-label': 'Any reason' }}
            value={reason ?? null}
            onChange={(value) => set({ reason: (value ?? undefined) as UnreachableReason | undefined })}
            data={Object.entries(unreachableReasons).map(([value, [label]]) => ({ value, label }))}
          />
          {targets.length > 1 && (
            <Select
              aria-label="Target"
              placeholder="Any target"
              clearable
              clearButtonProps={{ 'aria-label': 'Any target' }}
              value={target ?? null}
              onChange={(value) => set({ target: value ?? undefined })}
              data={targets.map(({ name }) => name)}
            />
          )}
        </Group>
        <ProblemAlert error={pages.error} onRetry={pages.retry} />
        {pages.error === null && (
          <DataTable
            label="Who cannot be written to encrypted"
            columns={columns}
            card={Card}
            rowKey={(row) => `${row.personId} ${row.target ?? ''}`}
            empty={<Nobody filtered={Object.keys(filter).length > 0} people={counts.data?.people ?? 0} />}
            {...pages}
          />
        )}
      </Stack>
    </>
  );
}

const columns: readonly Column<Row>[] = [
  { header: 'Name', width: '20%', cell: (row) => <NameLink row={row} /> },
  { header: 'Address', width: '24%', cell: (row) => <Address of={row.address} /> },
  { header: 'Where', width: '12%', cell: (row) => row.target ?? 'Everywhere' },
  { header: 'Why', width: '14%', cell: (row) => <StateBadge state={unreachableReasons[row.reason]} /> },
  {
    header: 'What is known',
    cell: (row) => (
      <Text size="sm" c="dimmed" lineClamp={2} style={{ overflowWrap: 'anywhere' }}>
        {row.detail ?? remedies[row.reason]}
      </Text>
    ),
  },
];

function NameLink({ row }: { row: Row }) {
  return (
    <TextLink to="/people/$id" params={{ id: row.personId }} size="sm" fw={550}>
      {row.name}
    </TextLink>
  );
}

function Card(row: Row) {
  return (
    <Stack gap={6}>
      <NameLink row={row} />
      <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
        {row.address}
      </Text>
      <Group gap={6}>
        <StateBadge of={row.target ?? 'Everywhere'} state={unreachableReasons[row.reason]} />
      </Group>
      <Text size="sm" c="dimmed" style={{ overflowWrap: 'anywhere' }}>
        {row.detail ?? remedies[row.reason]}
      </Text>
    </Stack>
  );
}

function Nobody({ filtered, people }: { filtered: boolean; people: number }) {
  if (filtered)
    return (
      <EmptyState title="Nobody matches" action={<TextLink to="/publication">Show everyone it concerns</TextLink>}>
        Nobody who cannot be written to matches what you chose.
      </EmptyState>
    );
  if (people === 0)
    return <EmptyState title="Nobody here yet">Add people first: certificates follow by themselves.</EmptyState>;
  return (
    <EmptyState title="Everybody can be written to">
      {people === 1 ? 'The certificate of the only person' : `The certificates of all ${formatCount(people)} people`}{' '}
      can be found wherever they should be: {plural(people, 'person has', 'people have')} a key in hand.
    </EmptyState>
  );
}
