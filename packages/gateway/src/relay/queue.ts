/** Delivers what is in the spool, again and again until each recipient's server has answered for good. */
import { createHash } from 'node:crypto';
import { openBudget } from '../budget.ts';
import { reasonOf } from '../errors.ts';
import { headOf } from '../large-message.ts';
import { atWorkOctets, deliveriesAtOnce, largeAtWorkOctets, largeOctets } from '../limits.ts';
import type { Log } from '../log.ts';
import { expiredStatus } from '../smtp/reply.ts';
import type { Spool } from '../spool/spool.ts';
import type { SpooledMessage, StateChange } from '../spool/spooled-message.ts';
import { deliveryFailure, type FailedRecipient } from './dsn.ts';
import { wants } from './envelope.ts';
import type { MailTransport, Parcel, Receipt } from './transport.ts';

export interface QueueOptions {
  readonly spool: Spool;
  readonly transports: { readonly outbound: MailTransport; readonly inbound: MailTransport };
  /** The next server of that name, where a rule chose one; undefined when it is not configured any more. */
  readonly route?: (name: string) => MailTransport | undefined;
  readonly retry: { readonly firstSeconds: number; readonly longestSeconds: number; readonly expireSeconds: number };
  /** The gateway's name, in notifications. */
  readonly name: string;
  /** Which way a notification to this sender goes. */
  readonly directionTo: (sender: string) => 'outbound' | 'inbound';
  /** Told of each recipient whose server has the message, once that is written down. */
  readonly onDelivered?: (message: SpooledMessage, receipts: readonly Receipt[]) => void;
  readonly now: () => number;
  readonly log: Log;
}

export interface Queue {
  /** Starts delivering a message that the spool holds. */
  add(message: SpooledMessage): void;
  /**
   * As `add`, and waits for the first attempt, at most `patience` ms. Resolves to the next server's reply when that refused
   * every recipient for good: the message is gone then, nobody was notified, and the caller refuses it in turn.
   */
  attempt(message: SpooledMessage, patience: number): Promise<string | undefined>;
  /** Hands a message over that the spool does not hold, once. */
  passOn(direction: 'outbound' | 'inbound', parcel: Parcel, route?: string): Promise<readonly Receipt[]>;
  /** Messages that are waiting, and since when the oldest has been (ms since 1970). */
  state(): { waiting: number; oldest: number | null };
  /** Lets the deliveries under way end; what is left waits in the spool. */
  stop(): Promise<void>;
}

interface Failure extends FailedRecipient {
  /** Into the message's recipients. */
  readonly index: number;
  readonly copy: number;
}

/** A client that waits for the first attempt, and those that bring the same message meanwhile. */
interface Waiter {
  readonly answer: Promise<string | undefined>;
  readonly settle: (refusal: string | undefined) => void;
  /** It waits no longer: whatever fails now is the sender's to be told. */
  gone: boolean;
  /** It is being told that everything failed. */
  decided: boolean;
}

/** Takes up everything that the spool holds. */
export function startQueue(options: QueueOptions): Queue {
  const { spool, retry, now, log } = options;
  const timers = new Map<string, NodeJS.Timeout>();
  const running = new Map<string, Promise<void>>();
  const slots = { outbound: openBudget(deliveriesAtOnce), inbound: openBudget(deliveriesAtOnce) };
  const memory = openBudget(atWorkOctets);
  const waiters = new Map<string, Waiter>();
  let stopped = false;

  function add(message: SpooledMessage): void {
    schedule(message.id, 0);
  }

  function schedule(id: string, delay: number): void {
    if (stopped || timers.has(id)) return;
    const timer = setTimeout(
      () => {
        timers.delete(id);
        run(id);
      },
      Math.min(delay, 2 ** 31 - 1),
    );
    timers.set(id, timer);
  }

  function run(id: string): void {
    if (stopped || running.has(id)) return;
    const work = deliver(id)
      .catch((error: unknown) => {
        log.error('queue.failed', { id, reason: reasonOf(error) });
        return retry.longestSeconds * 1000;
      })
      .then((delay) => {
        running.delete(id);
        waiters.get(id)?.settle(undefined);
        if (delay !== undefined) schedule(id, delay);
      });
    running.set(id, work);
  }

  /** One attempt for every waiting recipient; resolves to the milliseconds until the next, or undefined when none is needed. */
  async function deliver(id: string): Promise<number | undefined> {
    const message = spool.get(id);
    if (message === undefined) return undefined;
    await slots[message.direction].spend(1, async () => {
      const failures: Failure[] = [];
      for (const [copy, { length }] of message.copies.entries()) {
        if (stopped) break;
        failures.push(
          ...(await memory.spend(length > largeOctets ? largeAtWorkOctets : length, () => deliverCopy(message, copy))),
        );
      }
      if (failures.length > 0) await fail(message, failures);
    });
    if (stopped) return undefined;
    const after = spool.get(id);
    if (after === undefined) return undefined;
    const attempts = Math.max(...after.recipients.map((one) => (one.state === 'waiting' ? one.attempts : 0)));
    return Math.min(retry.firstSeconds * 2 ** Math.max(0, attempts - 1), retry.longestSeconds) * 1000;
  }

  /** Writes down what is settled or put off, and returns what failed for good: that is not written down before somebody knows of it. */
  async function deliverCopy(message: SpooledMessage, copy: number): Promise<Failure[]> {
    const waiting = message.recipients
      .map((recipient, index) => ({ ...recipient, index }))
      .filter((recipient) => recipient.copy === copy && recipient.state === 'waiting');
    if (waiting.length === 0) return [];
    const receipts = await handOver(message.direction, message.copies[copy]?.route, {
      id: message.copies.length === 1 ? message.id : `${message.id}-${copy}`,
      sender: message.sender,
      recipients: waiting.map(({ address }) => address),
      message: await spool.read(message.id, copy),
      ...(message.notes === undefined ? {} : { notes: message.notes }),
    });
    const expired = now() - message.acceptedAt > retry.expireSeconds * 1000;
    const changes: StateChange[] = [];
    const failures: Failure[] = [];
    const relayed: Failure[] = [];
    for (const { address, index } of waiting) {
      const receipt = receipts.find(({ recipient }) => recipient === address);
      const reply = receipt?.reply ?? 'the next server said nothing of this recipient';
      if (receipt?.outcome === 'accepted') {
        changes.push({ recipient: index, state: 'delivered', reply });
        if (receipt.notifies !== true && wants(message.notes, address, 'SUCCESS'))
          relayed.push({ index, copy, address, reply, relayed: true });
      } else if (receipt?.outcome === 'refused') {
        failures.push({ index, copy, address, reply });
      } else if (expired) {
        failures.push({
          index,
          copy,
          address,
          reply: `Not delivered in time. Last answer: ${reply}`,
          status: expiredStatus,
        });
      } else {
        changes.push({ recipient: index, state: 'waiting', reply });
      }
    }
    // RFC 3461 5.2.2: a server that knows nothing of notifications has it now, which is all that can be said.
    if (relayed.length > 0) await notify(message, relayed);
    if (changes.length > 0) await spool.record(message.id, changes);
    options.onDelivered?.(
      message,
      receipts.filter(({ outcome }) => outcome === 'accepted'),
    );
    report(message, changes);
    return failures;
  }

  async function handOver(
    direction: 'outbound' | 'inbound',
    route: string | undefined,
    parcel: Parcel,
  ): Promise<readonly Receipt[]> {
    const transport = route === undefined ? options.transports[direction] : options.route?.(route);
    if (transport !== undefined) return transport.deliver(parcel);
    // Never by another way than the one that was decided.
    const reply = `There is no route named ${route}`;
    return parcel.recipients.map((recipient) => ({ recipient, outcome: 'later', reply }));
  }

  /** Somebody is told of every failure: the client that waits, or else the sender. */
  async function fail(message: SpooledMessage, failures: readonly Failure[]): Promise<void> {
    const waiter = waiters.get(message.id);
    const refuse = waiter !== undefined && !waiter.gone && failures.length === message.recipients.length;
    if (refuse) waiter.decided = true;
    // The notification is in the spool before the failure is: a crash in between repeats it under the same id, as nothing.
    else
      await notify(
        message,
        failures.filter(({ address }) => wants(message.notes, address, 'FAILURE')),
      );
    const changes = failures.map(({ index, reply }) => ({ recipient: index, state: 'failed' as const, reply }));
    await spool.record(message.id, changes);
    report(message, changes);
    if (!refuse) return;
    // The same message may come again, and is to be tried again then.
    await spool.confirm(message.id);
    waiter.settle(failures[0]?.reply);
  }

  async function notify(message: SpooledMessage, failures: readonly Failure[]): Promise<void> {
    // RFC 5321 4.5.5 and 6.2: never in answer to a notification, and never to a sender who may be forged.
    if (message.sender === '' || !message.mayBounce || failures.length === 0) return;
    const original = await headerToReturn(message, failures[0]?.copy ?? 0);
    const named = createHash('sha256').update(
      JSON.stringify(failures.map(({ address, relayed }) => (relayed === true ? [address] : address))),
    );
    const { message: notification } = await spool.commit({
      id: `${message.id}-dsn-${named.digest('hex').slice(0, 16)}`,
      direction: options.directionTo(message.sender),
      sender: '',
      key: '',
      copies: [
        {
          recipients: [message.sender],
          message: deliveryFailure({
            gateway: options.name,
            sender: message.sender,
            failures: failures.map((failure) => ({
              ...failure,
              ...(message.notes?.recipients?.[failure.address]?.orcpt === undefined
                ? {}
                : { original: message.notes.recipients[failure.address]?.orcpt ?? '' }),
            })),
            ...(message.notes?.envid === undefined ? {} : { envelopeId: message.notes.envid }),
            original,
            at: new Date(now()),
          }),
        },
      ],
      mayBounce: false,
      journal: [],
    });
    if (notification !== undefined) add(notification);
  }

  /** A stranger gets back nothing that was added or opened here: it would tell what was in a ciphertext that is not theirs. */
  async function headerToReturn({ id, direction, journal }: SpooledMessage, copy: number): Promise<Uint8Array> {
    if (direction === 'outbound') return headOf(await spool.read(id, copy));
    const messageId = journal[0]?.messageId?.replace(/[^\x21-\x7e]/g, '') ?? '';
    return Buffer.from(messageId === '' ? '' : `Message-ID: ${messageId}\r\n`);
  }

  function report(message: SpooledMessage, changes: readonly StateChange[]): void {
    for (const state of ['delivered', 'failed', 'waiting'] as const) {
      const of = changes.filter((change) => change.state === state);
      if (of.length === 0) continue;
      const level = state === 'failed' ? 'warn' : 'info';
      const event = state === 'waiting' ? 'relay.deferred' : `relay.${state}`;
      log[level](event, {
        id: message.id,
        direction: message.direction,
        recipients: of.length,
        reply: of[0]?.reply ?? '',
      });
    }
  }

  for (const message of spool.waiting()) add(message);

  return {
    add,
    async attempt(message, patience) {
      const under = waiters.get(message.id);
      if (under !== undefined || stopped) return under?.answer;
      const { promise: answer, resolve: settle } = Promise.withResolvers<string | undefined>();
      const waiter: Waiter = { answer, settle, gone: false, decided: false };
      waiters.set(message.id, waiter);
      const timer = setTimeout(() => {
        if (waiter.decided) return;
        waiter.gone = true;
        settle(undefined);
      }, patience);
      run(message.id);
      return answer.finally(() => {
        clearTimeout(timer);
        waiters.delete(message.id);
      });
    },
    passOn(direction, parcel, route) {
      return slots[direction].spend(1, () => handOver(direction, route, parcel));
    },
    state() {
      const waiting = spool.waiting();
      return { waiting: waiting.length, oldest: waiting[0]?.acceptedAt ?? null };
    },
    async stop() {
      stopped = true;
      for (const timer of timers.values()) clearTimeout(timer);
      timers.clear();
      await Promise.allSettled(running.values());
    },
  };
}
