import { Button, Group, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { api, useMay } from '../api.ts';
import { Panel } from '../pieces/Page.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { useAct } from '../pieces/useAct.ts';
import { When } from '../pieces/When.tsx';
import { helpTopics } from '../words.ts';

/** People who asked for help on their own page. Renders nothing where nobody did. */
export function WaitingForHelp() {
  const mayClose = useMay('person:write');
  const waiting = useQuery({ queryKey: ['help'], queryFn: () => api.helpRequests(), refetchInterval: 30_000 });
  const close = useAct((id: string) => api.closeHelp({ params: { id } }), { stale: ['help'] });
  if (waiting.data === undefined || waiting.data.items.length === 0) return null;
  return (
    <Panel title="People who ask for help">
      <ProblemAlert error={close.error} />
      <Stack gap="sm">
        {waiting.data.items.map(({ id, personId, name, topic, note, askedAt }) => (
          <Group key={id} justify="space-between" align="flex-start">
            <div style={{ flex: '1 1 280px', minWidth: 0 }}>
              <Text size="sm">
                <Link to="/people/$id" params={{ id: personId }} className="quiet-link">
                  {name}
                </Link>
                : {helpTopics[topic]}
              </Text>
              {note !== '' && (
                <Text size="sm" c="dimmed" style={{ overflowWrap: 'anywhere' }}>
                  “{note}”
                </Text>
              )}
              <Text size="xs" c="dimmed">
                <When at={askedAt} style="relative" />
              </Text>
            </div>
            {mayClose && (
              <Button
                size="compact-sm"
                variant="default"
                loading={close.isPending && close.variables === id}
                onClick={() => close.mutate(id)}
                aria-label={`${name} was helped`}
              >
                Was helped
              </Button>
            )}
          </Group>
        ))}
      </Stack>
    </Panel>
  );
}
