/** What a rule does, as fields. What nothing is said of is left as it is for mail that no rule speaks of. */
import type { Actions } from '@chancery/mail-policy';
import {
  ActionIcon,
  Button,
  Fieldset,
  Group,
  Input,
  NumberInput,
  SimpleGrid,
  Stack,
  Switch,
  TagsInput,
  Textarea,
  TextInput,
} from '@mantine/core';
import { IconPlus, IconTrash } from '@tabler/icons-react';
import { Choose, type FieldsProps } from './ConditionFields.tsx';
import { problemAt } from './use-rules-draft.ts';

type Set = (part: Partial<Actions>) => void;
interface PartProps extends Omit<FieldsProps<Actions>, 'onChange'> {
  set: Set;
}

export function ActionFields({ onChange, ...props }: FieldsProps<Actions>) {
  const set: Set = (part) => {
    const said = Object.entries({ ...props.value, ...part }).filter(([, value]) => value !== undefined);
    onChange(Object.fromEntries(said) as Actions);
  };
  return (
    <Stack gap="md">
      <Protection {...props} set={set} />
      <Stopping {...props} set={set} />
      <Changing {...props} set={set} />
      <Arriving {...props} set={set} />
    </Stack>
  );
}

const unsaid = 'Nothing said';

/** A choice of which nothing may be said. */
function Pick<N extends 'sign' | 'encrypt' | 'form' | 'cipher' | 'oaep' | 'header' | 'banner' | 'reencrypt'>({
  name,
  label,
  description,
  options,
  ...props
}: PartProps & {
  name: N;
  label: string;
  description?: string;
  options: Readonly<Record<NonNullable<Actions[N]>, string>>;
}) {
  const all: Readonly<Record<string, string>> = { '': unsaid, ...options };
  return (
    <Choose
      label={label}
      {...(description === undefined ? {} : { description })}
      disabled={props.disabled}
      error={problemAt(props.problems, `${props.path}.${name}`)}
      options={all}
      value={props.value[name] ?? ''}
      onPick={(value) => props.set({ [name]: value === '' ? undefined : value })}
    />
  );
}

/** Mail that goes out. */
function Protection(props: PartProps) {
  const { value, set, disabled, problems, path } = props;
  return (
    <Fieldset legend="Protection, of mail that goes out">
      <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="sm">
        <Pick
          {...props}
          name="encrypt"
          label="Encrypt"
          options={{ must: 'Always, or not at all', 'if-possible': 'Where everybody can read it', never: 'Never' }}
        />
        <Pick
          {...props}
          name="sign"
          label="Sign"
          options={{ must: 'Always, or not at all', 'if-possible': 'Where we have the key', never: 'Never' }}
        />
        <Choose
          label="Recipients without a certificate"
          disabled={disabled}
          error={problemAt(problems, `${path}.split`)}
          options={{ '': unsaid, yes: 'May get it in the clear', no: 'Keep it from everybody' }}
          value={value.split === undefined ? '' : value.split ? 'yes' : 'no'}
          onPick={(split) => set({ split: split === '' ? undefined : split === 'yes' })}
        />
        <Pick
          {...props}
          name="header"
          label="The header"
          options={{
            none: 'As it is',
            clear: 'Protected, readable',
            baseline: 'Subject hidden once encrypted',
            shy: 'Subject and names hidden once encrypted',
          }}
        />
        <Pick
          {...props}
          name="form"
          label="Form of the signature"
          options={{ clear: 'Readable everywhere', opaque: 'In one piece' }}
        />
        <Pick
          {...props}
          name="cipher"
          label="Cipher"
          options={{ 'aes-256-cbc': 'AES-256-CBC', 'aes-256-gcm': 'AES-256-GCM' }}
        />
        <Pick
          {...props}
          name="oaep"
          label="RSA-OAEP"
          options={{ announced: 'Where it is announced', must: 'For everybody' }}
        />
      </SimpleGrid>
    </Fieldset>
  );
}

function Stopping({ value, set, disabled, problems, path }: PartProps) {
  const { hold } = value;
  return (
    <Fieldset legend="Stop it">
      <Stack gap="sm">
        <TextInput
          label="Refuse, and tell the sender"
          placeholder="Leave empty to let it pass"
          disabled={disabled}
          error={problemAt(problems, `${path}.refuse`)}
          value={value.refuse ?? ''}
          onChange={({ currentTarget }) =>
            set({ refuse: currentTarget.value === '' ? undefined : currentTarget.value })
          }
        />
        <Switch
          label="Hold it here"
          disabled={disabled}
          checked={hold !== undefined}
          onChange={({ currentTarget }) =>
            set({ hold: currentTarget.checked ? { reason: '', hours: 72, invite: false } : undefined })
          }
        />
        {hold !== undefined && (
          <Group grow align="flex-start" gap="sm">
            <TextInput
              label="Why it is held"
              disabled={disabled}
              error={problemAt(problems, `${path}.hold.reason`)}
              value={hold.reason}
              onChange={({ currentTarget }) => set({ hold: { ...hold, reason: currentTarget.value } })}
            />
            <NumberInput
              label="Hours at most"
              disabled={disabled}
              min={1}
              max={2160}
              allowDecimal={false}
              error={problemAt(problems, `${path}.hold.hours`)}
              value={hold.hours}
              onChange={(hours) => set({ hold: { ...hold, hours: typeof hours === 'number' ? hours : Number.NaN } })}
            />
            <Choose
              label="Until"
              disabled={disabled}
              options={{ no: 'Somebody releases it', yes: 'The recipient sends a certificate' }}
              value={hold.invite ? 'yes' : 'no'}
              onPick={(invite) => set({ hold: { ...hold, invite: invite === 'yes' } })}
            />
          </Group>
        )}
      </Stack>
    </Fieldset>
  );
}

function Changing(props: PartProps) {
  const { value, set, disabled, problems, path } = props;
  const list = (name: 'removeHeaders' | 'removeAttachments', label: string, description: string) => (
    <TagsInput
      label={label}
      description={description}
      disabled={disabled}
      acceptValueOnBlur
      error={problemAt(problems, `${path}.${name}`)}
      value={[...(value[name] ?? [])]}
      onChange={(chosen) => set({ [name]: chosen.length === 0 ? undefined : chosen })}
    />
  );
  return (
    <Fieldset legend="Change it">
      <Stack gap="sm">
        <Headers {...props} />
        {list('removeHeaders', 'Remove header fields', 'X-Internal-* for all that begin so. Press Enter after each')}
        {list('removeAttachments', 'Take out files named', '* and ? as in conditions; a note stands where each was')}
        <Textarea
          label="Disclaimer"
          description="At the end of the text, before anything is signed"
          autosize
          minRows={2}
          disabled={disabled}
          error={problemAt(problems, `${path}.disclaimer.text`)}
          value={value.disclaimer?.text ?? ''}
          onChange={({ currentTarget }) =>
            set({
              disclaimer: currentTarget.value === '' ? undefined : { ...value.disclaimer, text: currentTarget.value },
            })
          }
        />
        {value.disclaimer !== undefined && (
          <Textarea
            label="Disclaimer in HTML"
            description="For the HTML part; made of the text where this is empty"
            autosize
            minRows={2}
            disabled={disabled}
            error={problemAt(problems, `${path}.disclaimer.html`)}
            value={value.disclaimer.html ?? ''}
            onChange={({ currentTarget }) => {
              const text = value.disclaimer?.text ?? '';
              set({ disclaimer: currentTarget.value === '' ? { text } : { text, html: currentTarget.value } });
            }}
          />
        )}
        <Group grow align="flex-start" gap="sm">
          <TextInput
            label="Tag of the subject"
            placeholder="[external]"
            disabled={disabled}
            error={problemAt(problems, `${path}.subjectTag`)}
            value={value.subjectTag ?? ''}
            onChange={({ currentTarget }) =>
              set({ subjectTag: currentTarget.value === '' ? undefined : currentTarget.value })
            }
          />
          <TextInput
            label="Next server"
            description="By its name in the gateway’s configuration"
            disabled={disabled}
            error={problemAt(problems, `${path}.route`)}
            value={value.route ?? ''}
            onChange={({ currentTarget }) =>
              set({ route: currentTarget.value === '' ? undefined : currentTarget.value })
            }
          />
        </Group>
      </Stack>
    </Fieldset>
  );
}

function Arriving(props: PartProps) {
  return (
    <Fieldset legend="Mail that comes in">
      <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="sm">
        <Pick
          {...props}
          name="banner"
          label="Lines above its text"
          options={{ never: 'None', warnings: 'Warnings', signals: 'Warnings and notices' }}
        />
        <Pick
          {...props}
          name="reencrypt"
          label="Encrypt to its reader"
          options={{ never: 'Never', opened: 'What was opened here', all: 'All of it' }}
        />
      </SimpleGrid>
    </Fieldset>
  );
}

function Headers({ value, set, disabled, problems, path }: PartProps) {
  const rows = value.addHeaders ?? [];
  const change = (next: typeof rows) => set({ addHeaders: next.length === 0 ? undefined : next });
  const part = (index: number, field: Partial<(typeof rows)[number]>) =>
    change(rows.map((row, at) => (at === index ? { ...row, ...field } : row)));
  return (
    <Input.Wrapper label="Add header fields" labelElement="div">
      <Stack gap="xs" mt={4}>
        {rows.map((row, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a row is its place; its name may change
          <div key={index} className="template-row">
            <TextInput
              className="wide"
              aria-label={`Name of field ${index + 1}`}
              placeholder="X-Classification"
              disabled={disabled}
              error={problemAt(problems, `${path}.addHeaders.${index}.name`)}
              value={row.name}
              onChange={({ currentTarget }) => part(index, { name: currentTarget.value })}
            />
            <TextInput
              className="wide"
              aria-label={`Value of field ${index + 1}`}
              disabled={disabled}
              error={problemAt(problems, `${path}.addHeaders.${index}.value`)}
              value={row.value}
              onChange={({ currentTarget }) => part(index, { value: currentTarget.value })}
            />
            {!disabled && (
              <ActionIcon
                color="gray"
                aria-label={`Remove field ${index + 1}`}
                onClick={() => change(rows.filter((_, at) => at !== index))}
              >
                <IconTrash size={16} aria-hidden />
              </ActionIcon>
            )}
          </div>
        ))}
        {!disabled && (
          <div>
            <Button
              size="compact-sm"
              variant="default"
              leftSection={<IconPlus size={14} aria-hidden />}
              onClick={() => change([...rows, { name: '', value: '' }])}
            >
              Add a field
            </Button>
          </div>
        )}
      </Stack>
    </Input.Wrapper>
  );
}
