import { Anchor, Group, Stack, Text } from '@mantine/core';
import { QrCode } from '../credential/QrCode.tsx';
import { CopyField } from '../pieces/CopyField.tsx';
import { When } from '../pieces/When.tsx';

interface WaitingProfileProps {
  profile: { url: string; fileName: string; expiresAt: string };
  password: string;
}

/** A profile that waits for its device: the code to scan, and the password that the device asks for. */
export function WaitingProfile({ profile, password }: WaitingProfileProps) {
  return (
    <Group align="flex-start" gap="lg" role="status">
      <QrCode text={profile.url} label="Code for the camera: the address of your profile" />
      <Stack gap="xs" style={{ flex: '1 1 240px', minWidth: 0 }}>
        <Text size="sm" fw={600}>
          Your profile waits for the device.
        </Text>
        <Text size="sm">
          Scan the code with its camera. Sitting at it already?{' '}
          <Anchor href={profile.url} inherit className="quiet-link">
            Open the profile here
          </Anchor>
          . It waits until <When at={profile.expiresAt} style="time" />.
        </Text>
        <Text size="sm">The device asks for this password, once for each key:</Text>
        <CopyField label="password for the device" value={password} />
        <Text size="sm" c="dimmed">
          It stands nowhere else: not in the profile, and not in the office.
        </Text>
      </Stack>
    </Group>
  );
}
