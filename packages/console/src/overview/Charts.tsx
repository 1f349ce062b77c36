import '@mantine/charts/styles.css';
import type { Overview } from '@chancery/api';
import { BarChart, DonutChart } from '@mantine/charts';
import { Group, SimpleGrid, Stack, Text } from '@mantine/core';
import type { ReactNode } from 'react';
import { formatCount, formatDay, formatMonth } from '../format.ts';
import { Panel } from '../pieces/Page.tsx';

/** The charts of the overview. Each has its numbers as a table behind a disclosure. */
export function Charts({ overview }: { overview: Overview }) {
  return (
    <SimpleGrid cols={{ base: 1, md: 2 }}>
      <States overview={overview} />
      <Expiry overview={overview} />
      <Mail overview={overview} />
      <Issued overview={overview} />
    </SimpleGrid>
  );
}

function States({ overview }: { overview: Overview }) {
  const { valid, expiring, expired, revoked } = overview.certificates;
  const data = [
    { name: 'Valid', value: valid, color: 'var(--chart-ok)' },
    { name: 'Expiring', value: expiring, color: 'var(--chart-warn)' },
    { name: 'Expired', value: expired, color: 'var(--chart-quiet)' },
    { name: 'Revoked', value: revoked, color: 'var(--chart-bad)' },
  ];
  return (
    <Chart
      title="Certificates by state"
      summary={data.map((slice) => `${formatCount(slice.value)} ${slice.name.toLowerCase()}`).join(', ')}
      head={['State', 'Certificates']}
      rows={data.map((slice) => [slice.name, slice.value])}
    >
      <Group justify="center" gap="xl">
        <DonutChart
          data={data.filter((slice) => slice.value > 0)}
          size={168}
          thickness={26}
          paddingAngle={1}
          chartLabel={formatCount(valid + expiring)}
          strokeColor="var(--surface)"
          withTooltip={false}
          pieProps={{ isAnimationActive: false, rootTabIndex: -1 }}
          pieChartProps={{ accessibilityLayer: false }}
        />
        <Stack gap={6}>
          {data.map((slice) => (
            <Group key={slice.name} gap={8} wrap="nowrap">
              <span className="swatch" style={{ background: slice.color }} />
              <Text size="sm">
                {slice.name} {formatCount(slice.value)}
              </Text>
            </Group>
          ))}
        </Stack>
      </Group>
    </Chart>
  );
}

function Expiry({ overview }: { overview: Overview }) {
  const rows = overview.expiryByMonth;
  const total = rows.reduce((sum, month) => sum + month.signing + month.encryption, 0);
  return (
    <Chart
      title="Running out, by month"
      summary={`${formatCount(total)} certificates run out in the next twelve months`}
      head={['Month', 'Signing', 'Encryption']}
      rows={rows.map((month) => [formatMonth(month.month), month.signing, month.encryption])}
    >
      <Bars
        data={rows.map((month) => ({ ...month, label: formatMonth(month.month) }))}
        series={[
          { name: 'signing', label: 'Signing', color: 'var(--chart-a)' },
          { name: 'encryption', label: 'Encryption', color: 'var(--chart-b)' },
        ]}
      />
    </Chart>
  );
}

function Mail({ overview }: { overview: Overview }) {
  const rows = overview.mailByDay;
  const sum = (key: 'signed' | 'encrypted' | 'decrypted' | 'verified' | 'refused' | 'plain') =>
    rows.reduce((total, day) => total + day[key], 0);
  return (
    <Chart
      title="Mail protected, by day"
      summary={`In thirty days: ${formatCount(sum('signed'))} signed, ${formatCount(sum('encrypted'))} encrypted, ${formatCount(sum('decrypted'))} decrypted, ${formatCount(sum('verified'))} verified, ${formatCount(sum('refused'))} refused, ${formatCount(sum('plain'))} plain`}
      head={['Day', 'Signed', 'Encrypted', 'Decrypted', 'Verified', 'Refused', 'Plain']}
      rows={rows.map((day) => [
        formatDay(day.day),
        day.signed,
        day.encrypted,
        day.decrypted,
        day.verified,
        day.refused,
        day.plain,
      ])}
    >
      <Bars
        data={rows.map((day) => ({ ...day, label: formatDay(day.day) }))}
        series={[
          { name: 'signed', label: 'Signed', color: 'var(--chart-a)' },
          { name: 'encrypted', label: 'Encrypted', color: 'var(--chart-b)' },
          { name: 'decrypted', label: 'Decrypted', color: 'var(--chart-c)' },
          { name: 'verified', label: 'Verified', color: 'var(--chart-ok)' },
          { name: 'refused', label: 'Refused', color: 'var(--chart-bad)' },
          { name: 'plain', label: 'Plain', color: 'var(--chart-quiet)' },
        ]}
      />
    </Chart>
  );
}

function Issued({ overview }: { overview: Overview }) {
  const rows = overview.issuedByDay;
  const total = rows.reduce((sum, day) => sum + day.count, 0);
  return (
    <Chart
      title="Certificates issued, by day"
      summary={`${formatCount(total)} certificates issued in thirty days`}
      head={['Day', 'Issued']}
      rows={rows.map((day) => [formatDay(day.day), day.count])}
    >
      <Bars
        data={rows.map((day) => ({ ...day, label: formatDay(day.day) }))}
        series={[{ name: 'count', label: 'Issued', color: 'var(--chart-a)' }]}
      />
    </Chart>
  );
}

interface BarsProps {
  data: Record<string, unknown>[];
  series: { name: string; label: string; color: string }[];
}

function Bars({ data, series }: BarsProps) {
  return (
    <BarChart
      h={224}
      data={data}
      dataKey="label"
      type="stacked"
      series={series}
      withLegend={series.length > 1}
      legendProps={{ verticalAlign: 'bottom' }}
      tickLine="none"
      gridAxis="x"
      yAxisProps={{ allowDecimals: false, width: 36, interval: 0 }}
      xAxisProps={{ minTickGap: 12 }}
      barProps={{ isAnimationActive: false }}
      barChartProps={{ accessibilityLayer: false }}
    />
  );
}

interface ChartProps {
  title: string;
  /** The chart in one sentence. */
  summary: string;
  head: readonly string[];
  rows: readonly (readonly (string | number)[])[];
  children: ReactNode;
}

function Chart({ title, summary, head, rows, children }: ChartProps) {
  return (
    <Panel title={title}>
      <figure className="chart">
        {rows.every((row) => row.every((cell) => typeof cell === 'string' || cell === 0)) ? (
          <div className="chart-empty">Nothing yet</div>
        ) : (
          <div aria-hidden="true">{children}</div>
        )}
        <figcaption>
          <Text size="sm" c="dimmed">
            {summary}.
          </Text>
          <details>
            <summary>The numbers</summary>
            {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard */}
            <section className="scroll-x" tabIndex={0} aria-label={`${title}: the numbers`} style={{ maxHeight: 260 }}>
              <table className="grid-table">
                <thead>
                  <tr>
                    {head.map((cell) => (
                      <th key={cell} scope="col">
                        {cell}
                      </th>
                    ))}
                  </tr>
                </thead>
                <tbody>
                  {rows.map((row) => (
                    <tr key={row[0]}>
                      {row.map((cell, column) => (
                        // biome-ignore lint/suspicious/noArrayIndexKey: a column has no other name
                        <td key={column}>{typeof cell === 'number' ? formatCount(cell) : cell}</td>
                      ))}
                    </tr>
                  ))}
                </tbody>
              </table>
            </section>
          </details>
        </figcaption>
      </figure>
    </Panel>
  );
}
