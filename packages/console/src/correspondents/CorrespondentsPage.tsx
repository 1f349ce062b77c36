import type { Correspondent } from '@chancery/api';
import { Group, Stack, Text } from '@mantine/core';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { api } from '../api.ts';
import { plural } from '../format.ts';
import { Choice } from '../pieces/Choice.tsx';
import type { Column } from '../pieces/DataTable.tsx';
import { EmptyState } from '../pieces/EmptyState.tsx';
import { TextLink } from '../pieces/Links.tsx';
import { ListFrame } from '../pieces/ListFrame.tsx';
import { Page } from '../pieces/Page.tsx';
import { StateBadge } from '../pieces/StateBadge.tsx';
import { usePages } from '../pieces/usePages.ts';
import { When } from '../pieces/When.tsx';
import { encryptionState } from './words.ts';

/** Whom we know outside: of each, the certificate that came with their signed mail, and whether they can be written to with it. */
export function CorrespondentsPage() {
  const filter = useSearch({ from: '/office/correspondents' });
  const navigate = useNavigate({ from: '/correspondents' });
  const narrow = (change: Partial<typeof filter>) =>
    void navigate({ search: { ...filter, ...change }, replace: true, resetScroll: false });
  const known = usePages<Correspondent>(
    ['correspondents', filter],
    (after) => api.correspondents({ query: { ...filter, limit: 100, ...(after === undefined ? {} : { after }) } }),
    ({ decision }) => decision !== null,
  );
  const isNarrowed = filter.search !== undefined || filter.waiting !== undefined;
  return (
    <Page
      title="Correspondents"
      lead={
        known.loading || known.error !== null
          ? undefined
          : `${plural(known.total, 'address', 'addresses')} outside${isNarrowed ? ' that match' : ' whose certificate came with signed mail'}.`
      }
    >
      <ListFrame
        label="Correspondents"
        list={known}
        search={{ label: 'Address', value: filter.search, onSearch: (search) => narrow({ search }) }}
        filters={
          <Choice
            label="Show"
            any="Everybody"
            value={filter.waiting}
            data={[{ value: 'yes', label: 'Another certificate waits' }]}
            onPick={(waiting) => narrow({ waiting })}
          />
        }
        columns={columns}
        card={CorrespondentCard}
        rowKey={({ id }) => id}
        empty={
          isNarrowed ? (
            <EmptyState title="Nobody matches">A part of an address is enough.</EmptyState>
          ) : (
            <EmptyState title="Nobody is known yet">
              Whoever writes to us with a signature that proves everything is kept here with their certificate; from
              then on mail to them can be encrypted.
            </EmptyState>
          )
        }
      />
    </Page>
  );
}

const columns: readonly Column<Correspondent>[] = [
  {
    header: 'Address',
    width: '34%',
    cell: ({ id, address }) => (
      <TextLink to="/correspondents/$id" params={{ id }} size="sm" style={{ overflowWrap: 'anywhere' }}>
        {address}
      </TextLink>
    ),
  },
  { header: 'Can be encrypted to', cell: (one) => <StateBadge state={encryptionState(one)} /> },
  {
    header: 'Certificates',
    cell: (one) => (
      <Group gap={6}>
        <span>{one.certificates.length}</span>
        <Pending of={one} />
      </Group>
    ),
  },
  { header: 'First seen', cell: (one) => <Seen of={one} which="first" /> },
  { header: 'Last seen', cell: (one) => <Seen of={one} which="last" /> },
  { header: 'Gateway', cell: ({ gateway }) => gateway },
];

/** What somebody has to decide, or has decided and the gateway has not done yet. */
function Pending({ of: { certificates, decision } }: { of: Correspondent }) {
  const waiting = certificates.filter(({ state }) => state === 'waiting').length;
  return (
    <>
      {waiting > 0 && <StateBadge state={[plural(waiting, 'waits', 'wait'), 'warn']} />}
      {decision !== null && (
        <StateBadge state={[decision === 'forget' ? 'Being forgotten' : 'Being changed', 'wait']} />
      )}
    </>
  );
}

function Seen({ of: { certificates }, which }: { of: Correspondent; which: 'first' | 'last' }) {
  const times = certificates.map((one) => (which === 'first' ? one.firstSeen : one.lastSeen)).toSorted();
  const at = which === 'first' ? times[0] : times.at(-1);
  return at === undefined ? null : <When at={at} />;
}

function CorrespondentCard(one: Correspondent) {
  return (
    <Stack gap={6}>
      <TextLink to="/correspondents/$id" params={{ id: one.id }} size="sm" style={{ overflowWrap: 'anywhere' }}>
        {one.address}
      </TextLink>
      <Group gap={6}>
        <StateBadge of="Can be encrypted to" state={encryptionState(one)} />
        <Text size="sm" component="span">
          {plural(one.certificates.length, 'certificate', 'certificates')}
        </Text>
        <Pending of={one} />
      </Group>
      <Text size="sm" c="dimmed">
        First seen <Seen of={one} which="first" />, last seen <Seen of={one} which="last" />. Kept by {one.gateway}.
      </Text>
    </Stack>
  );
}
