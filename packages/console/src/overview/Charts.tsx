import type { Overview } from '@chancery/api';
import { DonutChart } from '@mantine/charts';
import { Group, SimpleGrid, Stack, Text } from '@mantine/core';
import { formatCount, formatDay } from '../format.ts';
import { Bars, Chart } from './Chart.tsx';
import { OverTime } from './OverTime.tsx';

/** The charts of the overview. Each has its numbers as a table behind a disclosure. */
export function Charts({ overview }: { overview: Overview }) {
  return (
    <SimpleGrid cols={{ base: 1, md: 2 }}>
      <OverTime />
      <States overview={overview} />
      <Mail overview={overview} />
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
      picture
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
        label="Mail protected, by day"
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
