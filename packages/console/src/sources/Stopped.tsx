import { Button, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { api, useMay } from '../api.ts';
import { TextLink } from '../pieces/Links.tsx';
import { Panel } from '../pieces/Page.tsx';
import { PlainTable } from '../pieces/PlainTable.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { useAct } from '../pieces/useAct.ts';
import { When } from '../pieces/When.tsx';

/** Whom somebody in the office had leave, though a source presents them on. */
export function Stopped() {
  const mayWrite = useMay('person:write');
  const stopped = useQuery({ queryKey: ['sources', 'stopped'], queryFn: () => api.stoppedPeople() });
  const readmit = useAct((id: string) => api.readmitPerson({ params: { id } }), {
    stale: ['sources', 'people', 'overview'],
    said: (person) => `${person.name} is back. New certificates follow.`,
  });
  const items = stopped.data?.items ?? [];
  if (items.length === 0) return <ProblemAlert error={stopped.error} onRetry={() => void stopped.refetch()} />;
  return (
    <Panel title="Stopped by the office">
      <Text size="sm" c="dimmed" mb="sm">
        Somebody here had them leave. Their sources present them on, and do not bring them back.
      </Text>
      <ProblemAlert error={readmit.error} />
      <PlainTable label="Stopped people" head={['Person', 'Presented by', 'Since', ...(mayWrite ? ['[Actions]'] : [])]}>
        {items.map((person) => (
          <tr key={person.id}>
            <td>
              <TextLink to="/people/$id" params={{ id: person.id }}>
                {person.name}
              </TextLink>
              <Text size="xs" c="dimmed">
                {person.address}
              </Text>
            </td>
            <td>{person.sources.join(', ')}</td>
            <td>
              <When at={person.since} style="relative" />
            </td>
            {mayWrite && (
              <td>
                <Button
                  size="compact-sm"
                  variant="default"
                  loading={readmit.isPending && readmit.variables === person.id}
                  onClick={() => readmit.mutate(person.id)}
                  aria-label={`Let ${person.name} back`}
                >
                  Let back
                </Button>
              </td>
            )}
          </tr>
        ))}
      </PlainTable>
    </Panel>
  );
}
