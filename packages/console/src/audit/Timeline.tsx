import { Skeleton } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { api } from '../api.ts';
import { formatTime, plural } from '../format.ts';
import { Bars, Chart } from '../overview/Chart.tsx';
import { Panel } from '../pieces/Page.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { outcomes } from '../words.ts';
import type { TrailFilter } from './filter.ts';

const shownOutcomes = ['succeeded', 'attempted', 'denied', 'failed'] as const;
const colours = {
  succeeded: 'var(--chart-a)',
  attempted: 'var(--chart-quiet)',
  denied: 'var(--chart-warn)',
  failed: 'var(--chart-bad)',
};

/** When what matches happened. */
export function Timeline({ filter }: { filter: TrailFilter }) {
  const timeline = useQuery({
    queryKey: ['audit', 'timeline', filter],
    queryFn: () => api.auditTimeline({ query: filter }),
  });
  if (timeline.data === undefined) {
    return (
      <Panel title="Over time">
        <ProblemAlert error={timeline.error} onRetry={() => void timeline.refetch()} />
        {timeline.isPending && <Skeleton height={224} />}
      </Panel>
    );
  }
  const { spans } = timeline.data;
  const first = spans[0];
  const last = spans.at(-1);
  const total = spans.reduce((sum, span) => sum + shownOutcomes.reduce((some, name) => some + span[name], 0), 0);
  const label = labelOf(first, last);
  return (
    <Chart
      title="Over time"
      summary={
        first === undefined || last === undefined
          ? 'No record matches'
          : `${plural(total, 'record', 'records')} between ${formatTime(first.from)} and ${formatTime(last.until)}`
      }
      head={['From', ...shownOutcomes.map((name) => outcomes[name][0])]}
      rows={spans.map((span) => [formatTime(span.from), ...shownOutcomes.map((name) => span[name])])}
    >
      <Bars
        label="Audit records over time"
        data={spans.map((span) => ({ ...span, label: label(span.from) }))}
        series={shownOutcomes
          .filter((name) => spans.some((span) => span[name] > 0))
          .map((name) => ({ name, label: outcomes[name][0], color: colours[name] }))}
      />
    </Chart>
  );
}

const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });
const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' });
const dayAndClock = new Intl.DateTimeFormat('en-GB', {
  ...{ day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' },
});

/** As much of an instant as tells the spans apart. */
function labelOf(first: { from: string; until: string } | undefined, last: { until: string } | undefined) {
  if (first === undefined || last === undefined) return () => '';
  const span = Date.parse(first.until) - Date.parse(first.from);
  const whole = Date.parse(last.until) - Date.parse(first.from);
  const format = span >= 86_400_000 ? day : whole <= 86_400_000 ? clock : dayAndClock;
  return (instant: string) => format.format(new Date(instant));
}
