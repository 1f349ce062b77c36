import { SegmentedControl, Skeleton } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import { api } from '../api.ts';
import { formatDay, formatMonth, plural } from '../format.ts';
import { Panel } from '../pieces/Page.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { Bars, Chart } from './Chart.tsx';
import { countOf, expiringBy, issuedBy, type Period, type PeriodRow, profilesIn } from './periods.ts';

/** Certificates issued and running out, by profile. Counted apart from the rest of the overview, and seldom. */
export function OverTime() {
  const history = useQuery({
    queryKey: ['overview', 'history'],
    queryFn: () => api.history(),
    staleTime: 300_000,
  });
  const [issued, setIssued] = useState<Period>('day');
  const [ending, setEnding] = useState<Period>('month');
  if (history.data === undefined) {
    return ['Certificates issued', 'Certificates running out'].map((title) => (
      <Panel key={title} title={title}>
        {history.isPending ? (
          <Skeleton height={224} />
        ) : (
          <ProblemAlert error={history.error} onRetry={() => void history.refetch()} />
        )}
      </Panel>
    ));
  }
  return (
    <>
      <ByProfile
        title="Certificates issued"
        periods={['day', 'week']}
        period={issued}
        onPeriod={setIssued}
        rows={issuedBy(history.data, issued)}
        summary={(total) => `${plural(total, 'certificate', 'certificates')} issued in ${spans[issued]}`}
      />
      <ByProfile
        title="Certificates running out"
        periods={['week', 'month']}
        period={ending}
        onPeriod={setEnding}
        rows={expiringBy(history.data, ending)}
        summary={(total) =>
          `${plural(total, 'certificate runs out', 'certificates run out')} in the next ${spans[ending].replace('the past ', '')}`
        }
      />
    </>
  );
}

const spans: Record<Period, string> = {
  day: 'the past 90 days',
  week: 'the past 52 weeks',
  month: 'the past 12 months',
};
const periodNames: Record<Period, string> = { day: 'Day', week: 'Week', month: 'Month' };
const colours = ['var(--chart-a)', 'var(--chart-b)', 'var(--chart-c)', 'var(--chart-warn)', 'var(--chart-quiet)'];

interface ByProfileProps {
  readonly title: string;
  readonly periods: readonly Period[];
  readonly period: Period;
  readonly onPeriod: (period: Period) => void;
  readonly rows: readonly PeriodRow[];
  readonly summary: (total: number) => string;
}

function ByProfile({ title, periods, period, onPeriod, rows, summary }: ByProfileProps) {
  const profiles = profilesIn(rows);
  const label = (start: string) => (period === 'month' ? formatMonth(start.slice(0, 7)) : formatDay(start));
  const choice: ReactNode = (
    <SegmentedControl
      size="xs"
      aria-label={`${title}, by`}
      value={period}
      onChange={(value) => onPeriod(value as Period)}
      data={periods.map((value) => ({ value, label: periodNames[value] }))}
    />
  );
  return (
    <Chart
      title={title}
      actions={choice}
      summary={summary(rows.reduce((sum, { total }) => sum + total, 0))}
      head={[period === 'week' ? 'Week from' : periodNames[period], ...profiles, 'All']}
      rows={rows.map((row) => [
        label(row.start),
        ...profiles.map((profile) => countOf(row, profile, profiles)),
        row.total,
      ])}
    >
      <Bars
        label={`${title}, by ${period}`}
        data={rows.map((row) => ({
          label: label(row.start),
          ...Object.fromEntries(profiles.map((profile) => [profile, countOf(row, profile, profiles)])),
        }))}
        series={profiles.map((profile, index) => ({
          name: profile,
          label: profile,
          color: colours[index] ?? 'var(--chart-quiet)',
        }))}
      />
    </Chart>
  );
}
