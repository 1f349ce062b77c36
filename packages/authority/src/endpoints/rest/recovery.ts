/** Recovery requests, and for each caller whether they may decide or release, and if not, why. */
import type { RecoveryRequest } from '@chancery/api';
import { AuthorityError } from '../../errors.ts';
import { stateAt, whyNotDecide, whyNotRelease } from '../../kra/quorum.ts';
import { decideRecovery, factsOf, officerOf, openingOf, readCanonical, requestRecovery } from '../../kra/recovery.ts';
import { releaseKey, releasePassword } from '../../kra/release.ts';
import { consult, perform } from '../../operation.ts';
import { type Principal, permissionsOf } from '../../principal.ts';
import type { Snapshot } from '../../store/database.ts';
import { listRecoveries, type RecoveryRow, recoveryById } from '../../store/recovery.ts';
import type { World } from '../../world.ts';
import { unknownCursor } from './cursor.ts';
import type { Handlers } from './handler.ts';
import { toBase64 } from './issued.ts';

export const recoveryHandlers: Handlers<
  'recoveryRequests' | 'recoveryRequest' | 'requestRecovery' | 'decideRecovery' | 'releaseKey' | 'releasePassword'
> = {
  async recoveryRequests({ world, by }, { query }) {
    const { after, ...filter } = query;
    return consult(world, 'recovery:read', by, async (snapshot) => {
      const { rows, total, hasMore } = await listRecoveries(
        snapshot,
        { ...filter, ...(after === undefined ? {} : { after: readCursor(after) }) },
        world.clock(),
      );
      const items = [];
      for (const row of rows) items.push(await describeRecovery(world, snapshot, row, by));
      const last = rows.at(-1);
      return { items, total, next: hasMore && last !== undefined ? writeCursor(last) : null };
    });
  },
  async recoveryRequest({ world, by }, { params }) {
    return readRequest(world, by, params.id);
  },
  async requestRecovery({ world, by }, { body }) {
    return readRequest(world, by, await perform(world, requestRecovery, by, body));
  },
  async decideRecovery({ world, by }, { params, body }) {
    await perform(world, decideRecovery, by, { ...params, ...body });
    return readRequest(world, by, params.id);
  },
  async releaseKey({ world, by }, { params }) {
    const { data, ...file } = await perform(world, releaseKey, by, params);
    return { ...file, data: toBase64(data) };
  },
  async releasePassword({ world, by }, { params }) {
    return perform(world, releasePassword, by, params);
  },
};

async function readRequest(world: World, by: Principal, id: string): Promise<RecoveryRequest> {
  return consult(world, 'recovery:read', by, async (snapshot) => {
    const row = await recoveryById(snapshot, id);
    if (row === undefined) throw new AuthorityError('not-found', 'There is no such recovery request.');
    return describeRecovery(world, snapshot, row, by);
  });
}

async function describeRecovery(
  world: World,
  snapshot: Snapshot,
  row: RecoveryRow,
  by: Principal,
): Promise<RecoveryRequest> {
  const { facts, decisions, vault } = await factsOf(snapshot, row);
  const { person, ...content } = readCanonical(row);
  const now = world.clock();
  const may = permissionsOf(by);
  const noDecision = may.has('recovery:approve') ? whyNotDecide(facts, decisions, officerOf(by, vault), now) : null;
  const noRelease = may.has('recovery:release') ? whyNotRelease(facts, decisions, by, now) : null;
  return {
    id: row.id,
    personId: row.person_id,
    personName: person.name,
    personAddress: person.address,
    escrowedKeyIds: content.records.map(({ id }) => id),
    reason: content.reason,
    caseNumber: content.caseNumber,
    explanation: content.explanation,
    delivery: {
      kind: content.delivery.kind,
      recipient: content.delivery.kind === 'certificate' ? content.delivery.recipient : null,
    },
    state: stateAt(facts, now),
    threshold: row.threshold,
    requestedBy: { id: content.requestedBy.id, name: content.requestedBy.name },
    requestedAt: row.requested_at.toISOString(),
    expiresAt: row.expires_at.toISOString(),
    decisions: decisions.map((one) => ({
      officerId: one.officer_id,
      officerName: one.officerName,
      decision: one.decision,
      note: one.note,
      at: one.decided_at.toISOString(),
    })),
    digest: row.digest,
    releasedAt: row.released_at?.toISOString() ?? null,
    mayApprove: may.has('recovery:approve') && noDecision === null,
    mayRelease: may.has('recovery:release') && noRelease === null,
    why: noDecision ?? noRelease,
    canonical: row.canonical,
    opening: may.has('recovery:approve') && noDecision === null ? openingOf(row) : null,
  };
}

function writeCursor(row: RecoveryRow): string {
  return `${row.requested_at.getTime()}.${row.id}`;
}

/** @throws AuthorityError `invalid-request` for a cursor that no page gave out */
function readCursor(text: string): { at: Date; id: string } {
  const match = /^(\d{1,15})\.([0-9a-f-]{36})$/.exec(text);
  if (match?.[1] === undefined || match[2] === undefined) throw unknownCursor();
  return { at: new Date(Number(match[1])), id: match[2] };
}
