import type { HeldMail } from '@chancery/api';
import { Group, Modal, Stack, Text } from '@mantine/core';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { api } from '../api.ts';
import { plural } from '../format.ts';
import { Address } from '../pieces/Address.tsx';
import { Choice } from '../pieces/Choice.tsx';
import type { Column } from '../pieces/DataTable.tsx';
import { EmptyState } from '../pieces/EmptyState.tsx';
import { LinkButton, TextLink } from '../pieces/Links.tsx';
import { ListFrame } from '../pieces/ListFrame.tsx';
import { Page } from '../pieces/Page.tsx';
import { StateBadge } from '../pieces/StateBadge.tsx';
import { usePages } from '../pieces/usePages.ts';
import { When } from '../pieces/When.tsx';
import { HeldMessage } from './HeldMessage.tsx';
import { freedBy, standingOf } from './words.ts';

/** Mail that waits at the gateways, both ways: who, to whom, why, since when, until when, and what frees it. */
export function HeldPage() {
  const { message, ...filter } = useSearch({ from: '/office/held-mail' });
  const navigate = useNavigate({ from: '/held-mail' });
  const narrow = (change: Partial<typeof filter>) =>
    void navigate({ search: { ...filter, ...change }, replace: true, resetScroll: false });
  const close = () => void navigate({ search: filter, resetScroll: false });
  const isNarrowed = filter.search !== undefined || filter.direction !== undefined;
  const held = usePages<HeldMail>(
    ['held-mail', filter],
    (after) => api.heldMail({ query: { ...filter, limit: 100, ...(after === undefined ? {} : { after }) } }),
    ({ decision }) => decision !== null,
  );
  return (
    <Page
      title="Held mail"
      lead={held.loading || held.error !== null ? undefined : leadOf(held.total, isNarrowed)}
      actions={
        <LinkButton to="/mail" variant="default">
          Journal
        </LinkButton>
      }
    >
      <ListFrame
        label="Held mail"
        list={held}
        search={{ label: 'Sender or recipient', value: filter.search, onSearch: (search) => narrow({ search }) }}
        filters={
          <Choice
            label="Way"
            any="Both ways"
            value={filter.direction}
            data={[
              { value: 'outbound', label: 'Out' },
              { value: 'inbound', label: 'In' },
            ]}
            onPick={(direction) => narrow({ direction })}
          />
        }
        columns={columns}
        card={HeldCard}
        rowKey={({ id }) => id}
        empty={
          isNarrowed ? (
            <EmptyState title="No held mail matches">A part of an address is enough.</EmptyState>
          ) : (
            <EmptyState
              title="Nothing is held"
              action={
                <LinkButton to="/mail-rules" variant="default">
                  Mail rules
                </LinkButton>
              }
            >
              Rules can hold mail: until somebody here lets it go, or until a recipient outside has sent a certificate.
              It waits at its gateway, sealed, and is listed here.
            </EmptyState>
          )
        }
      />
      <Modal opened={message !== undefined} onClose={close} size="lg" title="A message that is held">
        {message !== undefined && <HeldMessage id={message} onClose={close} />}
      </Modal>
    </Page>
  );
}

function leadOf(total: number, isNarrowed: boolean): string {
  const messages = plural(total, 'message', 'messages');
  if (isNarrowed) return `${messages} of those that are held.`;
  return total === 0 ? 'Mail that waits at the gateways.' : `${messages} at the gateways, longest waiting first.`;
}

const columns: readonly Column<HeldMail>[] = [
  {
    header: 'Since',
    width: 170,
    cell: (one) => (
      <TextLink to="/held-mail" search={(old) => ({ ...old, message: one.id })} size="sm">
        <When at={one.heldAt} style="time" />
      </TextLink>
    ),
  },
  { header: 'Way', cell: ({ direction }) => (direction === 'outbound' ? 'Out' : 'In') },
  { header: 'From', cell: ({ sender }) => (sender === '' ? 'empty sender' : <Address of={sender} />) },
  { header: 'To', cell: (one) => <Recipients of={one} /> },
  {
    header: 'Why',
    width: '22%',
    cell: ({ reason, rule }) => (
      <>
        {reason}
        <Text size="xs" c="dimmed">
          Rule {rule}
        </Text>
      </>
    ),
  },
  {
    header: 'Waits for',
    width: '22%',
    cell: (one) => (
      <Stack gap={4}>
        <div>
          <StateBadge state={standingOf(one)} />
        </div>
        <Text size="xs" c="dimmed">
          {freedBy(one)}
        </Text>
      </Stack>
    ),
  },
  { header: 'Until', width: 130, cell: ({ expiresAt }) => <When at={expiresAt} style="relative" /> },
];

export function Recipients({ of: { recipients, moreRecipients } }: { of: HeldMail }) {
  const shown = recipients.slice(0, 3);
  const more = recipients.length - shown.length + moreRecipients;
  return (
    <>
      {shown.map((one) => (
        <div key={one}>
          <Address of={one} />
        </div>
      ))}
      {more > 0 && (
        <Text size="xs" c="dimmed">
          and {more} more
        </Text>
      )}
    </>
  );
}

function HeldCard(one: HeldMail) {
  return (
    <Stack gap={6}>
      <Group gap={6}>
        <StateBadge state={standingOf(one)} />
        <Text size="xs" c="dimmed">
          {one.direction === 'outbound' ? 'Out' : 'In'}
        </Text>
      </Group>
      <TextLink
        to="/held-mail"
        search={(old) => ({ ...old, message: one.id })}
        size="sm"
        style={{ overflowWrap: 'anywhere' }}
      >
        {one.sender === '' ? 'empty sender' : one.sender} to {one.recipients[0]}
        {one.recipients.length + one.moreRecipients > 1 &&
          ` and ${one.recipients.length + one.moreRecipients - 1} more`}
      </TextLink>
      <Text size="sm">{one.reason}</Text>
      <Text size="sm" c="dimmed">
        Since <When at={one.heldAt} style="time" />; ends <When at={one.expiresAt} style="relative" />. {freedBy(one)}
      </Text>
    </Stack>
  );
}
