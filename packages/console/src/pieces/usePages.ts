import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query';
import { useCallback } from 'react';

interface PageOf<T> {
  items: T[];
  total: number;
  /** Absent where lists are counted to their end. */
  totalIsExact?: boolean;
  next: string | null;
}

/** Milliseconds between two looks at a list in which something is still under way. */
const lookAgain = 3_000;
/** A longer list is too much to read again every few seconds. */
const mostPages = 3;

/**
 * A cursor-paged list as one growing array. `key` holds every filter, so that another filter is another list.
 * While `underWay` holds for a row, the list is read again by itself.
 */
export function usePages<T>(
  key: readonly unknown[],
  load: (after: string | undefined) => Promise<PageOf<T>>,
  underWay: (row: T) => boolean = () => false,
) {
  const query = useInfiniteQuery({
    queryKey: key,
    queryFn: ({ pageParam }) => load(pageParam),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next ?? undefined,
    placeholderData: keepPreviousData,
    refetchInterval: ({ state }) => {
      const pages = state.data?.pages ?? [];
      return pages.length <= mostPages && pages.some((page) => page.items.some(underWay)) ? lookAgain : false;
    },
  });
  const { fetchNextPage, isFetchingNextPage, isFetchNextPageError } = query;
  const onMore = useCallback(() => {
    if (!isFetchingNextPage && !isFetchNextPageError) void fetchNextPage();
  }, [fetchNextPage, isFetchingNextPage, isFetchNextPageError]);
  return {
    rows: query.data?.pages.flatMap((page) => page.items) ?? [],
    total: query.data?.pages[0]?.total ?? 0,
    totalIsExact: query.data?.pages[0]?.totalIsExact ?? true,
    loading: query.isPending,
    hasMore: query.hasNextPage,
    onMore,
    error: query.error,
    retry: () => void query.refetch(),
  };
}
