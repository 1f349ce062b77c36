import type { AuditRecord } from '@chancery/api';
import { Alert, Button, Drawer, Group, Select, Skeleton, Stack, Text, TextInput, UnstyledButton } from '@mantine/core';
import { IconShieldCheck } from '@tabler/icons-react';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { lazy, Suspense, useState } from 'react';
import { api } from '../api.ts';
import { formatCount, plural } from '../format.ts';
import { CopyField } from '../pieces/CopyField.tsx';
import { type Column, DataTable } from '../pieces/DataTable.tsx';
import { EmptyState } from '../pieces/EmptyState.tsx';
import { Facts } from '../pieces/Facts.tsx';
import { LinkButton } from '../pieces/Links.tsx';
import { Page } from '../pieces/Page.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { SearchField } from '../pieces/SearchField.tsx';
import { StateBadge } from '../pieces/StateBadge.tsx';
import { useAct } from '../pieces/useAct.ts';
import { usePages } from '../pieces/usePages.ts';
import { When } from '../pieces/When.tsx';
import { choices, outcomes } from '../words.ts';
import { filterOf } from './filter.ts';
import { Targets } from './Targets.tsx';
import { VerifyRecord } from './VerifyRecord.tsx';

const Timeline = lazy(() => import('./Timeline.tsx').then((module) => ({ default: module.Timeline })));

/** Everything that anybody did or tried, newest first; each record holds the hash of the one before. */
export function AuditPage() {
  const search = useSearch({ from: '/office/audit' });
  const filter = filterOf(search);
  const navigate = useNavigate({ from: '/audit' });
  const [shown, setShown] = useState<AuditRecord | null>(null);
  const records = usePages(['audit', filter], (after) =>
    api.auditRecords({
      query: {
        limit: 100,
        ...filter,
        ...(after === undefined ? {} : { after }),
      },
    }),
  );
  const verify = useAct(() => api.verifyAudit());
  const only = search.action ?? search.subject ?? search.actor;
  const filtered = Object.keys(filter).length > 0;
  return (
    <Page
      title="Audit"
      lead={records.loading ? undefined : plural(records.total, 'record', 'records')}
      actions={
        <Button
          variant="default"
          loading={verify.isPending}
          onClick={() => verify.mutate(undefined)}
          leftSection={<IconShieldCheck size={16} aria-hidden />}
        >
          Verify the trail
        </Button>
      }
    >
      <ProblemAlert error={verify.error} />
      {verify.data !== undefined && (
        <Alert
          role="status"
          color={verify.data.intact ? 'moss' : 'wax'}
          variant="outline"
          withCloseButton
          onClose={verify.reset}
          title={verify.data.intact ? 'The trail is intact' : 'The trail is broken'}
        >
          {verify.data.message}
        </Alert>
      )}
      <Group gap="sm">
        <SearchField
          label="Search the trail"
          value={search.search ?? ''}
          onSearch={(text) =>
            void navigate({ search: (old) => ({ ...old, search: text === '' ? undefined : text }), replace: true })
          }
        />
        <Select
          aria-label="Outcome"
          placeholder="Any outcome"
          clearable
          clearButtonProps={{ 'aria-label': 'Any outcome' }}
          w={160}
          value={search.outcome ?? null}
          data={choices(outcomes)}
          onChange={(outcome) => void navigate({ search: (old) => ({ ...old, outcome: outcome ?? undefined }) })}
        />
        {(['from', 'until'] as const).map((end) => (
          <TextInput
            key={end}
            type="date"
            aria-label={end === 'from' ? 'From this day' : 'Until this day'}
            w={150}
            value={search[end] ?? ''}
            onChange={(event) => {
              const day = event.currentTarget.value;
              void navigate({ search: (old) => ({ ...old, [end]: day === '' ? undefined : day }), replace: true });
            }}
          />
        ))}
        {only !== undefined && (
          <LinkButton to="/audit" search={{}} variant="default" size="compact-sm">{`Only ${only}: clear`}</LinkButton>
        )}
      </Group>
      <Suspense fallback={<Skeleton height={320} />}>
        <Timeline filter={filter} />
      </Suspense>
      <Targets />
      <ProblemAlert error={records.error} onRetry={records.retry} />
      {records.error === null && (
        <DataTable
          label="Audit records"
          columns={columns(setShown)}
          card={(record) => <RecordCard record={record} onShow={setShown} />}
          rowKey={(record) => String(record.sequence)}
          empty={
            <EmptyState title={filtered ? 'No record matches' : 'The trail is empty'}>
              {filtered
                ? 'Search looks in actions, subjects, names and details.'
                : 'The first thing that anybody does here makes the first record.'}
            </EmptyState>
          }
          {...records}
        />
      )}
      <Drawer
        opened={shown !== null}
        onClose={() => setShown(null)}
        position="right"
        size="lg"
        title={shown === null ? '' : `Record ${formatCount(shown.sequence)}`}
      >
        {shown !== null && <RecordDetail record={shown} onClose={() => setShown(null)} />}
      </Drawer>
    </Page>
  );
}

const columns = (onShow: (record: AuditRecord) => void): readonly Column<AuditRecord>[] => [
  { header: 'Record', width: 90, cell: (record) => <RecordButton record={record} onShow={onShow} /> },
  { header: 'When', width: 190, cell: (record) => <When at={record.at} style="time" /> },
  { header: 'Who', cell: (record) => record.actorName },
  { header: 'Action', cell: (record) => <span className="mono">{record.action}</span> },
  {
    header: 'Subject',
    width: '26%',
    cell: (record) => (
      <Text size="sm" truncate maw={300} title={record.subject ?? undefined}>
        {record.subject ?? '–'}
      </Text>
    ),
  },
  { header: 'Outcome', cell: (record) => <StateBadge state={outcomes[record.outcome]} /> },
];

function RecordButton({ record, onShow }: { record: AuditRecord; onShow: (record: AuditRecord) => void }) {
  return (
    <UnstyledButton
      fz="sm"
      className="quiet-link"
      onClick={() => onShow(record)}
      aria-label={`Show record ${record.sequence}`}
    >
      {formatCount(record.sequence)}
    </UnstyledButton>
  );
}

function RecordCard({ record, onShow }: { record: AuditRecord; onShow: (record: AuditRecord) => void }) {
  return (
    <Stack gap={6}>
      <Group justify="space-between">
        <RecordButton record={record} onShow={onShow} />
        <StateBadge state={outcomes[record.outcome]} />
      </Group>
      <Text size="sm" className="mono">
        {record.action}
      </Text>
      <Text size="sm" c="dimmed">
        {record.actorName}, <When at={record.at} style="time" />
      </Text>
    </Stack>
  );
}

function RecordDetail({ record, onClose }: { record: AuditRecord; onClose: () => void }) {
  return (
    <Stack>
      <Facts
        items={[
          ['When', <When key="at" at={record.at} style="time" />],
          [
            'Who',
            <Link key="who" to="/audit" search={{ actor: record.actor }} onClick={onClose} className="quiet-link">
              {record.actorName} ({record.actor})
            </Link>,
          ],
          [
            'Action',
            <Link key="action" to="/audit" search={{ action: record.action }} onClick={onClose} className="quiet-link">
              {record.action}
            </Link>,
          ],
          ['Outcome', <StateBadge key="outcome" state={outcomes[record.outcome]} />],
          [
            'Subject',
            record.subject === null ? (
              'None'
            ) : (
              <Link
                key="subject"
                to="/audit"
                search={{ subject: record.subject }}
                onClick={onClose}
                className="quiet-link"
              >
                {record.subject}
              </Link>
            ),
          ],
          ['Hash', <CopyField key="hash" label="hash" value={record.hash} />],
          ['Hash of the record before', <CopyField key="previous" label="previous hash" value={record.previousHash} />],
        ]}
      />
      <VerifyRecord record={record} />
      <Text fw={600}>Details</Text>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard */}
      <pre className="code" tabIndex={0}>
        {JSON.stringify(record.details, null, 2)}
      </pre>
    </Stack>
  );
}
