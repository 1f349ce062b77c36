import { Button, Divider, Stack, Text, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { IconMail } from '@tabler/icons-react';
import { api, queryClient } from '../api.ts';
import { LinkOrPasskey } from '../credential/LinkOrPasskey.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { useAct } from '../pieces/useAct.ts';
import { Entrance } from '../shell/Entrance.tsx';
import { ProviderButtons } from '../sign-in/ProviderButtons.tsx';

/** Sign in with a passkey, or with a link that comes by mail (`/me#<token>`). */
export function MySignIn() {
  const arrive = () => void queryClient.invalidateQueries({ queryKey: ['myself'] });
  const form = useForm({
    initialValues: { address: '' },
    validate: { address: (value) => (/^[^@\s]+@[^@\s]+$/.test(value.trim()) ? null : 'Your e-mail address') },
  });
  const ask = useAct((body: typeof form.values) => api.askSignInLink({ body: { address: body.address.trim() } }), {
    form,
  });
  return (
    <Entrance
      title="My mail keys"
      lead="See what you have, set up another device, and see everything on record about you."
    >
      <Stack>
        <ProviderButtons as="person" back="/me" />
        <LinkOrPasskey
          label="Sign in with my passkey"
          byLink={(token) => api.selfLinkLogin({ body: { token } })}
          challenge={() => api.selfPasskeyOptions()}
          byPasskey={(answer) => api.selfPasskeyLogin({ body: answer })}
          onDone={arrive}
        />
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
