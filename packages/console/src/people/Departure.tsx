import type { Departure, PersonDetail } from '@chancery/api';
import { Button, Group, List, Modal, Skeleton, Stack, Text, Textarea } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useDisclosure } from '@mantine/hooks';
import { IconPlayerPause, IconUserCheck, IconUserOff } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { api } from '../api.ts';
import { plural } from '../format.ts';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { useAct } from '../pieces/useAct.ts';
import { When } from '../pieces/When.tsx';

type Act = 'leave' | 'suspend' | 'return';

/** How a person leaves, is suspended, or returns: buttons, each with what will happen before it does. */
export function Departures({ person }: { person: PersonDetail }) {
  const [opened, dialog] = useDisclosure(false);
  const [suspending, suspension] = useDisclosure(false);
  return (
    <>
      {person.state !== 'left' && (
        <Button variant="default" onClick={dialog.open} leftSection={<IconUserOff size={16} aria-hidden />}>
          Leaves
        </Button>
      )}
      <Button
        variant="default"
        onClick={suspension.open}
        leftSection={
          person.state === 'active' ? (
            <IconPlayerPause size={16} aria-hidden />
          ) : (
            <IconUserCheck size={16} aria-hidden />
          )
        }
      >
        {person.state === 'active' ? 'Suspend' : person.state === 'suspended' ? 'Returns' : 'Comes back'}
      </Button>
      <Modal opened={opened} onClose={dialog.close} title={`${person.name} leaves`} size="lg">
        <DepartureForm person={person} act="leave" onClose={dialog.close} />
      </Modal>
      <Modal
        opened={suspending}
        onClose={suspension.close}
        title={
          person.state === 'active'
            ? `Suspend ${person.name}`
            : `${person.name} ${person.state === 'left' ? 'comes back' : 'returns'}`
        }
        size="lg"
      >
        <DepartureForm
          person={person}
          act={person.state === 'active' ? 'suspend' : 'return'}
          onClose={suspension.close}
        />
      </Modal>
    </>
  );
}

const words: Record<Act, { readonly button: string; readonly said: (name: string) => string }> = {
  leave: { button: 'The person leaves', said: (name) => `${name} has left. Old mail can still be recovered.` },
  suspend: { button: 'Suspend', said: (name) => `${name} is suspended. OCSP says so at once; a new list follows.` },
  return: { button: 'They are here again', said: (name) => `${name} is here again.` },
};

function DepartureForm({ person, act, onClose }: { person: PersonDetail; act: Act; onClose: () => void }) {
  const params = { id: person.id };
  const form = useForm({ initialValues: { note: '' } });
  const departure = useQuery({
    queryKey: ['people', 'departure', person.id, act],
    queryFn: () => api.departure({ params }),
    staleTime: 0,
  });
  const perform = useAct(
    (body: typeof form.values) =>
      act === 'leave'
        ? api.removePerson({ params, query: body })
        : act === 'suspend'
          ? api.suspendPerson({ params, body })
          : api.returnPerson({ params, body }),
    {
      form,
      stale: ['people', 'certificates', 'overview', 'status', 'renewals'],
      said: () => words[act].said(person.name),
      onDone: onClose,
    },
  );
  return (
    <form onSubmit={form.onSubmit((values) => perform.mutate(values))}>
      <Stack>
        <ProblemAlert error={departure.error} onRetry={() => void departure.refetch()} />
        {departure.isPending && <Skeleton height={140} />}
        {departure.data !== undefined && (
          <div>
            <Text size="sm" fw={600}>
              What will happen, at once
            </Text>
            <List size="sm" mt={4} spacing={4}>
              {consequences(act, person, departure.data).map((line) => (
                <List.Item key={line}>{line}</List.Item>
              ))}
              {act === 'leave' && departure.data.keptUntil !== null && (
                <List.Item>
                  Their retention ends <When at={departure.data.keptUntil} />.
                </List.Item>
              )}
            </List>
          </div>
        )}
        <Textarea
          label="Why"
          description="For the audit trail: a ticket, a case number"
          autosize
          minRows={2}
          maxLength={1000}
          {...form.getInputProps('note')}
        />
        <ProblemAlert error={perform.error} placed={['note']} />
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose} data-autofocus>
            Cancel
          </Button>
          <Button
            type="submit"
            {...(act === 'leave' && { color: 'wax.7' })}
            loading={perform.isPending}
            disabled={departure.data === undefined}
          >
            {words[act].button}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

function consequences(act: Act, person: PersonDetail, departure: Departure): string[] {
  const { certificates, published, escrowedKeys, legalHolds, sessions, passkeys, claimLink, gateways, operator } =
    departure;
  const count = plural(certificates.length, 'certificate', 'certificates');
  const keys = plural(escrowedKeys, 'escrowed key', 'escrowed keys');
  if (act === 'return') {
    return person.state === 'left'
      ? [
          'A new signing and a new encryption certificate begin, with fresh keys.',
          `What was revoked stays revoked; ${keys} from before can be recovered still.`,
        ]
      : [
          'What the suspension put on hold is released, and published again.',
          'Another certificate takes the place of what ended, was revoked or changed meanwhile.',
          'A certificate that somebody put on hold before stays on hold.',
        ];
  }
  const ended = [
    sessions > 0 ? plural(sessions, 'session or sign-in link', 'sessions and sign-in links') : '',
    act === 'leave' && passkeys > 0 ? plural(passkeys, 'passkey', 'passkeys') : '',
    act === 'leave' && claimLink ? 'the claim link' : '',
  ].filter((part) => part !== '');
  return [
    certificates.length === 0
      ? 'They have no certificate in force.'
      : act === 'leave'
        ? `${count} revoked, for signing and encryption.`
        : `${count} on hold until they return.`,
    published.length === 0 ? 'Nothing of theirs is in a directory.' : `Taken out of ${published.join(', ')}.`,
    ...(ended.length > 0 ? [`Ended: ${ended.join(', ')}.`] : []),
    ...(operator !== null
      ? [
          operator.last
            ? 'They are the last administrator with a credential of their own: they sign in to this console until there is another. Invite one first.'
            : `Their access to this console ${act === 'leave' ? 'ends' : 'is closed until they return'} (${operator.roles.join(', ')}).`,
        ]
      : []),
    ...(gateways > 0
      ? [
          act === 'leave'
            ? 'The mail gateway opens their mail no longer.'
            : 'The mail gateway neither signs for them nor opens their mail.',
        ]
      : []),
    `${keys} ${escrowedKeys === 1 ? 'stays' : 'stay'} in escrow: ${act === 'leave' ? 'a quorum can read old mail' : 'nothing is lost'}.`,
    ...(legalHolds.length > 0 ? [`Under legal hold: ${legalHolds.join(', ')}.`] : []),
  ];
}
