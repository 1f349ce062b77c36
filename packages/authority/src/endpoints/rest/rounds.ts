/** Drills and re-wrappings: how far they are, and what each waits for from whom. */
import type { Round } from '@chancery/api';
import { AuthorityError } from '../../errors.ts';
import { beginDrill } from '../../kra/drill.ts';
import { contributeToBatch, officerIndex } from '../../kra/rounds.ts';
import { planOfVault } from '../../kra/vault.ts';
import { consult, perform } from '../../operation.ts';
import type { Principal } from '../../principal.ts';
import type { Snapshot } from '../../store/database.ts';
import {
  batchesWaitingFor,
  contributionsTo,
  countRound,
  countWaitingFor,
  failuresOf,
  listRounds,
  type RoundRow,
  roundById,
} from '../../store/rounds.ts';
import { foundingTranscript, vaultById } from '../../store/vaults.ts';
import type { World } from '../../world.ts';
import type { Handlers } from './handler.ts';

export const roundHandlers: Handlers<'rounds' | 'round' | 'beginDrill' | 'roundWork' | 'contribute'> = {
  async rounds({ world, by }) {
    return consult(world, 'recovery:read', by, async (snapshot) => {
      const items = [];
      for (const row of await listRounds(snapshot, 50)) items.push(await describeRound(snapshot, row, by));
      return { items };
    });
  },
  async round({ world, by }, { params }) {
    return readRound(world, by, params.id);
  },
  async beginDrill({ world, by }, { body }) {
    return readRound(world, by, await perform(world, beginDrill, by, body));
  },
  async roundWork({ world, by }, { params, query }) {
    return consult(world, 'recovery:approve', by, async (snapshot) => {
      const round = await requireRound(snapshot, params.id);
      const vault = await vaultById(snapshot, round.vault_id);
      const index = officerIndex(vault, by.id);
      const batches = await batchesWaitingFor(snapshot, round.id, index, index === 0 ? 0 : query.limit);
      return {
        transcript: vault.transcript ?? '',
        target: round.target_vault_id === null ? null : await foundingTranscript(snapshot, round.target_vault_id),
        batches: batches.map(({ id, canonical }) => ({ id, canonical })),
        waiting: index === 0 ? 0 : await countWaitingFor(snapshot, round.id, index),
      };
    });
  },
  async contribute({ world, by }, { params, body }) {
    return readRound(world, by, await perform(world, contributeToBatch, by, { ...params, ...body }));
  },
};

/** Those that are not closed, as the caller sees them. */
export async function openRoundsFor(snapshot: Snapshot, by: Principal): Promise<Round[]> {
  const open = (await listRounds(snapshot, 50)).filter(({ closed_at }) => closed_at === null);
  const rounds = [];
  for (const row of open) rounds.push(await describeRound(snapshot, row, by));
  return rounds;
}

function readRound(world: World, by: Principal, id: string): Promise<Round> {
  return consult(world, 'recovery:read', by, async (snapshot) =>
    describeRound(snapshot, await requireRound(snapshot, id), by),
  );
}

async function requireRound(snapshot: Snapshot, id: string): Promise<RoundRow> {
  const row = await roundById(snapshot, id);
  if (row === undefined) throw new AuthorityError('not-found', 'There is no such drill or re-wrapping.');
  return row;
}

async function describeRound(snapshot: Snapshot, row: RoundRow, by: Principal): Promise<Round> {
  const vault = await vaultById(snapshot, row.vault_id);
  const counts = await countRound(snapshot, row.id);
  const contributed = await contributionsTo(snapshot, row.id);
  const index = officerIndex(vault, by.id);
  return {
    id: row.id,
    kind: row.kind,
    vaultId: row.vault_id,
    targetVaultId: row.target_vault_id,
    begunBy: row.begun_by,
    begunAt: row.begun_at.toISOString(),
    closedAt: row.closed_at?.toISOString() ?? null,
    outcome: row.outcome,
    threshold: vault.threshold,
    records: { asked: counts.records, done: counts.done, failed: counts.failed },
    batches: { asked: counts.batches, done: counts.batchesDone },
    officers: (planOfVault(vault)?.officers ?? []).map(({ id, name }, at) => ({
      id,
      name,
      contributed: contributed.get(at + 1) ?? 0,
    })),
    yours: index === 0 || row.closed_at !== null ? 0 : await countWaitingFor(snapshot, row.id, index),
    failures: counts.failed === 0 ? [] : await failuresOf(snapshot, row.id),
  };
}
