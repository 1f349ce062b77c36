import { Group, Stack, Text } from '@mantine/core';
import type { ReactNode } from 'react';
import { type Column, DataTable } from './DataTable.tsx';
import { ProblemAlert } from './ProblemAlert.tsx';
import { SearchField } from './SearchField.tsx';
import type { usePages } from './usePages.ts';

interface ListFrameProps<T> {
  /** Names the table for a screen reader. */
  label: string;
  /** The list, page by page. */
  list: ReturnType<typeof usePages<T>>;
  /** What is typed, for all of the list. */
  search: { label: string; value: string | undefined; onSearch: (text: string | undefined) => void };
  /** Beside the search: choices, each a narrowing of its own. */
  filters?: ReactNode;
  /** Below them: what the list is narrowed to besides, to be taken off. */
  narrowings?: ReactNode;
  /** How many there are, where the page's lead does not say it. */
  count?: string;
  columns: readonly Column<T>[];
  /** The same row as a card, for narrow screens. */
  card: (row: T) => ReactNode;
  rowKey: (row: T) => string;
  /** Shown instead when there is nothing. */
  empty: ReactNode;
}

/** A list as its pages show it: a search and filters, what went wrong, and the rows or why there are none. */
export function ListFrame<T>({ search, filters, narrowings, count, list, ...table }: ListFrameProps<T>) {
  const { error, retry, ...rows } = list;
  return (
    <>
      <Stack gap="sm">
        <Group gap="sm" align="flex-end">
          <SearchField
            label={search.label}
            value={search.value ?? ''}
            onSearch={(text) => search.onSearch(text === '' ? undefined : text)}
          />
          {filters}
        </Group>
        {narrowings}
      </Stack>
      <ProblemAlert error={error} onRetry={retry} />
      {count !== undefined && !rows.loading && error === null && (
        <Text size="sm" c="dimmed" role="status">
          {count}
        </Text>
      )}
      {error === null && <DataTable {...table} {...rows} />}
    </>
  );
}
