/** Printing for people (tables, sentences) and for scripts (`--json`). */

export interface OutputOptions {
  readonly json?: boolean;
}

/** One JSON document, or what `human` returns. */
export function print(options: OutputOptions, value: unknown, human: () => string): void {
  process.stdout.write(`${options.json === true ? JSON.stringify(value, null, 2) : human()}\n`);
}

/** Columns padded to their widest cell; the last is left ragged. An empty list says so. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[], empty: string): string {
  if (rows.length === 0) return empty;
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...rows.map((row) => (row[column] ?? '').length)),
  );
  const line = (cells: readonly string[]) =>
    cells.map((cell, column) => (column === headings.length - 1 ? cell : cell.padEnd(widths[column] ?? 0))).join('  ');
  return [line(headings.map((heading) => heading.toUpperCase())), ...rows.map(line)].join('\n');
}
