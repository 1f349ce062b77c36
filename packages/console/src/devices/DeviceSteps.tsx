import { Button, Group, List, Stack, Text } from '@mantine/core';
import { save, toPem } from '../files.ts';
import { type DeviceKind, deviceKinds, hasKit } from './kinds.ts';
import { Screen } from './Screen.tsx';
import { deviceSteps, kitSteps } from './steps.ts';

interface DeviceStepsProps {
  kind: DeviceKind;
  /** Everything came in one file. */
  kit?: boolean;
  /** DER in base64: the authorities that a mail program must trust. */
  caCertificates: readonly string[];
  organisation: string;
}

/** What to do on that device, in order. */
export function DeviceSteps({ kind, kit = false, caCertificates, organisation }: DeviceStepsProps) {
  const steps = kit && hasKit(kind) ? kitSteps[kind] : deviceSteps[kind];
  return (
    <Stack gap="sm">
      {/* A profile brings them along, and so does a kit. */}
      {kind !== 'apple' && !kit && caCertificates.length > 0 && (
        <Group>
          <Button
            size="compact-sm"
            variant="default"
            onClick={() =>
              save(
                'authorities.pem',
                'application/x-pem-file',
                caCertificates.map((der) => toPem('CERTIFICATE', der)).join(''),
              )
            }
          >
            Download the authorities
          </Button>
          <Text size="sm" c="dimmed">
            Of {organisation}: needed once, if your program does not trust them yet.
          </Text>
        </Group>
      )}
      <List type="ordered" size="sm" spacing="md" aria-label={`Steps for ${deviceKinds[kind].name}`}>
        {steps.map(({ text, picture }) => (
          <List.Item key={text}>
            <div className="device-step">
              <span>{text}</span>
              {picture !== undefined && (
                <Screen
                  picture={picture}
                  alt={`Drawing: ${picture.title}, with “${picture.rows[picture.press]}” marked`}
                />
              )}
            </div>
          </List.Item>
        ))}
      </List>
    </Stack>
  );
}
