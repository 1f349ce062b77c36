/** Recovery requests, and for each caller whether they may decide or release, and if not, why. */
import type { RecoveryRequest } from '@chancery/api';
import { formatName, parseCertificate } from '@chancery/smime';
import { AuthorityError } from '../../errors.ts';
import { refuseDecision, refuseRelease, stateAt } from '../../kra/quorum.ts';
import { decideRecovery, judged, requestRecovery } from '../../kra/recovery.ts';
import { releaseKey, releasePassword } from '../../kra/release.ts';
import { consult, perform } from '../../operation.ts';
import { type Principal, permissionsOf } from '../../principal.ts';
import type { Snapshot } from '../../store/database.ts';
import { operatorById } from '../../store/operators.ts';
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
    const { id } = await perform(world, requestRecovery, by, body);
    return readRequest(world, by, id);
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
  const { request, content, person, decisions, rows } = await judged(snapshot, row);
  const now = world.clock();
  const requester = await operatorById(snapshot, row.requested_by);
  const may = permissionsOf(by);
  const officer = by.kind === 'operator' ? by : { id: by.id, address: '' };
  const noDecision = refuseDecision(request, decisions, officer, now);
  const noRelease = refuseRelease(request, decisions, by.id, now);
  const why = may.has('recovery:approve') ? noDecision : may.has('recovery:release') ? noRelease : undefined;
  return {
    id: row.id,
    personId: row.person_id,
    personName: person?.name ?? '',
    personAddress: person?.address ?? '',
    escrowedKeyIds: content.escrowedKeyIds,
    reason: content.reason as RecoveryRequest['reason'],
    caseNumber: content.caseNumber,
    explanation: content.explanation,
    delivery: {
      kind: content.delivery.kind,
      recipient:
        content.delivery.kind === 'certificate'
          ? formatName(parseCertificate(Buffer.from(content.delivery.certificate, 'base64')).subject)
          : null,
    },
    state: stateAt(request, now),
    threshold: row.threshold,
    requestedBy: { id: row.requested_by, name: requester?.name ?? '' },
    requestedAt: row.requested_at.toISOString(),
    expiresAt: row.expires_at.toISOString(),
    decisions: rows.map((one) => ({
      officerId: one.officer_id,
      officerName: one.officerName,
      decision: one.decision,
      note: one.note,
      at: one.decided_at.toISOString(),
    })),
    digest: row.digest,
    releasedAt: row.released_at?.toISOString() ?? null,
    mayApprove: may.has('recovery:approve') && noDecision === undefined,
    mayRelease: may.has('recovery:release') && noRelease === undefined,
    why: why?.message ?? null,
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
