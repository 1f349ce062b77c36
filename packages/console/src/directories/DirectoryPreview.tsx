import type { DirectoryPreview as Preview } from '@chancery/api';
import { Stack, Text } from '@mantine/core';
import { Address } from '../pieces/Address.tsx';
import { PlainTable } from '../pieces/PlainTable.tsx';
import { Losses } from './Losses.tsx';

/** What would become of people if the directory were followed now. */
export function DirectoryPreview({ preview }: { preview: Preview }) {
  const { first } = preview;
  return (
    <Stack gap="sm" role="status">
      <Text size="sm" fw={550}>
        {preview.people} people and {preview.groups} groups read: {preview.joining} would join, {preview.changed}{' '}
        change, {preview.leaving} leave.{preview.asks && ' That many at once: it would stop and ask.'}
      </Text>
      {first.joining.length > 0 && <Seen label="Who would join" people={first.joining} />}
      {first.changed.length > 0 && <Seen label="Who would change" people={first.changed} />}
      {first.leaving.length > 0 && <Losses people={first.leaving} />}
    </Stack>
  );
}

function Seen({ label, people }: { label: string; people: Preview['first']['joining'] }) {
  return (
    <PlainTable label={label} head={[label, 'Address', 'In the directory']}>
      {people.map((one) => (
        <tr key={one.key}>
          <td>{one.name}</td>
          <td>{one.address === null ? 'None' : <Address of={one.address} />}</td>
          <td>{one.active ? 'Active' : 'Switched off'}</td>
        </tr>
      ))}
    </PlainTable>
  );
}
