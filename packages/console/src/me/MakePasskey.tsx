import { Button, Group, Stack, Text, TextInput } from '@mantine/core';
import { IconFingerprint } from '@tabler/icons-react';
import { useState } from 'react';
import { passkeyObstacle } from '../credential/passkey.ts';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { useAct } from '../pieces/useAct.ts';
import { inOwnerWorker } from './in-owner-worker.ts';
import { askOwnerPasskey, makeOwnerPasskey, type ShownPasskey } from './owner-passkey.ts';

interface MakePasskeyProps {
  begin: () => Promise<{ flow: string; options: Record<string, unknown>; personId: string }>;
  /** `ownerKey` is null where the passkey signs in only. */
  enrol: (made: {
    flow: string;
    response: Record<string, unknown>;
    name: string;
    ownerKey: string | null;
  }) => Promise<unknown>;
  /** Locks the person's keys to it. It may be asked for again where an answer was lost. */
  lock: (credentialId: string, ownerKey: string) => Promise<unknown>;
  onDone: (opensKeys: boolean) => void;
  /** Whether it is to open keys: else it signs in, and is not asked for more. */
  forKeys: boolean;
}

interface Made extends ShownPasskey {
  readonly flow: string;
  readonly personId: string;
}

/** Makes a passkey, and uses it once to see that it gives the person's key. Each press asks the authenticator once. */
export function MakePasskey({ begin, enrol, lock, onDone, forKeys }: MakePasskeyProps) {
  const [name, setName] = useState('');
  const [made, setMade] = useState<Made | null>(null);
  const [enrolled, setEnrolled] = useState(false);
  const obstacle = passkeyObstacle();
  const finish = async ({ flow, response, credentialId }: Made, ownerKey: string | null) => {
    if (!enrolled) await enrol({ flow, response, ownerKey, name: name.trim() === '' ? 'Passkey' : name.trim() });
    setEnrolled(true);
    if (ownerKey !== null) await lock(credentialId, ownerKey);
    onDone(ownerKey !== null);
  };
  const make = useAct(async () => {
    const { flow, options, personId } = await begin();
    const shown = { ...(await makeOwnerPasskey(options)), flow, personId };
    if (forKeys) setMade(shown);
    else await finish(shown, null);
  });
  const useOnce = useAct(async () => {
    if (made === null) return;
    const output = await askOwnerPasskey(made.credentialId);
    const { publicKey } = await inOwnerWorker('register', { output, personId: made.personId });
    await finish(made, publicKey);
  });
  const signInOnly = useAct(async () => {
    if (made !== null) await finish(made, null);
  });
  if (obstacle !== null) {
    return (
      <Text size="sm" c="dimmed">
        {obstacle}
      </Text>
    );
  }
  return (
    <Stack gap="sm">
      <ProblemAlert error={make.error ?? useOnce.error ?? signInOnly.error} />
      {made === null ? (
        <>
          <TextInput
            label="What do you call it?"
            placeholder="My phone"
            maxLength={60}
            maw={420}
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
          />
          <Group>
            <Button
              loading={make.isPending}
              onClick={() => make.mutate(undefined)}
              leftSection={<IconFingerprint size={18} aria-hidden />}
            >
              Make the passkey
            </Button>
          </Group>
        </>
      ) : (
        <>
          <Text size="sm" role="status">
            The passkey is made. Use it once, so that your keys can be locked to it.
          </Text>
          <Group>
            <Button loading={useOnce.isPending} onClick={() => useOnce.mutate(undefined)}>
              Use it once
            </Button>
            {useOnce.error !== null && !enrolled && (
              <Button variant="default" loading={signInOnly.isPending} onClick={() => signInOnly.mutate(undefined)}>
                Keep it for signing in only
              </Button>
            )}
          </Group>
        </>
      )}
    </Stack>
  );
}
