/** How a certificate's status changes in its row, whoever issued it: what is written, and in which rows it may be. */
import { sql } from 'kysely';
import type { StatusChange } from './revocations.ts';

/** The first revocation's time stays; a hold becomes a revocation, and nothing else does. */
export function changedStatus(change: StatusChange, at: Date) {
  return change.act === 'release'
    ? { revoked_at: null, revocation_reason: null }
    : {
        revoked_at: sql<Date>`coalesce(revoked_at, ${at}::timestamptz)`,
        revocation_reason: change.act === 'hold' ? 'certificateHold' : change.reason,
      };
}

export function mayChange(change: StatusChange) {
  if (change.act === 'release') return sql<boolean>`revocation_reason = 'certificateHold'`;
  if (change.act === 'hold') return sql<boolean>`revoked_at IS NULL`;
  return sql<boolean>`(revoked_at IS NULL OR revocation_reason = 'certificateHold')`;
}
