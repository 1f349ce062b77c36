import type { Challenge } from '@chancery/api';
import { Button, Group, Modal, Radio, Stack, Text } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import { useState } from 'react';
import { api } from '../api.ts';
import { CopyField } from '../pieces/CopyField.tsx';
import { Facts } from '../pieces/Facts.tsx';
import { PersonSelect } from '../pieces/PersonSelect.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { useAct } from '../pieces/useAct.ts';
import { When } from '../pieces/When.tsx';

/** A one-time challenge for a device of one person, shown once. */
export function NewChallenge() {
  const [opened, setOpened] = useState(false);
  const [personId, setPersonId] = useState('');
  const [use, setUse] = useState('signing');
  const make = useAct(
    () => api.makeChallenge({ params: { id: personId }, body: use === 'encryption' ? { profile: 'encryption' } : {} }),
    { stale: ['challenges'] },
  );
  const close = () => {
    setOpened(false);
    setPersonId('');
    make.reset();
  };
  return (
    <>
      <Button onClick={() => setOpened(true)} leftSection={<IconPlus size={16} aria-hidden />}>
        New challenge
      </Button>
      <Modal opened={opened} onClose={close} title="A challenge for a device" size="lg">
        {make.data !== undefined ? (
          <Shown challenge={make.data} onClose={close} />
        ) : (
          <Stack>
            <Text size="sm">
              With it a device of that person is given one certificate, and nobody else is given anything.
            </Text>
            <PersonSelect label="Whose device" required value={personId} onChange={setPersonId} />
            <Radio.Group label="What for" value={use} onChange={setUse}>
              <Stack gap="xs" mt="xs">
                <Radio value="signing" label="A signing certificate, for a key that the device makes" />
                <Radio value="encryption" label="An encryption key from the office, delivered by EST" />
              </Stack>
            </Radio.Group>
            <ProblemAlert error={make.error} />
            <Group justify="flex-end">
              <Button variant="default" onClick={close}>
                Cancel
              </Button>
              <Button disabled={personId === ''} loading={make.isPending} onClick={() => make.mutate(undefined)}>
                Make the challenge
              </Button>
            </Group>
          </Stack>
        )}
      </Modal>
    </>
  );
}

function Shown({ challenge, onClose }: { challenge: Challenge; onClose: () => void }) {
  const { scepUrl, estUrl } = challenge;
  return (
    <Stack>
      <Text size="sm">
        Type it into the device, or hand it to its owner. It is shown here and never again: the office keeps no more
        than its hash.
      </Text>
      <div className="panel">
        <CopyField label="challenge" value={challenge.challenge} />
      </div>
      <Facts
        items={[
          ['Good once, until', <When key="w" at={challenge.expiresAt} style="time" />],
          ['Profile', challenge.profile],
          ...(scepUrl === null
            ? []
            : ([
                ['SCEP, as the challenge password', <CopyField key="s" label="SCEP address" value={scepUrl} />],
              ] as const)),
          ...(estUrl === null
            ? []
            : ([['EST, as the password', <CopyField key="e" label="EST address" value={estUrl} />]] as const)),
        ]}
      />
      {scepUrl === null && estUrl === null && (
        <Text size="sm">
          No endpoint answers a device that shows it. Set up EST, <code>[enrolment.est]</code>, in the configuration
          first.
        </Text>
      )}
      <Group justify="flex-end">
        <Button onClick={onClose}>Done</Button>
      </Group>
    </Stack>
  );
}
