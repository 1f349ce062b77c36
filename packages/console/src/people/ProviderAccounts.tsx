import type { PersonDetail } from '@chancery/api';
import { Button, Group, Modal, Stack, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { api, useMay } from '../api.ts';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { useAct } from '../pieces/useAct.ts';
import { When } from '../pieces/When.tsx';

/** Let go of for somebody whose account at the identity provider was made anew. */
export function ProviderAccounts({ person: { id, name, providerAccounts } }: { person: PersonDetail }) {
  const mayWrite = useMay('person:write');
  const [sure, { open, close }] = useDisclosure(false);
  const forget = useAct(() => api.forgetProviderAccount({ params: { id } }), {
    stale: ['people'],
    said: () => `The next account with an address of ${name} signs in as them.`,
    onDone: close,
  });
  if (providerAccounts.length === 0) return 'None';
  return (
    <Group gap="sm">
      <span>
        {providerAccounts.map(({ issuer, lastSignInAt }) => (
          <span key={issuer} style={{ display: 'block', overflowWrap: 'anywhere' }}>
            {issuer}, last <When at={lastSignInAt} style="relative" />
          </span>
        ))}
      </span>
      {mayWrite && (
        <Button size="compact-xs" variant="default" onClick={open}>
          Let go
        </Button>
      )}
      <Modal opened={sure} onClose={close} title={`Let go of the account of ${name}`}>
        <Stack>
          <Text size="sm">
            For somebody whose account at the identity provider was made anew. They are signed out of their own page,
            and the next account there with one of their addresses signs in as them.
          </Text>
          <ProblemAlert error={forget.error} />
          <Group justify="flex-end">
            <Button variant="default" onClick={close} data-autofocus>
              Cancel
            </Button>
            <Button color="wax.7" loading={forget.isPending} onClick={() => forget.mutate(undefined)}>
              Let go of the account
            </Button>
          </Group>
        </Stack>
      </Modal>
    </Group>
  );
}
