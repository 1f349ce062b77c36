import '@mantine/charts/styles.css';
import { BarChart } from '@mantine/charts';
import { Text } from '@mantine/core';
import type { ReactNode } from 'react';
import { formatCount } from '../format.ts';
import { Panel } from '../pieces/Page.tsx';

interface BarsProps {
  /** Names the bars for whoever walks through them by arrow keys. */
  label: string;
  data: Record<string, unknown>[];
  series: { name: string; label: string; color: string }[];
}

/** Stacked bars. Their values show under the pointer, and by arrow keys once the chart has the focus. */
export function Bars({ label, data, series }: BarsProps) {
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
      barChartProps={{ accessibilityLayer: true, title: label }}
      tooltipProps={{ wrapperStyle: { zIndex: 3 } }}
      valueFormatter={formatCount}
    />
  );
}

interface ChartProps {
  title: string;
  /** Beside the title. */
  actions?: ReactNode;
  /** True where nothing in it can be focused: then a screen reader is given the numbers alone. */
  picture?: boolean;
  /** The chart in one sentence. */
  summary: string;
  head: readonly string[];
  rows: readonly (readonly (string | number)[])[];
  children: ReactNode;
}

/** A chart in its frame, in one sentence, and in numbers behind a disclosure. */
export function Chart({ title, actions, picture = false, summary, head, rows, children }: ChartProps) {
  return (
    <Panel title={title} actions={actions}>
      <figure className="chart">
        {rows.every((row) => row.every((cell) => typeof cell === 'string' || cell === 0)) ? (
          <div className="chart-empty">Nothing yet</div>
        ) : (
          <div {...(picture && { 'aria-hidden': true })}>{children}</div>
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
