/** A recovery request as the caller sees it: where it stands, what is missing, what they may do, and if not, why. */
import type { RecoveryPreview, RecoveryRequest, RecoverySummary } from '@chancery/api';
import { openingOf, readCanonical } from '../../kra/canonical-request.ts';
import {
  coolOffEnd,
  isSubject,
  missing,
  type Refusal,
  type StepKind,
  stateAt,
  whyNotDecide,
  whyNotRecord,
  whyNotRelease,
} from '../../kra/quorum.ts';
import { factsOf, officerOf } from '../../kra/recovery.ts';
import { aboutRecovery } from '../../kra/recovery-notices.ts';
import { type Principal, permissionsOf } from '../../principal.ts';
import type { Snapshot } from '../../store/database.ts';
import { noticesAbout } from '../../store/notices.ts';
import { decisionsOf, type RecordedStep, type RecoveryRow, recoveryById } from '../../store/recovery.ts';
import { currentVault, type VaultRow } from '../../store/vaults.ts';
import type { World } from '../../world.ts';
import { officersOf } from './officers.ts';

export async function describeRecovery(
  world: World,
  snapshot: Snapshot,
  id: string,
  by: Principal,
): Promise<RecoveryRequest | undefined> {
  const row = await recoveryById(snapshot, id);
  if (row === undefined) return undefined;
  const { facts, decisions, steps, vault } = await factsOf(snapshot, row);
  const canonical = readCanonical(row);
  const now = world.clock();
  const may = permissionsOf(by);
  const officer = officerOf(by, vault);
  const [noApproval, noRejection] = may.has('recovery:approve')
    ? [whyNotDecide(facts, decisions, officer, 'approve', now), whyNotDecide(facts, decisions, officer, 'reject', now)]
    : [undefined, undefined];
  const noRelease = may.has('recovery:release') ? whyNotRelease(facts, decisions, by, now) : undefined;
  const mayRecord = (kind: StepKind) =>
    by.kind === 'operator' && may.has('recovery:attest') && whyNotRecord(facts, decisions, kind, by, now) === null;
  const notices = await noticesAbout(snapshot, aboutRecovery(id));
  const why = noApproval ?? noRelease ?? null;
  return {
    ...contentOf(row),
    explanation: canonical.explanation,
    people: canonical.people,
    period: canonical.period,
    delivery: {
      kind: canonical.delivery.kind,
      recipient: canonical.delivery.kind === 'certificate' ? canonical.delivery.recipient : null,
      messages: canonical.delivery.kind === 'decrypt' ? canonical.delivery.messages : [],
    },
    rules: canonical.rules,
    withholdNotice: canonical.withholdNotice,
    state: stateAt(facts, now),
    vault: { ...(await describeVaultOfRequest(snapshot, vault)), transcript: vault.transcript },
    steps: (['identity', 'manager'] as const).map((kind) => ({
      kind,
      required: kind === 'identity' ? canonical.rules.identityCheck : canonical.rules.managerApproval,
      mayRecord: mayRecord(kind),
      recorded: recordedOf(steps.find((step) => step.kind === kind)),
    })),
    decisions: decisions.map((one) => ({
      officerId: one.officer_id,
      officerName: one.officerName,
      decision: one.decision,
      note: one.note,
      at: one.decided_at.toISOString(),
    })),
    missing: missing(facts, decisions, now).map(obstacleOf),
    coolOffEndsAt: canonical.rules.coolOffHours === 0 ? null : (coolOffEnd(facts, decisions)?.toISOString() ?? null),
    notices: notices.map((notice) => ({
      to: notice.recipient,
      subject: notice.subject,
      state: notice.state,
      queuedAt: notice.queued_at.toISOString(),
      sentAt: notice.sent_at?.toISOString() ?? null,
      error: notice.last_error,
    })),
    mail: world.mail !== undefined,
    digest: row.digest,
    releasedAt: row.released_at?.toISOString() ?? null,
    mayApprove: noApproval === null,
    mayReject: noRejection === null,
    mayRelease: noRelease === null,
    mayTellSubjects:
      by.kind === 'operator' &&
      may.has('recovery:request') &&
      !isSubject(facts, by) &&
      notices.some(({ state }) => state === 'withheld'),
    why: why === null ? null : obstacleOf(why),
    canonical: row.canonical,
    opening: noApproval === null ? openingOf(row) : null,
  };
}

/** Whose officers decide. */
export async function describeVaultOfRequest(snapshot: Snapshot, vault: VaultRow): Promise<RecoveryPreview['vault']> {
  const current = await currentVault(snapshot);
  return { id: vault.id, replaced: vault.id !== current.id, officers: await officersOf(snapshot, vault) };
}

/** For a list. */
export async function summariseRecovery(snapshot: Snapshot, row: RecoveryRow, now: Date): Promise<RecoverySummary> {
  const { people, delivery, records } = readCanonical(row);
  const decisions = await decisionsOf(snapshot, [row.id]);
  return {
    ...contentOf(row),
    people: people.map(({ id, name, address }) => ({ id, name, address })),
    keys: records.length,
    delivery: delivery.kind,
    state: stateAt({ state: row.state, expiresAt: row.expires_at }, now),
    approvedBy: decisions.filter(({ decision }) => decision === 'approve').map(({ officerName }) => officerName),
  };
}

function contentOf(row: RecoveryRow) {
  const { reason, caseNumber, requestedBy } = readCanonical(row);
  return {
    id: row.id,
    reason,
    caseNumber,
    threshold: row.threshold,
    requestedBy: { id: requestedBy.id, name: requestedBy.name },
    requestedAt: row.requested_at.toISOString(),
    expiresAt: row.expires_at.toISOString(),
  };
}

type Recorded = RecoveryRequest['steps'][number]['recorded'];
/** As `recovery-steps.ts` writes it down. */
type Statement = Pick<NonNullable<Recorded>, 'who' | 'how' | 'evidence'> & Partial<Pick<NonNullable<Recorded>, 'of'>>;

function recordedOf(step: RecordedStep | undefined): Recorded {
  if (step === undefined) return null;
  const { of = null, ...rest } = step.statement as unknown as Statement;
  return { by: { id: step.recorded_by, name: step.recorderName }, at: step.recorded_at.toISOString(), of, ...rest };
}

const obstacleOf = ({ until, ...refusal }: Refusal) => ({ ...refusal, until: until?.toISOString() ?? null });
