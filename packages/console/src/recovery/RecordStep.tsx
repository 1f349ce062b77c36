import type { RecoveryRequest } from '@chancery/api';
import { Button, Group, SegmentedControl, Select, Stack, Text, Textarea, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useState } from 'react';
import { api } from '../api.ts';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { useAct } from '../pieces/useAct.ts';
import { choices } from '../words.ts';
import { waysOfChecking } from './rules.ts';

type Kind = RecoveryRequest['steps'][number]['kind'];

/** An operator records, under their own name, what somebody made sure of. */
export function RecordStep({ request, kind }: { request: RecoveryRequest; kind: Kind }) {
  const [open, setOpen] = useState(false);
  if (!open) {
    return (
      <Button mt="xs" size="compact-sm" variant="default" onClick={() => setOpen(true)}>
        {kind === 'identity' ? 'Record the identity check' : "Record a manager's approval"}
      </Button>
    );
  }
  return <StepForm request={request} kind={kind} onClose={() => setOpen(false)} />;
}

function StepForm({ request, kind, onClose }: { request: RecoveryRequest; kind: Kind; onClose: () => void }) {
  const identity = kind === 'identity';
  const needed = (value: string) => (value.trim() === '' ? 'This is what the officers go by' : null);
  const form = useForm({
    initialValues: {
      of: 'subject' as 'subject' | 'requester',
      who: '',
      address: '',
      how: 'in-person' as keyof typeof waysOfChecking,
      evidence: '',
    },
    validate: {
      who: needed,
      evidence: needed,
      address: (value) => (identity || value.includes('@') ? null : 'Their address'),
    },
  });
  const record = useAct(
    ({ of, who, address, how, evidence }: typeof form.values) => {
      const params = { id: request.id };
      const { digest } = request;
      return identity
        ? api.checkIdentity({ params, body: { digest, of, who, how, evidence } })
        : api.recordManagerApproval({ params, body: { digest, manager: { name: who, address }, how, evidence } });
    },
    { form, stale: ['recovery'], said: () => 'Recorded.', onDone: onClose },
  );
  return (
    <form noValidate onSubmit={form.onSubmit((values) => record.mutate(values))}>
      <Stack gap="sm" mt="sm" maw={520}>
        <Text size="sm">
          Your name stands beside it, and it is never changed. Whoever records a step does not decide on the request.
        </Text>
        {identity && (
          <SegmentedControl
            aria-label="Whose identity"
            data={[
              { value: 'subject', label: "The owner's" },
              { value: 'requester', label: "The requester's" },
            ]}
            style={{ alignSelf: 'flex-start' }}
            {...form.getInputProps('of')}
          />
        )}
        <TextInput
          label={identity ? 'Who checked' : 'Which manager'}
          required
          maxLength={200}
          {...form.getInputProps('who')}
        />
        {!identity && <TextInput label="Their address" required type="email" {...form.getInputProps('address')} />}
        <Select label="How" allowDeselect={false} data={choices(waysOfChecking)} {...form.getInputProps('how')} />
        <Textarea
          label="Evidence"
          description="What was seen or heard, and where it is kept"
          required
          autosize
          minRows={2}
          maxLength={2000}
          {...form.getInputProps('evidence')}
        />
        <ProblemAlert error={record.error} placed={Object.keys(form.values)} />
        <Group>
          <Button type="submit" loading={record.isPending}>
            Record
          </Button>
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
