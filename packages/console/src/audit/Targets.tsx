import type { AuditTargets } from '@chancery/api';
import { Group, Text } from '@mantine/core';
import { formatCount } from '../format.ts';
import { Facts } from '../pieces/Facts.tsx';
import { Panel } from '../pieces/Page.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { StateBadge } from '../pieces/StateBadge.tsx';
import { When } from '../pieces/When.tsx';
import { useAuditTargets } from './use-targets.ts';

type Target = AuditTargets['items'][number];

/** Who outside the office knows what the trail says, and how far. */
export function Targets() {
  const targets = useAuditTargets();
  return (
    <Panel title="Witnesses and collectors">
      <ProblemAlert error={targets.error} onRetry={() => void targets.refetch()} />
      {targets.data?.items.length === 0 && (
        <Text c="dimmed" size="sm">
          Nobody outside keeps this trail’s checkpoints, so whoever owns the database and the office’s key could write
          it anew. Name a witness under <code className="mono">[audit.witness.NAME]</code> in the configuration.
        </Text>
      )}
      {targets.data !== undefined && targets.data.items.length > 0 && (
        <Facts items={targets.data.items.map((one) => [one.name, <State key={one.name} one={one} />])} />
      )}
    </Panel>
  );
}

function State({ one }: { one: Target }) {
  return (
    <Group gap="xs">
      <StateBadge
        state={one.error !== null ? ['Failing', 'bad'] : one.reached === 0 ? ['Pending', 'wait'] : ['Up to date', 'ok']}
      />
      <Text size="sm" component="span" style={{ overflowWrap: 'anywhere', minWidth: 0 }}>
        {one.what === 'witness' ? `Witness (${one.kind})` : `Collector (${one.kind})`}
        {one.reachedAt !== null && (
          <>
            , knows {formatCount(one.reached)} records <When at={one.reachedAt} style="relative" />
          </>
        )}
        {one.error !== null && `. ${one.error}`}
      </Text>
    </Group>
  );
}
