import type { Myself } from '@chancery/api';
import { Stack, Text } from '@mantine/core';
import { api } from '../api.ts';
import { DeviceList } from '../enrolment/DeviceList.tsx';
import { LoseDevice } from '../enrolment/LoseDevice.tsx';
import { Panel } from '../pieces/Page.tsx';

/** Devices of one's own that made their own keys, and what to do when one is lost. */
export function MyDevices({ myself: { enrolledDevices } }: { myself: Myself }) {
  if (enrolledDevices.length === 0) return null;
  return (
    <Panel title="Your devices">
      <Stack gap="md">
        <Text size="sm">
          Each made a key of its own, which is nowhere else. If one is lost or stolen, say so here: whoever has it signs
          nothing in your name.
        </Text>
        <DeviceList
          devices={enrolledDevices}
          act={(device) => (
            <LoseDevice
              device={device}
              own
              submit={(note) => api.loseMyDevice({ params: { id: device.id }, body: { note } })}
            />
          )}
        />
      </Stack>
    </Panel>
  );
}
