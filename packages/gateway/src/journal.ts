/** Records of decisions, kept on disk until the authority has them. Ids make sending one twice harmless. */
import { type FileHandle, mkdir, open, readdir, readFile, rename, unlink } from 'node:fs/promises';
import path from 'node:path';
import { JournalEntry, MailVerdict, mostFacts } from '@chancery/api';
import { reasonOf } from './errors.ts';
import type { Log } from './log.ts';

export interface Journal {
  /** Once it resolves, a crash of this process does not lose the entries. Where it rejects, they are in memory, and tried again. */
  write(entries: readonly JournalEntry[]): Promise<void>;
  /** Sends what is there now; resolves when it is sent or has failed. */
  flush(): Promise<void>;
  stop(): Promise<void>;
}

/** The contract's limit is 1000 entries a call. */
const batchSize = 500;
/** Characters that are kept in memory while the disk is full. */
const mostUnwritten = 16 * 1024 * 1024;
/** Milliseconds that the end of the process waits for the authority. */
const lastPatience = 3_000;

/**
 * @param post sends entries to the authority; its failure leaves them here
 * @param isRefusal tells an error that will stay the same however often the batch is sent
 * @param interval milliseconds between sends
 */
export async function openJournal(
  folder: string,
  post: (entries: JournalEntry[]) => Promise<unknown>,
  isRefusal: (error: unknown) => boolean,
  interval: number,
  log: Log,
): Promise<Journal> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const current = path.join(folder, 'current.jsonl');
  let appends: Promise<void> = Promise.resolve();
  let handle: FileHandle | undefined;
  /** Lines for the next write, and that write: what comes while the disk is busy goes with it. */
  let gathered = '';
  let gathering: Promise<void> | undefined;
  /** What a full disk did not take: it goes with the next write or sending, if this process lives so long. */
  let unwritten = '';
  let flushing: Promise<void> | undefined;
  let failedBefore = false;

  /** Appends and the rename that closes a file take turns: no line goes into a file that is being sent. */
  function inTurn(work: () => Promise<void>): Promise<void> {
    const done = appends.then(work);
    appends = done.catch(() => undefined);
    return done;
  }

  function append(lines: string): Promise<void> {
    gathered += lines;
    gathering ??= inTurn(async () => {
      const text = unwritten + gathered;
      gathered = unwritten = '';
      gathering = undefined;
      // The leading line end closes a line that a crash or a full disk tore.
      const start = handle === undefined ? '\n' : '';
      try {
        handle ??= await open(current, 'a', 0o600);
        await handle.appendFile(start + text);
      } catch (error) {
        unwritten = text.slice(-mostUnwritten);
        await closeFile();
        throw error;
      }
    });
    return gathering;
  }

  async function closeFile(): Promise<void> {
    const open = handle;
    handle = undefined;
    await open?.close();
  }

  async function send(): Promise<void> {
    // Still full: what is on disk is sent all the same, which makes room.
    if (unwritten !== '') await append('').catch(() => undefined);
    await inTurn(async () => {
      await closeFile();
      const batch = path.join(folder, `batch-${Date.now()}-${process.pid}.jsonl`);
      await rename(current, batch).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') throw error;
      });
    });
    const batches = (await readdir(folder)).filter((name) => name.startsWith('batch-')).sort();
    for (const name of batches) await sendFile(path.join(folder, name));
  }

  async function sendFile(file: string): Promise<void> {
    const entries = (await readFile(file, 'utf8')).split('\n').flatMap((line) => {
      const parsed = JournalEntry.safeParse(parseLine(line));
      return parsed.success ? [parsed.data] : [];
    });
    for (let from = 0; from < entries.length; from += batchSize) {
      try {
        await post(entries.slice(from, from + batchSize));
      } catch (error) {
        if (!isRefusal(error)) throw error;
        const aside = path.join(folder, path.basename(file).replace('batch-', 'refused-'));
        await rename(file, aside);
        log.error('journal.refused', { file: aside, reason: reasonOf(error) });
        return;
      }
    }
    await unlink(file);
  }

  async function flush(): Promise<void> {
    flushing ??= send()
      .then(() => {
        failedBefore = false;
      })
      .catch((error: unknown) => {
        if (!failedBefore) log.warn('journal.waiting', { reason: reasonOf(error) });
        failedBefore = true;
      })
      .finally(() => {
        flushing = undefined;
      });
    await flushing;
  }

  const timer = setInterval(() => void flush(), interval);
  timer.unref();

  return {
    async write(entries) {
      if (entries.length === 0) return;
      const lines = entries.map((entry) => `${JSON.stringify(withinLimit(entry))}\n`).join('');
      await append(lines);
    },
    flush,
    async stop() {
      clearInterval(timer);
      let late: NodeJS.Timeout | undefined;
      const patience = new Promise<void>((resolve) => {
        late = setTimeout(resolve, lastPatience);
      });
      // What is not sent by then is sent by the next run.
      await Promise.race([(flushing ?? Promise.resolve()).then(flush), patience]);
      clearTimeout(late);
      await inTurn(closeFile);
    },
  };
}

/** A record without what it was decided from is better than a batch that is refused. */
function withinLimit({ facts, judged, ...entry }: JournalEntry): JournalEntry {
  const told = judged === undefined || !MailVerdict.safeParse(judged).success ? entry : { ...entry, judged };
  return facts === undefined || JSON.stringify(facts).length > mostFacts ? told : { ...told, facts };
}

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
