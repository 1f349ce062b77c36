import { useQuery } from '@tanstack/react-query';
import { api, isUnauthenticated } from '../api.ts';

/** What the person has; null where nobody is signed in. */
export function useMyself() {
  return useQuery({
    queryKey: ['myself'],
    queryFn: async () => {
      try {
        return await api.myself();
      } catch (error) {
        if (isUnauthenticated(error)) return null;
        throw error;
      }
    },
    staleTime: 15_000,
  });
}
