import type { NewCredential } from '@chancery/api';
import { Button, Group, PasswordInput, Radio, Stack, Text } from '@mantine/core';
import { useForm } from '@mantine/form';
import { IconFingerprint } from '@tabler/icons-react';
import { useState } from 'react';
import { CopyField } from '../pieces/CopyField.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { makePasskey, passkeyObstacle } from './passkey.ts';
import { QrCode } from './QrCode.tsx';
import { TotpField } from './TotpField.tsx';

interface CredentialFormProps {
  options: { totp: { secret: string; uri: string }; passkey: Record<string, unknown> };
  busy: boolean;
  error: unknown;
  submitLabel: string;
  onCredential: (credential: NewCredential) => void;
  onBack?: () => void;
}

/** Choose how to sign in from now on: a passkey, or a password with a code from an authenticator app. */
export function CredentialForm(props: CredentialFormProps) {
  const obstacle = passkeyObstacle();
  const [kind, setKind] = useState<'passkey' | 'password'>(obstacle === null ? 'passkey' : 'password');
  return (
    <Stack>
      <Radio.Group
        label="How will you sign in?"
        value={kind}
        onChange={(value) => setKind(value === 'passkey' ? 'passkey' : 'password')}
      >
        <Stack gap="xs" mt="xs">
          <Radio
            value="passkey"
            label="Passkey"
            description={obstacle ?? "This device's lock, or a security key. Nothing to remember, nothing to phish."}
            disabled={obstacle !== null}
          />
          <Radio
            value="password"
            label="Password and authenticator app"
            description="A password of 12 characters or more, and a six-digit code each time"
          />
        </Stack>
      </Radio.Group>
      {kind === 'passkey' ? <PasskeyPart {...props} /> : <PasswordPart {...props} />}
    </Stack>
  );
}

function PasskeyPart({ options, busy, error, submitLabel, onCredential, onBack }: CredentialFormProps) {
  const [asking, setAsking] = useState(false);
  const [refused, setRefused] = useState<unknown>(null);
  const ask = async () => {
    setAsking(true);
    setRefused(null);
    try {
      onCredential({ kind: 'passkey', response: await makePasskey(options.passkey) });
    } catch (problem) {
      setRefused(problem);
    } finally {
      setAsking(false);
    }
  };
  return (
    <Stack>
      <ProblemAlert error={refused ?? error} />
      <Group justify={onBack === undefined ? 'flex-end' : 'space-between'}>
        {onBack !== undefined && (
          <Button variant="default" onClick={onBack}>
            Back
          </Button>
        )}
        <Button loading={busy || asking} onClick={ask} leftSection={<IconFingerprint size={18} aria-hidden />}>
          Make a passkey and {submitLabel.toLowerCase()}
        </Button>
      </Group>
    </Stack>
  );
}

function PasswordPart({ options, busy, error, submitLabel, onCredential, onBack }: CredentialFormProps) {
  const form = useForm({
    initialValues: { password: '', repeat: '', totpCode: '' },
    validate: {
      password: (value) => (value.length < 12 ? 'At least 12 characters' : null),
      repeat: (value, values) => (value === values.password ? null : 'The two passwords differ'),
      totpCode: (value) => (/^\d{6}$/.test(value) ? null : 'Six digits from the app'),
    },
  });
  const submit = form.onSubmit(({ password, totpCode }) =>
    onCredential({ kind: 'password', password, totpSecret: options.totp.secret, totpCode }),
  );
  return (
    <form onSubmit={submit} noValidate>
      <Stack>
        <PasswordInput label="Password" autoComplete="new-password" required {...form.getInputProps('password')} />
        <PasswordInput label="Password again" autoComplete="new-password" required {...form.getInputProps('repeat')} />
        <Group align="flex-start" gap="lg">
          <QrCode text={options.totp.uri} label="QR code for the authenticator app" size={168} />
          <Stack gap={6} style={{ flex: '1 1 160px' }}>
            <Text size="sm">Scan this with an authenticator app, or type this secret into it:</Text>
            <CopyField label="TOTP secret" value={options.totp.secret} />
          </Stack>
        </Group>
        <TotpField {...form.getInputProps('totpCode')} />
        <ProblemAlert error={error} placed={['credential']} />
        <Group justify={onBack === undefined ? 'flex-end' : 'space-between'}>
          {onBack !== undefined && (
            <Button variant="default" onClick={onBack}>
              Back
            </Button>
          )}
          <Button type="submit" loading={busy}>
            {submitLabel}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
