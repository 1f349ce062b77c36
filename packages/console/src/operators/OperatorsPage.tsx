import { exclusiveRoles, type Operator, type Role } from '@chancery/api';
import { Alert, Button, Checkbox, Group, Modal, Stack, Text, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useDisclosure } from '@mantine/hooks';
import { IconPlus, IconRouter } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { api, useMay, useMe } from '../api.ts';
import { CopyField } from '../pieces/CopyField.tsx';
import { type Column, DataTable } from '../pieces/DataTable.tsx';
import { EmptyState } from '../pieces/EmptyState.tsx';
import { Page } from '../pieces/Page.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { StateBadge } from '../pieces/StateBadge.tsx';
import { useAct } from '../pieces/useAct.ts';
import { When } from '../pieces/When.tsx';
import { operatorStates, roleNames } from '../words.ts';

/** Who runs the office. Recovery officers are operators too: the ones who may say yes to a recovery. */
export function OperatorsPage() {
  const mayWrite = useMay('operator:write');
  const [inviting, inviteDialog] = useDisclosure(false);
  const [enrolling, enrolDialog] = useDisclosure(false);
  const operators = useQuery({ queryKey: ['operators'], queryFn: () => api.operators() });
  const officers = operators.data?.items.filter(
    (operator) => operator.state !== 'disabled' && operator.roles.includes('recovery-officer'),
  );
  return (
    <Page
      title="Operators"
      lead="The people who run this office"
      actions={
        mayWrite && (
          <>
            <Button variant="default" onClick={enrolDialog.open} leftSection={<IconRouter size={16} aria-hidden />}>
              Add gateway
            </Button>
            <Button onClick={inviteDialog.open} leftSection={<IconPlus size={16} aria-hidden />}>
              Invite operator
            </Button>
          </>
        )
      }
    >
      <ProblemAlert error={operators.error} onRetry={() => void operators.refetch()} />
      {officers !== undefined && officers.length < 2 && (
        <Alert color="ink" variant="outline" title="Not enough recovery officers">
          Recovering a key takes two recovery officers, and there {officers.length === 1 ? 'is one' : 'are none'}.
          {mayWrite && ' Invite them now, before the first key is lost.'}
        </Alert>
      )}
      {operators.error === null && (
        <DataTable
          label="Operators"
          columns={columns(mayWrite)}
          card={(operator) => <OperatorCard operator={operator} mayWrite={mayWrite} />}
          rows={operators.data?.items ?? []}
          total={operators.data?.items.length ?? 0}
          rowKey={(operator) => operator.id}
          loading={operators.isPending}
          empty={<EmptyState title="No operators">The set-up link makes the first administrator.</EmptyState>}
        />
      )}
      <Modal opened={inviting} onClose={inviteDialog.close} title="Invite operator" size="lg">
        <Invite onClose={inviteDialog.close} />
      </Modal>
      <Modal opened={enrolling} onClose={enrolDialog.close} title="Add gateway" size="lg">
        <AddGateway onClose={enrolDialog.close} />
      </Modal>
    </Page>
  );
}

const columns = (mayWrite: boolean): readonly Column<Operator>[] => [
  { header: 'Name', width: '30%', cell: (operator) => <Named operator={operator} /> },
  { header: 'Roles', width: '28%', cell: rolesOf },
  { header: 'State', cell: (operator) => <StateBadge state={operatorStates[operator.state]} /> },
  { header: 'Last sign-in', cell: (operator) => <LastSignIn operator={operator} /> },
  ...(mayWrite
    ? [{ header: 'Actions', align: 'right' as const, cell: (operator: Operator) => <Disable operator={operator} /> }]
    : []),
];

const rolesOf = (operator: Operator) =>
  operator.roles.length === 0 ? 'None any more' : operator.roles.map((role) => roleNames[role][0]).join(', ');

function Named({ operator }: { operator: Operator }) {
  return (
    <div>
      <Text size="sm" fw={550}>
        {operator.name}
      </Text>
      <Text size="xs" c="dimmed">
        {operator.address}
      </Text>
      {operator.provider !== null && (
        <Text size="xs" c="dimmed">
          Signs in with {operator.provider}
        </Text>
      )}
    </div>
  );
}

function LastSignIn({ operator }: { operator: Operator }) {
  return operator.lastSignInAt === null ? 'Never' : <When at={operator.lastSignInAt} style="relative" />;
}

function OperatorCard({ operator, mayWrite }: { operator: Operator; mayWrite: boolean }) {
  return (
    <Stack gap={6}>
      <Group justify="space-between" wrap="nowrap" align="flex-start">
        <Named operator={operator} />
        <StateBadge state={operatorStates[operator.state]} />
      </Group>
      <Text size="sm">{rolesOf(operator)}</Text>
      <Group justify="space-between">
        <Text size="sm" c="dimmed">
          Last sign-in: <LastSignIn operator={operator} />
        </Text>
        {mayWrite && <Disable operator={operator} />}
      </Group>
    </Stack>
  );
}

function Disable({ operator }: { operator: Operator }) {
  const me = useMe();
  const [opened, { open, close }] = useDisclosure(false);
  const disable = useAct(() => api.disableOperator({ params: { id: operator.id } }), {
    stale: ['operators'],
    said: () => `${operator.name} can no longer sign in.`,
    onDone: close,
  });
  if (operator.state === 'disabled' || operator.id === me?.id) return null;
  return (
    <>
      <Button size="compact-sm" variant="default" onClick={open} aria-label={`Disable ${operator.name}`}>
        Disable
      </Button>
      <Modal opened={opened} onClose={close} title={`Disable ${operator.name}`}>
        <Stack>
          <Text>Their sessions end now and they cannot sign in again. What they did stays in the audit trail.</Text>
          <ProblemAlert error={disable.error} />
          <Group justify="flex-end">
            <Button variant="default" onClick={close} data-autofocus>
              Cancel
            </Button>
            <Button color="wax.7" loading={disable.isPending} onClick={() => disable.mutate(undefined)}>
              Disable the operator
            </Button>
          </Group>
        </Stack>
      </Modal>
    </>
  );
}

const invitable = ['administrator', 'registration-officer', 'recovery-officer', 'auditor'] as const satisfies Role[];

function Invite({ onClose }: { onClose: () => void }) {
  const form = useForm({
    initialValues: { name: '', address: '', roles: [] as (typeof invitable)[number][] },
    validate: {
      name: (value) => (value.trim() === '' ? 'What is the person called?' : null),
      address: (value) => (/^[^@\s]+@[^@\s]+$/.test(value.trim()) ? null : 'An e-mail address'),
      roles: (chosen) => {
        if (chosen.length === 0) return 'At least one role';
        const clash = exclusiveRoles.find((pair) => pair.every((role) => (chosen as Role[]).includes(role)));
        return clash === undefined
          ? null
          : `Nobody may be both ${clash.map((role) => roleNames[role][0].toLowerCase()).join(' and ')}`;
      },
    },
  });
  const invite = useAct(
    (values: typeof form.values) => api.inviteOperator({ body: { ...values, address: values.address.trim() } }),
    { form, stale: ['operators'] },
  );
  if (invite.data !== undefined) {
    return (
      <Stack>
        <Text>
          Give this link to {invite.data.operator.name}, and to nobody else. It is shown only now, works once, and ends{' '}
          <When at={invite.data.expiresAt} style="relative" />.
        </Text>
        <div className="panel">
          <CopyField label="invitation link" value={invite.data.url} />
        </div>
        <Group justify="flex-end">
          <Button onClick={onClose}>Done</Button>
        </Group>
      </Stack>
    );
  }
  return (
    <form noValidate onSubmit={form.onSubmit((values) => invite.mutate(values))}>
      <Stack>
        <TextInput label="Name" required data-autofocus {...form.getInputProps('name')} />
        <TextInput label="E-mail address" type="email" required {...form.getInputProps('address')} />
        <Checkbox.Group label="Roles" required {...form.getInputProps('roles')}>
          <Stack gap="xs" my="xs">
            {invitable.map((role) => (
              <Checkbox key={role} value={role} label={roleNames[role][0]} description={roleNames[role][1]} />
            ))}
          </Stack>
        </Checkbox.Group>
        <ProblemAlert error={invite.error} placed={Object.keys(form.values)} />
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={invite.isPending}>
            Make the invitation link
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

function AddGateway({ onClose }: { onClose: () => void }) {
  const [name, setName] = useState('');
  const add = useAct((gateway: string) => api.createGateway({ body: { name: gateway } }), { stale: ['overview'] });
  if (add.data !== undefined) {
    return (
      <Stack>
        <Text>
          Put this token into the configuration of the gateway {add.data.name}. It is shown only now; with it, the
          gateway enrols for its own certificate.
        </Text>
        <div className="panel">
          <CopyField label="gateway token" value={add.data.token} />
        </div>
        <Group justify="flex-end">
          <Button onClick={onClose}>Done</Button>
        </Group>
      </Stack>
    );
  }
  return (
    <form
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        add.mutate(name);
      }}
    >
      <Stack>
        <TextInput
          label="Name of the gateway"
          description="Lower-case letters, digits and hyphens"
          required
          data-autofocus
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <ProblemAlert error={add.error} />
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={add.isPending} disabled={name === ''}>
            Make the token
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
