import { useResizeObserver } from '@mantine/hooks';
import type { ReactNode } from 'react';

interface PlainTableProps {
  /** Names the table for a screen reader. */
  label: string;
  /** Column heads; one in brackets is heard but not seen. */
  head: readonly string[];
  children: ReactNode;
}

/** A short table, all of it drawn. Where it is wider than the screen it scrolls, by keyboard too. */
export function PlainTable({ label, head, children }: PlainTableProps) {
  const [frame, { width }] = useResizeObserver<HTMLDivElement>();
  const [table, { width: needed }] = useResizeObserver<HTMLTableElement>();
  const scrolls = needed > width + 1;
  return (
    <div ref={frame} className="scroll-x" {...(scrolls ? { tabIndex: 0, role: 'region', 'aria-label': label } : {})}>
      <table ref={table} className="grid-table" aria-label={label}>
        <thead>
          <tr>
            {head.map((name) => (
              <th key={name} scope="col">
                {name.startsWith('[') ? <span className="visually-hidden">{name.slice(1, -1)}</span> : name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}
