/**
 * Every algorithm that both sides know, both ways, with everybody: what we write they read, what they write we read.
 * The answers stand in matrix/answers.json, each refusal with its reason; an answer that changes, for the better too, fails.
 * `CHANCERY_WRITE_DOCS=1` writes them anew; `npm run docs` makes docs/protocols/interop.md of them.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { askPeer, expectedAnswers, makeSamples, type PeerAnswers, writeAnswers } from './matrix/answers.ts';
import type { Sample } from './matrix/ours.ts';
import { type MatrixPeerName, matrixPeers } from './matrix/peers.ts';
import { gatherPeople, type People } from './matrix/people.ts';
import { manyRows, type Row } from './matrix/rows.ts';
import { missing } from './peers.ts';

const names = Object.keys(matrixPeers) as MatrixPeerName[];
const present = names.filter((name) => !matrixPeers[name].needs.some(missing));
const answers = new Map<MatrixPeerName, Promise<PeerAnswers>>();

let folder: string;
let people: People;
let samples: ReadonlyMap<Row, Sample>;
beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'matrix-'));
  people = await gatherPeople(folder);
  samples = await makeSamples(people);
  // Thunderbird mostly waits for itself: the others have their turn meanwhile, one after the other.
  let before: Promise<unknown> = Promise.resolve();
  for (const name of present) {
    const own = name === 'thunderbird' ? answersOf(name) : before.then(() => answersOf(name));
    answers.set(name, own);
    // Whoever asks for it hears of a failure; nobody else should.
    if (name !== 'thunderbird') before = own.catch(() => undefined);
    own.catch(() => undefined);
  }
});
afterAll(async () => {
  await Promise.allSettled(answers.values());
  rmSync(folder, { recursive: true, force: true });
});

async function answersOf(name: MatrixPeerName): Promise<PeerAnswers> {
  const peer = matrixPeers[name];
  const session = await peer.open(people);
  try {
    return { version: peer.version(), ...(await askPeer(session, people, samples)) };
  } finally {
    await session.close();
  }
}

it('the recipients of a message to several stand in it as they do in its row', () => {
  for (const row of manyRows) {
    const { object } = samples.get(row) as Sample;
    const places = row.to.map((one) => {
      if (!('who' in one)) throw new Error('a recipient without a certificate');
      return object.indexOf(Buffer.from(people.person(one.who).certificate.serialNumber, 'hex'));
    });
    expect(places[0]).toBeGreaterThan(0);
    expect(places).toEqual([...places].sort((a, b) => a - b));
    expect(new Set(places).size).toBe(places.length);
  }
});

describe.each(names.map((name) => ({ name, title: matrixPeers[name].title })))('$title', ({ name }) => {
  it.skipIf(!present.includes(name))(
    'reads and writes what it is known to',
    async () => {
      const found = await answers.get(name);
      if (process.env.CHANCERY_WRITE_DOCS !== '1') expect(found).toEqual(expectedAnswers()[name]);
      // A window takes its time for each of a hundred messages, and on a busy machine several times that.
    },
    600_000,
  );
});

it.runIf(process.env.CHANCERY_WRITE_DOCS === '1' && present.length === names.length)(
  'writes the answers anew',
  async () => {
    const all = await Promise.all(names.map(async (name) => [name, (await answers.get(name)) as PeerAnswers] as const));
    writeAnswers(Object.fromEntries(all) as Record<MatrixPeerName, PeerAnswers>);
  },
);
