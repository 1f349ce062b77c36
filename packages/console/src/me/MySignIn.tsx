import { Button, Divider, Stack, Text, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { IconFingerprint, IconMail } from '@tabler/icons-react';
import { useEffect, useState } from 'react';
import { api, queryClient } from '../api.ts';
import { answerPasskey, passkeyObstacle } from '../credential/passkey.ts';
import { forgetLinkSecret, linkSecret } from '../fragment.ts';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { useAct } from '../pieces/useAct.ts';
import { Entrance } from '../shell/Entrance.tsx';

/** Sign in with a passkey, or with a link that comes by mail (`/me#<token>`). */
export function MySignIn() {
  const [token] = useState(linkSecret);
  const arrive = () => void queryClient.invalidateQueries({ queryKey: ['myself'] });
  const byLink = useAct((secret: string) => api.selfLinkLogin({ body: { token: secret } }), { onDone: arrive });
  const byPasskey = useAct(
    async () => {
      const { flow, options } = await api.selfPasskeyOptions();
      return api.selfPasskeyLogin({ body: { flow, response: await answerPasskey(options) } });
    },
    { onDone: arrive },
  );
  const form = useForm({
    initialValues: { address: '' },
    validate: { address: (value) => (/^[^@\s]+@[^@\s]+$/.test(value.trim()) ? null : 'Your e-mail address') },
  });
  const ask = useAct((body: typeof form.values) => api.askSignInLink({ body: { address: body.address.trim() } }), {
    form,
  });
  const { mutate: signInByLink } = byLink;
  useEffect(() => {
    // The link works once, and leaves the address with its first use.
    if (token === '' || linkSecret() === '') return;
    forgetLinkSecret();
    signInByLink(token);
  }, [token, signInByLink]);
  const obstacle = passkeyObstacle();
  return (
    <Entrance
      title="My mail keys"
      lead="See what you have, set up another device, and see everything on record about you."
    >
      <Stack>
        {byLink.isPending && <Text role="status">Signing in with the link…</Text>}
        <ProblemAlert error={byLink.error ?? byPasskey.error} />
        <Button
          size="md"
          disabled={obstacle !== null}
          loading={byPasskey.isPending}
          onClick={() => byPasskey.mutate(undefined)}
          leftSection={<IconFingerprint size={20} aria-hidden />}
        >
          Sign in with my passkey
        </Button>
        {obstacle !== null && (
          <Text size="sm" c="dimmed">
            {obstacle}
          </Text>
        )}
        <Divider label="or" />
        {ask.data === undefined ? (
          <form onSubmit={form.onSubmit((values) => ask.mutate(values))} noValidate>
            <Stack>
              <TextInput
                label="Your e-mail address"
                description="If it is one of this organisation, a link that signs you in comes by mail."
                type="email"
                autoComplete="email"
                required
                {...form.getInputProps('address')}
              />
              <ProblemAlert error={ask.error} placed={['address']} />
              <Button
                type="submit"
                variant="default"
                loading={ask.isPending}
                leftSection={<IconMail size={18} aria-hidden />}
              >
                Send me a link
              </Button>
            </Stack>
          </form>
        ) : (
          <Text role="status">
            If that address is known here, a link is on its way to it. It works once, within fifteen minutes.
          </Text>
        )}
      </Stack>
    </Entrance>
  );
}
