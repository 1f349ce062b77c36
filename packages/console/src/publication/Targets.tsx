import type { PublicationTarget, Reconciliation } from '@chancery/api';
import { Button, Group, Text } from '@mantine/core';
import { formatCount, plural } from '../format.ts';
import { Findings } from '../pieces/Findings.tsx';
import { Panel } from '../pieces/Page.tsx';
import { PlainTable } from '../pieces/PlainTable.tsx';
import { StateBadge } from '../pieces/StateBadge.tsx';
import { When } from '../pieces/When.tsx';
import { targetKinds, targetState } from './words.ts';

interface TargetsProps {
  targets: readonly PublicationTarget[];
  /** Absent where the person may not. */
  onCompare: ((name: string) => void) | undefined;
}

/** Each target with its health, and what its comparisons with the inventory found. */
export function Targets({ targets, onCompare }: TargetsProps) {
  const troubled = targets.filter(({ isDown, failed }) => isDown || failed > 0);
  return (
    <Panel title="Targets">
      <Findings
        label="Targets in trouble"
        findings={troubled.map((one) => ({
          key: one.name,
          tone: one.isDown ? 'bad' : 'warn',
          text: troubleOf(one),
        }))}
      />
      <PlainTable
        label="Targets"
        head={[
          'Target',
          'State',
          'Certificates',
          'Compared',
          'Drift mended',
          'Without entry',
          'Others’ values',
          '[Acts]',
        ]}
      >
        {targets.map((one) => (
          <tr key={one.name}>
            <td className="named">
              {one.name}
              <Text size="xs" c="dimmed" style={{ overflowWrap: 'anywhere' }}>
                {targetKinds[one.kind]}, {one.where}
              </Text>
            </td>
            <td>
              <StateBadge state={targetState(one)} />
            </td>
            <td>
              <Group gap={6}>
                <StateBadge state={[`${formatCount(one.published)} there`, 'ok']} />
                {one.pending > 0 && <StateBadge state={[`${formatCount(one.pending)} pending`, 'wait']} />}
                {one.failed > 0 && <StateBadge state={[`${formatCount(one.failed)} failed`, 'bad']} />}
              </Group>
            </td>
            <Comparison run={one.reconciliations[0]} dueAt={one.nextDueAt} />
            <td>
              {onCompare !== undefined && (
                <Button
                  size="compact-sm"
                  variant="default"
                  disabled={one.reconciliations[0]?.endedAt === null}
                  onClick={() => onCompare(one.name)}
                  aria-label={`Compare ${one.name} now`}
                >
                  Compare
                </Button>
              )}
            </td>
          </tr>
        ))}
      </PlainTable>
      <History targets={targets} />
    </Panel>
  );
}

function troubleOf({ name, isDown, failed, lastError, reconciliations }: PublicationTarget): string {
  const why = (reconciliations[0]?.error ?? lastError)?.replace(/\.$/, '') ?? 'it gave no reason';
  return isDown
    ? `${name} is down: ${why}. Nothing is lost, it goes on by itself.`
    : `${name} lacks ${plural(failed, 'certificate', 'certificates')}: ${why}.`;
}

function Comparison({ run, dueAt }: { run: Reconciliation | undefined; dueAt: string | null }) {
  if (run === undefined)
    return (
      <>
        <td>Never yet</td>
        <td>–</td>
        <td>–</td>
        <td>–</td>
      </>
    );
  return (
    <>
      <td>
        {run.endedAt === null ? (
          `${formatCount(run.checked)} of ${formatCount(run.people)} so far`
        ) : (
          <When at={run.endedAt} style="relative" />
        )}
        {dueAt !== null && run.endedAt !== null && (
          <Text size="xs" c="dimmed">
            again <When at={dueAt} style="relative" />
          </Text>
        )}
      </td>
      <td>
        {formatCount(run.mended)}
        {run.missing + run.extra > 0 && (
          <Text size="xs" c="dimmed">
            {formatCount(run.missing)} missing, {formatCount(run.extra)} left over
          </Text>
        )}
      </td>
      <td>{formatCount(run.notFound)}</td>
      <td>{formatCount(run.others)}</td>
    </>
  );
}

/** Older comparisons: where drift comes again and again, somebody else writes there. */
function History({ targets }: { targets: readonly PublicationTarget[] }) {
  const runs = targets
    .flatMap(({ reconciliations }) => reconciliations)
    .toSorted((one, other) => other.begunAt.localeCompare(one.begunAt));
  if (runs.length < 2) return null;
  return (
    <details style={{ marginTop: 'var(--mantine-spacing-md)' }}>
      <summary>Every comparison</summary>
      <PlainTable
        label="Comparisons"
        head={[
          'Begun',
          'Target',
          'Checked',
          'Missing',
          'Left over',
          'Mended',
          'Without entry',
          'Refused',
          'Others’ values',
        ]}
      >
        {runs.map((run) => (
          <tr key={run.id}>
            <td>
              <When at={run.begunAt} style="time" />
            </td>
            <td>
              {run.target}
              {!run.mends && ' (only looked)'}
            </td>
            <td>
              {formatCount(run.checked)} of {formatCount(run.people)}
            </td>
            {[run.missing, run.extra, run.mended, run.notFound, run.refused, run.others].map((count, column) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: a column has no other name
              <td key={column}>{formatCount(count)}</td>
            ))}
          </tr>
        ))}
      </PlainTable>
    </details>
  );
}
