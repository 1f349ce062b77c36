import { createPrivateKey, createPublicKey, sign } from 'node:crypto';
import type { MyRecords } from '@chancery/api';
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
  type VerifierKey,
  verifyRecordFile,
} from '@chancery/trail';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { knownTrail, rememberTrail } from '../audit/known-trail.ts';
import { fetchMyTrail, recordFileOf } from './records.ts';

/** An office in a few lines: it appends, signs, and proves. */
class Trail {
  readonly #key: VerifierKey;
  readonly #seed: Buffer;
  readonly #texts: string[] = [];
  #signed = 0;

  constructor(seed = 3) {
    this.#seed = Buffer.alloc(32, seed);
    const spki = createPublicKey(this.#private()).export({ format: 'der', type: 'spki' });
    this.#key = { name: 'example.com/audit', use: 'log', publicKey: new Uint8Array(spki.subarray(-32)) };
  }

  append(count: number, word = 'person.change') {
    for (let at = 0; at < count; at++) {
      const sequence = this.#texts.length + 1;
      this.#texts.push(
        JSON.stringify({
          action: word,
          actor: 'system',
          actorName: 'system',
          at: '2026-11-25T12:00:00.000Z',
          details: {},
          outcome: 'succeeded',
          sequence,
          subject: 'person:dora',
        }),
      );
    }
  }

  checkpoint() {
    this.#signed = this.#texts.length;
  }

  #private() {
    const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), this.#seed]);
    return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  }

  #tree(size: number) {
    const tree = new GrowingTree();
    const nodes: Node[] = this.#texts.slice(0, size).flatMap((text) => tree.append(leafHash(Buffer.from(text))));
    const read = (wanted: readonly { level: number; index: number }[]) =>
      wanted.map(({ level, index }) => {
        const found = nodes.find((node) => node.level === level && node.index === index);
        if (found === undefined) throw new Error('no such node');
        return found.hash;
      });
    return { tree, read };
  }

  async records(): Promise<MyRecords> {
    const size = this.#signed;
    const { tree, read } = this.#tree(size);
    const text = checkpointText({ origin: this.#key.name, size, root: tree.root() });
    const signature = sign(null, Buffer.from(text), this.#private());
    const note = formatSignedCheckpoint(text, [{ name: this.#key.name, keyId: keyId(this.#key), signature }]);
    const items: MyRecords['items'] = [];
    for (const [at, canonical] of this.#texts.entries()) {
      const proof =
        at < size ? (await inclusionProof(at, size, read)).map((hash) => Buffer.from(hash).toString('hex')) : null;
      items.push({ sequence: at + 1, canonical, proof });
    }
    return {
      items: items.reverse(),
      next: null,
      checkpoint: { size, at: '2026-11-25T12:00:00.000Z', note },
      keys: [formatVerifierKey(this.#key)],
    };
  }

  client(change: (records: MyRecords) => MyRecords = (records) => records) {
    return {
      myRecords: async () => change(await this.records()),
      myConsistency: async ({ query: { from, to } }: { query: { from: number; to: number } }) => {
        const { read } = this.#tree(to);
        const proof = await consistencyProof(from, to, read);
        return { from, to, proof: proof.map((hash) => Buffer.from(hash).toString('hex')) };
      },
    } as never;
  }
}

beforeEach(() => {
  const kept = new Map<string, string>();
  vi.stubGlobal('localStorage', {
    getItem: (name: string) => kept.get(name) ?? null,
    setItem: (name: string, value: string) => void kept.set(name, value),
  });
});

describe('my records', () => {
  it('are proven one by one; younger ones wait; what is saved holds by itself', async () => {
    const trail = new Trail();
    trail.append(5);
    trail.checkpoint();
    trail.append(1);
    const mine = await fetchMyTrail(trail.client());
    expect(mine.wrong).toBeNull();
    expect(mine.records.map(({ check }) => check)).toEqual(['later', 'proven', 'proven', 'proven', 'proven', 'proven']);
    const file = JSON.stringify(recordFileOf(mine, 'dora@example.com', new Date()));
    expect(verifyRecordFile(file)).toMatchObject({ intact: true, records: 5 });
  });

  it('are refused where a word was changed, or the checkpoint is not the office’s', async () => {
    const trail = new Trail();
    trail.append(4);
    trail.checkpoint();
    const altered = await fetchMyTrail(
      trail.client(({ items, ...rest }) => ({
        ...rest,
        items: items.map((item) => ({
          ...item,
          canonical: item.sequence === 2 ? item.canonical.replace('change', 'leave') : item.canonical,
        })),
      })),
    );
    expect(altered.records.map(({ check }) => check)).toEqual(['proven', 'proven', 'wrong', 'proven']);
    expect(altered.wrong).toMatch(/not in the trail/);
    const renumbered = await fetchMyTrail(
      trail.client(({ items, ...rest }) => ({
        ...rest,
        items: items.map((item) => ({ ...item, sequence: item.sequence + 1 })),
      })),
    );
    expect(renumbered.wrong).toMatch(/not in the trail/);
    const other = await new Trail(4).records();
    const unsigned = await fetchMyTrail(trail.client((records) => ({ ...records, keys: other.keys })));
    expect(unsigned.wrong).toMatch(/not signed by the office/);
  });

  it('are held against what this browser saw before: grown, not written anew, cut off or signed by another', async () => {
    const trail = new Trail();
    trail.append(5);
    trail.checkpoint();
    expect(await fetchMyTrail(trail.client())).toMatchObject({ wrong: null, grown: false });
    trail.append(4);
    trail.checkpoint();
    expect(await fetchMyTrail(trail.client())).toMatchObject({ wrong: null, grown: true });
    const anew = new Trail();
    anew.append(12, 'person.leave');
    anew.checkpoint();
    expect((await fetchMyTrail(anew.client())).wrong).toMatch(/another one/);
    const short = new Trail();
    short.append(3);
    short.checkpoint();
    expect((await fetchMyTrail(short.client())).wrong).toMatch(/shorter/);
    const elsewhere = new Trail(4);
    elsewhere.append(12);
    elsewhere.checkpoint();
    expect((await fetchMyTrail(elsewhere.client())).wrong).toMatch(/another key/);
    // None of these took the place of what was seen.
    trail.append(1);
    trail.checkpoint();
    expect(await fetchMyTrail(trail.client())).toMatchObject({ wrong: null, grown: true });
  });

  it('are held against what an officer’s page saw, and the other way round', async () => {
    const trail = new Trail();
    trail.append(5);
    trail.checkpoint();
    const { keys, checkpoint } = await trail.records();
    const note = checkpoint?.note ?? '';
    await fetchMyTrail(trail.client());
    expect(knownTrail()).toMatchObject({ keys, checkpoint: note });

    trail.append(2);
    trail.checkpoint();
    const later = (await trail.records()).checkpoint?.note ?? '';
    rememberTrail({ keys, checkpoint: later });
    const cutOff = new Trail();
    cutOff.append(5);
    cutOff.checkpoint();
    expect((await fetchMyTrail(cutOff.client())).wrong).toMatch(/shorter/);
    expect(await fetchMyTrail(trail.client())).toMatchObject({ wrong: null, grown: true });
  });

  it('may come with one more key, which officers do not know for that; none goes away again', async () => {
    const trail = new Trail();
    trail.append(5);
    trail.checkpoint();
    const { keys, checkpoint } = await trail.records();
    const both = [...keys, ...(await new Trail(4).records()).keys];
    await fetchMyTrail(trail.client());
    expect((await fetchMyTrail(trail.client((records) => ({ ...records, keys: both })))).wrong).toBeNull();
    expect(knownTrail()).toMatchObject({ keys, offered: both });
    rememberTrail({ keys, checkpoint: checkpoint?.note ?? '' });
    expect((await fetchMyTrail(trail.client())).wrong).toMatch(/another key/);
  });

  it('are held against what was kept under the older name', async () => {
    const trail = new Trail();
    trail.append(5);
    trail.checkpoint();
    const { keys, checkpoint } = await trail.records();
    localStorage.setItem('chancery.trail', JSON.stringify({ note: checkpoint?.note, keys }));
    expect(knownTrail()).toEqual({ keys, checkpoint: checkpoint?.note, offered: keys });
    expect(await fetchMyTrail(trail.client())).toMatchObject({ wrong: null, grown: true });
  });
});
