import { Select } from '@mantine/core';

export type FileFormat = 'modern' | 'compat';

interface FileFormatSelectProps {
  value: FileFormat;
  onChange: (value: FileFormat) => void;
}

/** For whoever imports the file themselves: which systems read it, not how it is encrypted. */
export function FileFormatSelect({ value, onChange }: FileFormatSelectProps) {
  return (
    <Select
      label="File format"
      allowDeselect={false}
      maw={420}
      value={value}
      onChange={(chosen) => onChange(chosen === 'compat' ? 'compat' : 'modern')}
      data={[
        { value: 'modern', label: 'Modern (try this first)' },
        { value: 'compat', label: 'Compatible: for older Apple and Windows systems' },
      ]}
    />
  );
}
