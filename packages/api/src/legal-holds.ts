/** Legal holds: while one is open, no key of that person is destroyed, and a recovery is not told to them where it says so. */
import { z } from 'zod';
import { Address, Id, Instant } from './values.ts';

const CaseNumber = z.string().trim().min(1).max(100);
const Reason = z.string().trim().min(1).max(2000);

export const NewLegalHold = z.object({ caseNumber: CaseNumber, reason: Reason });
export const LiftLegalHold = z.object({ reason: Reason });

export const LegalHold = z.object({
  id: Id,
  personId: Id,
  personName: z.string(),
  personAddress: Address,
  caseNumber: z.string(),
  reason: z.string(),
  placedBy: z.object({ id: Id, name: z.string() }),
  placedAt: Instant,
  lifted: z.object({ by: z.object({ id: Id, name: z.string() }), at: Instant, reason: z.string() }).nullable(),
  /** May the caller lift it; and if not, the rule that says no. */
  mayLift: z.boolean(),
  whyNotLift: z.string().nullable(),
});
export type LegalHold = z.infer<typeof LegalHold>;

/** Newest first. */
export const LegalHoldQuery = z.object({
  personId: Id.optional(),
  /** Only those that stand, or only those that were lifted. */
  open: z.stringbool().optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(500),
});
