/**
 * The one door. Every change of state, and every sensitive read, is an operation and goes through `perform()`:
 * parse the input, authorise the principal, open the transaction, run, append the audit record in it, tell whom it concerns, commit.
 */
import type { Permission } from '@chancery/api';
import type { z } from 'zod';
import { type AuditDetails, type AuditEntry, appendAudit, appendAudits } from './audit/trail.ts';
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
  run(tx: Transaction, input: z.output<Input>, by: Principal, world: World): Promise<Done<Result>>;
  /**
   * The same for many inputs in one transaction, in their order: what was done for each, or why it was refused. Whoever
   * returns a refusal has written nothing for that input.
   */
  runAll?(
    tx: Transaction,
    inputs: readonly z.output<Input>[],
    by: Principal,
    world: World,
  ): Promise<readonly (Done<Result> | AuthorityError)[]>;
}

/** What was done, and what the audit trail says of it. */
export interface Done<Result> {
  readonly result: Result;
  readonly audit: AuditDetails;
}

/** An operation that can be performed on many inputs in one transaction. */
export type BulkOperation<Input extends z.ZodType, Result> = Operation<Input, Result> &
  Required<Pick<Operation<Input, Result>, 'runAll'>>;

/** Declares an operation; list it in `operations.ts`. */
export function operation<Input extends z.ZodType, Result>(
  definition: Operation<Input, Result>,
): Operation<Input, Result> {
  return definition;
}

/** Declares one that is `runAll` alone: a single input is a batch of one. */
export function bulkOperation<Input extends z.ZodType, Result>(
  definition: Omit<BulkOperation<Input, Result>, 'run'>,
): BulkOperation<Input, Result> {
  return {
    ...definition,
    run: async (tx, input, by, world) => sole(await definition.runAll(tx, [input], by, world)),
  };
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
  const input = parse(op.input, rawInput);
  const record = recorder(world, op, by);
  await admit(world, op, by, [input]);
  if (op.irreversible === true) await recordAlone(world, [record(input, 'attempted', {})]);
  try {
    return await world.database.operations.transaction(async (tx) => {
      const { result, audit } = await op.run(tx, input, by, world);
      const entry = record(input, 'succeeded', audit);
      await appendAudit(tx, entry);
      await world.announce?.(tx, world, [entry]);
      return result;
    });
  } catch (error) {
    await recordFailure(world, [record(input, outcomeOf(error), reasonOf(error))]);
    throw error;
  }
}

/**
 * Performs one operation on many inputs in one transaction, with the records that each would have left by itself: for an
 * irreversible one, all the `attempted` records commit first. A refusal stands in the place of its result and leaves the
 * others alone; any other error rolls all of them back.
 * @throws AuthorityError `invalid-request`, `unauthenticated`, `forbidden`
 */
export async function performAll<Input extends z.ZodType, Result>(
  world: World,
  op: BulkOperation<Input, Result>,
  by: Principal,
  rawInputs: readonly z.input<Input>[],
): Promise<(Result | AuthorityError)[]> {
  if (rawInputs.length === 0) return [];
  const inputs = rawInputs.map((one) => parse(op.input, one));
  const record = recorder(world, op, by);
  await admit(world, op, by, inputs);
  if (op.irreversible === true)
    await recordAlone(
      world,
      inputs.map((input) => record(input, 'attempted', {})),
    );
  try {
    return await world.database.operations.transaction(async (tx) => {
      const all = await op.runAll(tx, inputs, by, world);
      if (all.length !== inputs.length) throw new Error(`${op.action} lost one of its inputs. Nothing was changed.`);
      const entries = inputs.map((input, index) => {
        const one = all[index] as Done<Result> | AuthorityError;
        return one instanceof AuthorityError
          ? record(input, outcomeOf(one), reasonOf(one))
          : record(input, 'succeeded', one.audit);
      });
      await appendAudits(tx, entries);
      await world.announce?.(tx, world, entries);
      return all.map((one) => (one instanceof AuthorityError ? one : one.result));
    });
  } catch (error) {
    await recordFailure(
      world,
      inputs.map((input) => record(input, outcomeOf(error), reasonOf(error))),
    );
    throw error;
  }
}

/** An operation with its input, for `performTogether`. */
export interface Act<Result> {
  admit(world: World, by: Principal): Promise<void>;
  run(tx: Transaction, by: Principal, world: World): Promise<Done<Result>>;
  record(world: World, by: Principal, outcome: AuditEntry['outcome'], details: AuditDetails): AuditEntry;
}

/** @throws AuthorityError `invalid-request` */
export function act<Input extends z.ZodType, Result>(
  op: Operation<Input, Result>,
  rawInput: z.input<Input>,
): Act<Result> {
  if (op.irreversible === true) throw new Error(`${op.action} is irreversible, and is performed by itself.`);
  const input = parse(op.input, rawInput);
  return {
    admit: (world, by) => admit(world, op, by, [input]),
    run: (tx, by, world) => op.run(tx, input, by, world),
    record: (world, by, outcome, details) => recorder(world, op, by)(input, outcome, details),
  };
}

/**
 * Several operations in one transaction, one after the other, each with its own record: all of them, or none.
 * @throws AuthorityError as each of them
 */
export async function performTogether<Result>(
  world: World,
  by: Principal,
  acts: readonly Act<Result>[],
): Promise<Result[]> {
  for (const one of acts) await one.admit(world, by);
  try {
    return await world.database.operations.transaction(async (tx) => {
      const results: Result[] = [];
      const entries: AuditEntry[] = [];
      for (const one of acts) {
        const { result, audit } = await one.run(tx, by, world);
        results.push(result);
        entries.push(one.record(world, by, 'succeeded', audit));
      }
      // Last, since whoever appends holds up everybody else who does.
      await appendAudits(tx, entries);
      await world.announce?.(tx, world, entries);
      return results;
    });
  } catch (error) {
    await recordFailure(
      world,
      acts.map((one) => one.record(world, by, outcomeOf(error), reasonOf(error))),
    );
    throw error;
  }
}

/** For `runAll`: a refusal is a value, which stands for its own input and leaves the others alone. */
export async function orRefusal<T>(work: () => Promise<T>): Promise<T | AuthorityError> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof AuthorityError) return error;
    throw error;
  }
}

/** What `runAll` made of a single input. @throws AuthorityError where it was refused */
function sole<Result>(all: readonly (Done<Result> | AuthorityError)[]): Done<Result> {
  const [one] = all;
  if (one === undefined) throw new Error('An operation lost its input. Nothing was changed.');
  if (one instanceof AuthorityError) throw one;
  return one;
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

function parse<Input extends z.ZodType>(schema: Input, raw: z.input<Input>): z.output<Input> {
  const parsed = schema.safeParse(raw);
  if (!parsed.success) throw invalidRequest(parsed.error);
  return parsed.data;
}

type Recorder<Input extends z.ZodType> = (
  input: z.output<Input>,
  outcome: AuditEntry['outcome'],
  details: AuditDetails,
) => AuditEntry;

function recorder<Input extends z.ZodType>(
  world: World,
  op: Pick<Operation<Input, unknown>, 'action' | 'subject'>,
  by: Principal,
): Recorder<Input> {
  return (input, outcome, details) => ({
    at: world.clock(),
    actor: actorOf(by),
    actorName: by.name,
    action: op.action,
    outcome,
    subject: op.subject(input),
    details,
  });
}

/** @throws AuthorityError `unauthenticated`, `forbidden`, once that is on record */
async function admit<Input extends z.ZodType>(
  world: World,
  op: Pick<Operation<Input, unknown>, 'action' | 'subject' | 'permission'>,
  by: Principal,
  inputs: readonly z.output<Input>[],
): Promise<void> {
  const refusal = refuse(op.permission, by, op.action);
  if (refusal === undefined) return;
  const record = recorder(world, op, by);
  await recordFailure(
    world,
    inputs.map((input) => record(input, 'denied', { reason: refusal.message })),
  );
  throw refusal;
}

function recordAlone(world: World, entries: readonly AuditEntry[]): Promise<void> {
  return world.database.operations.transaction((tx) => appendAudits(tx, entries));
}

/** After a failure the caller must hear the failure itself, even where the database is gone and the record with it. */
function recordFailure(world: World, entries: readonly AuditEntry[]): Promise<void> {
  return recordAlone(world, entries).catch((error: Error) =>
    world.log.error('audit.not-recorded', {
      action: entries[0]?.action,
      outcome: entries[0]?.outcome,
      records: entries.length,
      error: error.message,
    }),
  );
}

const outcomeOf = (error: unknown): 'denied' | 'failed' =>
  error instanceof AuthorityError && DENIALS.has(error.code) ? 'denied' : 'failed';

function reasonOf(error: unknown): AuditDetails {
  const known = error instanceof AuthorityError;
  return {
    code: known ? error.code : 'internal',
    // An unknown error's text may quote its input: only our own sentences go on the record.
    reason: known ? error.message : 'An unexpected error; the server log has it.',
  };
}

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
