/**
 * Single requests that come at the same time, performed as one group: while one group is under way, the next gathers. Each has
 * the records and the answer that it would have by itself, and none is held up for company.
 */
import type { z } from 'zod';
import { AuthorityError } from './errors.ts';
import { type BulkOperation, perform, performAll } from './operation.ts';
import type { Principal } from './principal.ts';
import type { World } from './world.ts';

/**
 * Performs a bulk operation on one input, together with the same caller's other inputs of the moment.
 * @throws AuthorityError as `perform`
 */
export function performTogether<Input extends z.ZodType, Result>(
  world: World,
  op: BulkOperation<Input, Result>,
  by: Principal,
  rawInput: z.input<Input>,
): Promise<Result> {
  // One that cannot be read would keep the others from being performed.
  if (!op.input.safeParse(rawInput).success) return perform(world, op, by, rawInput);
  const queue = queueOf(world, op, by);
  const answer = new Promise<unknown>((resolve, reject) => {
    queue.waiting.push({ rawInput, resolve, reject });
  });
  if (!queue.running) {
    queue.running = true;
    // Once everything that has come in is read: it came at the same time.
    setImmediate(() => void run(world, op, by, queue));
  }
  return answer as Promise<Result>;
}

interface Waiting {
  readonly rawInput: unknown;
  resolve(result: unknown): void;
  reject(error: unknown): void;
}

interface Queue {
  running: boolean;
  waiting: Waiting[];
}

/** Of whoever asks with the same rights: the records name one actor, and one permission is checked for all. */
function queueOf(world: World, op: object, by: Principal): Queue {
  const ofWorld = queues.get(world) ?? new WeakMap<object, Map<string, Queue>>();
  queues.set(world, ofWorld);
  const ofOperation = ofWorld.get(op) ?? new Map<string, Queue>();
  ofWorld.set(op, ofOperation);
  const caller = JSON.stringify(by);
  const queue = ofOperation.get(caller) ?? { running: false, waiting: [] };
  ofOperation.set(caller, queue);
  return queue;
}

const queues = new WeakMap<World, WeakMap<object, Map<string, Queue>>>();

/** As in bulk issuance: whoever waits for the audit trail waits for a group. */
const GROUP = 100;

async function run<Input extends z.ZodType, Result>(
  world: World,
  op: BulkOperation<Input, Result>,
  by: Principal,
  queue: Queue,
): Promise<void> {
  while (queue.waiting.length > 0) {
    const group = queue.waiting.splice(0, GROUP);
    const inputs = group.map(({ rawInput }) => rawInput as z.input<Input>);
    try {
      const results = await performAll(world, op, by, inputs);
      for (const [index, { resolve, reject }] of group.entries()) {
        const result = results[index];
        if (result instanceof AuthorityError) reject(result);
        else resolve(result);
      }
    } catch (error) {
      await alone(world, op, by, group, error);
    }
  }
  queue.running = false;
  queues.get(world)?.get(op)?.delete(JSON.stringify(by));
}

/** After an error of the whole group nobody answers for another: each is tried by itself, unless that cannot be undone. */
async function alone<Input extends z.ZodType, Result>(
  world: World,
  op: BulkOperation<Input, Result>,
  by: Principal,
  group: readonly Waiting[],
  error: unknown,
): Promise<void> {
  const isFinal = group.length === 1 || op.irreversible === true || error instanceof AuthorityError;
  await Promise.all(
    group.map(({ rawInput, resolve, reject }) =>
      isFinal ? reject(error) : perform(world, op, by, rawInput as z.input<Input>).then(resolve, reject),
    ),
  );
}
