import type { ImportedCertificate } from '@chancery/api';
import { Group, Stack, Text } from '@mantine/core';
import { IconUpload } from '@tabler/icons-react';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { api, useMay } from '../api.ts';
import { plural } from '../format.ts';
import { Address } from '../pieces/Address.tsx';
import type { Column } from '../pieces/DataTable.tsx';
import { EmptyState } from '../pieces/EmptyState.tsx';
import { LinkButton, TextLink } from '../pieces/Links.tsx';
import { ListFrame } from '../pieces/ListFrame.tsx';
import { Page } from '../pieces/Page.tsx';
import { StateBadge } from '../pieces/StateBadge.tsx';
import { usePages } from '../pieces/usePages.ts';
import { When } from '../pieces/When.tsx';
import { certificateStates } from '../words.ts';
import { commonName, importedUse } from './words.ts';

/** Certificates that another office issued: shown with their issuer, and never as ours. */
export function ImportedPage() {
  const { search } = useSearch({ from: '/office/certificates/imported' });
  const navigate = useNavigate({ from: '/certificates/imported' });
  const mayImport = useMay('certificate:import');
  const certificates = usePages(['imported', search], (after) =>
    api.importedCertificates({
      query: {
        limit: 100,
        ...(search === undefined ? {} : { search }),
        ...(after === undefined ? {} : { after }),
      },
    }),
  );
  return (
    <Page
      title="From another office"
      trail={
        <TextLink to="/certificates" size="sm">
          Certificates
        </TextLink>
      }
      lead={certificates.loading ? undefined : plural(certificates.total, 'certificate', 'certificates')}
      actions={
        mayImport && (
          <LinkButton to="/certificates/import" leftSection={<IconUpload size={16} aria-hidden />}>
            Import
          </LinkButton>
        )
      }
    >
      <ListFrame
        label="Certificates of other offices"
        list={certificates}
        search={{
          label: 'Search imported certificates',
          value: search,
          onSearch: (text) => void navigate({ search: { search: text }, replace: true }),
        }}
        columns={columns}
        card={Card}
        rowKey={({ id }) => id}
        empty={<Empty searched={search !== undefined} />}
      />
    </Page>
  );
}

const columns: readonly Column<ImportedCertificate>[] = [
  { header: 'Holder', width: '30%', cell: (one) => <Holder certificate={one} /> },
  { header: 'Use', cell: importedUse },
  { header: 'State', cell: ({ state }) => <StateBadge state={certificateStates[state]} /> },
  { header: 'Valid until', cell: ({ notAfter }) => <When at={notAfter} /> },
  { header: 'Issued by', width: '24%', cell: ({ issuer }) => <span title={issuer}>{commonName(issuer)}</span> },
  { header: 'Its key', cell: ({ escrowedKeyId }) => (escrowedKeyId === null ? 'Not here' : 'In escrow') },
];

function Holder({ certificate: { personId, address, subject } }: { certificate: ImportedCertificate }) {
  return (
    <TextLink to="/people/$id" params={{ id: personId }}>
      <Address of={address ?? subject} />
    </TextLink>
  );
}

function Card(certificate: ImportedCertificate) {
  return (
    <Stack gap={6}>
      <Group justify="space-between" wrap="nowrap">
        <Holder certificate={certificate} />
        <StateBadge state={certificateStates[certificate.state]} />
      </Group>
      <Text size="sm" c="dimmed">
        {importedUse(certificate)}, until <When at={certificate.notAfter} />, by {commonName(certificate.issuer)};{' '}
        {certificate.escrowedKeyId === null ? 'its key is not here' : 'its key is in escrow'}
      </Text>
    </Stack>
  );
}

function Empty({ searched }: { searched: boolean }) {
  if (searched) {
    return (
      <EmptyState
        title="No certificate matches"
        action={
          <TextLink to="/certificates/imported" search={{}}>
            Clear the search
          </TextLink>
        }
      >
        Search looks in subjects, addresses and issuers, and for whole serial numbers.
      </EmptyState>
    );
  }
  return (
    <EmptyState
      title="Nothing was imported"
      action={<LinkButton to="/certificates/import">Import certificates</LinkButton>}
    >
      Where people had certificates of another office, bring them here, and their keys: old mail stays readable.
    </EmptyState>
  );
}
