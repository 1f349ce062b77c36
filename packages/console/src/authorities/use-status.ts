import { useQuery } from '@tanstack/react-query';
import { api } from '../api.ts';

/** How lists and OCSP are doing, asked again every half minute. */
export function useStatus(enabled = true) {
  return useQuery({ queryKey: ['status'], queryFn: () => api.status(), refetchInterval: 30_000, enabled });
}
