import { Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { api } from '../api.ts';
import { save, toPem } from '../files.ts';
import { Panel } from '../pieces/Page.tsx';
import { PlainTable } from '../pieces/PlainTable.tsx';
import { StateBadge } from '../pieces/StateBadge.tsx';
import { When } from '../pieces/When.tsx';
import { commonName } from '../words.ts';
import { Span } from './Span.tsx';

/** Cross-certificates for the key of an authority, and those that it gave to others. Nothing where there are none. */
export function Crosses({ id }: { id: string }) {
  const crosses = useQuery({ queryKey: ['authorities', 'crosses'], queryFn: () => api.crossCertificates() });
  const rows = crosses.data?.items.filter(({ subjectId, issuerId }) => subjectId === id || issuerId === id) ?? [];
  if (rows.length === 0) return null;
  return (
    <Panel title="Cross-certificates">
      <PlainTable label="Cross-certificates" head={['For', 'By', 'Until', 'State', '[Download]']}>
        {rows.map((row) => (
          <tr key={row.id}>
            <td className="named">{commonName(row.subject)}</td>
            <td className="named">{commonName(row.issuer)}</td>
            <td>
              <When at={row.notAfter} />
              <Span what="Its validity" from={row.notBefore} until={row.notAfter} />
            </td>
            <td>
              <StateBadge
                state={
                  row.revokedAt !== null
                    ? ['Revoked', 'bad']
                    : Date.parse(row.notAfter) <= Date.now()
                      ? ['Ended', 'quiet']
                      : ['In force', 'ok']
                }
              />
            </td>
            <td>
              <Button
                size="compact-xs"
                variant="default"
                aria-label={`PEM, ${commonName(row.subject)} by ${commonName(row.issuer)}`}
                onClick={() =>
                  save('cross-certificate.pem', 'application/x-pem-file', toPem('CERTIFICATE', row.certificate))
                }
              >
                PEM
              </Button>
            </td>
          </tr>
        ))}
      </PlainTable>
    </Panel>
  );
}
