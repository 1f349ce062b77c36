import type { Source } from '@chancery/api';
import { Alert, Button, Modal, Skeleton, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconPlus } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { api, useMay } from '../api.ts';
import { Directories } from '../directories/Directories.tsx';
import { EmptyState } from '../pieces/EmptyState.tsx';
import { Page, Panel } from '../pieces/Page.tsx';
import { PlainTable } from '../pieces/PlainTable.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { StateBadge } from '../pieces/StateBadge.tsx';
import { When } from '../pieces/When.tsx';
import { sourceKinds } from '../words.ts';
import { Conflicts } from './Conflicts.tsx';
import { Stopped } from './Stopped.tsx';
import { NewToken } from './TokenDialogs.tsx';
import { Tokens } from './Tokens.tsx';

/** Where people come from, what of it waits for somebody, and the tokens of identity providers. */
export function SourcesPage() {
  const mayWrite = useMay('source:write');
  const [connecting, { open, close }] = useDisclosure(false);
  const sources = useQuery({ queryKey: ['sources'], queryFn: () => api.sources() });
  const items = sources.data?.items ?? [];
  return (
    <Page
      title="Sources"
      lead="Where people come from"
      actions={
        mayWrite && (
          <Button onClick={open} leftSection={<IconPlus size={16} aria-hidden />}>
            Connect an identity provider
          </Button>
        )
      }
    >
      <ProblemAlert error={sources.error} onRetry={() => void sources.refetch()} />
      {sources.isPending && <Skeleton height={240} />}
      {items
        // A directory says so in its own panel.
        .filter(({ problem, kind }) => problem !== null && kind !== 'ldap')
        .map(({ name, problem }) => (
          <Alert key={name} color="wax" variant="outline" title={`${name} needs somebody`}>
            {problem}
          </Alert>
        ))}
      {sources.data !== undefined && <All sources={items} />}
      <Directories />
      <Conflicts />
      <Stopped />
      {items
        .filter(({ tokens }) => tokens.length > 0)
        .map((source) => (
          <Tokens key={source.name} source={source} />
        ))}
      <Modal opened={connecting} onClose={close} title="Connect an identity provider" size="lg">
        <NewToken known={items.filter(({ kind }) => kind === 'scim').map(({ name }) => name)} onClose={close} />
      </Modal>
    </Page>
  );
}

function All({ sources }: { sources: readonly Source[] }) {
  const living = sources.filter(({ kind }) => kind === 'scim' || kind === 'ldap');
  return (
    <Panel title="All sources">
      <PlainTable
        label="Sources"
        head={['Source', 'Kind', 'People', 'Groups', 'Waiting', 'Switched off', 'Last contact']}
      >
        {sources.map((source) => (
          <tr key={source.name}>
            <td>{source.name}</td>
            <td>{sourceKinds[source.kind]}</td>
            <td>
              {source.people.active.toLocaleString()}
              {source.people.all > source.people.active && (
                <Text size="xs" c="dimmed">
                  of {source.people.all.toLocaleString()}
                </Text>
              )}
            </td>
            <td>{source.groups.toLocaleString()}</td>
            <td>{source.conflicts.toLocaleString()}</td>
            <td>{source.deactivated === null ? '–' : source.deactivated === 'suspend' ? 'Suspended' : 'Leave'}</td>
            <td>
              {source.lastContactAt === null ? 'Never' : <When at={source.lastContactAt} style="relative" />}
              {source.problem !== null && (
                <div>
                  <StateBadge state={['Needs somebody', 'bad']} />
                </div>
              )}
            </td>
          </tr>
        ))}
      </PlainTable>
      {living.length === 0 && (
        <EmptyState title="No identity provider yet">
          Connected by SCIM, people join, change and leave here as they do there.
        </EmptyState>
      )}
    </Panel>
  );
}
