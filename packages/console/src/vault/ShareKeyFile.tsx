import { Button, Text } from '@mantine/core';
import { useState } from 'react';
import { FileDrop } from '../pieces/FileDrop.tsx';

export interface ChosenFile {
  readonly name: string;
  readonly content: unknown;
}

interface ShareKeyFileProps {
  value: ChosenFile | null;
  onChange: (file: ChosenFile | null) => void;
}

/** The officer's share key file. It is read here and sent nowhere. */
export function ShareKeyFileField({ value, onChange }: ShareKeyFileProps) {
  const [refused, setRefused] = useState<string | null>(null);
  const choose = async (file: File) => {
    try {
      // A share key file has about 700 octets.
      if (file.size > 20_000) throw new Error('too large');
      onChange({ name: file.name, content: JSON.parse(await file.text()) });
      setRefused(null);
    } catch {
      setRefused(`${file.name} is not a share key file of Chancery.`);
    }
  };
  if (value !== null) {
    return (
      <div className="chosen-file">
        <Text size="sm">
          Share key file: <strong>{value.name}</strong>
        </Text>
        <Button size="compact-sm" variant="default" onClick={() => onChange(null)}>
          Choose another file
        </Button>
      </div>
    );
  }
  return (
    <div>
      <FileDrop
        label="Your share key file"
        hint="Drop it here or choose it. It stays in this browser"
        accept=".json,application/json"
        onFile={(file) => void choose(file)}
      />
      {refused !== null && (
        <Text role="alert" size="sm" c="var(--mantine-color-error)" mt={6}>
          {refused}
        </Text>
      )}
    </div>
  );
}
