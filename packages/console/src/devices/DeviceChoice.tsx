import { Group, Radio, Select, SimpleGrid, Stack, Text } from '@mantine/core';
import {
  IconBrandAndroid,
  IconBrandApple,
  IconBrandWindows,
  IconDeviceLaptop,
  IconMail,
  type IconProps,
} from '@tabler/icons-react';
import type { ComponentType } from 'react';
import { type DeviceKind, deviceKinds, systemsOf } from './kinds.ts';

const icons: Record<DeviceKind, ComponentType<IconProps>> = {
  apple: IconBrandApple,
  outlook: IconBrandWindows,
  thunderbird: IconMail,
  android: IconBrandAndroid,
  other: IconDeviceLaptop,
};

interface DeviceChoiceProps {
  label: string;
  kind: DeviceKind;
  /** Id of the system. */
  system: string;
  onChange: (kind: DeviceKind, system: string) => void;
}

/** Which device, and where it matters for the file, how old it is. */
export function DeviceChoice({ label, kind, system, onChange }: DeviceChoiceProps) {
  const systems = systemsOf(kind);
  const chosen = systems.find(({ id }) => id === system) ?? systems[0];
  return (
    <Stack gap="sm">
      <Radio.Group
        label={label}
        value={kind}
        onChange={(value) => onChange(value as DeviceKind, systemsOf(value as DeviceKind)[0].id)}
      >
        <SimpleGrid cols={{ base: 1, xs: 2 }} spacing="xs" mt={6}>
          {(Object.keys(deviceKinds) as DeviceKind[]).map((one) => {
            const Icon = icons[one];
            return (
              <Radio.Card key={one} value={one} className="device-card">
                <Group gap="sm" wrap="nowrap">
                  <Icon size={26} stroke={1.5} aria-hidden />
                  <div>
                    <Text size="sm" fw={600}>
                      {deviceKinds[one].name}
                    </Text>
                    <Text size="xs" c="dimmed">
                      {deviceKinds[one].what}
                    </Text>
                  </div>
                </Group>
              </Radio.Card>
            );
          })}
        </SimpleGrid>
      </Radio.Group>
      {systems.length > 1 && (
        <Select
          label="Which one?"
          description={chosen.why}
          allowDeselect={false}
          maw={460}
          value={chosen.id}
          onChange={(value) => onChange(kind, value ?? chosen.id)}
          data={systems.map(({ id, name }) => ({ value: id, label: name }))}
        />
      )}
    </Stack>
  );
}
