import { Button, Text } from '@mantine/core';
import { IconFingerprint } from '@tabler/icons-react';
import { useEffect, useState } from 'react';
import { forgetLinkSecret, linkSecret } from '../fragment.ts';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { useAct } from '../pieces/useAct.ts';
import { answerPasskey, passkeyObstacle } from './passkey.ts';

interface LinkOrPasskeyProps<Arrived> {
  /** On the button. */
  label: string;
  byLink: (token: string) => Promise<Arrived>;
  challenge: () => Promise<{ flow: string; options: Record<string, unknown> }>;
  byPasskey: (answer: { flow: string; response: Record<string, unknown> }) => Promise<Arrived>;
  onDone: (arrived: Arrived) => void;
}

/** Signs in with the link that led here, where there is one (`#<token>`), or with a passkey. */
export function LinkOrPasskey<Arrived>({ label, onDone, ...by }: LinkOrPasskeyProps<Arrived>) {
  const [token] = useState(linkSecret);
  const byLink = useAct(by.byLink, { onDone });
  const byPasskey = useAct(
    async () => {
      const { flow, options } = await by.challenge();
      return by.byPasskey({ flow, response: await answerPasskey(options) });
    },
    { onDone },
  );
  const { mutate: signInByLink } = byLink;
  useEffect(() => {
    // The link works once, and leaves the address with its first use.
    if (token === '' || linkSecret() === '') return;
    forgetLinkSecret();
    signInByLink(token);
  }, [token, signInByLink]);
  const obstacle = passkeyObstacle();
  return (
    <>
      {byLink.isPending && <Text role="status">Signing in with the link…</Text>}
      <ProblemAlert error={byLink.error ?? byPasskey.error} />
      <Button
        size="md"
        disabled={obstacle !== null}
        loading={byPasskey.isPending}
        onClick={() => byPasskey.mutate(undefined)}
        leftSection={<IconFingerprint size={20} aria-hidden />}
      >
        {label}
      </Button>
      {obstacle !== null && (
        <Text size="sm" c="dimmed">
          {obstacle}
        </Text>
      )}
    </>
  );
}
