import type { Myself } from '@chancery/api';
import { Button, Group, Stack, Text } from '@mantine/core';
import { IconFingerprint } from '@tabler/icons-react';
import { useState } from 'react';
import { api, queryClient } from '../api.ts';
import { Panel } from '../pieces/Page.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { useAct } from '../pieces/useAct.ts';
import { When } from '../pieces/When.tsx';
import { InWords } from '../problem.ts';
import { inOwnerWorker } from './in-owner-worker.ts';
import { MakePasskey } from './MakePasskey.tsx';
import { type ShownPasskey, showOwnerPasskey } from './owner-passkey.ts';

interface PasskeysProps {
  myself: Myself;
  onSaid: (what: string) => void;
}

/** What the person signs in with, and opens their keys. */
export function Passkeys({ myself, onSaid }: PasskeysProps) {
  const [adding, setAdding] = useState(false);
  return (
    <Panel title="Your passkeys">
      <Stack gap="sm">
        {myself.passkeys.length === 0 && (
          <Text size="sm">
            With a passkey you sign in by the lock of your device: nothing to remember, and no mail to wait for.
          </Text>
        )}
        {myself.passkeys.map((passkey) => (
          <OnePasskey key={passkey.credentialId} passkey={passkey} onSaid={onSaid} />
        ))}
        {adding ? (
          <Another
            myself={myself}
            onDone={(opensKeys) => {
              setAdding(false);
              void queryClient.invalidateQueries({ queryKey: ['myself'] });
              onSaid(opensKeys ? 'The passkey signs you in, and opens your keys.' : 'The passkey signs you in.');
            }}
          />
        ) : (
          <Group>
            <Button
              variant="default"
              onClick={() => setAdding(true)}
              leftSection={<IconFingerprint size={18} aria-hidden />}
            >
              {myself.passkeys.length === 0 ? 'Make a passkey' : 'Add another passkey'}
            </Button>
          </Group>
        )}
      </Stack>
    </Panel>
  );
}

function OnePasskey({ passkey, onSaid }: { passkey: Myself['passkeys'][number]; onSaid: (what: string) => void }) {
  const { credentialId, name, opensKeys } = passkey;
  const remove = useAct(
    async () => {
      if (opensKeys) await api.removeOwnerLocks({ body: { credentialId } });
      await api.removePasskey({ body: { credentialId } });
    },
    { stale: ['myself'], onDone: () => onSaid(`The passkey “${name}” is removed.`) },
  );
  const [sure, setSure] = useState(false);
  return (
    <div>
      <Group justify="space-between" align="flex-start" wrap="nowrap">
        <div>
          <Text fw={550}>{name}</Text>
          <Text size="sm" c="dimmed">
            {opensKeys ? 'Signs you in and opens your keys' : 'Signs you in'}, since <When at={passkey.createdAt} />
          </Text>
        </div>
        {sure ? (
          <Group gap="xs" wrap="nowrap" style={{ flex: 'none' }}>
            <Button size="compact-sm" variant="default" onClick={() => setSure(false)}>
              Keep
            </Button>
            <Button
              size="compact-sm"
              color="wax.7"
              loading={remove.isPending}
              onClick={() => remove.mutate(undefined)}
              aria-label={`Remove ${name} for good`}
            >
              Remove
            </Button>
          </Group>
        ) : (
          <Button
            size="compact-sm"
            variant="default"
            style={{ flex: 'none' }}
            onClick={() => setSure(true)}
            aria-label={`Remove ${name}`}
          >
            Remove…
          </Button>
        )}
      </Group>
      <ProblemAlert error={remove.error} />
    </div>
  );
}

/** Another passkey is made with one of those that are there; one that opens keys passes them on. */
function Another({ myself, onDone }: { myself: Myself; onDone: (opensKeys: boolean) => void }) {
  const needsOne = myself.passkeys.length > 0;
  const [shown, setShown] = useState<(ShownPasskey & { flow: string }) | null>(null);
  const show = useAct(async () => {
    const offer = await api.newPasskeyOptions();
    if (offer.show === null) throw new InWords('There is no passkey to show. Reload the page.');
    setShown({ ...(await showOwnerPasskey(offer.show.options)), flow: offer.show.flow });
  });
  const opens = (id: string) => myself.passkeys.some((one) => one.credentialId === id && one.opensKeys);
  if (needsOne && shown === null) {
    return (
      <Stack gap="sm">
        <Text size="sm">First show a passkey that you have, so that nobody adds one in your place.</Text>
        <ProblemAlert error={show.error} />
        <Group>
          <Button loading={show.isPending} onClick={() => show.mutate(undefined)}>
            Show a passkey that I have
          </Button>
        </Group>
      </Stack>
    );
  }
  const forKeys = shown?.output != null && opens(shown.credentialId);
  return (
    <MakePasskey
      forKeys={forKeys}
      begin={() => api.newPasskeyOptions()}
      enrol={(made) => {
        const proof = shown === null ? null : { flow: shown.flow, response: shown.response };
        return api.addPasskey({ body: { ...made, shown: proof } });
      }}
      lock={async (credentialId, publicKey) => {
        if (shown?.output == null) return;
        const { items } = await api.ownerLocks({ query: { credentialId: shown.credentialId } });
        const input = { output: shown.output, personId: myself.id, locks: items, publicKey };
        const locks = await inOwnerWorker('rewrap', input);
        await api.addOwnerLocks({ body: { credentialId, locks } });
      }}
      onDone={onDone}
    />
  );
}
