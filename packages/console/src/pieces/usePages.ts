import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query';
import { useCallback } from 'react';

interface PageOf<T> {
  items: T[];
  total: number;
  next: string | null;
}

/** A cursor-paged list as one growing array. `key` holds every filter, so that another filter is another list. */
export function usePages<T>(key: readonly unknown[], load: (after: string | undefined) => Promise<PageOf<T>>) {
  const query = useInfiniteQuery({
    queryKey: key,
    queryFn: ({ pageParam }) => load(pageParam),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next ?? undefined,
    placeholderData: keepPreviousData,
  });
  const { fetchNextPage, isFetchingNextPage, isFetchNextPageError } = query;
  const onMore = useCallback(() => {
    if (!isFetchingNextPage && !isFetchNextPageError) void fetchNextPage();
  }, [fetchNextPage, isFetchingNextPage, isFetchNextPageError]);
  return {
    rows: query.data?.pages.flatMap((page) => page.items) ?? [],
    total: query.data?.pages[0]?.total ?? 0,
    loading: query.isPending,
    hasMore: query.hasNextPage,
    onMore,
    error: query.error,
    retry: () => void query.refetch(),
  };
}
