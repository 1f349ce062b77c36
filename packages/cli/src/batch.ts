/**
 * `--batch`: one case a line on standard input (JSON Lines), one answer a line on standard output, in the same order. Nothing
 * that stands in a line ends the run: what cannot be used is answered with `problem`.
 */
import type { Writable } from 'node:stream';

/** Octets of one line; a longer one is answered with a problem and skipped. Base64 of a message of 45 MB fits. */
const longestLine = 64 * 1024 * 1024;

/** Where a batch comes from and goes to; by default standard input and output. */
export interface BatchStreams {
  readonly input: AsyncIterable<Uint8Array>;
  readonly output: Writable;
}

/**
 * Answers every line. What `answer` returns is written behind the case's `id`; what it throws becomes `problem`.
 * Ends when the input does, or when nobody reads the answers any more.
 */
export async function answerBatch(
  answer: (input: BatchCase) => Promise<object> | object,
  { input, output }: BatchStreams = { input: process.stdin, output: process.stdout },
): Promise<void> {
  let gone = false;
  output.on('error', () => {
    gone = true;
  });
  for await (const line of linesOf(input)) {
    const written = await answerLine(line, answer);
    if (written === undefined) continue;
    if (!gone && !output.write(`${written}\n`)) await drained(output);
    if (gone || output.destroyed) return;
  }
}

/** One line's object. Readers throw a sentence about the field where it is not of the type asked for; null is as good as absent. */
export class BatchCase {
  private readonly fields: Readonly<Record<string, unknown>>;
  private readonly where: string;

  constructor(fields: object, where = '') {
    this.fields = fields as Readonly<Record<string, unknown>>;
    this.where = where;
  }

  text(name: string): string | undefined {
    const value = this.value(name);
    if (value === undefined || typeof value === 'string') return value;
    throw this.wrong(name, 'a string');
  }

  requiredText(name: string): string {
    const value = this.text(name);
    if (value === undefined || value === '') throw this.wrong(name, 'given');
    return value;
  }

  /** An array of strings; empty where absent. */
  texts(name: string): string[] {
    return this.list(name).map((value) => {
      if (typeof value !== 'string') throw this.wrong(name, 'an array of strings');
      return value;
    });
  }

  /** False where absent. */
  flag(name: string): boolean {
    const value = this.value(name) ?? false;
    if (typeof value === 'boolean') return value;
    throw this.wrong(name, 'true or false');
  }

  /** ISO 8601. */
  instant(name: string): Date | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const at = new Date(text);
    if (Number.isNaN(at.getTime())) throw this.wrong(name, 'an instant, like 2026-11-24T10:00:00Z');
    return at;
  }

  oneOf<T extends string>(name: string, choices: readonly T[], byDefault: T): T {
    const text = this.text(name) ?? byDefault;
    const choice = choices.find((one) => one === text);
    if (choice === undefined) throw this.wrong(name, `one of ${choices.join(', ')}`);
    return choice;
  }

  /** An array of objects; empty where absent. */
  cases(name: string): BatchCase[] {
    return this.list(name).map((value, index) => {
      if (typeof value !== 'object' || value === null || Array.isArray(value))
        throw this.wrong(name, 'an array of objects');
      return new BatchCase(value, `${name}[${index}].`);
    });
  }

  private list(name: string): readonly unknown[] {
    const value = this.value(name) ?? [];
    if (Array.isArray(value)) return value;
    throw this.wrong(name, 'an array');
  }

  private value(name: string): unknown {
    return Object.hasOwn(this.fields, name) ? (this.fields[name] ?? undefined) : undefined;
  }

  private wrong(name: string, what: string): Error {
    return new Error(`"${this.where}${name}" must be ${what}.`);
  }
}

/** A pipe that closes while we wait gives `close` and never `drain`. */
function drained(output: Writable): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      output.off('drain', done);
      output.off('close', done);
      resolve();
    };
    output.on('drain', done);
    output.on('close', done);
  });
}

/** Undefined for a blank line, which asks nothing. */
async function answerLine(
  line: Uint8Array | 'too long',
  answer: (input: BatchCase) => Promise<object> | object,
): Promise<string | undefined> {
  let id: string | number | null = null;
  try {
    if (line === 'too long') throw new Error(`The line is longer than ${longestLine} octets.`);
    const text = decode(line);
    if (text.trim() === '') return undefined;
    const fields = parse(text);
    const claimed = Object.hasOwn(fields, 'id') ? (fields as { id: unknown }).id : null;
    if (typeof claimed === 'string' || typeof claimed === 'number') id = claimed;
    else if (claimed !== null) throw new Error('"id" must be a string or a number.');
    return JSON.stringify({ id, ...(await answer(new BatchCase(fields))) });
  } catch (error) {
    return JSON.stringify({ id, problem: error instanceof Error ? error.message : String(error) });
  }
}

function decode(line: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(line);
  } catch {
    throw new Error('The line is not UTF-8.');
  }
}

function parse(text: string): object {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Error(`The line is not JSON: ${(error as Error).message}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Error('The line is not a JSON object.');
  return value;
}

async function* linesOf(input: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array | 'too long'> {
  let pieces: Uint8Array[] = [];
  let length = 0;
  const keep = (piece: Uint8Array): void => {
    length += piece.length;
    if (length <= longestLine) pieces.push(piece);
    else pieces = [];
  };
  const taken = (): Uint8Array | 'too long' => {
    const line = length > longestLine ? 'too long' : Buffer.concat(pieces);
    pieces = [];
    length = 0;
    return line;
  };
  for await (const chunk of input) {
    let from = 0;
    for (let feed = chunk.indexOf(0x0a); feed >= 0; feed = chunk.indexOf(0x0a, from)) {
      keep(chunk.subarray(from, feed));
      yield taken();
      from = feed + 1;
    }
    keep(chunk.subarray(from));
  }
  if (length > 0) yield taken();
}
