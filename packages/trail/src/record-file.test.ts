import { ed25519 } from '@noble/curves/ed25519.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import { describe, expect, it } from 'vitest';
import { checkpointText, formatSignedCheckpoint, formatVerifierKey, keyId, type VerifierKey } from './checkpoint.ts';
import { GrowingTree, inclusionProof, leafHash, type Node } from './merkle.ts';
import { RECORD_FILE, type RecordFile, verifyRecordFile } from './record-file.ts';

const secret = new Uint8Array(32).fill(3);
const key: VerifierKey = { name: 'example.com/audit', use: 'log', publicKey: ed25519.getPublicKey(secret) };
const canonical = Array.from({ length: 9 }, (_, at) => JSON.stringify({ action: 'person.change', sequence: at + 1 }));

async function fileOf(sequences: readonly number[]): Promise<RecordFile> {
  const tree = new GrowingTree();
  const nodes: Node[] = canonical.flatMap((text) => tree.append(leafHash(utf8ToBytes(text))));
  const read = (wanted: readonly { level: number; index: number }[]) =>
    wanted.map(({ level, index }) => {
      const found = nodes.find((node) => node.level === level && node.index === index);
      if (found === undefined) throw new Error('no such node');
      return found.hash;
    });
  const text = checkpointText({ origin: key.name, size: tree.size, root: tree.root() });
  const signature = ed25519.sign(utf8ToBytes(text), secret);
  return {
    format: RECORD_FILE,
    version: 1,
    person: 'ada@example.com',
    savedAt: '2026-11-25T12:00:00.000Z',
    checkpoint: formatSignedCheckpoint(text, [{ name: key.name, keyId: keyId(key), signature }]),
    keys: [formatVerifierKey(key)],
    records: await Promise.all(
      sequences.map(async (sequence) => ({
        canonical: canonical[sequence - 1] ?? '',
        proof: (await inclusionProof(sequence - 1, tree.size, read)).map(bytesToHex),
      })),
    ),
  };
}

describe('a file of records', () => {
  it('holds, by a key that was noted and by the one in it', async () => {
    const text = JSON.stringify(await fileOf([1, 4, 9]));
    expect(verifyRecordFile(text, [key])).toMatchObject({ intact: true, records: 3 });
    expect(verifyRecordFile(text).message).toContain(formatVerifierKey(key));
  });

  it('does not hold once a word, a place or a proof is another, or another has signed', async () => {
    const file = await fileOf([1, 4, 9]);
    const [first, second, third] = file.records;
    if (first === undefined || second === undefined || third === undefined) throw new Error('three records');
    const verdict = (change: Partial<RecordFile>, keys: VerifierKey[] = [key]) =>
      verifyRecordFile(JSON.stringify({ ...file, ...change }), keys).finding;
    expect(verdict({ records: [{ ...first, canonical: first.canonical.replace('change', 'leave') }] })).toBe('altered');
    expect(verdict({ records: [first, { ...second, canonical: second.canonical.replace('4', '5') }] })).toBe('altered');
    expect(verdict({ records: [{ ...third, proof: third.proof.slice(1) }] })).toBe('altered');
    expect(verdict({ records: [{ ...third, proof: ['zz'] }] })).toBe('altered');
    expect(verdict({ records: [{ canonical: 'null', proof: [] }] })).toBe('altered');
    expect(verdict({ checkpoint: file.checkpoint.replace('\n9\n', '\n8\n') })).toBe('unsigned');
    expect(verdict({}, [{ ...key, publicKey: ed25519.getPublicKey(new Uint8Array(32).fill(4)) }])).toBe('unsigned');
    expect(verdict({ keys: ['nothing'] })).toBeNull();
    expect(verifyRecordFile(JSON.stringify({ ...file, keys: ['nothing'] })).finding).toBe('unreadable');
    for (const text of ['', '[]', 'null', '{}', JSON.stringify({ ...file, records: [null] })]) {
      expect(verifyRecordFile(text, [key]).finding, text).toBe('unreadable');
    }
  });
});
