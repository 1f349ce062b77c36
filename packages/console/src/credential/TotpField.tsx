import { TextInput } from '@mantine/core';
import type { ReactNode } from 'react';

interface TotpFieldProps {
  value?: string;
  error?: ReactNode;
  onChange?: (value: string) => void;
}

/** One field for the six digits: pasting, password managers and screen readers all work with one field. */
export function TotpField({ value, error, onChange }: TotpFieldProps) {
  return (
    <TextInput
      label="Code from the authenticator app"
      inputMode="numeric"
      autoComplete="one-time-code"
      maxLength={7}
      required
      value={value}
      error={error}
      onChange={(event) => onChange?.(event.currentTarget.value.replaceAll(/\D/g, '').slice(0, 6))}
      styles={{ input: { fontVariantNumeric: 'tabular-nums', letterSpacing: '0.15em', maxWidth: 160 } }}
    />
  );
}
