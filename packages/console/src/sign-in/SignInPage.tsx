import type { Me } from '@chancery/api';
import { Alert, Button, Divider, PasswordInput, Stack, Text, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { api, meQuery, officeQuery, queryClient } from '../api.ts';
import { LinkOrPasskey } from '../credential/LinkOrPasskey.tsx';
import { passkeyObstacle } from '../credential/passkey.ts';
import { TotpField } from '../credential/TotpField.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { useAct } from '../pieces/useAct.ts';
import { Entrance } from '../shell/Entrance.tsx';
import { localPath } from './local-path.ts';
import { ProviderButtons } from './ProviderButtons.tsx';

/** Sign in with a passkey, with password and code, or with a one-time link (`/sign-in#<token>`). */
export function SignInPage() {
  const office = useQuery(officeQuery);
  if (office.data?.setUp === false) return <NotSetUp />;
  const organisation = office.data?.organisation;
  return (
    <Entrance title="Sign in" lead={typeof organisation === 'string' ? `to the office of ${organisation}` : undefined}>
      <SignInForms />
    </Entrance>
  );
}

function SignInForms() {
  const { back } = useSearch({ from: '/sign-in' });
  const navigate = useNavigate();
  const arrive = (me: Me) => {
    queryClient.clear();
    queryClient.setQueryData(meQuery.queryKey, me);
    void navigate({ href: localPath(back) });
  };
  const form = useForm({
    initialValues: { address: '', password: '', totpCode: '' },
    validate: {
      address: (value) => (value.includes('@') ? null : 'Your e-mail address'),
      password: (value) => (value === '' ? 'Your password' : null),
      totpCode: (value) => (/^\d{6}$/.test(value) ? null : 'Six digits from the app'),
    },
  });
  const byPassword = useAct((body: typeof form.values) => api.passwordLogin({ body }), { form, onDone: arrive });
  return (
    <Stack>
      <ProviderButtons as="operator" back={localPath(back)} />
      <LinkOrPasskey
        label="Sign in with a passkey"
        byLink={(token) => api.linkLogin({ body: { token } })}
        challenge={() => api.passkeyOptions()}
        byPasskey={(answer) => api.passkeyLogin({ body: answer })}
        onDone={arrive}
      />
      <Divider label="or" />
      <form onSubmit={form.onSubmit((values) => byPassword.mutate(values))} noValidate>
        <Stack>
          <TextInput
            label="E-mail address"
            type="email"
            autoComplete="username"
            required
            {...form.getInputProps('address')}
          />
          <PasswordInput
            label="Password"
            autoComplete="current-password"
            required
            {...form.getInputProps('password')}
          />
          <TotpField {...form.getInputProps('totpCode')} />
          <ProblemAlert error={byPassword.error} placed={Object.keys(form.values)} />
          <Button
            type="submit"
            variant={passkeyObstacle() === null ? 'default' : 'filled'}
            loading={byPassword.isPending}
          >
            Sign in
          </Button>
        </Stack>
      </form>
      <Text size="sm" c="dimmed">
        This is for those who run the office. Looking for your own mail keys?{' '}
        <Link to="/me" className="quiet-link">
          Go to your page
        </Link>
      </Text>
    </Stack>
  );
}

function NotSetUp() {
  return (
    <Entrance title="This office is not set up yet">
      <Stack>
        <Text>
          The first start printed a one-time link that ends in <code className="mono">/setup#…</code>. Open that link to
          name the organisation, make its certification authorities and become the first administrator.
        </Text>
        <Alert color="ink" variant="outline" title="The link is gone?">
          Start the office again: until it is set up, every start prints a new link.
        </Alert>
      </Stack>
    </Entrance>
  );
}
