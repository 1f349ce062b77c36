import type { Myself } from '@chancery/api';
import { Button, Checkbox, Group, Progress, Stack, Text } from '@mantine/core';
import { IconBrandGmail } from '@tabler/icons-react';
import { useState } from 'react';
import { api } from '../api.ts';
import { makePassword } from '../claim/password.ts';
import { plural } from '../format.ts';
import { Panel } from '../pieces/Page.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { useAct } from '../pieces/useAct.ts';
import { askConsent, bare, Gmail, type GmailAccess } from './gmail.ts';
import { openWithPasskey } from './open-with-passkey.ts';

interface GmailKeysProps {
  myself: Myself;
  onSaid: (what: string) => void;
}

/** Gmail reads encrypted mail only with the keys themselves: whose they are hands them over, knowing that, and nobody else can. */
export function GmailKeys({ myself, onSaid }: GmailKeysProps) {
  const [passkey] = myself.passkeys.filter(({ opensKeys }) => opensKeys);
  if (myself.gmail === null || passkey === undefined || !myself.keys.some(({ openedBy }) => openedBy.length > 0))
    return null;
  return (
    <Panel title="Gmail">
      <HandOver myself={myself} access={myself.gmail} credentialId={passkey.credentialId} onSaid={onSaid} />
    </Panel>
  );
}

interface HandOverProps extends GmailKeysProps {
  access: GmailAccess;
  credentialId: string;
}

function HandOver({ myself, access, credentialId, onSaid }: HandOverProps) {
  const [understood, setUnderstood] = useState(false);
  const [done, setDone] = useState<readonly [number, number] | null>(null);
  const consent = useAct(() => askConsent(access, myself.address));
  const hand = useAct(
    async (token: string) => {
      const gmail = new Gmail(access.apiUrl, myself.address, token);
      // Before the keys are opened: Google may have an answer that makes it useless.
      const held = await gmail.holds();
      const { keys } = await openWithPasskey(myself.id, credentialId);
      const [newest] = myself.keys;
      let handed = 0;
      for (const [index, key] of keys.entries()) {
        setDone([index, keys.length]);
        const known = myself.keys.find(({ id }) => id === key.id);
        let there = known?.certificates.map(({ serialNumber }) => held.get(bare(serialNumber))).find(Boolean);
        if (there === undefined) {
          const password = makePassword();
          // One key each, as Gmail takes them.
          const file = await api.deliverKeyset({
            body: { credentialId, keys: [key], password, device: 'Gmail', profile: 'modern' },
          });
          there = await gmail.hand(file.data, password);
          handed += 1;
        }
        if (key.id === newest?.id) await gmail.prefer(there);
      }
      return { handed, of: keys.length };
    },
    {
      stale: ['myself'],
      onDone: ({ handed, of }) => {
        setDone(null);
        consent.reset();
        onSaid(
          handed === 0
            ? 'Gmail has all your keys already.'
            : `Gmail has ${of === handed ? 'your' : plural(handed, 'more of your', 'more of your')} keys now. Encrypted mail opens there from now on.`,
        );
      },
    },
  );
  return (
    <Stack gap="sm">
      <Text size="sm">
        Gmail in a browser opens encrypted mail when Google holds your encryption keys, and reads it then. Your
        organisation allows that; whether yours go there is up to you. Your browser sends them; your signing key stays
        where it is.
      </Text>
      {consent.data === undefined ? (
        <>
          <Checkbox
            checked={understood}
            onChange={(event) => setUnderstood(event.currentTarget.checked)}
            label="I want Google to hold my encryption keys, and know that what is sent to me can be read there."
          />
          <ProblemAlert error={consent.error ?? hand.error} />
          <Group>
            <Button
              variant="default"
              leftSection={<IconBrandGmail size={18} aria-hidden />}
              disabled={!understood}
              loading={consent.isPending}
              onClick={() => {
                hand.reset();
                consent.mutate(undefined);
              }}
            >
              Allow it at Google
            </Button>
          </Group>
        </>
      ) : (
        <>
          <ProblemAlert error={hand.error} />
          {done !== null && hand.isPending && (
            <Progress value={(100 * done[0]) / done[1]} aria-label={`${done[0]} of ${done[1]} keys handed over`} />
          )}
          <Group>
            <Button loading={hand.isPending} onClick={() => hand.mutate(consent.data)}>
              Open my keys with the passkey, and hand them to Gmail
            </Button>
            <Button variant="subtle" color="gray" disabled={hand.isPending} onClick={() => consent.reset()}>
              Not now
            </Button>
          </Group>
        </>
      )}
    </Stack>
  );
}
