import type { ImportedCertificate } from '@chancery/api';
import { PlainTable } from '../pieces/PlainTable.tsx';
import { StateBadge } from '../pieces/StateBadge.tsx';
import { When } from '../pieces/When.tsx';
import { certificateStates } from '../words.ts';
import { RevokeImported } from './RevokeImported.tsx';
import { commonName, importedUse } from './words.ts';

/** The certificates of one person that another office issued. */
export function ImportedTable({
  certificates,
  mayRevoke,
}: {
  certificates: readonly ImportedCertificate[];
  mayRevoke: boolean;
}) {
  return (
    <PlainTable
      label="Certificates of other offices"
      head={['Use', 'State', 'Issued by', 'Valid', 'Its key', '[What may be done]']}
    >
      {certificates.map((one) => (
        <tr key={one.id}>
          <td>{importedUse(one)}</td>
          <td>
            <StateBadge state={certificateStates[one.state]} />
          </td>
          <td title={one.issuer}>{commonName(one.issuer)}</td>
          <td>
            <When at={one.notBefore} /> to <When at={one.notAfter} />
          </td>
          <td>{one.escrowedKeyId === null ? 'Not here' : 'In escrow'}</td>
          <td>
            {mayRevoke && one.authorityId !== null && (one.state === 'valid' || one.state === 'held') && (
              <RevokeImported certificate={one} />
            )}
          </td>
        </tr>
      ))}
    </PlainTable>
  );
}
