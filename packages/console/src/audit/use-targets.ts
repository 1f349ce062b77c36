import { useQuery } from '@tanstack/react-query';
import { api } from '../api.ts';
import type { ShownFinding } from '../pieces/Findings.tsx';

export function useAuditTargets(enabled = true) {
  return useQuery({
    queryKey: ['audit', 'targets'],
    queryFn: () => api.auditTargets(),
    refetchInterval: 60_000,
    enabled,
  });
}

/** Who is not told of the trail, and why. */
export function findingsOfTargets(targets: ReturnType<typeof useAuditTargets>['data']): ShownFinding[] {
  return (targets?.items ?? []).flatMap(({ name, what, error }) =>
    error === null
      ? []
      : [
          {
            key: `${what}:${name}`,
            tone: what === 'witness' ? ('bad' as const) : ('warn' as const),
            text: `The ${what === 'witness' ? 'witness' : 'collector'} ${name} does not get the audit trail. ${error}`,
          },
        ],
  );
}
