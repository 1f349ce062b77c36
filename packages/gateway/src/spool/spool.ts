/**
 * Messages that were accepted and are not yet delivered. One file holds a message with all its copies and is never
 * changed; beside it a log of states grows, one line a change. What was acknowledged to a client is in here, or done.
 */
import { createHash } from 'node:crypto';
import { mkdir, readdir } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { JournalEntry } from '@chancery/api';
import { GatewayError, reasonOf } from '../errors.ts';
import { hashed, type LargeMessage, type Message } from '../large-message.ts';
import { largeOctets, repetitionWindow, wholeUnconfirmed } from '../limits.ts';
import type { Log } from '../log.ts';
import { unlinkIfThere } from './durable-file.ts';
import { SpoolFiles } from './spool-files.ts';
import { applyChanges, type Draft, type SpooledMessage, type StateChange } from './spooled-message.ts';

export interface Spool {
  /**
   * Keeps a message durably: once this resolves, no crash loses it. A repetition of one that is remembered is not kept
   * again: its id is returned with `repeated`.
   * @throws GatewayError `spool-unavailable`
   */
  commit(draft: Draft): Promise<{ id: string; repeated: boolean; message: SpooledMessage | undefined }>;
  /** The id of an accepted message whose acceptance its client may not have seen. */
  remembers(key: string): string | undefined;
  /** Decisions of the last run that it may not have written elsewhere before it ended. */
  readonly decidedBefore: readonly JournalEntry[];
  /** Accepted messages with recipients left, oldest first. */
  waiting(): SpooledMessage[];
  get(id: string): SpooledMessage | undefined;
  /** @throws GatewayError `state-damaged` when the octets are not the ones that were kept */
  read(id: string, copy: number): Promise<Buffer | LargeMessage>;
  /** Durable once it resolves, unless every change leaves the recipient waiting, or the disk is full: then it is noted with the next. */
  record(id: string, changes: readonly StateChange[]): Promise<void>;
  /** The client has seen our acceptance: it will not repeat the message. */
  confirm(id: string): Promise<void>;
}

/** Two deliveries of the same octets with the same envelope are one message, repeated. */
export async function repetitionKey(
  direction: string,
  sender: string,
  recipients: readonly string[],
  message: Message,
): Promise<string> {
  const envelope = JSON.stringify([direction, sender, [...recipients].sort()]);
  const hash = createHash('sha256').update(createHash('sha256').update(envelope).digest());
  return (await hashed(hash, message)).digest('hex');
}

/**
 * Opens the spool and recovers what the last run left: half-written files go, accepted messages wait again.
 * @param now milliseconds since 1970. @param largeFrom octets above which a copy is read piece by piece
 */
export async function openSpool(
  folder: string,
  now: () => number,
  log: Log,
  largeFrom: number = largeOctets,
): Promise<Spool> {
  const files = new SpoolFiles(folder, largeFrom);
  const { messages, remembered, decided } = await recover(files, now(), log);
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

  const unconfirmed = (message: SpooledMessage) => message.key !== '' && remembered.get(message.key)?.id === message.id;
  /** Finished but unconfirmed: only their keys are still needed. With the work that puts them aside. */
  const finished = new Map<string, { message: SpooledMessage; aside: Promise<void> }>();

  const ending = new Set<string>();
  /** States of messages that a full disk did not take: they go with the next. */
  const unwritten = new Map<string, readonly string[]>();

  async function finish(message: SpooledMessage): Promise<void> {
    unwritten.delete(message.id);
    ending.add(message.id);
    await putAway(message).finally(() => ending.delete(message.id));
  }

  async function putAway(message: SpooledMessage): Promise<void> {
    const { id } = message;
    if (unconfirmed(message)) {
      const aside = files.setAside(id);
      finished.set(id, { message, aside });
      await aside.catch((error: unknown) => {
        finished.delete(id);
        throw error;
      });
      setTimeout(() => void shrink(message), wholeUnconfirmed).unref();
    } else await files.remove(id);
    messages.delete(id);
  }

  /** Its octets are nobody's business any more. */
  async function shrink({ id, key }: SpooledMessage): Promise<void> {
    if (!finished.has(id)) return;
    try {
      await files.writeTombstone(id, key, remembered.get(key)?.until ?? now());
      if (!finished.has(id)) await files.removeTombstone(id);
    } catch (error) {
      log.warn('spool.shrink', { id, reason: reasonOf(error) });
    }
  }

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
    remembers(key) {
      const kept = remembered.get(key);
      return kept !== undefined && kept.until > now() ? kept.id : undefined;
    },
    decidedBefore: decided,
    waiting: () => [...messages.values()].sort((a, b) => a.acceptedAt - b.acceptedAt),
    get: (id) => messages.get(id),
    async read(id, copy) {
      const message = messages.get(id);
      const place = message?.copies[copy];
      if (place === undefined) throw new GatewayError('state-damaged', `There is no copy ${copy} of message ${id}`);
      return files.readCopy(id, copy, place);
    },
    async record(id, changes) {
      const before = messages.get(id);
      if (before === undefined) return;
      const after = applyChanges(before, changes);
      if (after.recipients.every(({ state }) => state !== 'waiting')) {
        // That the file is gone, or has another name, says as much as a line in its log would.
        await finish(after);
        return;
      }
      // Whatever the disk says, it has happened: nobody is written to again because there is no room to note that they were.
      messages.set(id, after);
      files.dropFresh(id);
      const durable = changes.some(({ state }) => state !== 'waiting');
      const lines = [...(unwritten.get(id) ?? []), ...changes.map((change) => JSON.stringify(change))];
      try {
        await files.appendState(id, lines.join('\n'), durable);
        unwritten.delete(id);
      } catch (error) {
        unwritten.set(id, lines);
        log.error('spool.state-not-written', { id, reason: reasonOf(error) });
      }
    },
    async confirm(id) {
      const ended = finished.get(id);
      const message = ended?.message ?? messages.get(id);
      if (message === undefined || !unconfirmed(message)) return;
      remembered.delete(message.key);
      if (ended !== undefined) {
        await ended.aside;
        finished.delete(id);
        await files.removeTombstone(id);
        return;
      }
      // Most are gone by then. Not synced: when this line is lost a repetition is suppressed that will not come.
      await sleep(noteConfirmed, undefined, { ref: false });
      if (messages.has(id) && !ending.has(id)) await files.appendState(id, JSON.stringify({ confirmed: true }), false);
    },
  };
}

/** Milliseconds until a confirmation is written down, of a message that is still here. */
const noteConfirmed = 200;

async function recover(files: SpoolFiles, now: number, log: Log) {
  await mkdir(files.folder, { recursive: true, mode: 0o700 });
  const messages = new Map<string, SpooledMessage>();
  const remembered = new Map<string, { id: string; until: number }>();
  /** Of what waits, and of what was delivered and its client perhaps not told of. */
  const decided: JournalEntry[] = [];
  /** On a full disk it stays as large as it is: mail that waits here must go out for there to be room. */
  const shrinkIfRoom = (id: string, key: string, until: number) =>
    files
      .writeTombstone(id, key, until)
      .catch((error: unknown) => log.warn('spool.shrink', { id, reason: reasonOf(error) }));
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
            await files.setAside(id);
            await shrinkIfRoom(id, message.key, message.acceptedAt + repetitionWindow);
            remembered.set(message.key, { id, until: message.acceptedAt + repetitionWindow });
          } else await files.remove(id);
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
      const stone = await files.readTombstone(id);
      if (stone !== undefined && stone.until > now) {
        remembered.set(stone.key, { id, until: stone.until });
        if (stone.journal === undefined) continue;
        decided.push(...stone.journal);
        await shrinkIfRoom(id, stone.key, stone.until);
      } else await unlinkIfThere(path.join(files.folder, name));
    } else if (name.endsWith('.state') && !(await files.hasMessage(id))) {
      await unlinkIfThere(path.join(files.folder, name));
    }
  }
  for (const message of messages.values()) decided.push(...message.journal);
  return { messages, remembered, decided };
}
