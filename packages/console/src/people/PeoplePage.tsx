import type { Person } from '@chancery/api';
import { Button, Group, SegmentedControl, Stack, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconPlus, IconUpload } from '@tabler/icons-react';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { api, useMay } from '../api.ts';
import { counted } from '../format.ts';
import { Address } from '../pieces/Address.tsx';
import type { Column } from '../pieces/DataTable.tsx';
import { EmptyState } from '../pieces/EmptyState.tsx';
import { LinkButton, TextLink } from '../pieces/Links.tsx';
import { ListFrame } from '../pieces/ListFrame.tsx';
import { Page } from '../pieces/Page.tsx';
import { StateBadge } from '../pieces/StateBadge.tsx';
import { usePages } from '../pieces/usePages.ts';
import { coverageStates, publicationStates } from '../words.ts';
import { AddPerson } from './AddPerson.tsx';
import { ForEveryone } from './ForEveryone.tsx';
import { isFresh } from './fresh.ts';

const filters = {
  active: { state: 'active' },
  uncovered: { state: 'active', uncovered: 'true' },
  suspended: { state: 'suspended' },
  left: { state: 'left' },
  all: {},
} as const;

/** Everybody who has, or should have, certificates. */
export function PeoplePage() {
  const { search = '', show = 'active' } = useSearch({ from: '/office/people' });
  const navigate = useNavigate({ from: '/people' });
  const mayWrite = useMay('person:write');
  const [adding, dialog] = useDisclosure(false);
  const people = usePages(
    ['people', search, show],
    (after) =>
      api.people({
        query: {
          limit: 100,
          ...filters[show],
          ...(search === '' ? {} : { search }),
          ...(after === undefined ? {} : { after }),
        },
      }),
    isFresh,
  );
  const filtered = search !== '' || show !== 'active';
  return (
    <Page
      title="People"
      lead={people.loading ? undefined : counted(people, 'person', 'people')}
      actions={
        mayWrite && (
          <>
            <LinkButton to="/people/import" variant="default" leftSection={<IconUpload size={16} aria-hidden />}>
              Import CSV
            </LinkButton>
            <Button onClick={dialog.open} leftSection={<IconPlus size={16} aria-hidden />}>
              Add person
            </Button>
          </>
        )
      }
    >
      <ListFrame
        label="People"
        list={people}
        search={{
          label: 'Search people',
          value: search,
          onSearch: (text) => void navigate({ search: (old) => ({ ...old, search: text }), replace: true }),
        }}
        filters={
          <SegmentedControl
            aria-label="Which people"
            maw="100%"
            style={{ overflowX: 'auto' }}
            value={show}
            onChange={(value) =>
              void navigate({
                search: (old) => ({
                  ...old,
                  show: value === 'active' ? undefined : (value as 'uncovered' | 'suspended' | 'left' | 'all'),
                }),
              })
            }
            data={[
              { value: 'active', label: 'Active' },
              { value: 'uncovered', label: 'Not covered' },
              { value: 'suspended', label: 'Suspended' },
              { value: 'left', label: 'Left' },
              { value: 'all', label: 'All' },
            ]}
          />
        }
        columns={columns}
        card={PersonCard}
        rowKey={(person) => person.id}
        empty={
          filtered ? <NobodyFound show={show} search={search} /> : <NobodyYet mayWrite={mayWrite} onAdd={dialog.open} />
        }
      />
      {mayWrite && <ForEveryone />}
      <AddPerson opened={adding} onClose={dialog.close} />
    </Page>
  );
}

const columns: readonly Column<Person>[] = [
  {
    header: 'Name',
    width: '24%',
    cell: (person) => <NameLink person={person} />,
  },
  {
    header: 'Address',
    width: '26%',
    cell: (person) => <Address of={person.address} />,
  },
  { header: 'Signing', cell: (person) => <StateBadge state={coverageStates[person.coverage.signing]} /> },
  { header: 'Encryption', cell: (person) => <StateBadge state={coverageStates[person.coverage.encryption]} /> },
  { header: 'Directory', cell: (person) => <StateBadge state={publicationStates[person.coverage.published]} /> },
  {
    header: 'What is missing',
    width: '26%',
    cell: (person) => (
      <Text size="sm" c="dimmed" lineClamp={2}>
        {person.coverage.reason ?? '–'}
      </Text>
    ),
  },
];

function NameLink({ person }: { person: Person }) {
  return (
    <Group gap={6}>
      <TextLink to="/people/$id" params={{ id: person.id }} size="sm" fw={550}>
        {person.name}
      </TextLink>
      {person.state === 'left' && <StateBadge state={['Left', 'quiet']} />}
      {person.state === 'suspended' && <StateBadge state={['Suspended', 'warn']} />}
    </Group>
  );
}

function PersonCard(person: Person) {
  return (
    <Stack gap={6}>
      <NameLink person={person} />
      <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
        {person.address}
      </Text>
      <Group gap={6}>
        <StateBadge of="Signing" state={coverageStates[person.coverage.signing]} />
        <StateBadge of="Encryption" state={coverageStates[person.coverage.encryption]} />
      </Group>
      {person.coverage.reason !== null && (
        <Text size="sm" c="dimmed">
          {person.coverage.reason}
        </Text>
      )}
    </Stack>
  );
}

function NobodyYet({ mayWrite, onAdd }: { mayWrite: boolean; onAdd: () => void }) {
  return (
    <EmptyState
      title="Nobody here yet"
      action={
        mayWrite && (
          <Group>
            <LinkButton to="/people/import">Import CSV</LinkButton>
            <Button variant="default" onClick={onAdd}>
              Add person
            </Button>
          </Group>
        )
      }
    >
      Import everybody from a CSV file, or add one person by hand. Certificates follow by themselves.
    </EmptyState>
  );
}

function NobodyFound({ show, search }: { show: string; search: string }) {
  if (show === 'uncovered' && search === '') {
    return (
      <EmptyState title="Everybody is covered">
        Each active person has a valid encryption certificate: all of them can be written to encrypted.
      </EmptyState>
    );
  }
  return (
    <EmptyState
      title="Nobody matches"
      action={
        <TextLink to="/people" search={{}}>
          Show all active people
        </TextLink>
      }
    >
      Search looks in names, addresses, aliases and external ids.
    </EmptyState>
  );
}
