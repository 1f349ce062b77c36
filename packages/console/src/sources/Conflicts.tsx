import type { SourceConflict } from '@chancery/api';
import { Button, Group, Modal, Stack, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { api, useMay } from '../api.ts';
import { TextLink } from '../pieces/Links.tsx';
import { Panel } from '../pieces/Page.tsx';
import { PersonSelect } from '../pieces/PersonSelect.tsx';
import { PlainTable } from '../pieces/PlainTable.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { useAct } from '../pieces/useAct.ts';
import { When } from '../pieces/When.tsx';

/** What sources present that the office does not settle by itself, each with what to do. */
export function Conflicts() {
  const mayWrite = useMay('person:write');
  const conflicts = useQuery({ queryKey: ['sources', 'conflicts'], queryFn: () => api.sourceConflicts() });
  const items = conflicts.data?.items ?? [];
  if (conflicts.error !== null) {
    return <ProblemAlert error={conflicts.error} onRetry={() => void conflicts.refetch()} />;
  }
  if (items.length === 0) return null;
  return (
    <Panel title="Waiting for a decision">
      <PlainTable label="Conflicts" head={['Who', 'What to do', 'Since', ...(mayWrite ? ['[Actions]'] : [])]}>
        {items.map((conflict) => (
          <tr key={conflict.id}>
            <td>
              {conflict.name}
              <Text size="xs" c="dimmed">
                {conflict.address ?? 'no address'}, from {conflict.source}
              </Text>
            </td>
            <td>
              {conflict.message}{' '}
              {conflict.person !== null && (
                <TextLink to="/people/$id" params={{ id: conflict.person.id }}>
                  {conflict.person.name}
                </TextLink>
              )}
            </td>
            <td>
              <When at={conflict.since} style="relative" />
            </td>
            {mayWrite && <td>{conflict.code === 'perhaps-another' && <Link conflict={conflict} />}</td>}
          </tr>
        ))}
      </PlainTable>
    </Panel>
  );
}

function Link({ conflict }: { conflict: SourceConflict }) {
  const [opened, { open, close }] = useDisclosure(false);
  const [personId, setPersonId] = useState(conflict.person?.id ?? '');
  const link = useAct(() => api.linkSourceRecord({ params: { id: conflict.id }, body: { personId } }), {
    stale: ['sources', 'people'],
    said: (person) => `${conflict.name} from ${conflict.source} is ${person.name}.`,
    onDone: close,
  });
  return (
    <>
      <Button
        size="compact-sm"
        variant="default"
        onClick={open}
        aria-label={`${conflict.name} is somebody who is here`}
      >
        The same person
      </Button>
      <Modal opened={opened} onClose={close} title={`Who is ${conflict.name}?`}>
        <Stack>
          <Text size="sm">
            Only if you know that it is one person: from then on {conflict.source} says what holds of them. Their keys
            stay theirs.
          </Text>
          <PersonSelect label="Person" required value={personId} onChange={setPersonId} />
          <ProblemAlert error={link.error} />
          <Group justify="flex-end">
            <Button variant="default" onClick={close} data-autofocus>
              Cancel
            </Button>
            <Button loading={link.isPending} disabled={personId === ''} onClick={() => link.mutate(undefined)}>
              It is the same person
            </Button>
          </Group>
        </Stack>
      </Modal>
    </>
  );
}
