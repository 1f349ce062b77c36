import type { PersonDetail } from '@chancery/api';
import { Button, Fieldset, Group, Modal, Radio, Stack, Switch, TagsInput, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { api } from '../api.ts';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { useAct } from '../pieces/useAct.ts';
import { AttributeFields, emptied, filled } from './Attributes.tsx';

/** The dialog that changes a person. The address before stays theirs, as one of the others. */
export function EditPerson({
  person,
  opened,
  onClose,
}: {
  person: PersonDetail;
  opened: boolean;
  onClose: () => void;
}) {
  return (
    <Modal opened={opened} onClose={onClose} title={`Edit ${person.name}`} size="lg">
      <EditPersonForm person={person} onClose={onClose} />
    </Modal>
  );
}

function EditPersonForm({ person, onClose }: { person: PersonDetail; onClose: () => void }) {
  const form = useForm({
    initialValues: {
      address: person.address,
      name: person.name,
      aliases: person.aliases,
      externalId: person.externalId ?? '',
      attributes: emptied(person.attributes),
      signingKey: person.signingKey,
      gatewayDecrypts: person.gatewayDecrypts,
    },
    validate: {
      address: (value) => (value.includes('@') ? null : 'Which address?'),
      name: (value) => (value.trim() === '' ? 'What is the person called?' : null),
    },
  });
  const change = useAct(
    (values: typeof form.values) =>
      api.changePerson({
        params: { id: person.id },
        body: {
          ...values,
          address: values.address.trim(),
          aliases: values.address === person.address ? values.aliases : [...values.aliases, person.address],
          attributes: filled(values.attributes),
          externalId: values.externalId.trim() === '' ? null : values.externalId.trim(),
        },
      }),
    { form, stale: ['people'], said: () => 'Saved.', onDone: onClose },
  );
  return (
    <form noValidate onSubmit={form.onSubmit((values) => change.mutate(values))}>
      <Stack>
        <TextInput label="Name" required data-autofocus {...form.getInputProps('name')} />
        <TextInput
          label="Address"
          required
          description="After a change, the one before stays theirs as another address"
          {...form.getInputProps('address')}
        />
        <TagsInput
          label="Other addresses"
          description="Optional"
          splitChars={[',', ' ', ';']}
          acceptValueOnBlur
          {...form.getInputProps('aliases')}
        />
        <TextInput label="External id" description="Optional" {...form.getInputProps('externalId')} />
        <Fieldset legend="For certificates whose profile asks for it">
          <AttributeFields form={form} />
        </Fieldset>
        <Radio.Group label="Where does the signing key live?" {...form.getInputProps('signingKey')}>
          <Stack gap="xs" mt="xs">
            <Radio value="device" label="With the person" />
            <Radio value="gateway" label="In the mail gateway" />
          </Stack>
        </Radio.Group>
        <Switch
          label="The gateway may open this person's incoming mail"
          {...form.getInputProps('gatewayDecrypts', { type: 'checkbox' })}
        />
        <ProblemAlert error={change.error} placed={Object.keys(form.values)} />
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={change.isPending}>
            Save
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
