import type { EnrolledDevice, LostDevice } from '@chancery/api';
import { Alert, Button, Group, List, Modal, Stack, Text, Textarea } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { useState } from 'react';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { useAct } from '../pieces/useAct.ts';
import { replacements, uses } from '../words.ts';
import { nameOfDevice } from './words.ts';

interface LoseDeviceProps {
  readonly device: EnrolledDevice;
  /** Of the one whose device it is. */
  readonly own: boolean;
  readonly submit: (note: string) => Promise<LostDevice>;
}

/** A device is lost or stolen: whatever keys it held are revoked and replaced at once. */
export function LoseDevice({ device, own, submit }: LoseDeviceProps) {
  const [opened, { open, close }] = useDisclosure(false);
  const [note, setNote] = useState('');
  const report = useAct(submit, {
    stale: ['people', 'certificates', 'enrolments', 'overview', 'status', 'myself'],
  });
  const name = nameOfDevice(device);
  const inForce = device.certificates.filter(({ state }) => state !== 'revoked' && state !== 'expired');
  if (device.lostAt !== null && inForce.length === 0 && report.data === undefined) return null;
  const done = () => {
    close();
    report.reset();
  };
  return (
    <>
      <Button size="compact-xs" variant="default" onClick={open} aria-label={`Lost or stolen: ${name}`}>
        Lost or stolen
      </Button>
      <Modal opened={opened} onClose={done} title={`Lost or stolen: ${name}`} size="lg">
        {report.data !== undefined ? (
          <Stack>
            <Alert role="status" color="moss" variant="outline" title="Whoever has the device signs nothing with it">
              <Outcomes keys={report.data.keys} />
            </Alert>
            <Group justify="flex-end">
              <Button onClick={done}>Done</Button>
            </Group>
          </Stack>
        ) : (
          <Stack>
            <Text size="sm">
              Every key that it held is revoked as compromised, everywhere and for good, and another takes its place. It
              renews nothing any more.
            </Text>
            {inForce.some(({ use }) => use === 'encryption') && (
              <Alert color="wax" variant="outline">
                It held a key that opens mail: what was encrypted to {own ? 'you' : 'them'} before can be read with it.
                A new key does not change that.
              </Alert>
            )}
            <Textarea
              label="What happened"
              description="Stands in the audit trail. No passwords, please"
              autosize
              minRows={2}
              maxLength={1000}
              value={note}
              onChange={(event) => setNote(event.currentTarget.value)}
            />
            <ProblemAlert error={report.error} />
            <Group justify="flex-end">
              <Button variant="default" onClick={close} data-autofocus>
                Cancel
              </Button>
              <Button color="wax.7" loading={report.isPending} onClick={() => report.mutate(note)}>
                Revoke what it held
              </Button>
            </Group>
          </Stack>
        )}
      </Modal>
    </>
  );
}

function Outcomes({ keys }: { keys: LostDevice['keys'] }) {
  if (keys.length === 0) return <Text size="sm">None of its keys was in force any more.</Text>;
  return (
    <List size="sm">
      {keys.map(({ use, revoked, replacement }) => (
        <List.Item key={revoked.join()}>
          {uses[use]}: revoked. {replacements[replacement]}
        </List.Item>
      ))}
    </List>
  );
}
