import { Button, Fieldset, Group, Modal, Radio, Stack, Switch, TagsInput, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useNavigate } from '@tanstack/react-router';
import { api } from '../api.ts';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { useAct } from '../pieces/useAct.ts';
import { AttributeFields, emptied, filled } from './Attributes.tsx';

/** The dialog that adds one person. */
export function AddPerson({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  return (
    <Modal opened={opened} onClose={onClose} title="Add person" size="lg">
      <AddPersonForm onClose={onClose} />
    </Modal>
  );
}

function AddPersonForm({ onClose }: { onClose: () => void }) {
  const navigate = useNavigate();
  const form = useForm({
    initialValues: {
      name: '',
      address: '',
      aliases: [] as string[],
      externalId: '',
      attributes: emptied({}),
      signingKey: 'device' as 'device' | 'gateway',
      gatewayDecrypts: false,
    },
    validate: {
      name: (value) => (value.trim() === '' ? 'What is the person called?' : null),
      address: (value) => (/^[^@\s]+@[^@\s]+$/.test(value.trim()) ? null : 'An e-mail address of one of your domains'),
    },
  });
  const add = useAct(
    (values: typeof form.values) =>
      api.addPerson({
        body: {
          ...values,
          address: values.address.trim(),
          attributes: filled(values.attributes),
          externalId: values.externalId.trim() === '' ? null : values.externalId.trim(),
        },
      }),
    {
      form,
      stale: ['people', 'overview'],
      said: (person) => `${person.name} is added. The encryption certificate is on its way.`,
      onDone: (person) => {
        onClose();
        void navigate({ to: '/people/$id', params: { id: person.id } });
      },
    },
  );
  return (
    <form noValidate onSubmit={form.onSubmit((values) => add.mutate(values))}>
      <Stack>
        <TextInput label="Name" required data-autofocus {...form.getInputProps('name')} />
        <TextInput label="E-mail address" type="email" required {...form.getInputProps('address')} />
        <TagsInput
          label="Other addresses"
          description="Optional. They stand in the same certificates. Press Enter after each"
          splitChars={[',', ' ', ';']}
          acceptValueOnBlur
          {...form.getInputProps('aliases')}
        />
        <TextInput
          label="External id"
          description="Optional. The person's number in your directory"
          {...form.getInputProps('externalId')}
        />
        <Fieldset legend="For certificates whose profile asks for it">
          <AttributeFields form={form} />
        </Fieldset>
        <Radio.Group label="Where does the signing key live?" {...form.getInputProps('signingKey')}>
          <Stack gap="xs" mt="xs">
            <Radio
              value="device"
              label="With the person"
              description="Made in their browser or on their device when they open the claim link"
            />
            <Radio
              value="gateway"
              label="In the mail gateway"
              description="The gateway signs for them; nothing to install"
            />
          </Stack>
        </Radio.Group>
        <Switch
          label="The gateway may open this person's incoming mail"
          {...form.getInputProps('gatewayDecrypts', { type: 'checkbox' })}
        />
        <ProblemAlert error={add.error} placed={Object.keys(form.values)} />
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={add.isPending}>
            Add person
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
