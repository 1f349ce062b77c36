import { useQuery } from '@tanstack/react-query';
import { api } from '../api.ts';
import { EmptyState } from '../pieces/EmptyState.tsx';
import { Page } from '../pieces/Page.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { DirectoryPanel } from './DirectoryPanel.tsx';

/** Directories whose people are the office's. */
export function DirectoriesPage() {
  const directories = useQuery({
    queryKey: ['directories'],
    queryFn: () => api.directories(),
    // A pass takes seconds, and is watched.
    refetchInterval: (query) => (query.state.data?.items.some((one) => one.state === 'running') ? 1_000 : 10_000),
  });
  return (
    <Page title="Directories" lead="LDAP directories and Active Directory whose people have certificates here">
      <ProblemAlert error={directories.error} onRetry={() => void directories.refetch()} />
      {directories.data?.items.length === 0 && (
        <EmptyState title="No directory is followed">
          Name one in <code className="mono">authority.toml</code> as <code className="mono">[identity.ldap.NAME]</code>
          , and start the office again.
        </EmptyState>
      )}
      {directories.data?.items.map((one) => (
        <DirectoryPanel key={one.name} directory={one} />
      ))}
    </Page>
  );
}
