import { ActionIcon, Button, Checkbox, Group, SegmentedControl, Stack, Text, TextInput } from '@mantine/core';
import type { UseFormReturnType } from '@mantine/form';
import { IconPlus, IconX } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { api } from '../api.ts';
import { formatTime } from '../format.ts';
import { PersonSelect } from '../pieces/PersonSelect.tsx';
import type { NewRequest } from './new-request.ts';

type Form = UseFormReturnType<NewRequest>;

/** Whose keys, and which of them. */
export function ScopeFields({ form }: { form: Form }) {
  const { personIds, scope } = form.values;
  const [first = '', ...more] = personIds;
  const put = (at: number, id: string) => {
    form.setFieldValue(
      'personIds',
      personIds.map((one, index) => (index === at ? id : one)),
    );
    form.setFieldValue('escrowedKeyIds', []);
  };
  const several = more.length > 0;
  return (
    <>
      <PersonSelect
        label="Whose key"
        required
        value={first}
        error={form.errors.personIds}
        onChange={(id) => put(0, id)}
      />
      {more.map((id, index) => (
        // A row has no name of its own before somebody is chosen in it.
        // biome-ignore lint/suspicious/noArrayIndexKey: the place is what it is known by
        <Group key={index} align="flex-end" wrap="nowrap" gap="xs">
          <div style={{ flex: 1, minWidth: 0 }}>
            <PersonSelect label={`And whose (${index + 2})`} value={id} onChange={(chosen) => put(index + 1, chosen)} />
          </div>
          <ActionIcon
            variant="default"
            size={36}
            aria-label={`Leave out person ${index + 2}`}
            onClick={() =>
              form.setFieldValue(
                'personIds',
                personIds.filter((_, at) => at !== index + 1),
              )
            }
          >
            <IconX size={16} aria-hidden />
          </ActionIcon>
        </Group>
      ))}
      {first !== '' && (
        <Group>
          <Button
            variant="subtle"
            size="compact-sm"
            leftSection={<IconPlus size={14} aria-hidden />}
            onClick={() => form.setFieldValue('personIds', [...personIds, ''])}
          >
            Another person of the same case
          </Button>
        </Group>
      )}
      {first !== '' && (
        <div>
          <Text size="sm" fw={600} mb={6} id="scope-label">
            Which keys
          </Text>
          <SegmentedControl
            aria-labelledby="scope-label"
            data={[
              { value: 'all', label: 'All' },
              ...(several ? [] : [{ value: 'keys', label: 'Some' }]),
              { value: 'period', label: 'Of a time' },
            ]}
            {...form.getInputProps('scope')}
          />
        </div>
      )}
      {first !== '' && scope === 'keys' && !several && (
        <KeyChoice
          personId={first}
          value={form.values.escrowedKeyIds}
          onChange={(ids) => form.setFieldValue('escrowedKeyIds', ids)}
        />
      )}
      {scope === 'period' && (
        <Group align="flex-start">
          <TextInput label="Certificates valid from" type="date" {...form.getInputProps('from')} />
          <TextInput label="Until" type="date" {...form.getInputProps('until')} />
        </Group>
      )}
    </>
  );
}

interface KeyChoiceProps {
  personId: string;
  value: string[];
  onChange: (ids: string[]) => void;
}

function KeyChoice({ personId, value, onChange }: KeyChoiceProps) {
  const person = useQuery({
    queryKey: ['people', 'one', personId],
    queryFn: () => api.person({ params: { id: personId } }),
  });
  const keys = person.data?.escrowedKeys.filter(({ destroyedAt }) => destroyedAt === null);
  if (keys === undefined) return null;
  if (keys.length === 0) {
    return (
      <Text size="sm" c="dimmed">
        This person has no key in escrow: there is nothing to recover.
      </Text>
    );
  }
  return (
    <Checkbox.Group
      label="These keys"
      description="All of them when you choose none. Ask for no more than you need"
      value={value}
      onChange={onChange}
    >
      <Stack gap="xs" mt="xs">
        {keys.map((key) => (
          <Checkbox
            key={key.id}
            value={key.id}
            label={`Made ${formatTime(key.createdAt)}`}
            description={key.serialNumber === null ? 'No certificate yet' : `Certificate ${key.serialNumber}`}
          />
        ))}
      </Stack>
    </Checkbox.Group>
  );
}
