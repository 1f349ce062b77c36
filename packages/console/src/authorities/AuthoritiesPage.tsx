import { Button, Group, Skeleton } from '@mantine/core';
import { IconDownload } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { api, useMay } from '../api.ts';
import { ChangeStatus } from '../certificates/ChangeStatus.tsx';
import { save, toPem } from '../files.ts';
import { formatCount } from '../format.ts';
import { CopyField } from '../pieces/CopyField.tsx';
import { Facts } from '../pieces/Facts.tsx';
import { Page, Panel } from '../pieces/Page.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { When } from '../pieces/When.tsx';
import { StatusHealth } from './StatusHealth.tsx';

/** The certification authorities that sign. */
export function AuthoritiesPage() {
  const mayWrite = useMay('authority:write');
  const authorities = useQuery({ queryKey: ['authorities'], queryFn: () => api.authorities() });
  return (
    <Page title="Authorities" lead="Correspondents trust your certificates once they trust the root: give it to them.">
      <ProblemAlert error={authorities.error} />
      {authorities.isPending && <Skeleton height={240} />}
      {authorities.data?.items.map((authority) => (
        <Panel
          key={authority.id}
          title={authority.role === 'root' ? 'Root authority' : 'Issuing authority'}
          actions={
            <Group gap="xs">
              {mayWrite && <ChangeAuthority authority={authority} />}
              <Button
                size="xs"
                variant="default"
                leftSection={<IconDownload size={16} aria-hidden />}
                aria-label={`Certificate, PEM: ${authority.name}`}
                onClick={() =>
                  save(
                    `${authority.role}-authority.pem`,
                    'application/x-pem-file',
                    toPem('CERTIFICATE', authority.certificate),
                  )
                }
              >
                Certificate, PEM
              </Button>
            </Group>
          }
        >
          <Facts
            items={[
              ['Name', authority.name],
              ['Key', authority.keyAlgorithm],
              ['Valid until', <When key="until" at={authority.notAfter} />],
              ['Certificate', <CopyField key="ca" label="certificate address" value={authority.certificateUrl} />],
              ['Revocation list', <CopyField key="crl" label="revocation list address" value={authority.crlUrl} />],
              [
                'Current list',
                authority.crl === null ? (
                  'None yet'
                ) : (
                  <>
                    Number {authority.crl.number}, {formatCount(authority.crl.entries)} revoked, next{' '}
                    <When at={authority.crl.nextUpdate} style="relative" />
                  </>
                ),
              ],
            ]}
          />
        </Panel>
      ))}
      <StatusHealth />
    </Page>
  );
}

/** All that it signed; and, where somebody stands above it, its own certificate. */
function ChangeAuthority({ authority: { id, name, role } }: { authority: { id: string; name: string; role: string } }) {
  if (role === 'root') return null;
  return (
    <>
      <ChangeStatus
        label="Revoke or hold all it signed"
        explanation={`For every certificate that ${name} signed and that has not ended, OCSP responders among them.`}
        submit={(body) => api.changeAuthorityCertificates({ params: { id }, body })}
      />
      <ChangeStatus
        label="Revoke or hold it"
        explanation={`The root says it on its list: while it is held or revoked, ${name} signs no certificate, and nothing that it signed is believed.`}
        submit={(body) => api.changeAuthority({ params: { id }, body })}
      />
    </>
  );
}
