/**
 * The listeners in a thread of their own. What SMTP costs, which is most of what a message costs that passes through, is no
 * time of the thread that decides, signs and encrypts; and neither waits for the other.
 */
import { Worker } from 'node:worker_threads';
import { GatewayError } from '../errors.ts';
import { LargeMessage } from '../large-message.ts';
import { type Listener, type ListenerOptions, listen, type MailHandler, replyToFailure } from './listener.ts';
import type { CarriedMessage, FromThread, PlainOptions, ToThread } from './listening-thread.ts';

/** A listener to be, and what stands behind it. */
interface Door {
  readonly options: ListenerOptions;
  readonly handler: MailHandler;
}

/** Opens all or none; the listeners in the order of the doors. @throws as `listen` */
export type OpenDoors = (doors: readonly Door[]) => Promise<readonly Listener[]>;

/** In this thread. */
export const listenHere: OpenDoors = async (doors) => {
  const listeners: Listener[] = [];
  try {
    for (const { options, handler } of doors) listeners.push(await listen(options, handler));
    return listeners;
  } catch (error) {
    await Promise.all(listeners.map((one) => one.stop()));
    throw error;
  }
};

/** Its garbage is octets of messages: with more room for it, it takes 130 MB more and is no faster. */
const resourceLimits = { maxYoungGenerationSizeMb: 24 };

/** In one thread for all of them. What breaks there breaks this process, as it would in this thread. */
export const listenInThread: OpenDoors = async (doors) => {
  const workerData = doors.map(({ options: { log: _, ...plain } }): PlainOptions => plain);
  const thread = new Worker(new URL('./listening-thread.ts', import.meta.url), { workerData, resourceLimits });
  const say = (message: ToThread) => thread.postMessage(message);
  const opened = Promise.withResolvers<readonly number[]>();
  const stopped = doors.map(() => Promise.withResolvers<void>());

  async function take({ door, turn, envelope, message }: FromThread & { kind: 'arrived' }): Promise<void> {
    const { handler, options } = doors[door] as Door;
    const arrival = { ...envelope, message: carried(message) };
    const answer = await handler
      .answer(arrival)
      .catch((error: unknown) => ({ reply: replyToFailure(error, arrival, options.log) }));
    say({ kind: 'answer', turn, answer });
  }

  let isOpen = false;
  thread.on('error', (error) => {
    // Mail would be taken no more by a process that seems to be well.
    if (isOpen) throw error;
    opened.reject(error);
  });
  thread.on('message', (message: FromThread) => {
    switch (message.kind) {
      case 'arrived':
        void take(message);
        break;
      case 'confirmed':
        doors[message.door]?.handler.confirmed(message.id);
        break;
      case 'log':
        doors[0]?.options.log[message.level](message.event, message.fields);
        break;
      case 'listening':
        opened.resolve(message.ports);
        break;
      case 'failed':
        opened.reject(
          message.code === undefined ? new Error(message.reason) : new GatewayError(message.code, message.reason),
        );
        break;
      case 'stopped':
        stopped[message.door]?.resolve();
        break;
    }
  });

  let ports: readonly number[];
  try {
    ports = await opened.promise;
    isOpen = true;
  } catch (error) {
    await thread.terminate();
    throw error;
  }
  let open = doors.length;
  return ports.map((port, door) => ({
    port,
    takeFor: (domains) => say({ kind: 'take-for', door, domains }),
    async stop() {
      say({ kind: 'stop', door });
      await stopped[door]?.promise;
      if (--open === 0) await thread.terminate();
    },
  }));
};

function carried(message: CarriedMessage): Buffer | LargeMessage {
  if ('octets' in message) {
    const { buffer, byteOffset, byteLength } = message.octets;
    return Buffer.from(buffer, byteOffset, byteLength);
  }
  return new LargeMessage(Buffer.from(message.head), message.place);
}
