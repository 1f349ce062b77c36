import { Button, Stack, Text } from '@mantine/core';
import { IconFingerprint } from '@tabler/icons-react';
import { api, queryClient } from '../api.ts';
import { answerPasskey, passkeyObstacle } from '../credential/passkey.ts';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { useAct } from '../pieces/useAct.ts';
import { Entrance } from '../shell/Entrance.tsx';

/** Sign in with a passkey, made on the claim page. */
export function MySignIn() {
  const byPasskey = useAct(
    async () => {
      const { flow, options } = await api.selfPasskeyOptions();
      return api.selfPasskeyLogin({ body: { flow, response: await answerPasskey(options) } });
    },
    { onDone: () => void queryClient.invalidateQueries({ queryKey: ['myself'] }) },
  );
  const obstacle = passkeyObstacle();
  return (
    <Entrance
      title="My mail keys"
      lead="See what you have, set up another device, and see everything on record about you."
    >
      <Stack>
        <ProblemAlert error={byPasskey.error} />
        <Button
          size="md"
          disabled={obstacle !== null}
          loading={byPasskey.isPending}
          onClick={() => byPasskey.mutate(undefined)}
          leftSection={<IconFingerprint size={20} aria-hidden />}
        >
          Sign in with my passkey
        </Button>
        <Text size="sm" c="dimmed">
          {obstacle ?? 'You make it with the link by which you collect your keys. Ask your administrator for one.'}
        </Text>
      </Stack>
    </Entrance>
  );
}
