import type { CertificateSummary } from '@chancery/api';
import { Text } from '@mantine/core';
import { shortHex } from '../format.ts';
import { TextLink } from '../pieces/Links.tsx';
import { PlainTable } from '../pieces/PlainTable.tsx';
import { StateBadge } from '../pieces/StateBadge.tsx';
import { When } from '../pieces/When.tsx';
import { certificateStates, keyOrigins, uses } from '../words.ts';

/** The few certificates of one person. */
export function CertificateTable({ certificates }: { certificates: readonly CertificateSummary[] }) {
  if (certificates.length === 0) {
    return (
      <Text c="dimmed" size="sm">
        None yet. The encryption certificate comes by itself; the signing certificate when the person opens the claim
        link.
      </Text>
    );
  }
  return (
    <PlainTable label="Certificates" head={['Use', 'State', 'Serial number', 'Valid until', 'Key']}>
      {certificates.map((certificate) => (
        <tr key={certificate.serialNumber}>
          <td>{uses[certificate.use]}</td>
          <td>
            <StateBadge state={certificateStates[certificate.state]} />
          </td>
          <td>
            <SerialLink serialNumber={certificate.serialNumber} />
          </td>
          <td>
            <When at={certificate.notAfter} />
          </td>
          <td>
            {certificate.keyAlgorithm}, {keyOrigins[certificate.keyOrigin].toLowerCase()}
          </td>
        </tr>
      ))}
    </PlainTable>
  );
}

export function SerialLink({ serialNumber }: { serialNumber: string }) {
  return (
    <TextLink
      to="/certificates/$serialNumber"
      params={{ serialNumber }}
      size="sm"
      className="mono"
      title={serialNumber}
    >
      {shortHex(serialNumber)}
    </TextLink>
  );
}
