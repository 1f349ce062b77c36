/**
 * The thread in which the listeners of a gateway run, and what it and `listen-in-thread.ts` say to each other. The octets of
 * a message change hands and are not copied; a large one stays in its file.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { GatewayError, type GatewayErrorCode, reasonOf } from '../errors.ts';
import { type FilePart, LargeMessage } from '../large-message.ts';
import type { Log } from '../log.ts';
import { type Answer, type Arrival, type Listener, type ListenerOptions, listen } from './listener.ts';
import type { ArrivalEnvelope } from './session.ts';

/** Of one listener. */
export type PlainOptions = Omit<ListenerOptions, 'log'>;

/** `door`: which of the listeners; `turn`: which of the messages. */
export type FromThread =
  | { readonly kind: 'listening'; readonly ports: readonly number[] }
  | { readonly kind: 'failed'; readonly code: GatewayErrorCode | undefined; readonly reason: string }
  | {
      readonly kind: 'arrived';
      readonly door: number;
      readonly turn: number;
      readonly envelope: ArrivalEnvelope;
      readonly message: CarriedMessage;
    }
  | { readonly kind: 'confirmed'; readonly door: number; readonly id: string }
  | { readonly kind: 'stopped'; readonly door: number }
  | {
      readonly kind: 'log';
      readonly level: keyof Log;
      readonly event: string;
      readonly fields: Parameters<Log['info']>[1];
    };

export type ToThread =
  | { readonly kind: 'answer'; readonly turn: number; readonly answer: Answer }
  | { readonly kind: 'take-for'; readonly door: number; readonly domains: readonly string[] }
  | { readonly kind: 'stop'; readonly door: number };

export type CarriedMessage =
  | { readonly octets: Uint8Array<ArrayBuffer> }
  | { readonly head: Uint8Array; readonly place: FilePart };

/** Everything of one thread begins here; imported elsewhere for its types alone. */
async function work(port: NonNullable<typeof parentPort>, doors: readonly PlainOptions[]): Promise<void> {
  const say = (message: FromThread, moved: ArrayBuffer[] = []) => port.postMessage(message, moved);
  const line =
    (level: keyof Log): Log['info'] =>
    (event, fields) =>
      say({ kind: 'log', level, event, fields });
  const log: Log = { info: line('info'), warn: line('warn'), error: line('error') };
  const turns = new Map<number, (answer: Answer) => void>();
  let turn = 0;

  function ask(door: number, { message, ...envelope }: Arrival): Promise<Answer> {
    const mine = ++turn;
    const { promise, resolve } = Promise.withResolvers<Answer>();
    turns.set(mine, resolve);
    const { carried, moved } = carry(message);
    say({ kind: 'arrived', door, turn: mine, envelope, message: carried }, moved);
    return promise;
  }

  const listeners: Listener[] = [];
  port.on('message', (message: ToThread) => {
    if (message.kind === 'answer') {
      turns.get(message.turn)?.(message.answer);
      turns.delete(message.turn);
      return;
    }
    const { door } = message;
    if (message.kind === 'take-for') {
      listeners[door]?.takeFor(message.domains);
      return;
    }
    void listeners[door]?.stop().finally(() => say({ kind: 'stopped', door }));
  });
  try {
    for (const [door, options] of doors.entries()) {
      listeners.push(
        await listen(
          { ...options, log },
          {
            answer: (arrival) => ask(door, arrival),
            confirmed: (id) => say({ kind: 'confirmed', door, id }),
          },
        ),
      );
    }
  } catch (error) {
    await Promise.all(listeners.map((one) => one.stop()));
    say({
      kind: 'failed',
      code: error instanceof GatewayError ? error.code : undefined,
      reason: reasonOf(error),
    });
    return;
  }
  say({ kind: 'listening', ports: listeners.map((one) => one.port) });
}

function carry(message: Arrival['message']): { carried: CarriedMessage; moved: ArrayBuffer[] } {
  if (message instanceof LargeMessage) return { carried: { head: message.head, place: message.place }, moved: [] };
  const { buffer, byteOffset, byteLength } = message;
  // The listener puts each together in memory of its own.
  const octets = new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);
  return { carried: { octets }, moved: [octets.buffer] };
}

if (parentPort !== null) await work(parentPort, workerData as readonly PlainOptions[]);
