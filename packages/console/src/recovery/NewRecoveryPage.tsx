import type { Handover } from '@chancery/api';
import {
  Alert,
  Breadcrumbs,
  Button,
  Checkbox,
  Group,
  NumberInput,
  Select,
  Skeleton,
  Stack,
  Textarea,
  TextInput,
} from '@mantine/core';
import { useForm } from '@mantine/form';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { api } from '../api.ts';
import { LinkButton, TextLink } from '../pieces/Links.tsx';
import { Page, Panel } from '../pieces/Page.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { useAct } from '../pieces/useAct.ts';
import { choices, recoveryReasons } from '../words.ts';
import { DeliveryFields } from './DeliveryFields.tsx';
import { NotFounded } from './NotFounded.tsx';
import { bodyOf, emptyRequest, forManager, mayWithhold, type NewRequest, problemsOf } from './new-request.ts';
import { Preview } from './Preview.tsx';
import { ScopeFields } from './ScopeFields.tsx';

/** Ask for keys: whose, which, why, how they leave; and under which rules, before anybody is asked. */
export function NewRecoveryPage() {
  const { person = '', handover } = useSearch({ from: '/office/recovery/new' });
  const owner = useQuery({
    queryKey: ['people', 'one', person],
    queryFn: () => api.person({ params: { id: person } }),
    enabled: handover === true && person !== '',
  });
  const facts = useQuery({
    queryKey: ['people', 'handover', person],
    queryFn: () => api.handover({ params: { id: person } }),
    enabled: handover === true && person !== '',
  });
  const title = 'New recovery request';
  if (handover === true && person !== '' && (owner.isPending || facts.isPending)) {
    return (
      <Page title={title}>
        <Skeleton height={320} />
      </Page>
    );
  }
  const given = owner.data !== undefined && facts.data !== undefined ? forManager(owner.data, facts.data) : {};
  return (
    <NewRecoveryForm title={title} given={{ personIds: [person], ...given }} forWhom={facts.data?.manager ?? null} />
  );
}

interface FormProps {
  readonly title: string;
  readonly given: Partial<NewRequest>;
  /** Somebody whom it is filled in for. */
  readonly forWhom: Handover['manager'];
}

function NewRecoveryForm({ title, given, forWhom }: FormProps) {
  const navigate = useNavigate();
  const form = useForm<NewRequest>({ initialValues: { ...emptyRequest, ...given }, validate: problemsOf });
  const ask = useAct((values: NewRequest) => api.requestRecovery({ body: bodyOf(values) }), {
    form,
    stale: ['recovery', 'overview'],
    said: () => 'The recovery officers have been asked.',
    onDone: (request) => void navigate({ to: '/recovery/$id', params: { id: request.id } }),
  });
  const { values } = form;
  return (
    <Page
      title={title}
      trail={
        <Breadcrumbs mb={4}>
          <TextLink to="/recovery" size="sm">
            Recovery
          </TextLink>
        </Breadcrumbs>
      }
    >
      <NotFounded />
      {forWhom !== null && (
        <Alert color="ink" variant="outline" title={`Filled in for ${forWhom.name}`} mb="md">
          Nothing is asked for until you send it. Ask for no more than the work needs: a time, or some of the keys.
        </Alert>
      )}
      <Panel>
        <form noValidate onSubmit={form.onSubmit((sent) => ask.mutate(sent))}>
          <Stack maw={640}>
            <ScopeFields form={form} />
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
            <DeliveryFields form={form} />
            <Group align="flex-start" gap="lg">
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
              <TextInput
                label="Not released before"
                description="Optional: a time lock"
                inputWrapperOrder={['label', 'input', 'description', 'error']}
                type="datetime-local"
                maw={240}
                {...form.getInputProps('notBefore')}
              />
            </Group>
            {mayWithhold(values.reason) && (
              <Checkbox
                label="Do not tell the owners yet"
                description="They are told of a request for their keys, and how it ends, unless the law keeps it from them. Somebody lifts this later"
                {...form.getInputProps('withholdNotice', { type: 'checkbox' })}
              />
            )}
            <Preview values={values} />
            <ProblemAlert error={ask.error} placed={[...Object.keys(values), 'delivery']} />
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
