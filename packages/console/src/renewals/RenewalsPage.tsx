import type { RenewalForecast } from '@chancery/api';
import { Breadcrumbs, SegmentedControl, Skeleton, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { api } from '../api.ts';
import { formatDay, formatMonth, plural } from '../format.ts';
import { Bars, Chart } from '../overview/Chart.tsx';
import { Address } from '../pieces/Address.tsx';
import { TextLink } from '../pieces/Links.tsx';
import { Page, Panel } from '../pieces/Page.tsx';
import { PlainTable } from '../pieces/PlainTable.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { When } from '../pieces/When.tsx';
import { renewalWays, uses } from '../words.ts';
import { Rollovers } from './Rollovers.tsx';

/** What will be renewed when, what will end unrenewed and why, and rollovers. */
export function RenewalsPage() {
  return (
    <Page
      title="Renewals"
      trail={
        <Breadcrumbs mb={4}>
          <TextLink to="/certificates" size="sm">
            Certificates
          </TextLink>
        </Breadcrumbs>
      }
      lead="Before a certificate ends, another takes its place; the old one stays good until it ends."
    >
      <Forecast />
      <Overdue />
      <Rollovers />
    </Page>
  );
}

type By = 'day' | 'week' | 'month';
const spans: Record<By, number> = { day: 30, week: 13, month: 12 };

function Forecast() {
  const [by, setBy] = useState<By>('week');
  const forecast = useQuery({
    queryKey: ['renewals', 'forecast', by],
    queryFn: () => api.renewalForecast({ query: { by, spans: spans[by] } }),
  });
  const choice = (
    <SegmentedControl
      size="xs"
      aria-label="Renewals to come, by"
      value={by}
      onChange={(value) => setBy(value as By)}
      data={[
        { value: 'day', label: 'Day' },
        { value: 'week', label: 'Week' },
        { value: 'month', label: 'Month' },
      ]}
    />
  );
  if (forecast.data === undefined) {
    return (
      <Panel title="Renewals to come" actions={choice}>
        {forecast.isPending ? (
          <Skeleton height={224} />
        ) : (
          <ProblemAlert error={forecast.error} onRetry={() => void forecast.refetch()} />
        )}
      </Panel>
    );
  }
  const { data } = forecast;
  const parts = partsOf(data);
  const total = data.spans.reduce((sum, { certificates }) => sum + certificates, 0);
  const rows = data.spans.map((span) => ({
    label: by === 'month' ? formatMonth(span.from.slice(0, 7)) : formatDay(span.from.slice(0, 10)),
    counts: parts.map(({ profile, way }) =>
      span.parts
        .filter((part) => part.profile === profile && part.way === way)
        .reduce((sum, { certificates }) => sum + certificates, 0),
    ),
  }));
  return (
    <Chart
      title="Renewals to come"
      actions={choice}
      summary={`${plural(total, 'certificate', 'certificates')} in ${spans[by]} ${by}s; today ${data.today.begun} began, of at most ${data.today.perDay}`}
      head={['From', ...parts.map(({ label }) => label)]}
      rows={rows.map(({ label, counts }) => [label, ...counts])}
    >
      <Bars
        label="Renewals to come"
        data={rows.map(({ label, counts }) => ({
          label,
          ...Object.fromEntries(counts.map((count, index) => [`part${index}`, count])),
        }))}
        series={parts.map(({ label }, index) => ({
          name: `part${index}`,
          label,
          color: colours[index % colours.length] ?? 'var(--chart-quiet)',
        }))}
      />
    </Chart>
  );
}

const colours = ['var(--chart-a)', 'var(--chart-b)', 'var(--chart-c)', 'var(--chart-warn)', 'var(--chart-quiet)'];

/** Each profile with each of those who have to act, in one order for all spans. */
function partsOf({ spans: all }: RenewalForecast) {
  const parts = new Map(
    all
      .flatMap((span) => span.parts)
      .map(({ profile, way }) => [
        `${profile} ${way}`,
        { profile, way, label: `${profile}, ${renewalWays[way].toLowerCase()}` },
      ]),
  );
  return [...parts.values()].toSorted((one, other) => (one.label < other.label ? -1 : 1));
}

function Overdue() {
  const overdue = useQuery({ queryKey: ['renewals', 'overdue'], queryFn: () => api.overdueRenewals() });
  return (
    <Panel title="Will end unrenewed">
      <ProblemAlert error={overdue.error} onRetry={() => void overdue.refetch()} />
      {overdue.isPending && <Skeleton height={80} />}
      {overdue.data !== undefined &&
        (overdue.data.items.length === 0 ? (
          <Text size="sm" c="dimmed">
            Nothing: whatever is far into its window has been renewed.
          </Text>
        ) : (
          <PlainTable label="Will end unrenewed" head={['Ends', 'Whose', 'For', 'Renewed by', 'What it waits for']}>
            {overdue.data.items.map((one) => (
              <tr key={one.serialNumber}>
                <td>
                  <TextLink to="/certificates/$serialNumber" params={{ serialNumber: one.serialNumber }}>
                    <When at={one.notAfter} />
                  </TextLink>
                </td>
                <td>
                  {one.personId === null ? (
                    '–'
                  ) : (
                    <TextLink to="/people/$id" params={{ id: one.personId }}>
                      <Address of={one.address ?? ''} />
                    </TextLink>
                  )}
                </td>
                <td>{uses[one.use]}</td>
                <td>{renewalWays[one.way]}</td>
                <td>{one.why}</td>
              </tr>
            ))}
          </PlainTable>
        ))}
    </Panel>
  );
}
