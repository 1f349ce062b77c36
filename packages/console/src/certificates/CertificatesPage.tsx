import type { CertificateSummary } from '@chancery/api';
import { Group, Select, Stack, Text } from '@mantine/core';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { api } from '../api.ts';
import { counted } from '../format.ts';
import { Address } from '../pieces/Address.tsx';
import type { Column } from '../pieces/DataTable.tsx';
import { EmptyState } from '../pieces/EmptyState.tsx';
import { LinkButton, TextLink } from '../pieces/Links.tsx';
import { ListFrame } from '../pieces/ListFrame.tsx';
import { Page } from '../pieces/Page.tsx';
import { StateBadge } from '../pieces/StateBadge.tsx';
import { usePages } from '../pieces/usePages.ts';
import { When } from '../pieces/When.tsx';
import { certificateStates, choices, uses } from '../words.ts';
import { SerialLink } from './CertificateTable.tsx';

/** Every certificate that the office has issued. */
export function CertificatesPage() {
  const filter = useSearch({ from: '/office/certificates' });
  const navigate = useNavigate({ from: '/certificates' });
  const certificates = usePages(['certificates', filter], (after) =>
    api.certificates({
      query: {
        limit: 100,
        ...(filter.search === undefined ? {} : { search: filter.search }),
        ...(filter.use === undefined ? {} : { use: filter.use }),
        ...(filter.state === undefined ? {} : { state: filter.state }),
        ...(after === undefined ? {} : { after }),
      },
    }),
  );
  const filtered = Object.values(filter).some((value) => value !== undefined);
  return (
    <Page
      title="Certificates"
      lead={certificates.loading ? undefined : counted(certificates, 'certificate', 'certificates')}
      actions={
        <>
          <LinkButton to="/certificates/renewals" variant="default">
            Renewals
          </LinkButton>
          <LinkButton to="/certificates/imported" variant="default">
            From another office
          </LinkButton>
        </>
      }
    >
      <ListFrame
        label="Certificates"
        list={certificates}
        search={{
          label: 'Search certificates',
          value: filter.search,
          onSearch: (text) => void navigate({ search: (old) => ({ ...old, search: text }), replace: true }),
        }}
        filters={
          <>
            <Select
              aria-label="Use"
              placeholder="Any use"
              clearable
              clearButtonProps={{ 'aria-label': 'Any use' }}
              w={170}
              value={filter.use ?? null}
              data={choices(uses)}
              onChange={(use) => void navigate({ search: (old) => ({ ...old, use: use ?? undefined }) })}
            />
            <Select
              aria-label="State"
              placeholder="Any state"
              clearable
              clearButtonProps={{ 'aria-label': 'Any state' }}
              w={150}
              value={filter.state ?? null}
              data={choices(certificateStates)}
              onChange={(state) => void navigate({ search: (old) => ({ ...old, state: state ?? undefined }) })}
            />
          </>
        }
        columns={columns}
        card={CertificateCard}
        rowKey={(certificate) => certificate.serialNumber}
        empty={filtered ? <NoneFound /> : <NoneYet />}
      />
    </Page>
  );
}

const columns: readonly Column<CertificateSummary>[] = [
  { header: 'Serial number', cell: (certificate) => <SerialLink serialNumber={certificate.serialNumber} /> },
  { header: 'Holder', width: '34%', cell: (certificate) => <Holder certificate={certificate} /> },
  { header: 'Use', cell: (certificate) => uses[certificate.use] },
  { header: 'State', cell: (certificate) => <StateBadge state={certificateStates[certificate.state]} /> },
  { header: 'Valid until', cell: (certificate) => <When at={certificate.notAfter} /> },
  { header: 'Key', cell: (certificate) => certificate.keyAlgorithm },
];

function Holder({ certificate }: { certificate: CertificateSummary }) {
  const name = <Address of={certificate.address ?? certificate.subject} />;
  if (certificate.personId === null) return name;
  return (
    <TextLink to="/people/$id" params={{ id: certificate.personId }}>
      {name}
    </TextLink>
  );
}

function CertificateCard(certificate: CertificateSummary) {
  return (
    <Stack gap={6}>
      <Group justify="space-between" wrap="nowrap">
        <SerialLink serialNumber={certificate.serialNumber} />
        <StateBadge state={certificateStates[certificate.state]} />
      </Group>
      <Holder certificate={certificate} />
      <Text size="sm" c="dimmed">
        {uses[certificate.use]}, {certificate.keyAlgorithm}, until <When at={certificate.notAfter} />
      </Text>
    </Stack>
  );
}

function NoneYet() {
  return (
    <EmptyState title="No certificates yet" action={<LinkButton to="/people">Go to People</LinkButton>}>
      Certificates are issued to people: add somebody, and the first one follows within seconds.
    </EmptyState>
  );
}

function NoneFound() {
  return (
    <EmptyState
      title="No certificate matches"
      action={
        <TextLink to="/certificates" search={{}}>
          Clear the filters
        </TextLink>
      }
    >
      Search looks in serial numbers, subjects and addresses.
    </EmptyState>
  );
}
