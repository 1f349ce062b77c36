/** The one client, the one cache, and what both do when the session has ended. */
import { ApiError, createClient, type Me, type Permission } from '@chancery/api';
import { MutationCache, QueryCache, QueryClient, queryOptions, useQuery } from '@tanstack/react-query';

/** Set-up makes RSA keys and an import may make thousands of people: both take longer than a page does. */
export const api = createClient({ baseUrl: '', timeout: 120_000 });

let signedOut: () => void = () => undefined;
/** What to do when the authority says that nobody is signed in. */
export function onSignedOut(then: () => void): void {
  signedOut = then;
}

function watchSession(error: Error): void {
  if (isUnauthenticated(error)) signedOut();
}

export const queryClient = new QueryClient({
  queryCache: new QueryCache({ onError: watchSession }),
  mutationCache: new MutationCache({ onError: watchSession }),
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      retry: (failures, error) => error instanceof ApiError && error.code === 'unavailable' && failures < 2,
    },
  },
});

export function isUnauthenticated(error: unknown): boolean {
  return error instanceof ApiError && error.code === 'unauthenticated';
}

export const officeQuery = queryOptions({ queryKey: ['office'], queryFn: () => api.office(), staleTime: 60_000 });
export const meQuery = queryOptions({ queryKey: ['me'], queryFn: () => api.me(), staleTime: 60_000 });

/** Whoever is signed in; the router has loaded it before any page of the office shows. */
export function useMe(): Me | undefined {
  return useQuery(meQuery).data;
}

export function useMay(permission: Permission): boolean {
  return useMe()?.permissions.includes(permission) ?? false;
}
