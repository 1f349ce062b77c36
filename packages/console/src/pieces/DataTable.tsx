import { Skeleton, VisuallyHidden } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { useWindowVirtualizer } from '@tanstack/react-virtual';
import { type ReactNode, useEffect, useLayoutEffect, useRef, useState } from 'react';

export interface Column<T> {
  header: string;
  cell: (row: T) => ReactNode;
  width?: number | string;
  align?: 'right';
}

interface DataTableProps<T> {
  /** Names the table for a screen reader. */
  label: string;
  columns: readonly Column<T>[];
  rows: readonly T[];
  /** All rows there are, loaded or not. */
  total: number;
  /** False where the counting stopped at `total`: there are more. */
  totalIsExact?: boolean;
  rowKey: (row: T) => string;
  /** The same row as a card, for narrow screens. */
  card: (row: T) => ReactNode;
  loading: boolean;
  /** More rows exist; asked for when the end comes near. */
  hasMore?: boolean;
  onMore?: () => void;
  /** Shown instead when there is nothing. */
  empty: ReactNode;
}

/** Rows of the server, drawn only where the window is: a table, or cards on a narrow screen. */
export function DataTable<T>(props: DataTableProps<T>) {
  const narrow = useMediaQuery('(max-width: 72em)', undefined, { getInitialValueInEffect: false });
  if (props.loading) return <TableSkeleton label={props.label} />;
  if (props.rows.length === 0) return props.empty;
  return narrow ? <Cards {...props} /> : <Grid {...props} />;
}

function Grid<T>(props: DataTableProps<T>) {
  const { frame, virtualizer, margin } = useRows(props, 50);
  const items = virtualizer.getVirtualItems();
  const before = (items[0]?.start ?? margin) - margin;
  const after = virtualizer.getTotalSize() - ((items.at(-1)?.end ?? margin) - margin);
  return (
    <div ref={frame} className="grid-frame">
      <table
        className="grid-table"
        aria-label={props.label}
        aria-rowcount={props.totalIsExact === false ? -1 : props.total + 1}
      >
        <thead className="sticky">
          <tr aria-rowindex={1}>
            {props.columns.map((column) => (
              <th key={column.header} scope="col" data-align={column.align} style={{ width: column.width }}>
                {column.header}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          <Spacer height={before} span={props.columns.length} />
          {items.map((item) => {
            const row = props.rows[item.index];
            if (row === undefined) return null;
            return (
              <tr
                key={item.key}
                data-index={item.index}
                ref={virtualizer.measureElement}
                aria-rowindex={item.index + 2}
              >
                {props.columns.map((column) => (
                  <td key={column.header} data-align={column.align}>
                    {column.cell(row)}
                  </td>
                ))}
              </tr>
            );
          })}
          <Spacer height={after} span={props.columns.length} />
        </tbody>
      </table>
    </div>
  );
}

function Cards<T>(props: DataTableProps<T>) {
  const { frame, virtualizer, margin } = useRows(props, 130);
  return (
    <div ref={frame}>
      <ul className="cards" aria-label={props.label} style={{ height: virtualizer.getTotalSize() }}>
        {virtualizer.getVirtualItems().map((item) => {
          const row = props.rows[item.index];
          if (row === undefined) return null;
          return (
            <li
              key={item.key}
              data-index={item.index}
              ref={virtualizer.measureElement}
              aria-setsize={props.totalIsExact === false ? -1 : props.total}
              aria-posinset={item.index + 1}
              style={{ transform: `translateY(${item.start - margin}px)` }}
            >
              <div className="card">{props.card(row)}</div>
            </li>
          );
        })}
      </ul>
    </div>
  );
}

function useRows<T>({ rows, rowKey, hasMore = false, onMore }: DataTableProps<T>, estimate: number) {
  const frame = useRef<HTMLDivElement>(null);
  const [margin, setMargin] = useState(0);
  useLayoutEffect(() => {
    if (frame.current !== null) setMargin(frame.current.getBoundingClientRect().top + window.scrollY);
  }, []);
  const virtualizer = useWindowVirtualizer({
    count: rows.length,
    estimateSize: () => estimate,
    overscan: 10,
    scrollMargin: margin,
    getItemKey: (index) => {
      const row = rows[index];
      return row === undefined ? index : rowKey(row);
    },
  });
  const last = virtualizer.getVirtualItems().at(-1)?.index ?? 0;
  useEffect(() => {
    if (hasMore && last >= rows.length - 15) onMore?.();
  }, [hasMore, last, rows.length, onMore]);
  return { frame, virtualizer, margin };
}

function Spacer({ height, span }: { height: number; span: number }) {
  if (height <= 0) return null;
  return (
    // biome-ignore lint/a11y/noAriaHiddenOnFocusable: a table row takes no focus
    <tr className="spacer" aria-hidden="true">
      <td colSpan={span} style={{ height }} />
    </tr>
  );
}

const skeletonRows = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];

function TableSkeleton({ label }: { label: string }) {
  return (
    <div className="panel" aria-busy="true">
      <VisuallyHidden role="status">Loading {label.toLowerCase()}</VisuallyHidden>
      {skeletonRows.map((row) => (
        <Skeleton key={row} height={20} my={14} radius="sm" />
      ))}
    </div>
  );
}
