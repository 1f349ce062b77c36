import type { Myself } from '@chancery/api';
import { Button, Group, Stack, Text } from '@mantine/core';
import { useState } from 'react';
import { api } from '../api.ts';
import { plural } from '../format.ts';
import { Panel } from '../pieces/Page.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { useAct } from '../pieces/useAct.ts';
import { openWithPasskey } from './open-with-passkey.ts';

/** Phones that the organisation manages with Intune: the owner's passkey opens the keys, and only Intune's connector opens what is made of them. */
export function ManagedPhones({ myself, onSaid }: { myself: Myself; onSaid: (what: string) => void }) {
  const [passkey] = myself.passkeys.filter(({ opensKeys }) => opensKeys);
  const [done, setDone] = useState(false);
  const send = useAct(
    async () => api.sealMyPhoneKeys({ body: await openWithPasskey(myself.id, passkey?.credentialId ?? '') }),
    {
      stale: ['myself'],
      onDone: ({ sealed }) => {
        setDone(true);
        onSaid(
          sealed === 0
            ? 'Your phones have all your keys, or will.'
            : `${plural(sealed, 'key is', 'keys are')} on the way to your phones.`,
        );
      },
    },
  );
  const { phone } = myself;
  if (phone === null || !phone.allowed) return null;
  return (
    <Panel title="Your managed phones">
      <Stack gap="sm">
        <Text size="sm">
          Your organisation manages phones with Intune, which brings your encryption keys to yours by itself:{' '}
          {plural(phone.taken, 'key is', 'keys are')} there
          {phone.waiting > 0 && `, ${plural(phone.waiting, 'key is', 'keys are')} on the way`}
          {phone.refused > 0 && `, ${plural(phone.refused, 'key was', 'keys were')} refused`}.
        </Text>
        {phone.error !== null && (
          <Text size="sm" c="dimmed">
            The last try: {phone.error}
          </Text>
        )}
        {!done && passkey !== undefined && (
          <>
            <ProblemAlert error={send.error} />
            <Group>
              <Button variant="default" loading={send.isPending} onClick={() => send.mutate(undefined)}>
                Open my keys with the passkey, and send them all
              </Button>
            </Group>
          </>
        )}
      </Stack>
    </Panel>
  );
}
