/** Publication: targets, comparisons with the inventory, who cannot be written to. */
import type { PublicationTarget, Reconciliation } from '@chancery/api';
import { countOffice } from '../../office/counts.ts';
import { consult, perform } from '../../operation.ts';
import {
  authorityStore,
  confirmRunbook,
  makeRunbook,
  runbookTargets,
} from '../../publication/exchange/make-runbook.ts';
import { beginReconciliation } from '../../publication/reconcile.ts';
import { targetsOf } from '../../publication/targets.ts';
import { entryTroubles } from '../../store/publications.ts';
import { newestReconciliations, type ReconciliationRow } from '../../store/reconciliations.ts';
import { unreachable } from '../../store/unreachable.ts';
import type { World } from '../../world.ts';
import type { Handlers } from './handler.ts';

/** Comparisons that are shown of each target. */
const HISTORY = 30;
const HOUR = 3_600_000;

export const publicationHandlers: Handlers<
  'publication' | 'unreachable' | 'beginReconciliation' | 'runbook' | 'authorityStore' | 'confirmRunbook'
> = {
  async publication({ world, by }) {
    const { runs, troubles } = await consult(world, 'certificate:read', by, async (snapshot) => ({
      runs: await newestReconciliations(snapshot, HISTORY),
      troubles: await entryTroubles(snapshot),
    }));
    const { publication } = await countOffice(world);
    const every = world.config.publication.reconcileEveryHours * HOUR;
    const targets = allTargets(world).map(({ name, kind, where, byRunbook }): PublicationTarget => {
      const counts = publication.find(({ target }) => target === name);
      const own = runs.filter(({ target }) => target === name);
      const last = own[0];
      return {
        name,
        kind,
        where,
        byRunbook,
        published: counts?.published ?? 0,
        pending: counts?.pending ?? 0,
        failed: counts?.failed ?? 0,
        lastError: counts?.lastError ?? null,
        isDown:
          troubles.some(({ target, problem }) => target === name && problem === 'down') ||
          (last !== undefined && last.ended_at === null && last.error !== null),
        reconciliations: own.map(described),
        nextDueAt:
          every === 0
            ? null
            : new Date(last === undefined ? world.clock() : last.begun_at.getTime() + every).toISOString(),
      };
    });
    return { targets };
  },
  async unreachable({ world, by }, { query: { after, ...filter } }) {
    const offset = after === undefined ? 0 : Number(after);
    const targets = allTargets(world);
    const found = await consult(world, 'person:read', by, (snapshot) =>
      unreachable(snapshot, { ...filter, targets, offset }, world.clock()),
    );
    const next = offset + found.rows.length;
    return {
      people: found.people,
      counts: [...found.counts],
      total: found.total,
      items: found.rows.map(({ id, since, ...row }) => ({ personId: id, ...row, since: since?.toISOString() ?? null })),
      next: next < found.total && found.rows.length > 0 ? String(next) : null,
    };
  },
  beginReconciliation: ({ world, by }, { body }) => perform(world, beginReconciliation, by, body),
  async runbook({ world, by }, { query }) {
    const made = await consult(world, 'certificate:read', by, (snapshot) =>
      makeRunbook(snapshot, world.config, { ...query, at: world.clock() }),
    );
    return { ...query, ...made };
  },
  async authorityStore({ world, by }) {
    const { store, certificates } = await consult(world, 'certificate:read', by, (snapshot) =>
      authorityStore(snapshot, world.clock()),
    );
    return { certificates, store: store.toString('base64') };
  },
  confirmRunbook: ({ world, by }, { body }) => perform(world, confirmRunbook, by, body),
};

function allTargets(world: World): Pick<PublicationTarget, 'name' | 'kind' | 'where' | 'byRunbook'>[] {
  const where = 'by a runbook, which an administrator runs';
  return [
    ...targetsOf(world).map(({ name, kind, where }) => ({ name, kind, where, byRunbook: false })),
    ...runbookTargets(world.config).map((name) => ({ name, kind: 'exchange' as const, where, byRunbook: true })),
  ];
}

function described(row: ReconciliationRow): Reconciliation {
  return {
    id: row.id,
    target: row.target,
    mends: row.mends,
    begunBy: row.begun_by,
    begunAt: row.begun_at.toISOString(),
    endedAt: row.ended_at?.toISOString() ?? null,
    people: row.people,
    checked: row.checked,
    missing: row.missing,
    extra: row.extra,
    mended: row.mended,
    notFound: row.not_found,
    refused: row.refused,
    others: row.others,
    error: row.error,
  };
}
