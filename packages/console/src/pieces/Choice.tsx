import { Select } from '@mantine/core';
import { uses } from '../words.ts';

/** A select of which nothing may be chosen. */
export function Choice<V extends string>({
  label,
  any,
  value,
  data,
  onPick,
}: {
  label: string;
  any: string;
  value: V | undefined;
  data: readonly { value: V; label: string }[];
  onPick: (value: V | undefined) => void;
}) {
  return (
    <Select
      label={label}
      placeholder={any}
      clearable
      clearButtonProps={{ 'aria-label': `${label}: ${any}` }}
      w={170}
      value={value ?? null}
      data={[...data]}
      onChange={(chosen) => onPick((chosen as V | null) ?? undefined)}
    />
  );
}

/** Certificates for signing, for encryption, or for both. */
export function UseChoice({
  any,
  value,
  onPick,
}: {
  any: string;
  value: 'signing' | 'encryption' | undefined;
  onPick: (value: 'signing' | 'encryption' | undefined) => void;
}) {
  return (
    <Choice
      label="Use"
      any={any}
      value={value}
      data={[
        { value: 'signing', label: uses.signing },
        { value: 'encryption', label: uses.encryption },
      ]}
      onPick={onPick}
    />
  );
}
