import type { EnrolledDevice } from '@chancery/api';
import { Group, Stack, Text } from '@mantine/core';
import type { ReactNode } from 'react';
import { plural } from '../format.ts';
import { StateBadge } from '../pieces/StateBadge.tsx';
import { When } from '../pieces/When.tsx';
import { certificateStates, uses } from '../words.ts';
import { nameOfDevice, proofs, protocols } from './words.ts';

interface DeviceListProps {
  readonly devices: readonly EnrolledDevice[];
  /** Of a certificate: a link to it, where its reader may follow one. */
  readonly serial?: (serialNumber: string) => ReactNode;
  /** What can be done with a device. */
  readonly act: (device: EnrolledDevice) => ReactNode;
}

/** Devices that made their own keys: how each enrolled, and what its keys are certified by. */
export function DeviceList({ devices, serial, act }: DeviceListProps) {
  return (
    <ul className="device-list" aria-label="Enrolled devices">
      {devices.map((device) => (
        <li key={device.id}>
          <Group justify="space-between" align="flex-start" gap="sm">
            <Stack gap={2} style={{ minWidth: 0, flex: '1 1 260px' }}>
              <Group gap="xs">
                <Text size="sm" fw={550} style={{ overflowWrap: 'anywhere' }}>
                  {nameOfDevice(device)}
                </Text>
                {device.lostAt !== null && <StateBadge state={['Lost', 'bad']} />}
              </Group>
              <Text size="xs" c="dimmed">
                <How device={device} />
              </Text>
              {shownOf(device).map((one) => (
                <Group key={one.serialNumber} gap="xs">
                  <StateBadge state={certificateStates[one.state]} of={uses[one.use]} />
                  <Text size="sm" span>
                    until <When at={one.notAfter} />
                  </Text>
                  {serial?.(one.serialNumber)}
                </Group>
              ))}
            </Stack>
            {act(device)}
          </Group>
        </li>
      ))}
    </ul>
  );
}

function How({ device }: { device: EnrolledDevice }) {
  const { challenge, renewedAt, renewals } = device;
  return (
    <>
      {protocols[device.protocol]}
      {device.label !== 'default' && ` at ${device.label}`}, <When at={device.enrolledAt} />, {proofs[device.proof]}
      {challenge !== null && `, made by ${challenge.madeByName}`}
      {renewedAt !== null && (
        <>
          ; renewed {plural(renewals, 'time', 'times')}, last <When at={renewedAt} />
        </>
      )}
      {device.lostAt !== null && (
        <>
          ; reported lost <When at={device.lostAt} style="time" />
        </>
      )}
    </>
  );
}

/** What is in force; where nothing is, what was last. */
function shownOf({ certificates }: EnrolledDevice): EnrolledDevice['certificates'] {
  const good = certificates.filter(({ state }) => state !== 'revoked' && state !== 'expired');
  return good.length > 0 ? good : certificates.slice(0, 1);
}
