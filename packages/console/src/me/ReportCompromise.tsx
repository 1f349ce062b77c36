import type { Myself } from '@chancery/api';
import { Button, Group, Modal, Stack, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { api } from '../api.ts';
import { type GivenUp, GiveUpKey } from '../people/GiveUpKey.tsx';
import { Panel } from '../pieces/Page.tsx';

/** Somebody else may have one of my keys. */
export function ReportCompromise({ myself }: { myself: Myself }) {
  const [opened, { open, close }] = useDisclosure(false);
  const keys = keysOf(myself);
  if (keys.length === 0) return null;
  return (
    <Panel title="Stolen, or copied?">
      <Stack gap="sm">
        <Text size="sm">
          If somebody else may have one of your keys, say so at once: it is revoked everywhere, and another takes its
          place.
        </Text>
        <Group>
          <Button variant="default" onClick={open}>
            A key of mine is compromised
          </Button>
        </Group>
      </Stack>
      <Modal opened={opened} onClose={close} title="A key of yours is compromised" size="lg">
        <GiveUpKey keys={keys} own submit={(body) => api.reportMyCompromise({ body })} onClose={close} />
      </Modal>
    </Panel>
  );
}

/** One for each key that is in force; its newest certificate stands for it. */
function keysOf({ signing, keys }: Myself): GivenUp[] {
  const good = (state: string) => state === 'valid' || state === 'expiring' || state === 'held';
  const encryption = keys.flatMap(({ certificates }) => certificates.find(({ state }) => good(state)) ?? []);
  return [
    ...signing.filter(({ state }) => good(state)).map((one) => ({ ...one, use: 'signing' as const })),
    ...encryption.map((one) => ({ ...one, use: 'encryption' as const })),
  ];
}
