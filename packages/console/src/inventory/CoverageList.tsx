import type { CoverageFilter, CoverageItem, CoverageReason } from '@chancery/api';
import { Button, Group, Stack, Switch, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { api } from '../api.ts';
import { counted, formatCount } from '../format.ts';
import { Choice, UseChoice } from '../pieces/Choice.tsx';
import type { Column } from '../pieces/DataTable.tsx';
import { EmptyState } from '../pieces/EmptyState.tsx';
import { ListFrame } from '../pieces/ListFrame.tsx';
import { Panel } from '../pieces/Page.tsx';
import { PlainTable } from '../pieces/PlainTable.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { StateBadge } from '../pieces/StateBadge.tsx';
import { usePages } from '../pieces/usePages.ts';
import { When } from '../pieces/When.tsx';
import { choices, uses } from '../words.ts';
import { Who } from './HoldingsList.tsx';
import { useNarrowing } from './useNarrowing.ts';
import { reasonNames } from './words.ts';

/** Everybody, for signing and for encryption: covered, or why not. */
export function CoverageList({ filter }: { filter: CoverageFilter }) {
  const set = useNarrowing();
  const { uncovered, ...rest } = filter;
  const people = usePages<CoverageItem>(['inventory', 'coverage', filter], (after) =>
    api.coverage({
      query: {
        limit: 100,
        ...rest,
        ...(uncovered === true && { uncovered: true }),
        ...(after === undefined ? {} : { after }),
      },
    }),
  );
  return (
    <Stack>
      <Counts chosen={filter} onChoose={(use, reason) => set({ use, reason, uncovered: undefined })} />
      <ListFrame
        label="Coverage"
        list={people}
        search={{ label: 'Search names and addresses', value: filter.search, onSearch: (search) => set({ search }) }}
        filters={
          <>
            <UseChoice any="Both uses" value={filter.use} onPick={(use) => set({ use })} />
            <Choice
              label="Why"
              any="Any reason"
              value={filter.reason}
              data={choices(reasonNames)}
              onPick={(reason) => set({ reason })}
            />
            <Switch
              label="Only who is not covered"
              pb={8}
              checked={uncovered === true}
              onChange={(event) =>
                set({ uncovered: event.currentTarget.checked ? true : undefined, reason: undefined })
              }
            />
          </>
        }
        count={counted(people, 'line', 'lines')}
        columns={columns}
        card={CoverageCard}
        rowKey={(one) => `${one.personId} ${one.use}`}
        empty={
          <EmptyState title={uncovered === true ? 'Everybody is covered' : 'Nobody matches'}>
            Each person stands here twice: whether they can sign, and whether they can be written to.
          </EmptyState>
        }
      />
    </Stack>
  );
}

/** How many there are of each, to be looked at one by one. */
function Counts({
  chosen,
  onChoose,
}: {
  chosen: CoverageFilter;
  onChoose: (use: 'signing' | 'encryption', reason: CoverageReason) => void;
}) {
  const counts = useQuery({ queryKey: ['inventory', 'counts'], queryFn: () => api.coverageCounts() });
  const items = (counts.data?.items ?? []).filter(({ reason }) => reason !== 'left');
  if (items.length === 0) return <ProblemAlert error={counts.error} onRetry={() => void counts.refetch()} />;
  const reasons = [...new Set(items.map(({ reason }) => reason))].sort(
    (one, other) => Object.keys(reasonNames).indexOf(one) - Object.keys(reasonNames).indexOf(other),
  );
  const cell = (use: 'signing' | 'encryption', reason: CoverageReason) => {
    const count = items.find((one) => one.use === use && one.reason === reason)?.count ?? 0;
    if (count === 0) return <Text c="dimmed">–</Text>;
    return (
      <Button
        size="compact-sm"
        variant={chosen.use === use && chosen.reason === reason ? 'light' : 'subtle'}
        aria-label={`${uses[use]}, ${reasonNames[reason][0]}: ${count} people`}
        onClick={() => onChoose(use, reason)}
      >
        {formatCount(count)}
      </Button>
    );
  };
  return (
    <Panel>
      <PlainTable label="People by reason" head={['People', uses.signing, uses.encryption]}>
        {reasons.map((reason) => (
          <tr key={reason}>
            <td>
              <StateBadge state={reasonNames[reason]} />
            </td>
            <td>{cell('signing', reason)}</td>
            <td>{cell('encryption', reason)}</td>
          </tr>
        ))}
      </PlainTable>
    </Panel>
  );
}

const columns: readonly Column<CoverageItem>[] = [
  { header: 'Person', width: '28%', cell: (one) => <Who of={one} /> },
  { header: 'Department', cell: (one) => one.department ?? '' },
  { header: 'Use', cell: (one) => uses[one.use] },
  { header: 'Covered', cell: (one) => <StateBadge state={reasonNames[one.reason]} /> },
  { header: 'Until', cell: (one) => (one.until === null ? '' : <When at={one.until} />) },
  { header: 'Why not', width: '30%', cell: (one) => <Text size="sm">{one.why ?? ''}</Text> },
];

function CoverageCard(one: CoverageItem) {
  return (
    <Stack gap={6}>
      <Group justify="space-between" wrap="nowrap" align="flex-start">
        <Who of={one} />
        <StateBadge of={uses[one.use]} state={reasonNames[one.reason]} />
      </Group>
      {one.why !== null && <Text size="sm">{one.why}</Text>}
      {one.until !== null && (
        <Text size="sm" c="dimmed">
          Until <When at={one.until} />
        </Text>
      )}
    </Stack>
  );
}
