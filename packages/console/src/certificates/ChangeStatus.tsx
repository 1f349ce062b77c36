import type { RevocationReason, StatusChangeRequest } from '@chancery/api';
import { Button, Group, Modal, Radio, Select, Stack, Text } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useDisclosure } from '@mantine/hooks';
import { IconBan } from '@tabler/icons-react';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { useAct } from '../pieces/useAct.ts';
import { revocationReasons } from '../words.ts';
import { AuditNote } from './AuditNote.tsx';

type Act = StatusChangeRequest['change']['act'];

interface ChangeStatusProps {
  /** On the button, and above the form. */
  readonly label: string;
  /** What it is for, and what follows. */
  readonly explanation: string;
  readonly submit: (body: StatusChangeRequest) => Promise<{ readonly changed?: number }>;
}

const acts: Readonly<Record<Act, readonly [label: string, explanation: string]>> = {
  hold: ['Put on hold', 'Until somebody releases or revokes them'],
  release: ['Release', 'Those that are on hold are good again'],
  revoke: ['Revoke', 'At once and for good: this cannot be undone'],
};

/** Changes the status of many certificates at once, or of an authority's own: a button, and the form behind it. */
export function ChangeStatus(props: ChangeStatusProps) {
  const [opened, { open, close }] = useDisclosure(false);
  return (
    <>
      <Button size="xs" variant="default" onClick={open} leftSection={<IconBan size={16} aria-hidden />}>
        {props.label}
      </Button>
      <Modal opened={opened} onClose={close} title={props.label} size="lg">
        <ChangeForm {...props} onClose={close} />
      </Modal>
    </>
  );
}

function ChangeForm({ explanation, submit, onClose }: ChangeStatusProps & { onClose: () => void }) {
  const form = useForm({
    initialValues: { act: 'hold' as Act, reason: 'superseded' as RevocationReason, note: '' },
  });
  const { act } = form.values;
  const change = useAct(
    ({ act: chosen, reason, note }: typeof form.values) =>
      submit({ change: chosen === 'revoke' ? { act: chosen, reason } : { act: chosen }, note }),
    {
      form,
      stale: ['certificates', 'people', 'overview', 'status', 'authorities'],
      said: ({ changed }) =>
        `${changed === undefined ? 'Done' : changed === 1 ? 'One certificate changed' : `${changed} certificates changed`}. OCSP says so at once; new revocation lists follow.`,
      onDone: onClose,
    },
  );
  return (
    <form onSubmit={form.onSubmit((values) => change.mutate(values))}>
      <Stack>
        <Text>{explanation}</Text>
        <Radio.Group label="What to do" {...form.getInputProps('act')}>
          <Stack gap="xs" mt="xs">
            {Object.entries(acts).map(([value, [label, meaning]]) => (
              <Radio key={value} value={value} label={label} description={meaning} />
            ))}
          </Stack>
        </Radio.Group>
        {act === 'revoke' && (
          <Select
            label="Reason"
            allowDeselect={false}
            data={Object.entries(revocationReasons).map(([value, [label]]) => ({ value, label }))}
            {...form.getInputProps('reason')}
          />
        )}
        <AuditNote {...form.getInputProps('note')} />
        <ProblemAlert error={change.error} placed={['note']} />
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" {...(act === 'revoke' && { color: 'wax.7' })} loading={change.isPending}>
            {acts[act][0]}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
