/** The tables, in Markdown: the engine's times, and for each peer how many of its times the engine takes. */
import type { Figures, MemoryRow, Row } from './compare.ts';
import type { Contender } from './contender.ts';
import { taskName } from './task.ts';

export interface Report {
  /** ISO 8601. */
  readonly date: string;
  readonly machine: string;
  readonly contenders: readonly Pick<Contender, 'id' | 'name'>[];
  readonly missing: readonly string[];
  readonly rows: readonly Row[];
  readonly memory: readonly MemoryRow[];
}

export function formatReport({ date, machine, contenders, missing, rows, memory }: Report): string {
  const [own, ...others] = contenders;
  if (own === undefined) return '';
  const lines = [
    `${date.slice(0, 10)}, ${machine}`,
    '',
    `First column: ${own.name}, processor time of one operation. Others: its processor time over theirs, the median of the rounds and, in`,
    'brackets, the quartiles; below 1 the engine is the faster. Then wall clock over wall clock.',
    '',
    tableRow(['', own.name, ...others.map(({ name }) => name)]),
    tableRow(['---', '---:', ...others.map(() => '---:')]),
    ...rows.map(({ task, results }) =>
      tableRow([taskName(task), formatTime(results[own.id]), ...others.map(({ id }) => formatRatio(results[id]))]),
    ),
  ];
  if (memory.length > 0) {
    const measured = contenders.filter(({ id }) => memory.some(({ peaks }) => typeof peaks[id] === 'number'));
    lines.push(
      '',
      'Peak memory of a process that does this once, the program itself and the content included:',
      '',
      tableRow(['', ...measured.map(({ name }) => name)]),
      tableRow(['---', ...measured.map(() => '---:')]),
      ...memory.map(({ task, peaks }) =>
        tableRow([taskName(task), ...measured.map(({ id }) => formatMemory(peaks[id]))]),
      ),
    );
  }
  for (const sentence of missing) lines.push('', `Missing: ${sentence}.`);
  return lines.join('\n');
}

const tableRow = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;

function formatTime(figures: Figures | string | undefined): string {
  if (figures === undefined || typeof figures === 'string') return figures ?? '';
  return microseconds(figures.cpu);
}

function formatRatio(figures: Figures | string | undefined): string {
  if (figures === undefined || typeof figures === 'string') return '–';
  const { ratio, wallRatio } = figures;
  return `**${short(ratio.median)}** (${short(ratio.low)}–${short(ratio.high)}), wall ${short(wallRatio.median)}`;
}

function microseconds(value: number): string {
  if (value < 1_000) return `${value.toPrecision(3)} µs`;
  return value < 1_000_000 ? `${(value / 1_000).toPrecision(3)} ms` : `${(value / 1_000_000).toPrecision(3)} s`;
}

const short = (value: number): string => (value < 0.1 ? value.toFixed(3) : value.toFixed(2));

const formatMemory = (peak: number | string | undefined): string =>
  typeof peak === 'number' ? `${Math.round(peak / 1_048_576)} MB` : '–';
