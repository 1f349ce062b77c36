import { Breadcrumbs, Button, Checkbox, Group, NumberInput, Select, Stack, Textarea, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { api } from '../api.ts';
import { LinkButton, TextLink } from '../pieces/Links.tsx';
import { Page, Panel } from '../pieces/Page.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { useAct } from '../pieces/useAct.ts';
import { choices, recoveryReasons } from '../words.ts';
import { DeliveryFields } from './DeliveryFields.tsx';
import { NotFounded } from './NotFounded.tsx';
import { bodyOf, emptyRequest, mayWithhold, type NewRequest, problemsOf } from './new-request.ts';
import { Preview } from './Preview.tsx';
import { ScopeFields } from './ScopeFields.tsx';

/** Ask for keys: whose, which, why, how they leave; and under which rules, before anybody is asked. */
export function NewRecoveryPage() {
  const search = useSearch({ from: '/office/recovery/new' });
  const navigate = useNavigate();
  const form = useForm<NewRequest>({
    initialValues: { ...emptyRequest, personIds: [search.person ?? ''] },
    validate: problemsOf,
  });
  const ask = useAct((values: NewRequest) => api.requestRecovery({ body: bodyOf(values) }), {
    form,
    stale: ['recovery', 'overview'],
    said: () => 'The recovery officers have been asked.',
    onDone: (request) => void navigate({ to: '/recovery/$id', params: { id: request.id } }),
  });
  const { values } = form;
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
