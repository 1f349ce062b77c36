import type { LegalHold, PersonDetail } from '@chancery/api';
import { Button, Group, Modal, Stack, Text, Textarea, type TextareaProps, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useDisclosure } from '@mantine/hooks';
import { IconGavel } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { api, useMay } from '../api.ts';
import { Panel } from '../pieces/Page.tsx';
import { PlainTable } from '../pieces/PlainTable.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { StateBadge } from '../pieces/StateBadge.tsx';
import { useAct } from '../pieces/useAct.ts';
import { When } from '../pieces/When.tsx';

/** A person's legal holds, for whoever may know of recoveries: those that stand, and those that were lifted. */
export function LegalHolds({ person }: { person: PersonDetail }) {
  const mayRead = useMay('recovery:read');
  const mayPlace = useMay('hold:place');
  const holds = useQuery({
    queryKey: ['legal-holds', person.id],
    queryFn: () => api.legalHolds({ query: { personId: person.id } }),
    enabled: mayRead,
  });
  if (!mayRead) return null;
  const items = holds.data?.items ?? [];
  return (
    <Panel title="Legal holds" actions={mayPlace && <PlaceHold person={person} />}>
      <ProblemAlert error={holds.error} onRetry={() => void holds.refetch()} />
      {holds.data !== undefined && items.length === 0 && (
        <Text c="dimmed" size="sm">
          None. While one stands, none of these keys is destroyed.
        </Text>
      )}
      {items.length > 0 && (
        <PlainTable label="Legal holds" head={['Case', 'State', 'Placed', 'Reason', '[Lift]']}>
          {items.map((hold) => (
            <HoldRow key={hold.id} hold={hold} />
          ))}
        </PlainTable>
      )}
    </Panel>
  );
}

function HoldRow({ hold }: { hold: LegalHold }) {
  const mayLift = useMay('hold:lift');
  return (
    <tr>
      <td>{hold.caseNumber}</td>
      <td>
        <StateBadge state={hold.lifted === null ? ['Stands', 'warn'] : ['Lifted', 'quiet']} />
      </td>
      <td>
        <When at={hold.placedAt} style="time" /> by {hold.placedBy.name}
        {hold.lifted !== null && (
          <Text size="sm" c="dimmed" component="div">
            Lifted <When at={hold.lifted.at} style="time" /> by {hold.lifted.by.name}
          </Text>
        )}
      </td>
      <td>
        {hold.reason}
        {hold.lifted !== null && (
          <Text size="sm" c="dimmed" component="div">
            {hold.lifted.reason}
          </Text>
        )}
      </td>
      <td style={{ minWidth: 180 }}>
        {mayLift &&
          hold.lifted === null &&
          (hold.mayLift ? (
            <LiftHold hold={hold} />
          ) : (
            <Text size="sm" c="dimmed">
              {hold.whyNotLift}.
            </Text>
          ))}
      </td>
    </tr>
  );
}

function PlaceHold({ person }: { person: PersonDetail }) {
  const [opened, { open, close }] = useDisclosure(false);
  return (
    <>
      <Button size="xs" variant="default" onClick={open} leftSection={<IconGavel size={16} aria-hidden />}>
        Place a hold
      </Button>
      <Modal opened={opened} onClose={close} title={`Legal hold on the keys of ${person.name}`} size="lg">
        <PlaceForm person={person} onClose={close} />
      </Modal>
    </>
  );
}

function PlaceForm({ person, onClose }: { person: PersonDetail; onClose: () => void }) {
  const form = useForm({
    initialValues: { caseNumber: '', reason: '' },
    validate: {
      caseNumber: (value) => (value.trim() === '' ? 'Which case is it for?' : null),
      reason: (value) => (value.trim() === '' ? 'Why?' : null),
    },
  });
  const place = useAct((values: typeof form.values) => api.placeHold({ params: { id: person.id }, body: values }), {
    form,
    stale: ['legal-holds', 'people'],
    said: () => 'The hold stands.',
    onDone: onClose,
  });
  return (
    <form noValidate onSubmit={form.onSubmit((values) => place.mutate(values))}>
      <Stack>
        <Text>
          No key of {person.name} is destroyed while it stands, whatever the profile says. Another recovery officer than
          you lifts it.
        </Text>
        <TextInput label="Case number" required maxLength={100} data-autofocus {...form.getInputProps('caseNumber')} />
        <ReasonField {...form.getInputProps('reason')} />
        <ProblemAlert error={place.error} placed={['caseNumber', 'reason']} />
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={place.isPending}>
            Place the hold
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

function LiftHold({ hold }: { hold: LegalHold }) {
  const [opened, { open, close }] = useDisclosure(false);
  const form = useForm({
    initialValues: { reason: '' },
    validate: { reason: (value) => (value.trim() === '' ? 'Why?' : null) },
  });
  const lift = useAct(({ reason }: typeof form.values) => api.liftHold({ params: { id: hold.id }, body: { reason } }), {
    form,
    stale: ['legal-holds', 'people'],
    said: () => 'The hold is lifted.',
    onDone: close,
  });
  return (
    <>
      <Button size="xs" variant="default" onClick={open}>
        Lift
      </Button>
      <Modal opened={opened} onClose={close} title={`Lift the hold for ${hold.caseNumber}`} size="lg">
        <form noValidate onSubmit={form.onSubmit((values) => lift.mutate(values))}>
          <Stack>
            <Text>From then on the keys of {hold.personName} are destroyed when their profile says so.</Text>
            <ReasonField {...form.getInputProps('reason')} />
            <ProblemAlert error={lift.error} placed={['reason']} />
            <Group justify="flex-end">
              <Button variant="default" onClick={close}>
                Cancel
              </Button>
              <Button type="submit" color="wax.7" loading={lift.isPending}>
                Lift the hold
              </Button>
            </Group>
          </Stack>
        </form>
      </Modal>
    </>
  );
}

function ReasonField(field: Pick<TextareaProps, 'value' | 'defaultValue' | 'error' | 'onChange' | 'onBlur'>) {
  return (
    <Textarea
      label="Reason"
      description="For the audit trail"
      required
      autosize
      minRows={2}
      maxLength={2000}
      {...field}
    />
  );
}
