/**
 * Mail that a rule holds: for a person to look at, or until a recipient's certificate is there. It lies sealed to the gateway's own key, so
 * that a copy of the folder tells who wrote to whom and when, and nothing of what. One file of facts, one of sealed octets.
 */
import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { decryptContentStream, encryptContentStream, SmimeError } from '@chancery/smime';
import { z } from 'zod';
import { Authenticity } from '../authenticity.ts';
import type { OwnKey } from '../enrolment.ts';
import { GatewayError, reasonOf } from '../errors.ts';
import type { LargeMessage, Message, Scratch } from '../large-message.ts';
import { largeOctets } from '../limits.ts';
import type { Log } from '../log.ts';
import { piecesOf } from '../message-parts.ts';
import { noted } from '../noted-decrypter.ts';
import { EnvelopeNotes } from '../relay/envelope.ts';
import { unlinkIfThere, writeDurably } from '../spool/durable-file.ts';

const HeldMessage = z.object({
  id: z.uuid(),
  direction: z.enum(['outbound', 'inbound']).default('outbound'),
  /** As `repetitionKey` has it, of the whole envelope: a client that repeats it is told that it is here. */
  key: z.string(),
  sender: z.string(),
  /** Those who wait; others of the same message may have had it. */
  recipients: z.array(z.string()).min(1),
  reason: z.string(),
  /** Recipients are asked for a signed reply, which brings a certificate. */
  invite: z.boolean(),
  /** They have been. */
  invited: z.boolean().default(false),
  rule: z.string(),
  messageId: z.string().nullable(),
  /** Who brought it, for its Received line. */
  client: z.object({ address: z.string(), helo: z.string(), name: z.string() }),
  /** What its envelope said beyond that. */
  notes: EnvelopeNotes.optional(),
  /** Addresses that From names. */
  from: z.array(z.string()).default([]),
  /** What was found out when it came: SPF asks for the client, and keys of DKIM do not stay in the DNS. */
  authenticity: Authenticity.optional(),
  /** Why it is still here after somebody released it. */
  problem: z.string().nullable().default(null),
  octets: z.int(),
  /** Milliseconds since 1970. */
  heldAt: z.number(),
  expiresAt: z.number(),
});
export type HeldMessage = z.output<typeof HeldMessage>;
type NewlyHeld = Omit<HeldMessage, 'id' | 'octets' | 'heldAt' | 'invited' | 'problem'>;

/** An administrator's word, put beside a message for the gateway that runs: whoever may write in its folder. */
const HeldOrder = z.object({ act: z.enum(['release', 'drop']), by: z.string().max(200), note: z.string().max(1000) });
export type HeldOrder = z.output<typeof HeldOrder>;

export interface HeldStore {
  /** Durable and sealed once it resolves. @throws GatewayError `unavailable` (no key of its own yet), `spool-unavailable` */
  hold(message: NewlyHeld, octets: Message): Promise<HeldMessage>;
  /** Those that are held of the same envelope and octets: a client may repeat what it was not told to be here. */
  ofMessage(key: string): HeldMessage[];
  change(id: string, news: Partial<Pick<HeldMessage, 'recipients' | 'invited' | 'problem'>>): Promise<void>;
  /** Oldest first. */
  all(): HeldMessage[];
  /** Counts up with everything that is held, changed or gone. */
  readonly version: number;
  /** Leaves somebody's word, durably, for the next round. */
  order(id: string, order: HeldOrder): Promise<void>;
  /**
   * @param scratch where it goes when it is large
   * @throws GatewayError `key-unusable`, `state-damaged`, `spool-unavailable`; KeyStoreError where the key is not to be had just now
   */
  open(id: string, scratch: Pick<Scratch, 'keep'>): Promise<Buffer | LargeMessage>;
  remove(id: string): Promise<void>;
  /** What administrators have said since it was last asked. */
  orders(): Promise<{ id: string; order: HeldOrder }[]>;
  orderDone(id: string): Promise<void>;
}

/** @param own the gateway's own keys, newest first. @param largeFrom octets above which a message is opened into a file */
export async function openHeldStore(
  folder: string,
  own: () => Promise<readonly OwnKey[]>,
  now: () => number,
  log: Log,
  largeFrom: number = largeOctets,
): Promise<HeldStore> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const messages = new Map<string, HeldMessage>();
  for (const message of await readHeld(folder, log)) messages.set(message.id, message);
  // What has no facts, or was not written to its end, was never answered for: its client has it still.
  const names = new Set(await readdir(folder));
  for (const name of names) {
    const isLeft = /\.(sealed|order)$/.test(name) && !names.has(`${name.slice(0, name.lastIndexOf('.'))}.json`);
    if (isLeft || name.endsWith('.tmp')) await unlinkIfThere(path.join(folder, name));
  }
  const file = (id: string, kind: 'json' | 'sealed' | 'order') => path.join(folder, `${id}.${kind}`);
  let version = 0;

  return {
    async hold(facts, octets) {
      const [newest] = await own();
      if (newest === undefined)
        throw new GatewayError(
          'unavailable',
          "The gateway's own key is not certified yet: nothing can be sealed to it",
        );
      const message: HeldMessage = {
        ...facts,
        ...{ id: randomUUID(), invited: false, problem: null, octets: octets.length, heldAt: now() },
      };
      try {
        const sealed = encryptContentStream({
          source: piecesOf(octets, 0, octets.length),
          length: octets.length,
          recipients: [newest.certificate],
          cipher: 'aes-256-gcm',
        });
        // The facts last: what has none was never answered for.
        await writeDurably(file(message.id, 'sealed'), [sealed]);
        await writeDurably(file(message.id, 'json'), [JSON.stringify(message)]);
      } catch (error) {
        throw new GatewayError('spool-unavailable', `A held message cannot be kept: ${reasonOf(error)}`, error);
      }
      messages.set(message.id, message);
      version += 1;
      return message;
    },
    ofMessage: (key) => [...messages.values()].filter((one) => one.key === key),
    async change(id, news) {
      const before = messages.get(id);
      if (before === undefined) return;
      const after = { ...before, ...news };
      await writeDurably(file(id, 'json'), [JSON.stringify(after)]);
      messages.set(id, after);
      version += 1;
    },
    get version() {
      return version;
    },
    order: (id, order) => writeOrder(folder, id, order),
    all: () => [...messages.values()].toSorted((one, other) => one.heldAt - other.heldAt),
    async open(id, scratch) {
      const { keys, fault } = noted(await own());
      try {
        const opened = await decryptContentStream({ source: () => createReadStream(file(id, 'sealed')), keys });
        if ((messages.get(id)?.octets ?? 0) > largeFrom) return await scratch.keep(opened.content);
        const parts: Uint8Array[] = [];
        for await (const octets of opened.content) parts.push(octets);
        return Buffer.concat(parts);
      } catch (error) {
        if (fault() !== undefined) throw fault();
        if (error instanceof GatewayError) throw error;
        if (!(error instanceof SmimeError))
          throw new GatewayError('state-damaged', `The octets of ${id} are not there: ${reasonOf(error)}`, error);
        throw new GatewayError('key-unusable', `No key of this gateway opens the held message ${id}`, error);
      }
    },
    async remove(id) {
      await unlinkIfThere(file(id, 'json'));
      await unlinkIfThere(file(id, 'sealed'));
      await unlinkIfThere(file(id, 'order'));
      messages.delete(id);
      version += 1;
    },
    async orders() {
      const found: { id: string; order: HeldOrder }[] = [];
      for (const name of await readdir(folder)) {
        const id = name.slice(0, -'.order'.length);
        if (!name.endsWith('.order') || !messages.has(id)) continue;
        const order = HeldOrder.safeParse(parse(await readFile(path.join(folder, name), 'utf8')));
        if (order.success) found.push({ id, order: order.data });
        else await unlinkIfThere(path.join(folder, name));
      }
      return found;
    },
    orderDone: (id) => unlinkIfThere(file(id, 'order')),
  };
}

/** What is held in that folder, whether or not a gateway runs on it. */
export async function readHeld(folder: string, log: Log): Promise<HeldMessage[]> {
  const found: HeldMessage[] = [];
  for (const name of await readdir(folder).catch(() => [])) {
    if (!name.endsWith('.json')) continue;
    const parsed = HeldMessage.safeParse(parse(await readFile(path.join(folder, name), 'utf8').catch(() => '')));
    if (parsed.success) found.push(parsed.data);
    // Kept where it is: a person can still look at it.
    else log.error('held.damaged', { file: path.join(folder, name) });
  }
  return found.toSorted((one, other) => one.heldAt - other.heldAt);
}

/** Leaves an administrator's word for the gateway, which does it within seconds. */
export async function writeOrder(folder: string, id: string, order: HeldOrder): Promise<void> {
  await writeDurably(path.join(folder, `${id}.order`), [JSON.stringify(order)]);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
