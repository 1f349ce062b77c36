import { Button, Group, Text } from '@mantine/core';
import { IconFingerprint } from '@tabler/icons-react';
import { useState } from 'react';
import { api } from '../api.ts';
import { passkeyObstacle } from '../credential/passkey.ts';
import { MakePasskey } from '../me/MakePasskey.tsx';
import { StateBadge } from '../pieces/StateBadge.tsx';

/** A passkey for the person's own page, to which the keys of this link are locked: for the next device, without asking anybody. */
export function OwnPage({ secret, ready }: { secret: string; ready: boolean }) {
  const [open, setOpen] = useState(false);
  const [done, setDone] = useState<'keys' | 'sign-in' | null>(null);
  const obstacle = passkeyObstacle();
  if (done !== null) {
    return (
      <Group role="status">
        <StateBadge state={['Made', 'ok']} />
        <Text size="sm">
          {done === 'keys'
            ? 'With this passkey you sign in to your own page, and set up another device there.'
            : 'With this passkey you sign in to your own page. It cannot open your keys.'}{' '}
          <a href="/me" target="_blank" rel="noreferrer" className="quiet-link">
            Your page
          </a>
        </Text>
      </Group>
    );
  }
  return (
    <>
      <Text size="sm">
        With a passkey, the lock of this device or a security key, you bring your keys to your next phone or computer
        yourself. You also see there what is done with them. You can leave this out.
      </Text>
      {obstacle !== null ? (
        <Text size="sm" c="dimmed">
          {obstacle}
        </Text>
      ) : open ? (
        <MakePasskey
          forKeys
          begin={() => api.claimPasskeyOptions({ body: { secret } })}
          enrol={(made) => api.claimPasskey({ body: { ...made, secret } })}
          lock={(credentialId) => api.claimOwnerLocks({ body: { secret, credentialId } })}
          onDone={(opensKeys) => setDone(opensKeys ? 'keys' : 'sign-in')}
        />
      ) : (
        <Group>
          <Button
            variant="default"
            disabled={!ready}
            onClick={() => setOpen(true)}
            leftSection={<IconFingerprint size={18} aria-hidden />}
          >
            Make a passkey for my own page
          </Button>
        </Group>
      )}
    </>
  );
}
