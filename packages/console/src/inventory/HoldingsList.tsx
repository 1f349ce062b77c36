import type { Holding, HoldingFilter } from '@chancery/api';
import { Group, Stack, Text, TextInput } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import { api } from '../api.ts';
import { SerialLink } from '../certificates/CertificateTable.tsx';
import { counted } from '../format.ts';
import { Address } from '../pieces/Address.tsx';
import { Choice, UseChoice } from '../pieces/Choice.tsx';
import type { Column } from '../pieces/DataTable.tsx';
import { EmptyState } from '../pieces/EmptyState.tsx';
import { TextLink } from '../pieces/Links.tsx';
import { ListFrame } from '../pieces/ListFrame.tsx';
import { StateBadge } from '../pieces/StateBadge.tsx';
import { usePages } from '../pieces/usePages.ts';
import { When } from '../pieces/When.tsx';
import { certificateStates, choices, keyOrigins, uses } from '../words.ts';
import { useNarrowing } from './useNarrowing.ts';
import { holdingStateNames, standingNames } from './words.ts';

/** Certificates of people, each with its key and where that is. */
export function HoldingsList({ filter }: { filter: HoldingFilter }) {
  const set = useNarrowing();
  const holdings = usePages<Holding>(['inventory', 'holdings', filter], (after) =>
    api.holdings({ query: { limit: 100, ...filter, ...(after === undefined ? {} : { after }) } }),
  );
  const setDepartment = useDebouncedCallback(
    (text: string) => set({ department: text === '' ? undefined : text }),
    400,
  );
  return (
    <Stack>
      <ListFrame
        label="Certificates of people"
        list={holdings}
        search={{
          label: 'Search names, addresses, serial numbers',
          value: filter.search,
          onSearch: (search) => set({ search }),
        }}
        filters={
          <>
            <UseChoice any="Any use" value={filter.use} onPick={(use) => set({ use })} />
            <Choice
              label="State"
              any={holdingStateNames['in-force']}
              value={filter.state}
              data={choices(holdingStateNames)}
              onPick={(state) => set({ state })}
            />
            <Choice
              label="Ends within"
              any="Any time"
              value={filter.endsWithinDays === undefined ? undefined : String(filter.endsWithinDays)}
              data={['7', '30', '90', '365'].map((value) => ({ value, label: `${value} days` }))}
              onPick={(days) => set({ endsWithinDays: days === undefined ? undefined : Number(days) })}
            />
            <Choice
              label="Key"
              any="Anywhere"
              value={filter.keyOrigin}
              data={(['device', 'browser', 'gateway', 'kra'] as const).map((value) => ({
                value,
                label: keyOrigins[value],
              }))}
              onPick={(keyOrigin) => set({ keyOrigin })}
            />
            <Choice
              label="Escrow"
              any="Any"
              value={filter.proven}
              data={[
                { value: 'yes', label: 'Proven by a drill' },
                { value: 'no', label: 'Never proven' },
              ]}
              onPick={(proven) => set({ proven })}
            />
            <Choice
              label="Published"
              any="Wherever"
              value={filter.published}
              data={[
                { value: 'yes', label: 'Published' },
                { value: 'no', label: 'Not published' },
                { value: 'failed', label: 'Failed' },
              ]}
              onPick={(published) => set({ published })}
            />
            <TextInput
              label="Department"
              w={150}
              key={filter.department ?? ''}
              defaultValue={filter.department ?? ''}
              onChange={(event) => setDepartment(event.currentTarget.value)}
            />
          </>
        }
        count={counted(holdings, 'certificate', 'certificates')}
        columns={columns}
        card={HoldingCard}
        rowKey={(one) => one.serialNumber}
        empty={
          <EmptyState title={Object.keys(filter).length === 0 ? 'Nobody holds anything yet' : 'Nothing matches'}>
            Each certificate of a person stands here, with its key, its escrow and where it is published.
          </EmptyState>
        }
      />
    </Stack>
  );
}

const columns: readonly Column<Holding>[] = [
  { header: 'Person', width: '24%', cell: (one) => <Who of={one} /> },
  { header: 'Use', cell: (one) => uses[one.use] },
  { header: 'State', cell: (one) => <StateBadge state={certificateStates[one.state]} /> },
  { header: 'Valid until', cell: (one) => <When at={one.notAfter} /> },
  { header: 'Key', cell: (one) => <Key of={one} /> },
  { header: 'Escrow', cell: (one) => <Escrow of={one} /> },
  { header: 'Published', cell: (one) => <Published of={one} /> },
  { header: 'Serial number', cell: (one) => <SerialLink serialNumber={one.serialNumber} /> },
];

export function Who({ of: one }: { of: { personId: string; name: string; address: string } }) {
  return (
    <div>
      <TextLink to="/people/$id" params={{ id: one.personId }}>
        {one.name}
      </TextLink>
      <Text size="xs" c="dimmed" component="div">
        <Address of={one.address} />
      </Text>
    </div>
  );
}

function Key({ of: { keyOrigin, devices } }: { of: Holding }) {
  return (
    <div>
      <Text size="sm">{keyOrigins[keyOrigin]}</Text>
      {devices.length > 0 && (
        <Text size="xs" c="dimmed">
          also on {devices.join(', ')}
        </Text>
      )}
    </div>
  );
}

function Escrow({ of: { escrow, use } }: { of: Holding }) {
  if (escrow === null) {
    return (
      <Text size="sm" c="dimmed">
        {use === 'signing' ? 'Never' : 'None'}
      </Text>
    );
  }
  return (
    <div>
      <Text size="sm">{escrow.vault}</Text>
      <Text size="xs" c="dimmed">
        {escrow.provenAt === null ? (
          'never proven'
        ) : (
          <>
            proven <When at={escrow.provenAt} />
          </>
        )}
      </Text>
    </div>
  );
}

function Published({ of: { published } }: { of: Holding }) {
  if (published.length === 0) {
    return (
      <Text size="sm" c="dimmed">
        Nowhere
      </Text>
    );
  }
  return (
    <Group gap={4}>
      {published.map(({ target, state }) => (
        <StateBadge key={target} of={target} state={standingNames[state]} />
      ))}
    </Group>
  );
}

function HoldingCard(one: Holding) {
  return (
    <Stack gap={6}>
      <Group justify="space-between" wrap="nowrap" align="flex-start">
        <Who of={one} />
        <StateBadge of={uses[one.use]} state={certificateStates[one.state]} />
      </Group>
      <Text size="sm">
        Until <When at={one.notAfter} />, <SerialLink serialNumber={one.serialNumber} />
      </Text>
      <Key of={one} />
      <Escrow of={one} />
      <Published of={one} />
    </Stack>
  );
}
