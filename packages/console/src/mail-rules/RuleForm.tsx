import type { Rule } from '@chancery/mail-policy';
import { Button, Group, SegmentedControl, Stack, Text, TextInput } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import { ActionFields } from './ActionFields.tsx';
import { ConditionFields, type Simple } from './ConditionFields.tsx';
import { problemAt } from './use-rules-draft.ts';

interface RuleFormProps {
  rule: Rule;
  /** `rules.2` */
  path: string;
  problems: readonly { readonly path: string; readonly message: string }[];
  disabled: boolean;
  onChange: (rule: Rule) => void;
}

/** One rule, with every condition and action that the schema knows. */
export function RuleForm({ rule, path, problems, disabled, onChange }: RuleFormProps) {
  const { anyOf, unless, ...simple } = rule.when;
  const common = { problems, disabled };
  const when = (part: Simple) => {
    onChange({ ...rule, when: { ...part, ...(anyOf && { anyOf }), ...(unless && { unless }) } });
  };
  const ways = (next: Simple[]) =>
    onChange({ ...rule, when: { ...simple, ...(next.length > 0 && { anyOf: next }), ...(unless && { unless }) } });
  const exception = (next: Simple | undefined) =>
    onChange({ ...rule, when: { ...simple, ...(anyOf && { anyOf }), ...(next && { unless: next }) } });
  return (
    <Stack gap="md">
      <TextInput
        label="Name"
        description="Stands in the record of each decision"
        disabled={disabled}
        error={problemAt(problems, `${path}.name`)}
        value={rule.name}
        onChange={({ currentTarget }) => onChange({ ...rule, name: currentTarget.value })}
      />
      <div>
        <Text size="sm" fw={600} mb={4} id={`${path}-state`}>
          State
        </Text>
        <SegmentedControl
          aria-labelledby={`${path}-state`}
          disabled={disabled}
          value={rule.enabled}
          data={[
            { value: 'on', label: 'On' },
            { value: 'shadow', label: 'Shadow' },
            { value: 'off', label: 'Off' },
          ]}
          onChange={(enabled) => onChange({ ...rule, enabled: enabled as Rule['enabled'] })}
        />
      </div>
      <ConditionFields
        {...common}
        label="When"
        empty="All mail, both ways."
        value={simple}
        path={`${path}.when`}
        onChange={when}
      />
      {anyOf?.map((way, index) => (
        <ConditionFields
          {...common}
          // biome-ignore lint/suspicious/noArrayIndexKey: a way is its place; its conditions may change
          key={index}
          label={anyOf.length === 1 ? 'And also' : `And one of: way ${index + 1}`}
          empty="Nothing is asked: any mail will do."
          value={way}
          path={`${path}.when.anyOf.${index}`}
          onChange={(next) => ways(anyOf.map((one, at) => (at === index ? next : one)))}
          actions={
            <Button size="compact-sm" variant="subtle" onClick={() => ways(anyOf.filter((_, at) => at !== index))}>
              Remove this way
            </Button>
          }
        />
      ))}
      {unless !== undefined && (
        <ConditionFields
          {...common}
          label="Unless"
          empty="Nothing is asked: then the rule never holds."
          value={unless}
          path={`${path}.when.unless`}
          onChange={exception}
          actions={
            <Button size="compact-sm" variant="subtle" onClick={() => exception(undefined)}>
              Remove the exception
            </Button>
          }
        />
      )}
      {!disabled && (
        <Group gap="xs">
          <Button
            size="compact-sm"
            variant="default"
            leftSection={<IconPlus size={14} aria-hidden />}
            onClick={() => ways([...(anyOf ?? []), {}])}
          >
            One of several ways
          </Button>
          {unless === undefined && (
            <Button
              size="compact-sm"
              variant="default"
              leftSection={<IconPlus size={14} aria-hidden />}
              onClick={() => exception({})}
            >
              An exception
            </Button>
          )}
        </Group>
      )}
      <ActionFields
        {...common}
        value={rule.do}
        path={`${path}.do`}
        onChange={(actions) => onChange({ ...rule, do: actions })}
      />
    </Stack>
  );
}
