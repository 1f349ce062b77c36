import type { DeviceEnrolment } from '@chancery/api';
import { Text } from '@mantine/core';
import { SerialLink } from '../certificates/CertificateTable.tsx';
import { Panel } from '../pieces/Page.tsx';
import { PlainTable } from '../pieces/PlainTable.tsx';
import { StateBadge } from '../pieces/StateBadge.tsx';
import { Requester } from './Requester.tsx';
import { enrolmentStates } from './words.ts';

/** What devices asked for and were given or refused, newest first. */
export function Answered({ items }: { items: readonly DeviceEnrolment[] }) {
  return (
    <Panel title="Answered">
      <PlainTable label="Answered requests" head={['Person', 'Key', 'By', 'Asked', 'Outcome']}>
        {items.map((one) => (
          <tr key={one.id}>
            <Requester of={one} />
            <td>
              <StateBadge state={enrolmentStates[one.state]} />{' '}
              {one.serialNumber !== null && <SerialLink serialNumber={one.serialNumber} />}
              {one.reason !== null && (
                <Text size="xs" c="dimmed" maw={320}>
                  {one.decidedBy === null ? one.reason : `${one.decidedBy}: ${one.reason}`}
                </Text>
              )}
            </td>
          </tr>
        ))}
      </PlainTable>
    </Panel>
  );
}
