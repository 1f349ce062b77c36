import type { OpenAuthorityRequest } from '@chancery/api';
import { Skeleton, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { api, useMay } from '../api.ts';
import { Page, Panel } from '../pieces/Page.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { hierarchyOf, type Picture, walk } from './forest.ts';
import { Hierarchy } from './Hierarchy.tsx';
import { NewAuthority } from './NewAuthority.tsx';
import { RequestDrawer } from './RequestDrawer.tsx';
import { StatusHealth } from './StatusHealth.tsx';
import { useStatus } from './use-status.ts';

/** The certification authorities as a picture, and how what they tell relying parties is doing. */
export function AuthoritiesPage() {
  const mayWrite = useMay('authority:write');
  const authorities = useQuery({ queryKey: ['authorities'], queryFn: () => api.authorities() });
  const requests = useQuery({ queryKey: ['authorities', 'requests'], queryFn: () => api.authorityRequests() });
  const crosses = useQuery({ queryKey: ['authorities', 'crosses'], queryFn: () => api.crossCertificates() });
  const status = useStatus();
  const [request, setRequest] = useState<OpenAuthorityRequest | null>(null);
  const items = authorities.data?.items;
  const open = requests.data?.items;
  const cross = crosses.data?.items;
  const picture = useMemo(() => hierarchyOf(items ?? [], open ?? [], cross ?? [], Date.now()), [items, open, cross]);
  const health = useMemo(() => new Map(status.data?.authorities.map((one) => [one.id, one])), [status.data]);
  const roots = items?.filter(({ role, state }) => role === 'root' && state === 'root') ?? [];
  return (
    <Page
      title="Authorities"
      lead="Correspondents trust your certificates once they trust the root: give it to them."
      actions={mayWrite && items !== undefined && <NewAuthority parents={roots} />}
    >
      <ProblemAlert
        error={authorities.error ?? requests.error ?? crosses.error}
        onRetry={() => void authorities.refetch()}
      />
      <Panel title="Hierarchy">
        {items === undefined ? (
          authorities.isPending && <Skeleton height={320} />
        ) : (
          <Hierarchy picture={picture} health={health} onRequest={setRequest} />
        )}
        <Legend picture={picture} />
      </Panel>
      <StatusHealth status={status} />
      <RequestDrawer request={request} mayInstall={mayWrite} onClose={() => setRequest(null)} />
    </Page>
  );
}

function Legend({ picture: { forest, crosses } }: { picture: Picture }) {
  const kinds = new Set(walk(forest).map(({ kind }) => kind));
  const lines = [
    kinds.has('outside') && 'Dashed frames: outside issuers, whose keys are not in this office.',
    kinds.has('request') && 'An hourglass: an authority whose certificate has not come back.',
    crosses.length > 0 && 'Dotted arrows: cross-certificates, a second way to the same key.',
  ].filter((line) => line !== false);
  if (lines.length === 0) return null;
  return (
    <Text size="sm" c="dimmed" mt="md">
      {lines.join(' ')}
    </Text>
  );
}
