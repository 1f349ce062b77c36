/** How the spool lies on disk. Nothing here decides anything. */
import { open, rename } from 'node:fs/promises';
import path from 'node:path';
import { JournalEntry } from '@chancery/api';
import { z } from 'zod';
import { GatewayError } from '../errors.ts';
import { digestOf, LargeMessage, type Message, memoryOfPiece, messageIn, octetsOf } from '../large-message.ts';
import { freshOctets, repetitionWindow } from '../limits.ts';
import { EnvelopeNotes } from '../relay/envelope.ts';
import { syncFolder, unlinkIfThere, writeDurably } from './durable-file.ts';
import { applyChanges, type Draft, type SpooledMessage } from './spooled-message.ts';

const Tombstone = z.object({ key: z.string(), until: z.number() });

const StateLine = z.union([
  z.object({
    recipient: z.int().min(0),
    state: z.enum(['waiting', 'delivered', 'failed']),
    reply: z.string(),
  }),
  z.object({ confirmed: z.literal(true) }),
]);

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
  copies: z.array(
    z.object({ offset: z.int().min(0), length: z.int().min(0), sha256: z.string(), route: z.string().optional() }),
  ),
  notes: EnvelopeNotes.optional(),
});

/**
 * The files of a spool: `ID.message` (a line of JSON, then the copies' octets), `ID.state`, and `ID.done` of a message that is delivered and that its
 * client may repeat: as it lay there, or its key alone.
 */
export class SpoolFiles {
  readonly folder: string;
  readonly #largeFrom: number;
  /** Where the copies begin, of messages written in this run. */
  readonly #bodyStart = new Map<string, number>();
  /** Appends to one log, one after the other. */
  readonly #appends = new Map<string, Promise<void>>();
  /** Messages with a log of states. */
  readonly #logged = new Set<string>();
  /** What was written a moment ago and will be delivered in the next: it need not be read again. Oldest first. */
  readonly #fresh = new Map<string, readonly Message[]>();
  #freshOctets = 0;

  /** @param largeFrom octets above which a copy is read piece by piece */
  constructor(folder: string, largeFrom: number) {
    this.folder = folder;
    this.#largeFrom = largeFrom;
  }

  async write(draft: Draft, acceptedAt: number): Promise<SpooledMessage> {
    let offset = 0;
    const digests = await Promise.all(draft.copies.map(({ message }) => digestOf(message)));
    const copies = draft.copies.map(({ message, route }, index) => {
      const place = {
        offset,
        length: message.length,
        sha256: digests[index] ?? '',
        ...(route === undefined ? {} : { route }),
      };
      offset += message.length;
      return place;
    });
    const recipients = draft.copies.flatMap((copy, index) =>
      copy.recipients.map((address) => ({ address, copy: index })),
    );
    const { id, direction, sender, key, mayBounce, journal, notes } = draft;
    const noted = notes === undefined ? {} : { notes };
    const head = { id, direction, sender, key, acceptedAt, mayBounce, journal, copies, ...noted };
    const first = Buffer.from(`${JSON.stringify({ version: 1, ...head, recipients })}\n`);
    const memory = memoryOfPiece();
    const octets = draft.copies.map(({ message }) => octetsOf(message, memory));
    await writeDurably(this.#file(id, 'message'), [first, ...octets]);
    this.#bodyStart.set(id, first.length);
    this.#keepFresh(
      id,
      draft.copies.map(({ message }) => message),
    );
    return {
      ...head,
      recipients: recipients.map((one) => ({ ...one, state: 'waiting' as const, attempts: 0, reply: '' })),
    };
  }

  async load(id: string): Promise<{ message: SpooledMessage; confirmed: boolean }> {
    const { head, bodyStart, size } = await this.#readHead(id);
    const end = head.copies.reduce((sum, { length }) => sum + length, bodyStart);
    if (end !== size) throw new GatewayError('state-damaged', `has ${size} octets where ${end} were written`);
    const { notes, ...rest } = head;
    let message: SpooledMessage = {
      ...rest,
      ...(notes === undefined ? {} : { notes }),
      recipients: head.recipients.map((one) => ({ ...one, state: 'waiting' as const, attempts: 0, reply: '' })),
    };
    let confirmed = false;
    const lines = await this.#stateLines(id);
    if (lines !== undefined) this.#logged.add(id);
    for (const line of lines ?? []) {
      const parsed = StateLine.safeParse(parseJson(line));
      // A torn last line is a change whose effect was never acknowledged.
      if (!parsed.success) continue;
      if ('confirmed' in parsed.data) confirmed = true;
      else message = applyChanges(message, [parsed.data]);
    }
    return { message, confirmed };
  }

  async readCopy(id: string, copy: number, place: SpooledMessage['copies'][number]): Promise<Buffer | LargeMessage> {
    const fresh = this.#fresh.get(id)?.[copy];
    if (fresh instanceof Uint8Array) return Buffer.from(fresh.buffer, fresh.byteOffset, fresh.byteLength);
    const bodyStart = this.#bodyStart.get(id) ?? (await this.#readHead(id)).bodyStart;
    const from = bodyStart + place.offset;
    if (place.length > this.#largeFrom) {
      const { sha256 } = place;
      const large = await messageIn({ file: this.#file(id, 'message'), from, to: from + place.length, sha256 });
      if (large !== undefined) return large;
    }
    const octets = Buffer.allocUnsafe(place.length);
    const handle = await open(this.#file(id, 'message'), 'r');
    try {
      let read = 0;
      while (read < octets.length) {
        const { bytesRead } = await handle.read(octets, read, octets.length - read, from + read);
        if (bytesRead === 0) break;
        read += bytesRead;
      }
    } finally {
      await handle.close();
    }
    if ((await digestOf(octets)) !== place.sha256) {
      throw new GatewayError(
        'state-damaged',
        `The octets of message ${id} in the spool are not the ones that were kept`,
      );
    }
    return octets;
  }

  async appendState(id: string, lines: string, durable: boolean): Promise<void> {
    this.#logged.add(id);
    const append = async () => {
      // Not kept open: many messages may wait for days.
      const handle = await open(this.#file(id, 'state'), 'a', 0o600);
      try {
        // The leading line end closes a line that a crash tore.
        await handle.write(`\n${lines}\n`);
        if (durable) await handle.datasync();
      } finally {
        await handle.close();
      }
    };
    const work = (this.#appends.get(id) ?? Promise.resolve()).then(append);
    this.#appends.set(
      id,
      work.catch(() => undefined),
    );
    await work;
  }

  /** Durable once it resolves, as `setAside` is. */
  async remove(id: string): Promise<void> {
    await this.#forget(id);
    await unlinkIfThere(this.#file(id, 'message'));
    await this.#removeLog(id);
    await syncFolder(this.folder);
  }

  /** It is delivered; its key is still needed. */
  async setAside(id: string): Promise<void> {
    await this.#forget(id);
    await rename(this.#file(id, 'message'), this.#file(id, 'done'));
    await this.#removeLog(id);
    await syncFolder(this.folder);
  }

  /** In the place of what `setAside` put there. */
  async writeTombstone(id: string, key: string, until: number): Promise<void> {
    await writeDurably(this.#file(id, 'done'), [JSON.stringify({ key, until })]);
  }

  /** With what was decided of it, where it still lies there whole. */
  async readTombstone(id: string): Promise<(z.output<typeof Tombstone> & { journal?: JournalEntry[] }) | undefined> {
    const line = parseJson((await firstLine(this.#file(id, 'done'))).text);
    const stone = Tombstone.safeParse(line).data;
    if (stone !== undefined) return stone;
    const head = Head.safeParse(line).data;
    return head && { key: head.key, until: head.acceptedAt + repetitionWindow, journal: head.journal };
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
    const { text, end, size } = await firstLine(this.#file(id, 'message'));
    const parsed = Head.safeParse(parseJson(text));
    if (end === -1 || !parsed.success) throw new GatewayError('state-damaged', 'its first line is not a head');
    return { head: parsed.data, bodyStart: end + 1, size };
  }

  #keepFresh(id: string, copies: readonly Message[]): void {
    const octets = sizeOf(copies);
    if (octets > freshOctets / 4 || copies.some((copy) => copy instanceof LargeMessage)) return;
    this.#fresh.set(id, copies);
    this.#freshOctets += octets;
    for (const old of this.#fresh.keys()) {
      if (this.#freshOctets <= freshOctets) break;
      this.dropFresh(old);
    }
  }

  /** It waits for longer: it is read from the disk then. */
  dropFresh(id: string): void {
    this.#freshOctets -= sizeOf(this.#fresh.get(id) ?? []);
    this.#fresh.delete(id);
  }

  async #forget(id: string): Promise<void> {
    await this.#appends.get(id);
    this.#appends.delete(id);
    this.#bodyStart.delete(id);
    this.dropFresh(id);
  }

  async #removeLog(id: string): Promise<void> {
    if (this.#logged.delete(id)) await unlinkIfThere(this.#file(id, 'state'));
  }

  async #stateLines(id: string): Promise<string[] | undefined> {
    const handle = await open(this.#file(id, 'state'), 'r').catch(() => undefined);
    if (handle === undefined) return undefined;
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

/** Without its line end; `end` is -1 where there is none. */
async function firstLine(file: string): Promise<{ text: string; end: number; size: number }> {
  const handle = await open(file, 'r');
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
    return { text: octets.toString('utf8', 0, end === -1 ? octets.length : end), end, size };
  } finally {
    await handle.close();
  }
}

function sizeOf(copies: readonly Message[]): number {
  return copies.reduce((sum, { length }) => sum + length, 0);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
