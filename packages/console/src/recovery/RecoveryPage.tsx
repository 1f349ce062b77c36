import type { RecoverySummary } from '@chancery/api';
import { Group, SegmentedControl, Stack, Text } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { api, useMay } from '../api.ts';
import { plural } from '../format.ts';
import { type Column, DataTable } from '../pieces/DataTable.tsx';
import { EmptyState } from '../pieces/EmptyState.tsx';
import { LinkButton, TextLink } from '../pieces/Links.tsx';
import { Page } from '../pieces/Page.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { StateBadge } from '../pieces/StateBadge.tsx';
import { usePages } from '../pieces/usePages.ts';
import { When } from '../pieces/When.tsx';
import { recoveryDeliveries, recoveryReasons, recoveryStates } from '../words.ts';
import { NotFounded } from './NotFounded.tsx';
import { whose } from './rules.ts';

/** Recovery requests, open ones first asked for. */
export function RecoveryPage() {
  const { state } = useSearch({ from: '/office/recovery' });
  const navigate = useNavigate({ from: '/recovery' });
  const mayRequest = useMay('recovery:request');
  const requests = usePages(['recovery', state ?? 'all'], (after) =>
    api.recoveryRequests({
      query: { limit: 100, ...(state === undefined ? {} : { state }), ...(after === undefined ? {} : { after }) },
    }),
  );
  return (
    <Page
      title="Recovery"
      lead={requests.loading ? undefined : plural(requests.total, 'request', 'requests')}
      actions={
        mayRequest && (
          <LinkButton to="/recovery/new" search={{}} leftSection={<IconPlus size={16} aria-hidden />}>
            New request
          </LinkButton>
        )
      }
    >
      <NotFounded />
      <div className="scroll-x">
        <SegmentedControl
          aria-label="Which requests"
          value={state ?? 'all'}
          onChange={(value) =>
            void navigate({ search: { state: value === 'all' ? undefined : (value as RecoverySummary['state']) } })
          }
          data={[
            { value: 'all', label: 'All' },
            { value: 'open', label: 'Waiting' },
            { value: 'approved', label: 'Approved' },
            { value: 'released', label: 'Released' },
            { value: 'rejected', label: 'Rejected' },
            { value: 'expired', label: 'Lapsed' },
          ]}
        />
      </div>
      <ProblemAlert error={requests.error} onRetry={requests.retry} />
      {requests.error === null && (
        <DataTable
          label="Recovery requests"
          columns={columns}
          card={RequestCard}
          rowKey={(request) => request.id}
          empty={
            <EmptyState title={state === undefined ? 'No key has been asked for' : 'No such request'}>
              When somebody loses a device, or has left and their mail must be read, ask here for their encryption key.
              Recovery officers decide; the asker never does.
            </EmptyState>
          }
          {...requests}
        />
      )}
    </Page>
  );
}

const columns: readonly Column<RecoverySummary>[] = [
  { header: 'Whose key', width: '26%', cell: (request) => <RequestLink request={request} /> },
  { header: 'State', cell: (request) => <StateBadge state={recoveryStates[request.state]} /> },
  { header: 'Approvals', cell: (request) => `${request.approvedBy.length} of ${request.threshold}` },
  { header: 'Reason', cell: (request) => recoveryReasons[request.reason] },
  { header: 'Leaves as', cell: (request) => recoveryDeliveries[request.delivery] },
  { header: 'Asked by', cell: (request) => request.requestedBy.name },
  { header: 'Asked', cell: (request) => <When at={request.requestedAt} style="relative" /> },
  {
    header: 'Lapses',
    cell: (request) => (isPending(request) ? <When at={request.expiresAt} style="relative" /> : '–'),
  },
];

const isPending = (request: RecoverySummary) => request.state === 'open' || request.state === 'approved';

function RequestLink({ request }: { request: RecoverySummary }) {
  return (
    <div>
      <TextLink to="/recovery/$id" params={{ id: request.id }} size="sm" fw={550}>
        {whose(request)}
      </TextLink>
      <Text size="xs" c="dimmed" style={{ overflowWrap: 'anywhere' }}>
        {request.people.length === 1
          ? request.people[0]?.address
          : `${plural(request.keys, 'key', 'keys')}${request.caseNumber === '' ? '' : `, ${request.caseNumber}`}`}
      </Text>
    </div>
  );
}

function RequestCard(request: RecoverySummary) {
  return (
    <Stack gap={6}>
      <Group justify="space-between" wrap="nowrap" align="flex-start">
        <RequestLink request={request} />
        <StateBadge state={recoveryStates[request.state]} />
      </Group>
      <Text size="sm" c="dimmed">
        {recoveryReasons[request.reason]}, {request.approvedBy.length} of {request.threshold} approvals, asked by{' '}
        {request.requestedBy.name} <When at={request.requestedAt} style="relative" />
      </Text>
    </Stack>
  );
}
