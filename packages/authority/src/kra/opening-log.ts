/**
 * The log that an opening without an office leaves (`chancery escrow open --offline`): JSON Lines in RFC 8785 form, each with the
 * SHA-256 of the line before it and signed by the share keys of the officers who opened. An entry is written before a key is
 * opened, and one behind it.
 */
import { createHash } from 'node:crypto';
import { canonical, isSignedBy, PURPOSES } from '@chancery/vault';
import { z } from 'zod';

const Entry = z.strictObject({
  version: z.literal(1),
  sequence: z.int().min(1),
  previous: z.string().regex(/^[0-9a-f]{64}$/),
  event: z.enum(['attempted', 'opened', 'failed']),
  at: z.iso.datetime(),
  /** RFC 8785 JSON: what the officers contributed to. */
  document: z.string(),
  keys: z.array(z.strictObject({ id: z.string(), person: z.string(), file: z.string() })).min(1),
  detail: z.string(),
  officers: z
    .array(z.strictObject({ id: z.string(), name: z.string(), signingKey: z.string(), signature: z.string() }))
    .min(1),
});
export type OpeningEntry = z.output<typeof Entry>;

/** Of the first line. */
export const OPENING_GENESIS = '00'.repeat(32);

/** One line, with its signatures checked by the keys in it. @returns what is wrong with it, for a person, or the entry */
export function readOpeningEntry(line: string): OpeningEntry | string {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch {
    return 'is not JSON';
  }
  const entry = Entry.safeParse(parsed).data;
  if (entry === undefined) return 'is no entry of such a log';
  // One entry is one line, so that nobody tells it twice in another spelling.
  if (Buffer.from(canonical(entry)).toString('utf8') !== line) return 'is not as it was written';
  const { officers, ...unsigned } = entry;
  for (const { name, signingKey, signature } of officers) {
    if (!isSignedBy(signingKey, signature, PURPOSES.offline, unsigned)) return `is not what ${name} signed`;
  }
  return entry;
}

export interface OpeningLog {
  /** Those that fit, and their lines. */
  readonly entries: readonly OpeningEntry[];
  readonly lines: readonly string[];
  /** Null where every line follows the one before and every signature is its officer's. */
  readonly problem: string | null;
}

/** A whole log, from its first line on. */
export function readOpeningLog(text: string): OpeningLog {
  const entries: OpeningEntry[] = [];
  const lines: string[] = [];
  let previous = OPENING_GENESIS;
  for (const [at, line] of text
    .split('\n')
    .filter((one) => one !== '')
    .entries()) {
    const entry = readOpeningEntry(line);
    const follows = typeof entry !== 'string' && entry.previous === previous && entry.sequence === at + 1;
    if (typeof entry === 'string' || !follows) {
      const what = typeof entry === 'string' ? entry : 'does not follow the one before it';
      return { entries, lines, problem: `Line ${at + 1} ${what}.` };
    }
    entries.push(entry);
    lines.push(line);
    previous = entryHash(line).toString('hex');
  }
  return { entries, lines, problem: null };
}

/** What the next line names. */
export const entryHash = (line: string): Buffer => createHash('sha256').update(line).digest();
