/** The fields that a profile is made of: each has a label, a value, what is wrong with it, and what becomes of a change. */
import { Checkbox, Group, NumberInput, Select, Switch } from '@mantine/core';

interface FieldProps<T> {
  readonly label: string;
  readonly description?: string;
  readonly value: T;
  readonly error?: string | undefined;
  readonly onChange: (value: T) => void;
}

interface PickProps<T extends string> extends Omit<FieldProps<T>, 'value'> {
  readonly options: Readonly<Record<T, string>>;
  readonly value: T | null;
}

/** One of a few, by the words that they are offered in. */
export function Pick<T extends string>({ options, onChange, ...field }: PickProps<T>) {
  const data = (Object.entries(options) as [T, string][]).map(([value, label]) => ({ value, label }));
  return (
    <Select
      {...field}
      allowDeselect={false}
      data={data}
      onChange={(chosen) => {
        const found = data.find(({ value }) => value === chosen);
        if (found !== undefined) onChange(found.value);
      }}
    />
  );
}

/** Options that are their own words. */
export function same<T extends string>(values: readonly T[]): Record<T, string> {
  const found = {} as Record<T, string>;
  for (const value of values) found[value] = value;
  return found;
}

interface WholeProps extends FieldProps<number> {
  readonly min: number;
  readonly max?: number;
  readonly step?: number;
}

/** A whole number; NaN where there is none, which no rule takes. */
export function Whole({ onChange, ...field }: WholeProps) {
  return (
    <NumberInput
      {...field}
      allowDecimal={false}
      hideControls
      onChange={(value) => onChange(typeof value === 'number' ? value : Number.NaN)}
    />
  );
}

interface ToggleProps extends Omit<FieldProps<boolean>, 'value'> {
  readonly checked: boolean;
}

export function Toggle({ onChange, ...field }: ToggleProps) {
  return <Switch {...field} onChange={(event) => onChange(event.currentTarget.checked)} />;
}

interface ChoiceProps<T extends string> {
  label: string;
  options: readonly (readonly [value: T, label: string])[];
  value: readonly T[];
  error: string | undefined;
  onChange: (value: T[]) => void;
}

/** Several of a few. What is chosen keeps the order of the options. */
export function Choice<T extends string>({ label, options, value, error, onChange }: ChoiceProps<T>) {
  return (
    <Checkbox.Group
      label={label}
      value={[...value]}
      error={error}
      onChange={(chosen) => onChange(options.map(([one]) => one).filter((one) => chosen.includes(one)))}
    >
      <Group gap="md" mt={6}>
        {options.map(([one, name]) => (
          <Checkbox key={one} value={one} label={name} />
        ))}
      </Group>
    </Checkbox.Group>
  );
}
