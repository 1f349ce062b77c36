import type { Vault } from '@chancery/api';
import { Button, Group, Modal, Stack, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { api, useMay } from '../api.ts';
import { Panel } from '../pieces/Page.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { StateBadge } from '../pieces/StateBadge.tsx';
import { useAct } from '../pieces/useAct.ts';

/** The half of every lock that no officer has: under a key-encryption key in the key store, which rotates. */
export function KeyStoreHalf({ vault }: { vault: Vault }) {
  const mayRotate = useMay('vault:write');
  const [asking, dialog] = useDisclosure(false);
  const { store, rotates } = vault.kek;
  const rotate = useAct(() => api.rotateKek(), {
    stale: ['vault'],
    said: () => 'The key rotates in the background.',
    onDone: dialog.close,
  });
  return (
    <Panel
      title="The key store’s half"
      actions={
        mayRotate &&
        !rotates && (
          <Button variant="default" size="compact-sm" onClick={dialog.open}>
            Rotate
          </Button>
        )
      }
    >
      <Stack gap="xs">
        <Text size="sm">
          What a quorum opens is half of what a key is locked with. The other half is under a key-encryption key in{' '}
          {store === 'pkcs11' ? 'the token' : 'the software key store'}.
        </Text>
        {rotates && (
          <StateBadge state={['Rotates: the key before is destroyed when nothing is under it any more', 'wait']} />
        )}
      </Stack>
      <Modal opened={asking} onClose={dialog.close} title="Rotate the key-encryption key">
        <Stack>
          <Text size="sm">
            A new key is made in the key store, everything under the old one is sealed anew in the background, and the
            old one is destroyed. No officer is needed, keys can be recovered all the while, and no key of a person is
            touched. Backups from before need the old key: make a new backup, and a new export, when it is done.
          </Text>
          <ProblemAlert error={rotate.error} />
          <Group justify="flex-end">
            <Button variant="default" onClick={dialog.close}>
              Cancel
            </Button>
            <Button loading={rotate.isPending} onClick={() => rotate.mutate(undefined)}>
              Rotate the key
            </Button>
          </Group>
        </Stack>
      </Modal>
    </Panel>
  );
}
