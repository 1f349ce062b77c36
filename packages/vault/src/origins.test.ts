import {
  checkpointText,
  consistencyProof,
  formatSignedCheckpoint,
  formatVerifierKey,
  GrowingTree,
  inclusionProof,
  keyId,
  leafHash,
  type Node,
  type NodeReader,
  type VerifierKey,
} from '@chancery/trail';
import { ed25519 } from '@noble/curves/ed25519.js';
import { beforeAll, describe, expect, it } from 'vitest';
import { found } from '../test/officers.ts';
import { canonical, fromBase64Url, toBase64Url, toHex } from './encoding.ts';
import { GENERATOR, multiply, readPoint, readScalar, Scalar, writePoint } from './group.ts';
import { newHalf, type SealedHalf, sealOwnedHalf } from './lock.ts';
import { checkOrigins, collectOrigins, lockedPoint, type Origins, type WantedPoint } from './origins.ts';
import { isOwnedBy, proveOwnership } from './ownership.ts';

const log = ed25519.keygen();
const key: VerifierKey = { name: 'example.com/audit', use: 'log', publicKey: log.publicKey };
const owner = (recordId: string, personId = 'person-1') => ({ recordId, personId, vaultId: 'vault-1' });

/** A trail that a server keeps: it can write what it likes, and sign it. */
class Trail {
  readonly records: string[] = [];
  readonly #nodes = new Map<string, Node>();
  readonly #tree = new GrowingTree();

  write(action: string, locked: unknown): number {
    const sequence = this.records.length + 1;
    const record = { sequence, action, outcome: 'succeeded', details: { locked } };
    const text = Buffer.from(canonical(record)).toString();
    this.records.push(text);
    for (const node of this.#tree.append(leafHash(Buffer.from(text))))
      this.#nodes.set(`${node.level}/${node.index}`, node);
    return sequence - 1;
  }

  readonly read: NodeReader = (wanted) =>
    wanted.map(({ level, index }) => (this.#nodes.get(`${level}/${index}`) as Node).hash);

  checkpoint(by = log.secretKey): string {
    const text = checkpointText({ origin: key.name, size: this.#tree.size, root: this.#tree.root() });
    return formatSignedCheckpoint(text, [
      { name: key.name, keyId: keyId(key), signature: ed25519.sign(Buffer.from(text), by) },
    ]);
  }

  async shows(points: Origins['points'], seen?: number): Promise<Origins> {
    const size = this.records.length;
    const entries = [];
    for (const leaf of new Set(points.map((point) => point.leaf))) {
      const proof = (await inclusionProof(leaf, size, this.read)).map(toHex);
      entries.push({ leaf, canonical: this.records[leaf] ?? '', proof });
    }
    const consistency = seen === undefined ? [] : (await consistencyProof(seen, size, this.read)).map(toHex);
    return { checkpoint: this.checkpoint(), keys: [formatVerifierKey(key)], consistency, entries, points };
  }
}

let publicKey: Uint8Array;
let mine: SealedHalf & { ownership: string };
let theirs: SealedHalf & { ownership: string };
let wanted: WantedPoint[];
beforeAll(async () => {
  ({ publicKey } = (await found(2, 2)).key);
  mine = await sealOwnedHalf(publicKey, newHalf(), owner('mine'));
  theirs = await sealOwnedHalf(publicKey, newHalf(), owner('theirs', 'person-2'));
  wanted = [{ record: 'mine', person: 'person-1', encapsulation: mine.encapsulation }];
});

async function honest() {
  const trail = new Trail();
  trail.write('people.add', []);
  const leaf = trail.write('key.escrow', [lockedPoint(owner('mine'), mine.encapsulation)]);
  trail.write('key.escrow', [lockedPoint(owner('theirs', 'person-2'), theirs.encapsulation)]);
  const points = [{ record: 'mine', leaf, ownership: mine.ownership }];
  return { trail, leaf, points };
}
const check = (origins: Origins, known: Parameters<typeof checkOrigins>[3] = null, points = wanted) =>
  checkOrigins(origins, 'vault-1', points, known);
const refused = (why: RegExp) => expect.objectContaining({ code: 'bad-proof', message: expect.stringMatching(why) });

describe('a proof of ownership', () => {
  it('is of one point, one record, one person and one vault', () => {
    expect(isOwnedBy(mine.ownership, mine.encapsulation, owner('mine'))).toBe(true);
    for (const other of [owner('other'), owner('mine', 'person-2'), { ...owner('mine'), vaultId: 'vault-2' }]) {
      expect(isOwnedBy(mine.ownership, mine.encapsulation, other)).toBe(false);
    }
    expect(isOwnedBy(mine.ownership, theirs.encapsulation, owner('mine'))).toBe(false);
    for (const nothing of ['', 'AA', mine.encapsulation, '!', toBase64Url(new Uint8Array(64))]) {
      expect(isOwnedBy(nothing, mine.encapsulation, owner('mine'))).toBe(false);
    }
  });

  it('cannot be had for the point of another by blinding it', () => {
    // E' = E + r·G opens E: v·E = v·E' - r·V. Its logarithm is known to nobody, whatever r is.
    const r = Scalar.toBytes(12_345n);
    const blinded = writePoint(readPoint(fromBase64Url(theirs.encapsulation)).add(multiply(GENERATOR, readScalar(r))));
    const forged = proveOwnership(r, blinded, owner('mine'));
    expect(isOwnedBy(forged, toBase64Url(blinded), owner('mine'))).toBe(false);
  });
});

describe('an officer’s client', () => {
  it('opens what the trail and the proof say is of that record and person, and remembers the trail', async () => {
    const { trail, points } = await honest();
    const first = check(await trail.shows(points));
    expect(first).toMatchObject({ attested: 0 });
    trail.write('people.add', []);
    const second = check(await trail.shows(points, 3), first.known);
    expect(second.known.checkpoint).toBe(trail.checkpoint());
  });

  it('refuses the point of another record under this one’s name, recorded or not', async () => {
    const { trail, points } = await honest();
    const asked = [{ record: 'mine', person: 'person-1', encapsulation: theirs.encapsulation }];
    const shown = await trail.shows(points);
    expect(() => check(shown, null, asked)).toThrow(
      refused(/does not say that this point was made for the record mine/),
    );
    // The server may write a false record, in its own name and for all to see: the proof still is not there.
    const lie = trail.write('key.escrow', [lockedPoint(owner('mine'), theirs.encapsulation)]);
    for (const ownership of [mine.ownership, theirs.ownership]) {
      const lying = await trail.shows([{ record: 'mine', leaf: lie, ownership }]);
      expect(() => check(lying, null, asked)).toThrow(refused(/was not made for that record of this person/));
    }
    const without = await trail.shows([{ record: 'mine', leaf: lie, ownership: null }]);
    expect(() => check(without, null, asked)).toThrow(refused(/comes without its proof/));
  });

  it('refuses this record under another person’s name', async () => {
    const { trail, points } = await honest();
    const asked = [{ ...(wanted[0] as WantedPoint), person: 'person-2' }];
    const shown = await trail.shows(points);
    expect(() => check(shown, null, asked)).toThrow(refused(/of this person/));
  });

  it('counts what is attested by the trail alone, from before there were proofs', async () => {
    const { trail } = await honest();
    const leaf = trail.write('escrow.attest', [lockedPoint(owner('mine'), mine.encapsulation)]);
    expect(check(await trail.shows([{ record: 'mine', leaf, ownership: null }]))).toMatchObject({ attested: 1 });
  });

  it('refuses a trail that is not the one it saw, is cut off, altered, or signed by another key', async () => {
    const { trail, points } = await honest();
    const { known } = check(await trail.shows(points));
    const forged = new Trail();
    forged.write('people.add', [1]);
    const leaf = forged.write('key.escrow', [lockedPoint(owner('mine'), mine.encapsulation)]);
    for (let more = 0; more < 3; more++) forged.write('people.add', []);
    const other = [{ record: 'mine', leaf, ownership: mine.ownership }];
    const forgery = await forged.shows(other, 3);
    expect(() => check(forgery, known)).toThrow(refused(/another one than you saw/));
    expect(() => check({ ...forgery, consistency: [] }, known)).toThrow(refused(/another one than you saw/));
    const shown = await trail.shows(points);
    const [entry] = shown.entries;
    if (entry === undefined) throw new Error('there is one');
    const altered = [{ ...entry, canonical: entry.canonical.replace('key.escrow', 'key.Escrow') }];
    expect(() => check({ ...shown, entries: altered })).toThrow(refused(/does not hold the record 2/));
    expect(() => check({ ...shown, entries: [{ ...entry, leaf: 2 }] })).toThrow(refused(/does not hold/));
    const stranger = ed25519.keygen();
    expect(() => check({ ...shown, checkpoint: trail.checkpoint(stranger.secretKey) })).toThrow(refused(/not signed/));
    expect(() => check({ ...shown, checkpoint: '' })).toThrow(refused(/cannot be read/));
    expect(() => check({ ...shown, keys: [] })).toThrow(refused(/not signed/));
  });

  it('reads all pages under one checkpoint', async () => {
    const { trail, points } = await honest();
    const asked: object[] = [];
    const whole = await trail.shows(points);
    const origins = await collectOrigins(null, async (query) => {
      asked.push(query);
      const none = { ...whole, entries: [], points: [] };
      return query.after === undefined ? { ...none, next: '500' } : { ...whole, next: null };
    });
    expect(asked).toEqual([{}, { after: '500', size: 3 }]);
    expect(check(origins)).toMatchObject({ attested: 0 });
    const endless = collectOrigins(null, async () => ({ ...whole, points: Array(50_000).fill(points[0]), next: '1' }));
    await expect(endless).rejects.toEqual(refused(/more points/));
  });
});
