import type { PersonDetail } from '@chancery/api';
import { Text } from '@mantine/core';
import { Panel } from '../pieces/Page.tsx';
import { PlainTable } from '../pieces/PlainTable.tsx';
import { StateBadge } from '../pieces/StateBadge.tsx';
import { When } from '../pieces/When.tsx';
import { sourceKinds } from '../words.ts';

/** What sources say of a person, the deciding one first, and the groups they are in there. */
export function PersonSources({ person: { sources, groups } }: { person: PersonDetail }) {
  if (sources.length === 0) return null;
  return (
    <Panel title="Sources">
      <PlainTable label="Sources" head={['Source', 'Says', 'Changed']}>
        {sources.map(({ source, kind, key, active, goneAt, changedAt, conflict }) => (
          <tr key={`${source} ${key}`}>
            <td>
              {source}
              <Text size="xs" c="dimmed">
                {sourceKinds[kind]}
              </Text>
            </td>
            <td>
              <StateBadge
                state={goneAt !== null ? ['Gone', 'quiet'] : active ? ['Here', 'ok'] : ['Switched off', 'bad']}
              />
              {conflict !== null && <Text size="sm">{conflict}</Text>}
            </td>
            <td>
              <When at={changedAt} style="relative" />
            </td>
          </tr>
        ))}
      </PlainTable>
      {groups.length > 0 && (
        <Text size="sm" mt="sm">
          Groups: {groups.map(({ name, direct }) => (direct ? name : `${name} (through another)`)).join(', ')}
        </Text>
      )}
    </Panel>
  );
}
