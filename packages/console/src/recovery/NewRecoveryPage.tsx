import {
  Breadcrumbs,
  Button,
  Checkbox,
  Group,
  NumberInput,
  Radio,
  Select,
  Stack,
  Text,
  Textarea,
  TextInput,
} from '@mantine/core';
import { useForm } from '@mantine/form';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { api } from '../api.ts';
import { formatTime } from '../format.ts';
import { LinkButton, TextLink } from '../pieces/Links.tsx';
import { Page, Panel } from '../pieces/Page.tsx';
import { PersonSelect } from '../pieces/PersonSelect.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { useAct } from '../pieces/useAct.ts';
import { choices, recoveryReasons } from '../words.ts';
import { NotFounded } from './NotFounded.tsx';

/** Ask for a key: whose, which, why, and how it leaves. */
export function NewRecoveryPage() {
  const search = useSearch({ from: '/office/recovery/new' });
  const navigate = useNavigate();
  const form = useForm({
    initialValues: {
      personId: search.person ?? '',
      escrowedKeyIds: [] as string[],
      reason: 'lost-device' as keyof typeof recoveryReasons,
      caseNumber: '',
      explanation: '',
      kind: 'pkcs12' as 'pkcs12' | 'certificate',
      profile: 'modern' as 'modern' | 'compat',
      certificate: '',
      expiresInHours: 72,
    },
    validate: {
      personId: (value) => (value === '' ? 'Whose key?' : null),
      explanation: (value) => (value.trim() === '' ? 'The officers decide by what you write here' : null),
      certificate: (value, values) =>
        values.kind === 'certificate' && value.trim() === '' ? 'Paste the certificate of whoever may read it' : null,
    },
  });
  const ask = useAct(
    ({ kind, profile, certificate, ...rest }: typeof form.values) =>
      api.requestRecovery({
        body: {
          ...rest,
          delivery: kind === 'pkcs12' ? { kind, profile } : { kind, certificate: certificate.trim() },
        },
      }),
    {
      form,
      stale: ['recovery', 'overview'],
      said: () => 'The recovery officers have been asked.',
      onDone: (request) => void navigate({ to: '/recovery/$id', params: { id: request.id } }),
    },
  );
  return (
    <Page
      title="New recovery request"
      trail={
        <Breadcrumbs mb={4}>
          <TextLink to="/recovery" size="sm">
            Recovery
          </TextLink>
        </Breadcrumbs>
      }
    >
      <NotFounded />
      <Panel>
        <form noValidate onSubmit={form.onSubmit((values) => ask.mutate(values))}>
          <Stack maw={640}>
            <PersonSelect
              label="Whose key"
              required
              value={form.values.personId}
              error={form.errors.personId}
              onChange={(personId) => {
                form.setFieldValue('personId', personId);
                form.setFieldValue('escrowedKeyIds', []);
              }}
            />
            {form.values.personId !== '' && (
              <KeyChoice
                personId={form.values.personId}
                value={form.values.escrowedKeyIds}
                onChange={(ids) => form.setFieldValue('escrowedKeyIds', ids)}
              />
            )}
            <Select
              label="Reason"
              data={choices(recoveryReasons)}
              allowDeselect={false}
              {...form.getInputProps('reason')}
            />
            <Textarea
              label="Explanation"
              description="The officers read this before they decide"
              autosize
              minRows={3}
              maxLength={2000}
              required
              {...form.getInputProps('explanation')}
            />
            <TextInput
              label="Case number"
              description="Optional"
              maxLength={100}
              {...form.getInputProps('caseNumber')}
            />
            <Radio.Group label="How does the key leave?" {...form.getInputProps('kind')}>
              <Stack gap="xs" mt="xs">
                <Radio
                  value="pkcs12"
                  label="PKCS#12 file"
                  description="To import into a mail client. You get the file, an approving officer gets the password"
                />
                <Radio
                  value="certificate"
                  label="Encrypted to a certificate"
                  description="Only the holder of that certificate can open it"
                />
              </Stack>
            </Radio.Group>
            {form.values.kind === 'pkcs12' ? (
              <Select
                label="File format"
                allowDeselect={false}
                data={[
                  { value: 'modern', label: 'Modern: AES-256, SHA-256' },
                  { value: 'compat', label: 'Compatible: 3DES, for old Apple and Windows systems' },
                ]}
                {...form.getInputProps('profile')}
              />
            ) : (
              <Textarea
                label="Recipient's certificate"
                description="PEM"
                autosize
                minRows={4}
                maxRows={10}
                required
                styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)', fontSize: 13 } }}
                {...form.getInputProps('certificate')}
              />
            )}
            <NumberInput
              label="Lapses after, in hours"
              min={1}
              max={720}
              allowDecimal={false}
              maw={200}
              stepHoldDelay={500}
              stepHoldInterval={100}
              hideControls
              {...form.getInputProps('expiresInHours')}
            />
            <ProblemAlert error={ask.error} placed={[...Object.keys(form.values), 'delivery']} />
            <Group justify="flex-end">
              <LinkButton to="/recovery" variant="default">
                Cancel
              </LinkButton>
              <Button type="submit" loading={ask.isPending}>
                Ask the recovery officers
              </Button>
            </Group>
          </Stack>
        </form>
      </Panel>
    </Page>
  );
}

interface KeyChoiceProps {
  personId: string;
  value: string[];
  onChange: (ids: string[]) => void;
}

function KeyChoice({ personId, value, onChange }: KeyChoiceProps) {
  const person = useQuery({
    queryKey: ['people', 'one', personId],
    queryFn: () => api.person({ params: { id: personId } }),
  });
  const keys = person.data?.escrowedKeys.filter(({ destroyedAt }) => destroyedAt === null);
  if (keys === undefined) return null;
  if (keys.length === 0) {
    return (
      <Text size="sm" c="dimmed">
        This person has no key in escrow: there is nothing to recover.
      </Text>
    );
  }
  return (
    <Checkbox.Group
      label="Which keys"
      description="All of them when you choose none. Ask for no more than you need"
      value={value}
      onChange={onChange}
    >
      <Stack gap="xs" mt="xs">
        {keys.map((key) => (
          <Checkbox
            key={key.id}
            value={key.id}
            label={`Made ${formatTime(key.createdAt)}`}
            description={key.serialNumber === null ? 'No certificate yet' : `Certificate ${key.serialNumber}`}
          />
        ))}
      </Stack>
    </Checkbox.Group>
  );
}
