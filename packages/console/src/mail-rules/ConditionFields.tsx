/** The conditions of a rule as fields: those that are used, and a list of those that could be. */
import type { Conditions } from '@chancery/mail-policy';
import {
  ActionIcon,
  Fieldset,
  Group,
  MultiSelect,
  NumberInput,
  Select,
  Stack,
  TagsInput,
  TextInput,
} from '@mantine/core';
import { IconTrash } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { problemAt } from './use-rules-draft.ts';

export type Simple = NonNullable<Conditions['unless']>;
type Name = keyof Simple;

export interface FieldsProps<T> {
  value: T;
  onChange: (value: T) => void;
  /** Where it stands in the document: `rules.2.when`. */
  path: string;
  problems: readonly { readonly path: string; readonly message: string }[];
  disabled: boolean;
}

export function ConditionFields({
  label,
  empty,
  actions,
  ...props
}: FieldsProps<Simple> & { label: string; empty: string; actions?: ReactNode }) {
  const { value, onChange, disabled } = props;
  const used = names.filter((name) => value[name] !== undefined);
  const free = names.filter((name) => value[name] === undefined);
  return (
    <Fieldset legend={label} className="rule-conditions">
      <Stack gap="sm">
        {used.length === 0 && <span className="rule-empty">{empty}</span>}
        {used.map((name) => (
          <div key={name} className="rule-condition">
            <div className="rule-condition-field">
              <ConditionField {...props} name={name} />
            </div>
            {!disabled && (
              <ActionIcon
                color="gray"
                mt={24}
                aria-label={`Without: ${words[name].label}`}
                onClick={() => onChange(without(value, name))}
              >
                <IconTrash size={16} aria-hidden />
              </ActionIcon>
            )}
          </div>
        ))}
        {!disabled && (
          <Group justify="space-between" align="flex-end">
            <Select
              key={used.join(' ')}
              aria-label={`${label}: add a condition`}
              placeholder="Add a condition"
              searchable
              w={280}
              data={free.map((name) => ({ value: name, label: words[name].label }))}
              value={null}
              onChange={(name) => {
                if (name !== null) onChange({ ...value, [name]: begun[name as Name] });
              }}
            />
            {actions}
          </Group>
        )}
      </Stack>
    </Fieldset>
  );
}

function without(value: Simple, name: Name): Simple {
  const { [name]: _, ...rest } = value;
  return rest;
}

interface Words {
  readonly label: string;
  readonly hint?: string;
  readonly placeholder?: string;
}

/** In the order in which they are shown. */
const words: Readonly<Record<Name, Words>> = {
  direction: { label: 'Way' },
  sender: { label: 'Sender', hint: 'Addresses, or domains; .example.com with all below', placeholder: 'example.com' },
  senderGroup: { label: 'Group of the sender', hint: 'As the directory names it' },
  recipient: { label: 'Recipient', hint: 'Whole addresses', placeholder: 'bob@partner.example' },
  recipientDomain: {
    label: 'Domain of the recipient',
    hint: '.example.com with all below',
    placeholder: 'partner.example',
  },
  recipientGroup: { label: 'Group of the recipient', hint: 'As the directory names it' },
  hasCertificate: { label: 'Certificate of the recipient' },
  protection: { label: 'What the sender’s own software did' },
  label: { label: 'Classification label', hint: 'Names or ids of labels', placeholder: 'Confidential' },
  subjectWords: { label: 'Words in the subject', hint: 'Whole words or phrases; confiden* for what begins so' },
  bodyWords: { label: 'Words in the text', hint: 'Whole words or phrases; confiden* for what begins so' },
  header: { label: 'Header field' },
  attachmentName: {
    label: 'Name of a file',
    hint: '* stands for anything, ? for one character',
    placeholder: '*.docm',
  },
  attachmentType: { label: 'Type of a part', hint: 'Media types', placeholder: 'application/pdf' },
  largerThan: { label: 'Larger than' },
  smallerThan: { label: 'Smaller than' },
  authentication: { label: 'SPF, DKIM and DMARC' },
};
const names = Object.keys(words) as Name[];

/** What a condition is before anybody has said more. */
const begun: Readonly<Required<Simple>> = {
  direction: 'outbound',
  sender: [],
  senderGroup: [],
  recipient: [],
  recipientDomain: [],
  recipientGroup: [],
  hasCertificate: true,
  protection: ['none'],
  label: [],
  subjectWords: [],
  bodyWords: [],
  header: { name: '' },
  attachmentName: [],
  attachmentType: [],
  largerThan: 10_485_760,
  smallerThan: 10_485_760,
  authentication: { dmarc: ['fail'] },
};

function ConditionField({ name, value, onChange, path, problems, disabled }: FieldsProps<Simple> & { name: Name }) {
  const error = problemAt(problems, `${path}.${name}`);
  const { label, hint, placeholder } = words[name];
  const set = (part: Partial<Simple>) => onChange({ ...value, ...part });
  switch (name) {
    case 'direction':
      return (
        <Choose
          label={label}
          disabled={disabled}
          value={value.direction ?? 'outbound'}
          options={{ outbound: 'Mail that goes out', inbound: 'Mail that comes in' }}
          onPick={(direction) => set({ direction })}
        />
      );
    case 'hasCertificate':
      return (
        <Choose
          label={label}
          disabled={disabled}
          value={value.hasCertificate === false ? 'no' : 'yes'}
          options={{ yes: 'Has a good one', no: 'Has none' }}
          onPick={(has) => set({ hasCertificate: has === 'yes' })}
        />
      );
    case 'protection':
      return (
        <MultiSelect
          label={label}
          disabled={disabled}
          error={error}
          data={[
            { value: 'none', label: 'Neither signed nor encrypted' },
            { value: 'signed', label: 'Signed' },
            { value: 'encrypted', label: 'Encrypted' },
          ]}
          value={value.protection ?? []}
          onChange={(chosen) => set({ protection: chosen as NonNullable<Simple['protection']> })}
        />
      );
    case 'header':
      return (
        <Group grow align="flex-start" gap="sm">
          <TextInput
            label={label}
            disabled={disabled}
            placeholder="X-Priority"
            error={problemAt(problems, `${path}.header.name`)}
            value={value.header?.name ?? ''}
            onChange={({ currentTarget }) => set({ header: { ...value.header, name: currentTarget.value } })}
          />
          <TextInput
            label="Holds the text"
            disabled={disabled}
            placeholder="Anything"
            error={problemAt(problems, `${path}.header.contains`)}
            value={value.header?.contains ?? ''}
            onChange={({ currentTarget }) =>
              set({
                header: {
                  name: value.header?.name ?? '',
                  ...(currentTarget.value === '' ? {} : { contains: currentTarget.value }),
                },
              })
            }
          />
        </Group>
      );
    case 'largerThan':
    case 'smallerThan':
      return (
        <NumberInput
          label={label}
          description="Octets of the whole message; 1 MB is 1,048,576"
          disabled={disabled}
          error={error}
          min={0}
          allowDecimal={false}
          thousandSeparator=" "
          value={value[name] ?? ''}
          onChange={(octets) => set({ [name]: typeof octets === 'number' ? octets : Number.NaN })}
        />
      );
    case 'authentication':
      return (
        <AuthenticationFields
          value={value.authentication ?? {}}
          error={error}
          disabled={disabled}
          onChange={(authentication) => set({ authentication })}
        />
      );
    default:
      return (
        <TagsInput
          label={label}
          description={hint === undefined ? 'Press Enter after each' : `${hint}. Press Enter after each`}
          placeholder={(value[name] ?? []).length === 0 ? placeholder : undefined}
          disabled={disabled}
          error={error}
          acceptValueOnBlur
          splitChars={[',', ';']}
          value={[...(value[name] ?? [])]}
          onChange={(list) => set({ [name]: list })}
        />
      );
  }
}

const results = {
  spf: ['pass', 'fail', 'softfail', 'neutral', 'none', 'temperror', 'permerror'],
  dkim: ['pass', 'fail', 'neutral', 'policy', 'none', 'temperror', 'permerror'],
  dmarc: ['pass', 'fail', 'none', 'temperror', 'permerror'],
} as const;
type Authentication = NonNullable<Simple['authentication']>;

function AuthenticationFields({
  value,
  error,
  disabled,
  onChange,
}: {
  value: Authentication;
  error: string | undefined;
  disabled: boolean;
  onChange: (value: Authentication) => void;
}) {
  return (
    <Group grow align="flex-start" gap="sm">
      {(['spf', 'dkim', 'dmarc'] as const).map((kind) => (
        <MultiSelect
          key={kind}
          label={`${kind.toUpperCase()} says`}
          disabled={disabled}
          error={kind === 'spf' ? error : undefined}
          placeholder={(value[kind] ?? []).length === 0 ? 'Anything' : ''}
          data={[...results[kind]]}
          value={[...(value[kind] ?? [])]}
          onChange={(chosen) => {
            const { [kind]: _, ...rest } = value;
            onChange(chosen.length === 0 ? rest : ({ ...rest, [kind]: chosen } as Authentication));
          }}
        />
      ))}
    </Group>
  );
}

export function Choose<V extends string>({
  label,
  description,
  value,
  options,
  error,
  disabled,
  onPick,
}: {
  label: string;
  description?: string;
  value: V;
  options: Readonly<Record<V, string>>;
  error?: string | undefined;
  disabled: boolean;
  onPick: (value: V) => void;
}) {
  return (
    <Select
      label={label}
      description={description}
      allowDeselect={false}
      disabled={disabled}
      error={error}
      data={(Object.entries(options) as [V, string][]).map(([one, text]) => ({ value: one, label: text }))}
      value={value}
      onChange={(chosen) => chosen !== null && onPick(chosen as V)}
    />
  );
}
