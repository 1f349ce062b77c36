import type { UnreachableReason, UnreachableReport } from '@chancery/api';
import { Button, Group } from '@mantine/core';
import { formatCount, percent } from '../format.ts';
import { Bars, Chart } from '../overview/Chart.tsx';
import { unreachableReasons } from './words.ts';

const COLOURS = ['var(--chart-a)', 'var(--chart-b)', 'var(--chart-c)', 'var(--chart-warn)'];

interface ReasonsProps {
  report: UnreachableReport;
  /** Only what holds there, and what holds everywhere. */
  target: string | undefined;
  onReason: (reason: UnreachableReason) => void;
}

/** How many cannot be written to, by reason; each reason leads to the people whom it concerns. */
export function Reasons({ report, target, onReason }: ReasonsProps) {
  const counts = report.counts.filter((one) => target === undefined || one.target === null || one.target === target);
  const places = [...new Set(counts.map((one) => one.target ?? EVERYWHERE))];
  const reasons = (Object.keys(unreachableReasons) as UnreachableReason[]).filter((reason) =>
    counts.some((one) => one.reason === reason),
  );
  const rows = reasons.map((reason) => ({
    reason,
    label: unreachableReasons[reason][0],
    ...Object.fromEntries(
      places.map((place) => [
        place,
        counts.find((one) => one.reason === reason && (one.target ?? EVERYWHERE) === place)?.people ?? 0,
      ]),
    ),
  }));
  const everywhere = counts.filter((one) => one.target === null).reduce((sum, { people }) => sum + people, 0);
  return (
    <Chart
      title="Why people cannot be written to"
      summary={`${formatCount(everywhere)} of ${formatCount(report.people)} people (${percent(everywhere, report.people)} %) have no certificate that a sender could use; the other reasons are of one target each`}
      head={['Reason', 'Where', 'People']}
      rows={counts.map((one) => [unreachableReasons[one.reason][0], one.target ?? EVERYWHERE, one.people])}
    >
      <Bars
        label="Why people cannot be written to"
        data={rows}
        series={places.map((place, index) => ({
          name: place,
          label: place,
          color: place === EVERYWHERE ? 'var(--chart-bad)' : (COLOURS[index % COLOURS.length] ?? 'var(--chart-a)'),
        }))}
      />
      <Group gap="xs" mt="sm">
        {reasons.map((reason) => (
          <Button key={reason} size="compact-sm" variant="default" onClick={() => onReason(reason)}>
            {unreachableReasons[reason][0]}{' '}
            {formatCount(counts.filter((one) => one.reason === reason).reduce((sum, { people }) => sum + people, 0))}
          </Button>
        ))}
      </Group>
    </Chart>
  );
}

const EVERYWHERE = 'everywhere';
