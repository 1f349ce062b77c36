/** Parts of the form that are lists of rows: the subject, policies, exceptions from lints. */
import { type ProfileDocument, profileVariables, subjectAttributes } from '@chancery/api';
import { ActionIcon, Button, Checkbox, Fieldset, Input, Select, Stack, Text, TextInput } from '@mantine/core';
import { IconPlus, IconTrash } from '@tabler/icons-react';
import type { ReactNode } from 'react';

type Subject = ProfileDocument['subject'];

export function SubjectTemplate({
  subject,
  error,
  onChange,
}: {
  subject: Subject;
  error: string | undefined;
  onChange: (subject: Subject) => void;
}) {
  const change = (index: number, part: Partial<Subject[number]>) => onChange(replaced(subject, index, part));
  const free = subjectAttributes.find((one) => !subject.some(({ attribute }) => attribute === one));
  return (
    <Rows
      label="Subject"
      description={`Most significant first. Placeholders: ${Object.keys(profileVariables)
        .map((name) => `{${name}}`)
        .join(' ')}`}
      error={error}
      add="Add an attribute"
      onAdd={
        free === undefined ? undefined : () => onChange([...subject, { attribute: free, value: '', optional: true }])
      }
    >
      {subject.map((row, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a row is its place; its attribute may change
        <div key={index} className="template-row">
          <Select
            className="wide"
            aria-label={`Attribute ${index + 1}`}
            data={[...subjectAttributes]}
            allowDeselect={false}
            value={row.attribute}
            onChange={(value) => change(index, { attribute: value as Subject[number]['attribute'] })}
          />
          <TextInput
            className="wide"
            aria-label={`Value of ${row.attribute}`}
            value={row.value}
            onChange={(event) => change(index, { value: event.currentTarget.value })}
          />
          <Checkbox
            label="Optional"
            aria-label={`${row.attribute} is optional`}
            checked={row.optional}
            onChange={(event) => change(index, { optional: event.currentTarget.checked })}
          />
          <Remove label={`Remove ${row.attribute}`} onClick={() => onChange(without(subject, index))} />
        </div>
      ))}
    </Rows>
  );
}

type Policy = ProfileDocument['policies'][number];

export function Policies({
  policies,
  error,
  onChange,
}: {
  policies: readonly Policy[];
  error: string | undefined;
  onChange: (policies: Policy[]) => void;
}) {
  return (
    <Rows
      label="Policies"
      description="Object identifiers, each with the address of its practice statement if it has one"
      error={error}
      add="Add a policy"
      onAdd={() => onChange([...policies, { id: '', cps: null }])}
    >
      {policies.map((row, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a row is its place; its identifier may change
        <div key={index} className="template-row">
          <TextInput
            className="wide"
            aria-label={`Policy ${index + 1}`}
            placeholder="2.25.…"
            value={row.id}
            onChange={(event) => onChange(replaced(policies, index, { id: event.currentTarget.value }))}
          />
          <TextInput
            className="wide"
            aria-label={`Practice statement of policy ${index + 1}`}
            placeholder="https://…"
            value={row.cps ?? ''}
            onChange={({ currentTarget: { value } }) =>
              onChange(replaced(policies, index, { cps: value === '' ? null : value }))
            }
          />
          <Remove label={`Remove policy ${index + 1}`} onClick={() => onChange(without(policies, index))} />
        </div>
      ))}
    </Rows>
  );
}

type Exception = ProfileDocument['lints']['exceptions'][number];

export function Exceptions({
  exceptions,
  error,
  onChange,
}: {
  exceptions: readonly Exception[];
  error: string | undefined;
  onChange: (exceptions: Exception[]) => void;
}) {
  return (
    <Rows
      label="Exceptions"
      description="Lints that do not block, each with the reason why. The record of every certificate has both"
      error={error}
      add="Add an exception"
      onAdd={() => onChange([...exceptions, { lint: '', reason: '' }])}
    >
      {exceptions.map((row, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a row is its place; its lint may change
        <div key={index} className="template-row">
          <TextInput
            className="wide"
            aria-label={`Lint ${index + 1}`}
            placeholder="subject-organization"
            value={row.lint}
            onChange={(event) => onChange(replaced(exceptions, index, { lint: event.currentTarget.value }))}
          />
          <TextInput
            className="wide"
            aria-label={`Reason of exception ${index + 1}`}
            placeholder="Why it may"
            value={row.reason}
            onChange={(event) => onChange(replaced(exceptions, index, { reason: event.currentTarget.value }))}
          />
          <Remove label={`Remove exception ${index + 1}`} onClick={() => onChange(without(exceptions, index))} />
        </div>
      ))}
    </Rows>
  );
}

interface RowsProps {
  label: string;
  description: string;
  error: string | undefined;
  add: string;
  onAdd: (() => void) | undefined;
  children: ReactNode;
}

function Rows({ label, description, error, add, onAdd, children }: RowsProps) {
  return (
    <Fieldset variant="unstyled" legend={label} styles={{ legend: { fontWeight: 600, marginBottom: 0 } }}>
      <Text size="xs" c="dimmed" mb={6}>
        {description}
      </Text>
      <Stack gap="xs">{children}</Stack>
      {error !== undefined && <Input.Error mt={6}>{error}</Input.Error>}
      {onAdd !== undefined && (
        <Button
          mt="xs"
          size="compact-sm"
          variant="default"
          leftSection={<IconPlus size={14} aria-hidden />}
          onClick={onAdd}
        >
          {add}
        </Button>
      )}
    </Fieldset>
  );
}

function Remove({ label, onClick }: { label: string; onClick: () => void }) {
  return (
    <ActionIcon color="gray" aria-label={label} onClick={onClick}>
      <IconTrash size={16} aria-hidden />
    </ActionIcon>
  );
}

function replaced<T>(rows: readonly T[], index: number, part: Partial<T>): T[] {
  return rows.map((row, at) => (at === index ? { ...row, ...part } : row));
}

const without = <T,>(rows: readonly T[], index: number): T[] => rows.filter((_, at) => at !== index);
