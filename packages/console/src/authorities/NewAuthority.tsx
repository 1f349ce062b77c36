import type { Authority, NewAuthority as NewAuthorityInput } from '@chancery/api';
import { Button, Group, Menu, Modal, Select, Stack, Text, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { IconChevronDown, IconPlus } from '@tabler/icons-react';
import { useState } from 'react';
import { api } from '../api.ts';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { useAct } from '../pieces/useAct.ts';
import { authorityKeys, choices } from '../words.ts';
import { RequestFile } from './RequestDrawer.tsx';

type Kind = 'below' | 'request' | 'root';

/** A further issuing authority: below a root of ours, or by a request to somebody else's. */
export function NewAuthority({ parents }: { parents: readonly Pick<Authority, 'id' | 'name'>[] }) {
  const [kind, setKind] = useState<Kind | null>(null);
  return (
    <>
      <Menu position="bottom-end">
        <Menu.Target>
          <Button
            leftSection={<IconPlus size={16} aria-hidden />}
            rightSection={<IconChevronDown size={14} aria-hidden />}
          >
            New authority
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          {parents.length > 0 && <Menu.Item onClick={() => setKind('below')}>Below a root of this office</Menu.Item>}
          <Menu.Item onClick={() => setKind('request')}>Below an outside or offline root</Menu.Item>
          <Menu.Item onClick={() => setKind('root')}>A further root</Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <Modal
        opened={kind !== null}
        onClose={() => setKind(null)}
        title={kind === null ? undefined : titles[kind]}
        size="lg"
      >
        {kind === 'below' && <CreateForm parents={parents} onClose={() => setKind(null)} />}
        {kind === 'request' && <RequestForm onClose={() => setKind(null)} />}
        {kind === 'root' && <RootForm onClose={() => setKind(null)} />}
      </Modal>
    </>
  );
}

const titles: Record<Kind, string> = {
  below: 'A new issuing authority',
  request: 'Ask an outside issuer',
  root: 'A further root',
};

/** One button, below one authority. */
export function CreateBelow({ parent }: { parent: Pick<Authority, 'id' | 'name'> }) {
  const [opened, setOpened] = useState(false);
  return (
    <>
      <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={() => setOpened(true)}>
        New authority below it
      </Button>
      <Modal opened={opened} onClose={() => setOpened(false)} title={titles.below} size="lg">
        <CreateForm parents={[parent]} onClose={() => setOpened(false)} />
      </Modal>
    </>
  );
}

interface FormProps {
  readonly onClose: () => void;
}

function CreateForm({ parents, onClose }: FormProps & { parents: readonly Pick<Authority, 'id' | 'name'>[] }) {
  const form = useForm<NewAuthorityInput>({
    initialValues: { title: '', key: 'p256', parentId: parents[0]?.id ?? '' },
  });
  const create = useAct((body: NewAuthorityInput) => api.createAuthority({ body }), {
    form,
    stale: ['authorities', 'status', 'overview'],
    said: () => 'Made. New certificates are signed by it from now on.',
    onDone: onClose,
  });
  return (
    <form onSubmit={form.onSubmit((values) => create.mutate(values))}>
      <Stack>
        <Text>
          It takes over issuing at once. The authority before goes on with its lists and OCSP, so that nothing it signed
          breaks; retire it when you like.
        </Text>
        {parents.length > 1 && (
          <Select
            label="Below"
            allowDeselect={false}
            data={parents.map(({ id, name }) => ({ value: id, label: name }))}
            {...form.getInputProps('parentId')}
          />
        )}
        <TitleAndKey form={form} />
        <ProblemAlert error={create.error} placed={['title', 'key', 'parentId']} />
        <Buttons submit="Make the authority" busy={create.isPending} onClose={onClose} />
      </Stack>
    </form>
  );
}

function RequestForm({ onClose }: FormProps) {
  const form = useForm<Omit<NewAuthorityInput, 'parentId'>>({ initialValues: { title: '', key: 'p256' } });
  const ask = useAct((body: typeof form.values) => api.requestAuthority({ body }), { form, stale: ['authorities'] });
  if (ask.data !== undefined) {
    return (
      <Stack>
        <Text>
          The key is made, and this is its request. Take it to the issuer; what comes back is installed from the
          hierarchy, where the request waits.
        </Text>
        <RequestFile request={{ ...ask.data, name: ask.variables.title }} />
        <Group justify="flex-end">
          <Button onClick={onClose}>Done</Button>
        </Group>
      </Stack>
    );
  }
  return (
    <form onSubmit={form.onSubmit((values) => ask.mutate(values))}>
      <Stack>
        <Text>
          The office makes a key and a request (PKCS#10). An offline root signs it with{' '}
          <code className="mono">chancery ceremony sign</code>; an outside issuer in its own way.
        </Text>
        <TitleAndKey form={form} />
        <ProblemAlert error={ask.error} placed={['title', 'key']} />
        <Buttons submit="Make the request" busy={ask.isPending} onClose={onClose} />
      </Stack>
    </form>
  );
}

function RootForm({ onClose }: FormProps) {
  const form = useForm<Omit<NewAuthorityInput, 'parentId'>>({ initialValues: { title: '', key: 'p384' } });
  const create = useAct((body: typeof form.values) => api.createRoot({ body }), {
    form,
    stale: ['authorities', 'status', 'overview'],
    said: () => 'Made. Give it to those who write to you.',
    onDone: onClose,
  });
  return (
    <form onSubmit={form.onSubmit((values) => create.mutate(values))}>
      <Stack>
        <Text>
          It signs nothing until an authority is made below it. Whoever trusts the root before trusts it by a
          cross-certificate: <code className="mono">chancery authorities cross</code>.
        </Text>
        <TitleAndKey form={form} />
        <ProblemAlert error={create.error} placed={['title', 'key']} />
        <Buttons submit="Make the root" busy={create.isPending} onClose={onClose} />
      </Stack>
    </form>
  );
}

function TitleAndKey({ form }: { form: { getInputProps: (path: 'title' | 'key') => object } }) {
  return (
    <>
      <TextInput
        label="Title"
        description="Follows the organisation in its name. It stands in every certificate that it signs."
        placeholder="S/MIME Issuing CA 2"
        maxLength={40}
        required
        data-autofocus
        {...form.getInputProps('title')}
      />
      <Select label="Key" allowDeselect={false} data={choices(authorityKeys)} {...form.getInputProps('key')} />
    </>
  );
}

function Buttons({ submit, busy, onClose }: FormProps & { submit: string; busy: boolean }) {
  return (
    <Group justify="flex-end">
      <Button variant="default" onClick={onClose}>
        Cancel
      </Button>
      <Button type="submit" loading={busy}>
        {submit}
      </Button>
    </Group>
  );
}
