/** What every peer answers, as `answers.json` holds it: the expectation of the test, and the source of docs/protocols/interop.md. */
import { readFileSync, writeFileSync } from 'node:fs';
import { read, type Sample, write } from './ours.ts';
import type { Outcome, Session } from './peer.ts';
import type { MatrixPeerName } from './peers.ts';
import type { People } from './people.ts';
import { type Row, rows } from './rows.ts';

/** `Y`; `-` where one side has nothing of the kind; or `n: ` and the reason in the words of whoever refuses. */
type Answer = string;

/** By the row's id. */
export interface PeerAnswers {
  readonly version: string;
  /** We write, the peer reads. */
  readonly reads: Readonly<Record<string, Answer>>;
  /** The peer writes, we read. */
  readonly writes: Readonly<Record<string, Answer>>;
}

const file = new URL('./answers.json', import.meta.url);

export const expectedAnswers = (): Readonly<Record<MatrixPeerName, PeerAnswers>> =>
  JSON.parse(readFileSync(file, 'utf8'));

export function writeAnswers(answers: Readonly<Record<MatrixPeerName, PeerAnswers>>): void {
  writeFileSync(file, `${JSON.stringify(answers, undefined, 2)}\n`);
}

/** Reads first, then writes: what a mail program has read, it may go by when it writes. */
export async function askPeer(
  session: Session,
  people: People,
  samples: ReadonlyMap<Row, Sample>,
): Promise<Omit<PeerAnswers, 'version'>> {
  const reads: Record<string, Answer> = {};
  for (const row of rows) {
    const sample = samples.get(row);
    reads[row.id] = sample === undefined ? '-' : answerOf(await session.read(row, sample));
  }
  const writes: Record<string, Answer> = {};
  for (const row of rows) {
    const theirs = await session.write(row);
    if (theirs === undefined) writes[row.id] = '-';
    else if ('says' in theirs) writes[row.id] = `n: ${theirs.says}`;
    else {
      const fault = await read(row, theirs, people);
      writes[row.id] = fault === undefined ? 'Y' : `n: we say ${fault}`;
    }
  }
  return { reads, writes };
}

function answerOf(outcome: Outcome | undefined): Answer {
  if (outcome === undefined) return '-';
  return outcome.ok ? 'Y' : `n: ${outcome.says}`;
}

/** Ours for every row that we write. */
export async function makeSamples(people: People): Promise<Map<Row, Sample>> {
  const samples = new Map<Row, Sample>();
  for (const row of rows) {
    const sample = await write(row, people);
    if (sample) samples.set(row, sample);
  }
  return samples;
}
