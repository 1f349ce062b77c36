/**
 * Messages that were accepted and are not yet delivered. One file holds a message with all its copies and is never
 * changed; beside it a log of states grows, one line a change. What was acknowledged to a client is in here, or done.
 */
import { createHash } from 'node:crypto';
import { type FileHandle, mkdir, open, readdir, readFile, unlink } from 'node:fs/promises';
import path from 'node:path';
import { JournalEntry } from '@chancery/api';
import { z } from 'zod';
import { GatewayError, reasonOf } from '../errors.ts';
import { repetitionWindow } from '../limits.ts';
import type { Log } from '../log.ts';
import { writeDurably } from './durable-file.ts';

export interface Draft {
  readonly id: string;
  readonly direction: 'outbound' | 'inbound';
  /** Envelope sender; empty for a notification. */
  readonly sender: string;
  /** `repetitionKey()` of the message as it arrived, or empty for one of our own. */
  readonly key: string;
  readonly copies: readonly { readonly recipients: readonly string[]; readonly message: Uint8Array }[];
  /** A failure may be reported to the sender: false where the sender may be forged. */
  readonly mayBounce: boolean;
  /** Written here too, so that no decision about an accepted message is lost. */
  readonly journal: readonly JournalEntry[];
}

export interface SpooledRecipient {
  readonly address: string;
  readonly copy: number;
  /** `waiting` -> `delivered` | `failed`; only `waiting` is ever left. */
  readonly state: 'waiting' | 'delivered' | 'failed';
  readonly attempts: number;
  /** The last reply of the next server, or why there was none. */
  readonly reply: string;
}

export interface SpooledMessage extends Omit<Draft, 'copies'> {
  /** Milliseconds since 1970. */
  readonly acceptedAt: number;
  readonly recipients: readonly SpooledRecipient[];
  readonly copies: readonly { readonly offset: number; readonly length: number; readonly sha256: string }[];
}

export interface StateChange {
  /** Index into `recipients`. */
  readonly recipient: number;
  readonly state: SpooledRecipient['state'];
  readonly reply: string;
}

export interface Spool {
  /**
   * Keeps a message durably: once this resolves, no crash loses it. A repetition of one that is remembered is not kept
   * again: its id is returned with `repeated`.
   * @throws GatewayError `spool-unavailable`
   */
  commit(draft: Draft): Promise<{ id: string; repeated: boolean; message: SpooledMessage | undefined }>;
  /** Accepted messages with recipients left, oldest first. */
  waiting(): SpooledMessage[];
  get(id: string): SpooledMessage | undefined;
  /** @throws GatewayError `state-damaged` when the octets are not the ones that were kept */
  read(id: string, copy: number): Promise<Buffer>;
  /** Durable once it resolves, unless every change leaves the recipient waiting. */
  record(id: string, changes: readonly StateChange[]): Promise<void>;
  /** The client has seen our acceptance: it will not repeat the message. */
  confirm(id: string): Promise<void>;
}

/** Two deliveries of the same octets with the same envelope are one message, repeated. */
export function repetitionKey(
  direction: string,
  sender: string,
  recipients: readonly string[],
  message: Uint8Array,
): string {
  const envelope = JSON.stringify([direction, sender, [...recipients].sort()]);
  return createHash('sha256').update(createHash('sha256').update(envelope).digest()).update(message).digest('hex');
}

/**
 * Opens the spool and recovers what the last run left: half-written files go, accepted messages wait again.
 * @param now milliseconds since 1970
 */
export async function openSpool(folder: string, now: () => number, log: Log): Promise<Spool> {
  const files = new SpoolFiles(folder);
  const { messages, remembered } = await recover(files, now(), log);
  /** Keys being committed just now: a client that gave up waiting may already be repeating. */
  const committing = new Map<string, Promise<unknown>>();

  async function commitOnce(draft: Draft) {
    const kept = remembered.get(draft.key);
    if (draft.key !== '' && kept !== undefined && kept.until > now())
      return { id: kept.id, repeated: true, message: messages.get(kept.id) };
    if (messages.has(draft.id)) return { id: draft.id, repeated: true, message: messages.get(draft.id) };
    let message: SpooledMessage;
    try {
      message = await files.write(draft, now());
    } catch (error) {
      throw new GatewayError('spool-unavailable', `The spool ${folder} cannot be written: ${reasonOf(error)}`, error);
    }
    messages.set(draft.id, message);
    if (draft.key !== '') remember(draft.key, draft.id);
    return { id: draft.id, repeated: false, message };
  }

  function remember(key: string, id: string) {
    // Oldest first: a Map keeps the order in which keys came.
    for (const [old, { until }] of remembered) {
      if (until > now()) break;
      remembered.delete(old);
    }
    remembered.set(key, { id, until: now() + repetitionWindow });
  }

  async function forget(message: SpooledMessage) {
    remembered.delete(message.key);
    await files.removeTombstone(message.id);
  }

  const unconfirmed = (message: SpooledMessage) => message.key !== '' && remembered.get(message.key)?.id === message.id;
  /** Finished but unconfirmed: only their keys are still needed. */
  const finished = new Map<string, SpooledMessage>();

  return {
    async commit(draft) {
      const lane = draft.key === '' ? draft.id : draft.key;
      const work = (committing.get(lane) ?? Promise.resolve()).then(() => commitOnce(draft));
      const settled = work.then(
        () => undefined,
        () => undefined,
      );
      committing.set(lane, settled);
      try {
        return await work;
      } finally {
        if (committing.get(lane) === settled) committing.delete(lane);
      }
    },
    waiting: () => [...messages.values()].sort((a, b) => a.acceptedAt - b.acceptedAt),
    get: (id) => messages.get(id),
    async read(id, copy) {
      const message = messages.get(id);
      const place = message?.copies[copy];
      if (place === undefined) throw new GatewayError('state-damaged', `There is no copy ${copy} of message ${id}`);
      return files.readCopy(id, place);
    },
    async record(id, changes) {
      const before = messages.get(id);
      if (before === undefined) return;
      const after = applyChanges(before, changes);
      const durable = changes.some(({ state }) => state !== 'waiting');
      await files.appendState(id, changes.map((change) => JSON.stringify(change)).join('\n'), durable);
      messages.set(id, after);
      if (after.recipients.every(({ state }) => state !== 'waiting')) {
        messages.delete(id);
        if (unconfirmed(after)) {
          await files.writeTombstone(id, after.key, remembered.get(after.key)?.until ?? now());
          finished.set(id, after);
        }
        await files.remove(id);
      }
    },
    async confirm(id) {
      const message = messages.get(id) ?? finished.get(id);
      if (message === undefined || !unconfirmed(message)) return;
      finished.delete(id);
      if (messages.has(id)) {
        remembered.delete(message.key);
        // Not synced: when this line is lost a repetition is suppressed that will not come.
        await files.appendState(id, JSON.stringify({ confirmed: true }), false);
      } else {
        await forget(message);
      }
    },
  };
}

const StateLine = z.union([
  z.object({
    recipient: z.int().min(0),
    state: z.enum(['waiting', 'delivered', 'failed']),
    reply: z.string(),
  }),
  z.object({ confirmed: z.literal(true) }),
]);

const Tombstone = z.object({ key: z.string(), until: z.number() });

async function recover(files: SpoolFiles, now: number, log: Log) {
  await mkdir(files.folder, { recursive: true, mode: 0o700 });
  const messages = new Map<string, SpooledMessage>();
  const remembered = new Map<string, { id: string; until: number }>();
  for (const name of (await readdir(files.folder)).sort()) {
    const id = name.slice(0, name.indexOf('.'));
    if (name.endsWith('.tmp')) {
      // Never acknowledged: the client still has it.
      await unlinkIfThere(path.join(files.folder, name));
    } else if (name.endsWith('.message')) {
      try {
        const { message, confirmed } = await files.load(id);
        if (message.recipients.every(({ state }) => state !== 'waiting')) {
          if (!confirmed && message.key !== '' && message.acceptedAt + repetitionWindow > now) {
            await files.writeTombstone(id, message.key, message.acceptedAt + repetitionWindow);
            remembered.set(message.key, { id, until: message.acceptedAt + repetitionWindow });
          }
          await files.remove(id);
          continue;
        }
        messages.set(id, message);
        if (!confirmed && message.key !== '') {
          remembered.set(message.key, { id, until: message.acceptedAt + repetitionWindow });
        }
      } catch (error) {
        // Kept where it is: a person can still get the message out of it.
        log.error('spool.damaged', { file: path.join(files.folder, name), reason: reasonOf(error) });
      }
    } else if (name.endsWith('.done')) {
      const stone = Tombstone.safeParse(parseJson(await readFile(path.join(files.folder, name), 'utf8')));
      if (stone.success && stone.data.until > now) remembered.set(stone.data.key, { id, until: stone.data.until });
      else await unlinkIfThere(path.join(files.folder, name));
    } else if (name.endsWith('.state') && !(await files.hasMessage(id))) {
      await unlinkIfThere(path.join(files.folder, name));
    }
  }
  return { messages, remembered };
}

function applyChanges(message: SpooledMessage, changes: readonly StateChange[]): SpooledMessage {
  const recipients = [...message.recipients];
  for (const { recipient, state, reply } of changes) {
    const before = recipients[recipient];
    if (before === undefined || before.state !== 'waiting') continue;
    recipients[recipient] = { ...before, state, reply, attempts: before.attempts + 1 };
  }
  return { ...message, recipients };
}

const Head = z.object({
  version: z.literal(1),
  id: z.string(),
  direction: z.enum(['outbound', 'inbound']),
  sender: z.string(),
  key: z.string(),
  acceptedAt: z.number(),
  mayBounce: z.boolean(),
  journal: z.array(JournalEntry),
  recipients: z.array(z.object({ address: z.string(), copy: z.int().min(0) })),
  copies: z.array(z.object({ offset: z.int().min(0), length: z.int().min(0), sha256: z.string() })),
});

/** The files of a spool: `ID.message` (a line of JSON, then the copies' octets), `ID.state`, `ID.done`. */
class SpoolFiles {
  readonly folder: string;
  readonly #open = new Map<string, FileHandle>();
  /** Appends to one log, one after the other. */
  readonly #appends = new Map<string, Promise<void>>();

  constructor(folder: string) {
    this.folder = folder;
  }

  async write(draft: Draft, acceptedAt: number): Promise<SpooledMessage> {
    let offset = 0;
    const copies = draft.copies.map(({ message }) => {
      const place = { offset, length: message.length, sha256: sha256(message) };
      offset += message.length;
      return place;
    });
    const recipients = draft.copies.flatMap((copy, index) =>
      copy.recipients.map((address) => ({ address, copy: index })),
    );
    const { id, direction, sender, key, mayBounce, journal } = draft;
    const head = { id, direction, sender, key, acceptedAt, mayBounce, journal, copies };
    await writeDurably(this.#file(id, 'message'), [
      `${JSON.stringify({ version: 1, ...head, recipients })}\n`,
      ...draft.copies.map(({ message }) => message),
    ]);
    return {
      ...head,
      recipients: recipients.map((one) => ({ ...one, state: 'waiting' as const, attempts: 0, reply: '' })),
    };
  }

  async load(id: string): Promise<{ message: SpooledMessage; confirmed: boolean }> {
    const { head, bodyStart, size } = await this.#readHead(id);
    const end = head.copies.reduce((sum, { length }) => sum + length, bodyStart);
    if (end !== size) throw new GatewayError('state-damaged', `has ${size} octets where ${end} were written`);
    let message: SpooledMessage = {
      ...head,
      recipients: head.recipients.map((one) => ({ ...one, state: 'waiting' as const, attempts: 0, reply: '' })),
    };
    let confirmed = false;
    for (const line of await this.#stateLines(id)) {
      const parsed = StateLine.safeParse(parseJson(line));
      // A torn last line is a change whose effect was never acknowledged.
      if (!parsed.success) continue;
      if ('confirmed' in parsed.data) confirmed = true;
      else message = applyChanges(message, [parsed.data]);
    }
    return { message, confirmed };
  }

  async readCopy(id: string, place: { offset: number; length: number; sha256: string }): Promise<Buffer> {
    const { bodyStart } = await this.#readHead(id);
    const octets = Buffer.allocUnsafe(place.length);
    const handle = await open(this.#file(id, 'message'), 'r');
    try {
      let read = 0;
      while (read < octets.length) {
        const { bytesRead } = await handle.read(octets, read, octets.length - read, bodyStart + place.offset + read);
        if (bytesRead === 0) break;
        read += bytesRead;
      }
    } finally {
      await handle.close();
    }
    if (sha256(octets) !== place.sha256) {
      throw new GatewayError(
        'state-damaged',
        `The octets of message ${id} in the spool are not the ones that were kept`,
      );
    }
    return octets;
  }

  async appendState(id: string, lines: string, durable: boolean): Promise<void> {
    const append = async () => {
      let handle = this.#open.get(id);
      if (handle === undefined) {
        handle = await open(this.#file(id, 'state'), 'a', 0o600);
        this.#open.set(id, handle);
      }
      // The leading line end closes a line that a crash tore.
      await handle.write(`\n${lines}\n`);
      if (durable) await handle.datasync();
    };
    const work = (this.#appends.get(id) ?? Promise.resolve()).then(append);
    this.#appends.set(
      id,
      work.catch(() => undefined),
    );
    await work;
  }

  async remove(id: string): Promise<void> {
    await this.#appends.get(id);
    this.#appends.delete(id);
    await this.#open.get(id)?.close();
    this.#open.delete(id);
    await unlinkIfThere(this.#file(id, 'message'));
    await unlinkIfThere(this.#file(id, 'state'));
  }

  async writeTombstone(id: string, key: string, until: number): Promise<void> {
    await writeDurably(this.#file(id, 'done'), [JSON.stringify({ key, until })]);
  }

  async removeTombstone(id: string): Promise<void> {
    await unlinkIfThere(this.#file(id, 'done'));
  }

  async hasMessage(id: string): Promise<boolean> {
    const handle = await open(this.#file(id, 'message'), 'r').catch(() => undefined);
    await handle?.close();
    return handle !== undefined;
  }

  async #readHead(id: string): Promise<{ head: z.output<typeof Head>; bodyStart: number; size: number }> {
    const handle = await open(this.#file(id, 'message'), 'r');
    try {
      const { size } = await handle.stat();
      let octets = Buffer.alloc(0);
      let end = -1;
      for (let step = 16_384; end === -1 && octets.length < size; step *= 4) {
        const more = Buffer.alloc(Math.min(step, size - octets.length));
        const { bytesRead } = await handle.read(more, 0, more.length, octets.length);
        if (bytesRead === 0) break;
        octets = Buffer.concat([octets, more.subarray(0, bytesRead)]);
        end = octets.indexOf(0x0a);
      }
      const parsed = Head.safeParse(parseJson(octets.subarray(0, end).toString('utf8')));
      if (end === -1 || !parsed.success) throw new GatewayError('state-damaged', 'its first line is not a head');
      return { head: parsed.data, bodyStart: end + 1, size };
    } finally {
      await handle.close();
    }
  }

  async #stateLines(id: string): Promise<string[]> {
    const handle = await open(this.#file(id, 'state'), 'r').catch(() => undefined);
    if (handle === undefined) return [];
    try {
      return (await handle.readFile('utf8')).split('\n').filter((line) => line !== '');
    } finally {
      await handle.close();
    }
  }

  #file(id: string, kind: 'message' | 'state' | 'done'): string {
    return path.join(this.folder, `${id}.${kind}`);
  }
}

function sha256(octets: Uint8Array): string {
  return createHash('sha256').update(octets).digest('base64');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function unlinkIfThere(file: string): Promise<void> {
  try {
    await unlink(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
