/** How far the trail has got, for whoever looks after the office: every target of the configuration, told yet or not. */
import type { AuditTargets } from '@chancery/api';
import { auditTargets } from '../../store/audit-targets.ts';
import { latestCheckpoint } from '../../store/audit-tree.ts';
import type { Snapshot } from '../../store/database.ts';
import type { World } from '../../world.ts';

export async function describeTargets(world: Pick<World, 'config'>, snapshot: Snapshot): Promise<AuditTargets> {
  const { witness, export: exports } = world.config.audit;
  const states = new Map((await auditTargets(snapshot)).map((row) => [row.name, row]));
  const describe = (what: 'witness' | 'export', name: string, kind: AuditTargets['items'][number]['kind']) => {
    const state = states.get(`${what}:${name}`);
    return {
      ...{ name, what, kind },
      reached: state?.reached ?? 0,
      reachedAt: state?.reached_at?.toISOString() ?? null,
      error: state?.error ?? null,
      failingSince: state?.failing_since?.toISOString() ?? null,
    };
  };
  return {
    size: (await latestCheckpoint(snapshot))?.size ?? 0,
    items: [
      ...Object.entries(witness).map(([name, { kind }]) => describe('witness', name, kind)),
      ...Object.entries(exports).map(([name, { kind }]) => describe('export', name, kind)),
    ],
  };
}
