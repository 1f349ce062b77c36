import { useNavigate } from '@tanstack/react-router';
import type { InventorySearch } from './search.ts';

/** Changes what the list is narrowed to, in the address: a view can be sent to somebody. */
export function useNarrowing(): (patch: Partial<InventorySearch>) => void {
  const navigate = useNavigate({ from: '/inventory' });
  return (patch) => void navigate({ search: (old) => ({ ...old, ...patch }), replace: true });
}
