/**
 * Bulk issuance: many requests for signing certificates, taken in by one operation and fulfilled by a job in groups. Each
 * group is prepared in one transaction and signed in another, with the records that every certificate has.
 */
import { hash } from 'node:crypto';
import { z } from 'zod';
import { type IssuanceIntent, prepareCertificate } from '../ca/prepare.ts';
import { type SignedCertificate, signCertificate } from '../ca/sign.ts';
import { AuthorityError } from '../errors.ts';
import { operation, orRefusal, perform, performAll } from '../operation.ts';
import { actorOf, system } from '../principal.ts';
import { certificatesByKeys } from '../store/certificates.ts';
import { waitingEnrollments } from '../store/enrollments.ts';
import {
  type IssuanceItemRow,
  insertIssuance,
  insertItems,
  issuanceById,
  retryItems,
  settleItems,
  unfinishedIssuances,
  waitingItems,
  withdrawItems,
} from '../store/issuances.ts';
import { peopleByAddresses } from '../store/people.ts';
import type { World } from '../world.ts';
import { requestOf, spkiOf } from './certificate-request.ts';
import { groupOrEach } from './one-by-one.ts';

/** Requests prepared, and signed, in one transaction. Larger groups gain nothing; a crash loses less of a smaller one. */
const GROUP = 200;
/** Groups that are signed at the same time. */
const SIGNING = 2;
/** Milliseconds after which a job passes on to the next: a queue takes a job of five minutes for a dead one. */
const TURN = 120_000;

/**
 * Takes requests in. A batch comes in as many calls as its sender likes; a call that is repeated changes nothing: whoever
 * came first to a position has it.
 */
export const submitIssuance = operation({
  action: 'issuance.submit',
  permission: 'certificate:issue',
  input: z.object({
    id: z.uuid(),
    note: z.string(),
    /** Position of the first of these. */
    offset: z.int().min(0).max(10_000_000),
    items: z
      .array(z.object({ address: z.string(), csr: z.string(), keyOrigin: z.enum(['device', 'browser', 'gateway']) }))
      .min(1)
      .max(1000),
  }),
  subject: ({ id }) => `issuance:${id}`,
  async run(tx, { id, note, offset, items }, by, world) {
    const at = world.clock();
    await insertIssuance(tx, { id, note, created_by: actorOf(by), created_at: at });
    const people = await peopleByAddresses(
      tx,
      items.map(({ address }) => address),
    );
    const taken = await insertItems(
      tx,
      items.map(({ address, csr, keyOrigin }, index) => {
        const personId = people.get(address.toLowerCase()) ?? null;
        const { request, error } = read(csr);
        const wrong = personId === null ? `Nobody here has the address ${address}. Nothing was issued.` : error;
        return {
          issuance_id: id,
          position: offset + index,
          address,
          person_id: personId,
          key_origin: keyOrigin,
          request: Buffer.from(request),
          state: wrong === undefined ? 'waiting' : 'failed',
          error: wrong ?? null,
          updated_at: at,
        };
      }),
    );
    await world.jobs.enqueue(tx, 'issue-batch', { issuanceId: id });
    return { result: { taken }, audit: { note, offset, items: items.length, taken } };
  },
});

/** Takes back what is not issued yet. */
export const withdrawIssuance = operation({
  action: 'issuance.withdraw',
  permission: 'certificate:issue',
  input: z.object({ id: z.uuid() }),
  subject: ({ id }) => `issuance:${id}`,
  async run(tx, { id }, _by, world) {
    if ((await issuanceById(tx, id)) === undefined) throw unknownIssuance();
    const withdrawn = await withdrawItems(tx, id, world.clock());
    return { result: { withdrawn }, audit: { withdrawn } };
  },
});

/** Tries again what failed; requests for people who are not here stay failed. */
export const retryIssuance = operation({
  action: 'issuance.retry',
  permission: 'certificate:issue',
  input: z.object({ id: z.uuid() }),
  subject: ({ id }) => `issuance:${id}`,
  async run(tx, { id }, _by, world) {
    if ((await issuanceById(tx, id)) === undefined) throw unknownIssuance();
    const retried = await retryItems(tx, id, world.clock());
    await world.jobs.enqueue(tx, 'issue-batch', { issuanceId: id });
    return { result: { retried }, audit: { retried } };
  },
});

/** Writes down what became of requests that got no certificate now. */
export const settleIssuance = operation({
  action: 'issuance.settle',
  permission: 'system',
  input: z.object({
    issuanceId: z.uuid(),
    outcomes: z.array(
      z.object({ position: z.int(), issuedBefore: z.string().optional(), error: z.string().optional() }),
    ),
  }),
  subject: ({ issuanceId }) => `issuance:${issuanceId}`,
  async run(tx, { issuanceId, outcomes }, _by, world) {
    await settleItems(tx, issuanceId, outcomes, world.clock());
    return { result: undefined, audit: { outcomes } };
  },
});

/** Passes a batch that takes long, or that an earlier process left, on to the next job. */
export const continueIssuance = operation({
  action: 'issuance.continue',
  permission: 'system',
  input: z.object({ issuanceId: z.uuid() }),
  subject: ({ issuanceId }) => `issuance:${issuanceId}`,
  async run(tx, { issuanceId }, _by, world) {
    await world.jobs.enqueue(tx, 'issue-batch', { issuanceId });
    return { result: undefined, audit: {} };
  },
});

export function unknownIssuance(): AuthorityError {
  return new AuthorityError('not-found', 'There is no such batch of requests. Nothing was changed.');
}

/**
 * Goes on with every batch that a process before this one left unfinished. For the start: the queue itself takes a job from
 * a process that died only after its heartbeat is missed, and later after each time, so that an office which is
 * started again and again would not get on.
 */
export async function resumeIssuances(world: World): Promise<void> {
  for (const issuanceId of await world.database.snapshot(unfinishedIssuances)) {
    await perform(world, continueIssuance, system, { issuanceId });
  }
}

/**
 * Issues what waits in a batch; the job behind `submitIssuance`. Idempotent: run again after a crash at any line it goes
 * on with what waits still. Where this process works on the batch already, that work looks once more before it ends.
 */
export async function issueBatch(world: World, issuanceId: string): Promise<void> {
  const batches = inHand.get(world) ?? new Map<string, { again: boolean }>();
  inHand.set(world, batches);
  const running = batches.get(issuanceId);
  if (running !== undefined) {
    running.again = true;
    return;
  }
  const mine = { again: true };
  batches.set(issuanceId, mine);
  const until = world.clock().getTime() + TURN;
  try {
    while (mine.again) {
      mine.again = false;
      if (!(await pass(world, issuanceId, until))) {
        await perform(world, continueIssuance, system, { issuanceId });
        return;
      }
    }
  } finally {
    batches.delete(issuanceId);
  }
}

const inHand = new WeakMap<World, Map<string, { again: boolean }>>();

/**
 * From the first that waits to the last. While groups are signed the next is prepared: the database works for the ones and
 * this thread for the other.
 * @returns whether it got to the end
 */
async function pass(world: World, issuanceId: string, until: number): Promise<boolean> {
  const enrolled = new Set<string>();
  const signing = new Set<Promise<void>>();
  try {
    for (let after = -1; ; ) {
      const items = await world.database.snapshot((snapshot) => waitingItems(snapshot, issuanceId, after, GROUP));
      const last = items.at(-1);
      if (last === undefined) return true;
      after = last.position;
      const prepared = await prepare(world, issuanceId, items, enrolled);
      if (signing.size === SIGNING) await Promise.race(signing);
      const work = sign(world, issuanceId, prepared);
      signing.add(work);
      // Whoever awaits it hears of its failure; until then it must not end the process.
      work.then(
        () => signing.delete(work),
        () => {},
      );
      if (world.clock().getTime() > until) return false;
    }
  } finally {
    // None is left behind, whatever became of the others; the first that failed is heard of.
    await Promise.allSettled(signing);
    await Promise.all(signing);
  }
}

interface Prepared {
  readonly item: IssuanceItemRow;
  readonly intent: IssuanceIntent;
}

async function prepare(
  world: World,
  issuanceId: string,
  items: readonly IssuanceItemRow[],
  enrolled: Set<string>,
): Promise<Prepared[]> {
  const digests = new Map(items.map((item) => [item, digestOf(item.request)]));
  const { before, enrollments } = await world.database.snapshot(async (snapshot) => ({
    before: await certificatesByKeys(
      snapshot,
      [...digests.values()].flatMap((digest) => digest ?? []),
      'signing',
    ),
    enrollments: await waitingEnrollments(
      snapshot,
      items.flatMap(({ person_id }) => person_id ?? []),
    ),
  }));
  const issuedBefore = (item: IssuanceItemRow) => {
    const digest = before.size === 0 ? undefined : digests.get(item)?.toString('hex');
    const row = digest === undefined ? undefined : before.get(digest);
    return row?.person_id === item.person_id && row.revoked_at === null ? row.serial_number : undefined;
  };
  const known = items.filter((item) => issuedBefore(item) !== undefined);
  await settle(
    world,
    issuanceId,
    known.map((item) => ({ position: item.position, issuedBefore: issuedBefore(item) })),
  );
  const fresh = known.length === 0 ? items : items.filter((item) => !known.includes(item));
  const inputs = fresh.map((item) => {
    const personId = item.person_id ?? '';
    const enrollment = enrolled.has(personId)
      ? undefined
      : enrollments.find((one) => one.person_id === personId && one.use === 'signing');
    enrolled.add(personId);
    return {
      use: 'signing' as const,
      request: item.request,
      personId,
      keyOrigin: item.key_origin,
      item: { issuanceId, position: item.position },
      ...(enrollment === undefined ? {} : { enrollmentId: enrollment.id }),
    };
  });
  const intents = await groupOrEach(
    world,
    inputs,
    () => performAll(world, prepareCertificate, system, inputs),
    (input) => orRefusal(() => perform(world, prepareCertificate, system, input)),
  );
  const done = await unlessRefused(world, issuanceId, fresh, intents);
  return done.map(([item, intent]) => ({ item, intent }));
}

async function sign(world: World, issuanceId: string, prepared: readonly Prepared[]): Promise<void> {
  const signed = await groupOrEach(
    world,
    prepared,
    () =>
      performAll(
        world,
        signCertificate,
        system,
        prepared.map(({ intent }) => intent),
      ),
    ({ item }) => signAlone(world, issuanceId, item),
  );
  await unlessRefused(
    world,
    issuanceId,
    prepared.map(({ item }) => item),
    signed,
  );
}

/** An intent that was tried once is never tried again: another is prepared. */
async function signAlone(
  world: World,
  issuanceId: string,
  item: IssuanceItemRow,
): Promise<SignedCertificate | AuthorityError | undefined> {
  const [fresh] = await prepare(world, issuanceId, [item], new Set());
  // Refused, and written down as such.
  if (fresh === undefined) return undefined;
  return orRefusal(() => perform(world, signCertificate, system, fresh.intent));
}

/** Those that were done; the sentence that refused each of the others is written down with it. */
async function unlessRefused<T>(
  world: World,
  issuanceId: string,
  items: readonly IssuanceItemRow[],
  results: readonly (T | AuthorityError)[],
): Promise<[IssuanceItemRow, T][]> {
  const done: [IssuanceItemRow, T][] = [];
  const refused: { position: number; error: string }[] = [];
  for (const [index, item] of items.entries()) {
    const result = results[index] as T | AuthorityError;
    if (result instanceof AuthorityError) refused.push({ position: item.position, error: result.message });
    else done.push([item, result]);
  }
  await settle(world, issuanceId, refused);
  return done;
}

async function settle(
  world: World,
  issuanceId: string,
  outcomes: { position: number; issuedBefore?: string | undefined; error?: string | undefined }[],
): Promise<void> {
  if (outcomes.length > 0) await perform(world, settleIssuance, system, { issuanceId, outcomes });
}

/** SHA-256 of the DER SubjectPublicKeyInfo; undefined for a request that cannot be read. */
function digestOf(request: Uint8Array): Buffer | undefined {
  const spki = spkiOf(request);
  return spki && hash('sha256', spki, 'buffer');
}

function read(csr: string): { request: Uint8Array; error: string | undefined } {
  try {
    return { request: requestOf(csr), error: undefined };
  } catch (error) {
    if (!(error instanceof AuthorityError)) throw error;
    return { request: new Uint8Array(), error: error.message };
  }
}
