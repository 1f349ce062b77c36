import type { Myself } from '@chancery/api';
import { Alert, Button, Group, Select, Stack, Text, TextInput } from '@mantine/core';
import { IconDeviceLaptop, IconDownload } from '@tabler/icons-react';
import { useState } from 'react';
import { api } from '../api.ts';
import { makePassword } from '../claim/password.ts';
import { assembleKit } from '../devices/assemble-kit.ts';
import { DeviceChoice } from '../devices/DeviceChoice.tsx';
import { DeviceSteps } from '../devices/DeviceSteps.tsx';
import { formatFor, guessedDevice, hasKit } from '../devices/kinds.ts';
import { WaitingProfile } from '../devices/WaitingProfile.tsx';
import { fromBase64, save } from '../files.ts';
import { plural } from '../format.ts';
import { CopyField } from '../pieces/CopyField.tsx';
import { Panel } from '../pieces/Page.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { useAct } from '../pieces/useAct.ts';
import { openWithPasskey } from './open-with-passkey.ts';

/** All the person's keys in one file, for a device that has none of them. */
export function NewDevice({ myself }: { myself: Myself }) {
  const opening = myself.passkeys.filter(({ opensKeys }) => opensKeys);
  const [open, setOpen] = useState(false);
  const reachable = myself.keys.filter(({ openedBy }) => openedBy.length > 0);
  const beyond = myself.keys.length - reachable.length;
  return (
    <Panel title="Set up another device">
      <Stack gap="sm">
        <Text size="sm">
          A new phone or computer opens your mail once it has your encryption keys: the one of today, and those of mail
          from before.
        </Text>
        {reachable.length === 0 ? (
          <Text size="sm" c="dimmed">
            {opening.length === 0
              ? 'For that you need a passkey that opens your keys. You make one with your next claim link; or ask for help below.'
              : 'No key is locked to your passkeys yet. Ask for help below.'}
          </Text>
        ) : open ? (
          <Fetch myself={myself} passkeys={opening} />
        ) : (
          <Group>
            <Button onClick={() => setOpen(true)} leftSection={<IconDeviceLaptop size={18} aria-hidden />}>
              Set up another device
            </Button>
          </Group>
        )}
        {reachable.length > 0 && beyond > 0 && (
          <Text size="sm" c="dimmed">
            {plural(beyond, 'older key is', 'older keys are')} not locked to your passkeys: recovery officers open
            {beyond === 1 ? ' it' : ' them'} together. Ask for help below if mail from before does not open.
          </Text>
        )}
      </Stack>
    </Panel>
  );
}

interface KeyFile {
  name: string;
  octets: Uint8Array<ArrayBuffer>;
  keys: number;
  kit: boolean;
}

function Fetch({ myself, passkeys }: { myself: Myself; passkeys: Myself['passkeys'] }) {
  const [password] = useState(() => makePassword());
  const [name, setName] = useState('');
  const [device, setDevice] = useState(() => guessedDevice(navigator.userAgent));
  const [credentialId, setCredentialId] = useState(passkeys[0]?.credentialId ?? '');
  const opened = async () => ({ ...(await openWithPasskey(myself.id, credentialId)), password, device: name });
  const fetchKeys = useAct(
    async (asKit: boolean): Promise<KeyFile> => {
      const body = await opened();
      const file = await api.deliverKeyset({ body: { ...body, profile: formatFor(device) } });
      const octets = fromBase64(file.data);
      const { kind } = device;
      if (!asKit || !hasKit(kind)) {
        save(file.fileName, 'application/x-pkcs12', octets);
        return { name: file.fileName, octets, keys: body.keys.length, kit: false };
      }
      const kit = await api.myKit({ query: { kind } });
      const all = assembleKit(kit, { encryption: octets, signing: null }, new Date());
      save(kit.fileName, 'application/zip', all);
      return { name: kit.fileName, octets: all, keys: body.keys.length, kit: true };
    },
    { stale: ['myself'] },
  );
  const makeProfile = useAct(async () => api.myAppleProfile({ body: await opened() }), { stale: ['myself'] });
  const steps = (
    <DeviceSteps
      kind={device.kind}
      kit={fetchKeys.data?.kit ?? false}
      caCertificates={myself.caCertificates}
      organisation={myself.organisation}
    />
  );
  if (makeProfile.data !== undefined) {
    return (
      <Stack gap="md">
        <WaitingProfile profile={makeProfile.data} password={password} />
        {steps}
      </Stack>
    );
  }
  const file = fetchKeys.data;
  if (file !== undefined) {
    return (
      <Stack gap="sm">
        <Alert
          role="status"
          color="moss"
          variant="outline"
          title={`${file.keys === 1 ? 'Your key is' : `All ${file.keys} of your keys are`} in the file ${file.name}`}
        >
          Its password, which only this page knows. Note it now:
          <div style={{ marginTop: 8 }}>
            <CopyField label="password" value={password} />
          </div>
        </Alert>
        <Group>
          <Button
            variant="default"
            size="compact-md"
            leftSection={<IconDownload size={16} aria-hidden />}
            onClick={() => save(file.name, file.kit ? 'application/zip' : 'application/x-pkcs12', file.octets)}
          >
            Save again
          </Button>
        </Group>
        <Text size="sm">Take both to the new device. Your signing key is not in the file: it stays where it is.</Text>
        {steps}
      </Stack>
    );
  }
  const kit = hasKit(device.kind);
  return (
    <Stack gap="md">
      <DeviceChoice label="What is it?" {...device} onChange={(kind, system) => setDevice({ kind, system })} />
      <TextInput
        label="What do you call the new device?"
        placeholder="My new phone"
        maxLength={60}
        maw={460}
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      {passkeys.length > 1 && (
        <Select
          label="Passkey"
          allowDeselect={false}
          maw={460}
          value={credentialId}
          onChange={(value) => setCredentialId(value ?? '')}
          data={passkeys.map((one) => ({ value: one.credentialId, label: one.name }))}
        />
      )}
      <ProblemAlert error={makeProfile.error ?? fetchKeys.error} />
      {device.kind === 'apple' ? (
        <Group>
          <Button loading={makeProfile.isPending} onClick={() => makeProfile.mutate(undefined)}>
            Open my keys with the passkey, and make the profile
          </Button>
        </Group>
      ) : (
        <Group>
          {kit && (
            <Button loading={fetchKeys.isPending} onClick={() => fetchKeys.mutate(true)}>
              Open my keys with the passkey, and make the kit
            </Button>
          )}
          <Button
            variant={kit ? 'default' : 'filled'}
            loading={!kit && fetchKeys.isPending}
            disabled={fetchKeys.isPending}
            onClick={() => fetchKeys.mutate(false)}
          >
            {kit ? 'Only save the file of keys' : 'Open my keys with the passkey, and save them'}
          </Button>
        </Group>
      )}
    </Stack>
  );
}
