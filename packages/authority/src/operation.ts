/**
 * The one door. Every change of state, and every sensitive read, is an operation and goes through `perform()`:
 * parse the input, authorise the principal, open the transaction, run, append the audit record in it, commit.
 */
import type { Permission } from '@chancery/api';
import type { z } from 'zod';
import { type AuditDetails, type AuditEntry, appendAudit } from './audit/trail.ts';
import { AuthorityError } from './errors.ts';
import { actorOf, type Principal, permissionsOf } from './principal.ts';
import type { Snapshot, Transaction } from './store/database.ts';
import type { World } from './world.ts';

export interface Operation<Input extends z.ZodType, Result> {
  /** `noun.verb`, stable: the audit trail is searched by it. */
  readonly action: string;
  /**
   * What an operator needs. Jobs of the office itself (`system`) may perform every operation. A `guard` admits the
   * callers whose right is not a role: someone signing in, a person with a claim secret.
   */
  readonly permission:
    | Permission
    | 'system'
    | { readonly guard: (by: Principal) => boolean; readonly description: string };
  /** A signature made or a key released cannot be rolled back: an `attempted` record commits before it runs. */
  readonly irreversible?: boolean;
  readonly input: Input;
  /** What the record is about: `person:<id>`, `certificate:<serial>`, … */
  subject(input: z.output<Input>): string | null;
  run(
    tx: Transaction,
    input: z.output<Input>,
    by: Principal,
    world: World,
  ): Promise<{ result: Result; audit: AuditDetails }>;
}

/** Declares an operation; list it in `operations.ts`. */
export function operation<Input extends z.ZodType, Result>(
  definition: Operation<Input, Result>,
): Operation<Input, Result> {
  return definition;
}

/**
 * Performs an operation as `by`.
 * @throws AuthorityError `invalid-request`, `unauthenticated`, `forbidden`, or what the operation throws; each refusal
 *   and failure leaves an audit record of its own
 */
export async function perform<Input extends z.ZodType, Result>(
  world: World,
  op: Operation<Input, Result>,
  by: Principal,
  rawInput: z.input<Input>,
): Promise<Result> {
  const parsed = op.input.safeParse(rawInput);
  if (!parsed.success) throw invalidRequest(parsed.error);
  const input = parsed.data;
  const subject = op.subject(input);
  const record = (outcome: AuditEntry['outcome'], details: AuditDetails): AuditEntry => ({
    at: world.clock(),
    actor: actorOf(by),
    actorName: by.name,
    action: op.action,
    outcome,
    subject,
    details,
  });
  const recordAlone = (outcome: AuditEntry['outcome'], details: AuditDetails) =>
    world.database.operations.transaction((tx) => appendAudit(tx, record(outcome, details)));
  /** After a failure the caller must hear the failure itself, even where the database is gone and the record with it. */
  const recordFailure = (outcome: AuditEntry['outcome'], details: AuditDetails) =>
    recordAlone(outcome, details).catch((error: Error) =>
      world.log.error('audit.not-recorded', { action: op.action, outcome, error: error.message }),
    );

  const refusal = refuse(op.permission, by, op.action);
  if (refusal !== undefined) {
    await recordFailure('denied', { reason: refusal.message });
    throw refusal;
  }
  if (op.irreversible === true) await recordAlone('attempted', {});
  try {
    return await world.database.operations.transaction(async (tx) => {
      const { result, audit } = await op.run(tx, input, by, world);
      await appendAudit(tx, record('succeeded', audit));
      return result;
    });
  } catch (error) {
    const known = error instanceof AuthorityError;
    await recordFailure(known && DENIALS.has(error.code) ? 'denied' : 'failed', {
      code: known ? error.code : 'internal',
      // An unknown error's text may quote its input: only our own sentences go on the record.
      reason: known ? error.message : 'An unexpected error; the server log has it.',
    });
    throw error;
  }
}

/** A read that needs a permission but leaves no record: lists, pages, charts. */
export async function consult<T>(
  world: World,
  permission: Permission,
  by: Principal,
  run: (snapshot: Snapshot) => Promise<T>,
): Promise<T> {
  const refusal = refuse(permission, by, permission);
  if (refusal !== undefined) throw refusal;
  return world.database.snapshot(run);
}

const DENIALS = new Set(['unauthenticated', 'wrong-credentials', 'forbidden', 'quorum-refused', 'rate-limited']);

function refuse(
  permission: Operation<z.ZodType, unknown>['permission'],
  by: Principal,
  what: string,
): AuthorityError | undefined {
  if (by.kind === 'system') return undefined;
  if (
    typeof permission === 'object' ? permission.guard(by) : permission !== 'system' && permissionsOf(by).has(permission)
  ) {
    return undefined;
  }
  if (by.kind === 'anonymous') return new AuthorityError('unauthenticated', 'Sign in first. Nothing was changed.');
  const needs = typeof permission === 'object' ? permission.description : `the permission ${permission}`;
  return new AuthorityError(
    'forbidden',
    `${what} needs ${needs}, which ${by.name} does not have. Nothing was changed.`,
  );
}

function invalidRequest(error: z.ZodError): AuthorityError {
  const fields = error.issues.map((issue) => ({ path: issue.path.join('.'), message: issue.message }));
  const first = fields[0];
  return new AuthorityError(
    'invalid-request',
    `The request cannot be used: ${first?.path ? `${first.path}: ` : ''}${first?.message}. Nothing was changed.`,
    { fields },
  );
}
