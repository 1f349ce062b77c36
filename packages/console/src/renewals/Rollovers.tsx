import type { Rollover } from '@chancery/api';
import { Button, Group, Modal, NumberInput, Progress, Select, Skeleton, Stack, Text, Textarea } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useDisclosure } from '@mantine/hooks';
import { useQuery } from '@tanstack/react-query';
import { api, useMay } from '../api.ts';
import { plural } from '../format.ts';
import { Panel } from '../pieces/Page.tsx';
import { PlainTable } from '../pieces/PlainTable.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { StateBadge } from '../pieces/StateBadge.tsx';
import { useAct } from '../pieces/useAct.ts';
import { When } from '../pieces/When.tsx';
import { rolloverStates } from '../words.ts';

/** Everyone of an authority that issues no longer gets a certificate of its successor, a few at a time. */
export function Rollovers() {
  const mayWrite = useMay('authority:write');
  const [opened, { open, close }] = useDisclosure(false);
  const rollovers = useQuery({
    queryKey: ['renewals', 'rollovers'],
    queryFn: () => api.rollovers(),
    refetchInterval: 30_000,
  });
  const change = useAct(
    ({ id, act }: { id: string; act: 'pause' | 'resume' | 'end' }) =>
      api.changeRollover({ params: { id }, body: { act } }),
    { stale: ['renewals'] },
  );
  return (
    <Panel
      title="Rollovers"
      actions={
        mayWrite && (
          <Button size="xs" variant="default" onClick={open}>
            Begin a rollover
          </Button>
        )
      }
    >
      <ProblemAlert error={rollovers.error ?? change.error} onRetry={() => void rollovers.refetch()} />
      {rollovers.isPending && <Skeleton height={60} />}
      {rollovers.data !== undefined &&
        (rollovers.data.items.length === 0 ? (
          <Text size="sm" c="dimmed">
            None. When a new issuing authority has taken over, a rollover renews everyone of the one before.
          </Text>
        ) : (
          <PlainTable label="Rollovers" head={['From', 'State', 'Progress', 'A day', 'Begun', '[What to do]']}>
            {rollovers.data.items.map((one) => (
              <tr key={one.id}>
                <td>{one.authority}</td>
                <td>
                  <StateBadge state={rolloverStates[one.state]} />
                </td>
                <td>
                  <Standing of={one} />
                </td>
                <td>{one.perDay}</td>
                <td>
                  <When at={one.begunAt} />
                </td>
                <td>
                  {mayWrite && one.closedAt === null && (
                    <Group gap="xs" wrap="nowrap">
                      <Button
                        size="compact-xs"
                        variant="default"
                        disabled={change.isPending}
                        onClick={() => change.mutate({ id: one.id, act: one.state === 'running' ? 'pause' : 'resume' })}
                      >
                        {one.state === 'running' ? 'Pause' : 'Resume'}
                      </Button>
                      <Button
                        size="compact-xs"
                        variant="default"
                        disabled={change.isPending}
                        onClick={() => change.mutate({ id: one.id, act: 'end' })}
                      >
                        End
                      </Button>
                    </Group>
                  )}
                </td>
              </tr>
            ))}
          </PlainTable>
        ))}
      <Modal opened={opened} onClose={close} title="Begin a rollover" size="lg">
        <NewRollover onClose={close} />
      </Modal>
    </Panel>
  );
}

function Standing({ of: { begun, left } }: { of: Rollover }) {
  const all = Math.max(begun, begun + left, 1);
  return (
    <div style={{ minWidth: 140 }}>
      <Progress value={((all - left) / all) * 100} aria-label="Renewed" />
      <Text size="sm" c="dimmed">
        {plural(left, 'certificate is left', 'certificates are left')}
      </Text>
    </div>
  );
}

function NewRollover({ onClose }: { onClose: () => void }) {
  const authorities = useQuery({ queryKey: ['authorities'], queryFn: () => api.authorities() });
  const form = useForm({ initialValues: { authorityId: '', perDay: 500, note: '' } });
  const begin = useAct((body: typeof form.values) => api.beginRollover({ body }), {
    form,
    stale: ['renewals'],
    said: ({ authority, left }) =>
      `The rollover from ${authority} has begun: ${plural(left, 'certificate', 'certificates')}.`,
    onDone: onClose,
  });
  const before = (authorities.data?.items ?? []).filter(({ state, role }) => role === 'issuing' && state !== 'issuing');
  return (
    <form onSubmit={form.onSubmit((values) => begin.mutate(values))}>
      <Stack>
        <Text size="sm">
          The office renews its own keys with the same key, tells mail gateways which of theirs to replace, and asks
          owners for the rest. It can be paused at any time, and what has taken its place stays.
        </Text>
        <Select
          label="From"
          description={
            authorities.isSuccess && before.length === 0
              ? 'There is none: another issuing authority takes over first.'
              : 'An authority that issues no longer'
          }
          data={before.map(({ id, name }) => ({ value: id, label: name }))}
          allowDeselect={false}
          {...form.getInputProps('authorityId')}
        />
        <NumberInput
          label="Renewals a day"
          min={1}
          max={1_000_000}
          allowDecimal={false}
          {...form.getInputProps('perDay')}
        />
        <Textarea label="Why" autosize minRows={2} maxLength={1000} {...form.getInputProps('note')} />
        <ProblemAlert error={begin.error} placed={['note', 'perDay', 'authorityId']} />
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={begin.isPending} disabled={form.values.authorityId === ''}>
            Begin
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
