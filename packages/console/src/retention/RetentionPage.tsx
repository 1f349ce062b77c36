import type { EndingKey, Retention } from '@chancery/api';
import { Breadcrumbs, Button, Skeleton, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { api } from '../api.ts';
import { plural } from '../format.ts';
import { EmptyState } from '../pieces/EmptyState.tsx';
import { TextLink } from '../pieces/Links.tsx';
import { Page, Panel } from '../pieces/Page.tsx';
import { PlainTable } from '../pieces/PlainTable.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { StateBadge } from '../pieces/StateBadge.tsx';
import { useAct } from '../pieces/useAct.ts';
import { When } from '../pieces/When.tsx';

/** Escrowed keys whose time is nearly over, and what keeps them still. */
export function RetentionPage() {
  const retention = useQuery({ queryKey: ['retention'], queryFn: () => api.retention() });
  return (
    <Page
      title="Keys that end"
      trail={
        <Breadcrumbs mb={4}>
          <TextLink to="/vault" size="sm">
            Vault
          </TextLink>
        </Breadcrumbs>
      }
      lead={retention.data && leadOf(retention.data)}
    >
      <ProblemAlert error={retention.error} onRetry={() => void retention.refetch()} />
      {retention.isPending && <Skeleton height={240} />}
      {retention.data !== undefined && <Announced retention={retention.data} />}
    </Page>
  );
}

function leadOf({ warnDays, operators }: Retention): string {
  const agreement = operators === 0 ? '' : ` ${operators} operators agree to each.`;
  return `Announced ${plural(warnDays, 'day', 'days')} before. A destroyed key opens no mail any more, for anybody.${agreement}`;
}

function Announced({ retention }: { retention: Retention }) {
  const approve = useAct((escrowedKeyIds: string[]) => api.approveDestruction({ body: { escrowedKeyIds } }), {
    stale: ['retention', 'overview'],
    said: () => 'You agree. The audit trail says so.',
  });
  const yours = retention.items.filter(({ mayApprove }) => mayApprove).map(({ escrowedKeyId }) => escrowedKeyId);
  if (retention.items.length === 0) {
    return (
      <EmptyState title="No key ends soon">
        Profiles say how long keys are kept after their last certificate. Where they say nothing, it is for ever.
      </EmptyState>
    );
  }
  return (
    <Panel
      title={plural(retention.items.length, 'key', 'keys')}
      actions={
        yours.length > 1 && (
          <Button
            size="xs"
            color="wax.7"
            variant="outline"
            loading={approve.isPending}
            onClick={() => approve.mutate(yours)}
          >
            Agree to all {yours.length}
          </Button>
        )
      }
    >
      <ProblemAlert error={approve.error} />
      <PlainTable
        label="Keys that end"
        head={['Person', 'Key', 'May go from', 'State', ...(retention.operators > 0 ? ['Agreed'] : [])]}
      >
        {retention.items.map((key) => (
          <tr key={key.escrowedKeyId}>
            <td>
              <TextLink to="/people/$id" params={{ id: key.person.id }}>
                {key.person.name}
              </TextLink>
              <Text size="sm" c="dimmed">
                {key.person.address}
              </Text>
            </td>
            <td>{key.keyAlgorithm}</td>
            <td>{key.destroyedFrom === null ? 'Never' : <When at={key.destroyedFrom} />}</td>
            <td>{key.keptBy === null ? <StateBadge state={['Goes within the hour', 'bad']} /> : `${key.keptBy}.`}</td>
            {retention.operators > 0 && (
              <td>
                <Agreed of={key} busy={approve.isPending} onAgree={() => approve.mutate([key.escrowedKeyId])} />
              </td>
            )}
          </tr>
        ))}
      </PlainTable>
    </Panel>
  );
}

function Agreed({ of: key, busy, onAgree }: { of: EndingKey; busy: boolean; onAgree: () => void }) {
  return (
    <>
      {key.approvedBy.map(({ id, name }) => (
        <div key={id}>{name}</div>
      ))}
      {key.mayApprove && (
        <Button size="xs" variant="default" disabled={busy} onClick={onAgree}>
          Agree
        </Button>
      )}
      {key.approvedBy.length === 0 && !key.mayApprove && 'Nobody yet'}
    </>
  );
}
