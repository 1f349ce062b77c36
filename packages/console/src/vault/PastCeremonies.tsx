import type { Vault } from '@chancery/api';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { api } from '../api.ts';
import { Panel } from '../pieces/Page.tsx';
import { PlainTable } from '../pieces/PlainTable.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { StateBadge } from '../pieces/StateBadge.tsx';
import { When } from '../pieces/When.tsx';
import { named } from './part.ts';

/** Ceremonies that are over. Nothing where there was none. */
export function PastCeremonies({ vault }: { vault: Vault }) {
  // Asked for anew whenever one has begun or ended, whoever did that.
  const ceremonies = useQuery({
    queryKey: ['ceremonies', vault.id, vault.epoch, vault.ceremony?.id ?? null],
    queryFn: () => api.ceremonies(),
    placeholderData: keepPreviousData,
  });
  const past = ceremonies.data?.items.filter(({ closedAt }) => closedAt !== null) ?? [];
  if (past.length === 0) return <ProblemAlert error={ceremonies.error} onRetry={() => void ceremonies.refetch()} />;
  return (
    <Panel title="Past ceremonies">
      <PlainTable label="Past ceremonies" head={['What', 'Outcome', 'Officers', 'Needed', 'Ended']}>
        {past.map((one) => (
          <tr key={one.id}>
            <td className="named">{one.kind === 'found' ? 'Vault founded' : `Shared anew, epoch ${one.epoch}`}</td>
            <td>
              <StateBadge state={one.state === 'complete' ? ['Complete', 'ok'] : ['Abandoned', 'quiet']} />
              {one.reason !== null && <div style={{ fontSize: 13, marginTop: 2 }}>{one.reason}</div>}
            </td>
            <td className="named">{named(one.officers.map(({ name }) => name))}</td>
            <td>
              {one.threshold} of {one.officers.length}
            </td>
            <td>{one.closedAt !== null && <When at={one.closedAt} style="time" />}</td>
          </tr>
        ))}
      </PlainTable>
    </Panel>
  );
}
