import { useQuery } from '@tanstack/react-query';
import { api } from '../api.ts';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { DirectoryPanel } from './DirectoryPanel.tsx';

/** Directories that the office follows, each in a panel; nothing where the configuration names none. */
export function Directories() {
  const directories = useQuery({
    queryKey: ['directories'],
    queryFn: () => api.directories(),
    // A pass takes seconds, and is watched.
    refetchInterval: (query) => (query.state.data?.items.some((one) => one.state === 'running') ? 1_000 : 10_000),
  });
  return (
    <>
      <ProblemAlert error={directories.error} onRetry={() => void directories.refetch()} />
      {directories.data?.items.map((one) => (
        <DirectoryPanel key={one.name} directory={one} />
      ))}
    </>
  );
}
