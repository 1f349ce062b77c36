/** Where people's certificates are published, how each place compares with the inventory, and who cannot be written to. */
import { z } from 'zod';
import { Address, Base64, Id, Instant } from './values.ts';

/** A comparison of one target with the inventory. Certificates are counted by value: one that is missing from two attributes counts twice. */
const Reconciliation = z.object({
  id: Id,
  target: z.string(),
  /** False where it only looked. */
  mends: z.boolean(),
  begunBy: z.string().describe('as the audit trail names them'),
  begunAt: Instant,
  /** Null while it goes on. */
  endedAt: Instant.nullable(),
  people: z.int().describe('of whom something of ours may stand there'),
  checked: z.int(),
  missing: z.int().describe('certificates of ours that should have stood there'),
  extra: z.int().describe('certificates of ours that should not have'),
  mended: z.int().describe('of both'),
  notFound: z.int().describe('people without an entry'),
  refused: z.int().describe('people whose entry could not be written to'),
  others: z.int().describe('values of others that were seen, and left alone'),
  /** Why it waits. */
  error: z.string().nullable(),
});
export type Reconciliation = z.infer<typeof Reconciliation>;

const PublicationTarget = z.object({
  name: z.string(),
  kind: z.enum(['ldap', 'active-directory', 'dns', 'exchange']),
  /** Where it is, for a person to read. */
  where: z.string(),
  /** Brought in line by whoever runs its runbook. */
  byRunbook: z.boolean(),
  /** Certificates. */
  published: z.int(),
  pending: z.int(),
  failed: z.int(),
  /** The newest reason for a failure. */
  lastError: z.string().nullable(),
  /** Whether it was down when it was asked last. */
  isDown: z.boolean(),
  /** Comparisons, the newest first. */
  reconciliations: z.array(Reconciliation),
  /** When the next is due; null where none is scheduled. */
  nextDueAt: Instant.nullable(),
});
export type PublicationTarget = z.infer<typeof PublicationTarget>;

export const PublicationState = z.object({ targets: z.array(PublicationTarget) });
export type PublicationState = z.infer<typeof PublicationState>;

export const NewReconciliation = z.object({
  /** Every target without it. */
  target: z.string().optional(),
  /** False: it only looks. */
  mend: z.boolean().default(true),
});

export const RunbookQuery = z.object({
  target: z.string(),
  /** What is not known to stand there yet, or everything. */
  scope: z.enum(['changes', 'full']).default('changes'),
});
export const RunbookAnswer = z.object({
  target: z.string(),
  scope: z.enum(['changes', 'full']),
  mailboxes: z.int(),
  /** To confirm that it was run. */
  digest: z.string(),
  /** PowerShell, in ASCII. */
  script: z.string(),
});
/** The authorities that Outlook on the web is to trust: a serialized certificate store. */
export const AuthorityStore = z.object({ certificates: z.int(), store: Base64 });
export const RunbookConfirmation = z.object({ target: z.string(), digest: z.string().regex(/^[0-9a-f]{64}$/) });

/** The first seven hold wherever a sender looks; the others for one target. */
export const UnreachableReason = z.enum([
  'no-key',
  'being-made',
  'delayed',
  'not-collected',
  'expired',
  'revoked',
  'on-hold',
  'profile',
  'pending',
  'runbook',
  'not-found',
  'ambiguous',
  'no-room',
  'refused',
  'down',
]);
export type UnreachableReason = z.infer<typeof UnreachableReason>;

export const UnreachableQuery = z.object({
  reason: UnreachableReason.optional(),
  /** What holds for that target, and what holds everywhere. */
  target: z.string().optional(),
  search: z.string().max(200).optional(),
  limit: z.coerce.number().int().min(1).max(500).default(100),
  after: z
    .string()
    .regex(/^\d{1,9}$/)
    .optional(),
});

export const UnreachableReport = z.object({
  /** Everyone active. */
  people: z.int(),
  /** Without the filter; `target` is null where it holds everywhere. */
  counts: z.array(z.object({ target: z.string().nullable(), reason: UnreachableReason, people: z.int() })),
  items: z.array(
    z.object({
      personId: Id,
      name: z.string(),
      address: Address,
      target: z.string().nullable(),
      reason: UnreachableReason,
      detail: z.string().nullable(),
      since: Instant.nullable(),
    }),
  ),
  total: z.int(),
  next: z.string().nullable(),
});
export type UnreachableReport = z.infer<typeof UnreachableReport>;
