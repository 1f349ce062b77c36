import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  consistencyProof,
  EMPTY_ROOT,
  GrowingTree,
  type Hash,
  inclusionProof,
  isConsistent,
  isIncluded,
  leafHash,
  type Node,
  type NodeReader,
  nodeHash,
  peaksOf,
  rootOf,
} from './merkle.ts';

const hex = (octets: Uint8Array) => Buffer.from(octets).toString('hex');

/** The entries and roots that the implementations of Certificate Transparency test each other with. */
const ENTRIES = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'];
const ROOTS = [
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
];

/** RFC 9162 section 2.1.1, word for word: slow, and independent of what is tested. */
function definition(leaves: readonly Hash[]): Hash {
  if (leaves.length === 0) return createHash('sha256').digest();
  const [only] = leaves;
  if (leaves.length === 1) return only as Hash;
  const k = 2 ** (Math.ceil(Math.log2(leaves.length)) - 1);
  return nodeHash(definition(leaves.slice(0, k)), definition(leaves.slice(k)));
}

function grow(count: number): { leaves: Hash[]; read: NodeReader; tree: GrowingTree; nodes: Map<string, Node> } {
  const leaves = Array.from({ length: count }, (_, at) => leafHash(Buffer.from(`record ${at}`)));
  const tree = new GrowingTree();
  const nodes = new Map<string, Node>();
  for (const leaf of leaves) for (const node of tree.append(leaf)) nodes.set(`${node.level}/${node.index}`, node);
  const read: NodeReader = (wanted) => wanted.map(({ level, index }) => (nodes.get(`${level}/${index}`) as Node).hash);
  return { leaves, read, tree, nodes };
}

describe('the tree', () => {
  it('has the roots of the reference tree', () => {
    const tree = new GrowingTree();
    const roots = ENTRIES.map((entry) => {
      tree.append(leafHash(Buffer.from(entry, 'hex')));
      return hex(tree.root());
    });
    expect(roots).toEqual(ROOTS);
    expect(hex(new GrowingTree().root())).toBe(hex(EMPTY_ROOT));
  });

  it('is the tree of the definition at every size, and grows on from its peaks', async () => {
    const { leaves, read, nodes } = grow(70);
    for (let size = 0; size <= leaves.length; size++) {
      const expected = hex(definition(leaves.slice(0, size)));
      expect(hex(await rootOf(size, read))).toBe(expected);
      const peaks = peaksOf(size).map(({ level, index }) => nodes.get(`${level}/${index}`) as Node);
      const resumed = new GrowingTree(size, peaks);
      expect(hex(resumed.root())).toBe(expected);
      const next = leaves[size];
      if (next === undefined) continue;
      resumed.append(next);
      expect(hex(resumed.root())).toBe(hex(definition(leaves.slice(0, size + 1))));
    }
    expect(() => new GrowingTree(3, [])).toThrow(RangeError);
  });
});

describe('proofs', () => {
  it('of inclusion hold for each leaf at each size, and for no other leaf, place, size or root', async () => {
    const { leaves, read } = grow(21);
    for (let size = 1; size <= 21; size++) {
      const root = await rootOf(size, read);
      for (let index = 0; index < size; index++) {
        const proof = await inclusionProof(index, size, read);
        const leaf = leaves[index] as Hash;
        expect(isIncluded(leaf, index, size, proof, root)).toBe(true);
        expect(isIncluded(leafHash(Buffer.from('forged')), index, size, proof, root)).toBe(false);
        expect(isIncluded(leaf, index, size, proof, leafHash(root))).toBe(false);
        expect(isIncluded(leaf, index, size, [...proof, leaf], root)).toBe(false);
        for (let other = 0; other < size; other++) {
          if (other !== index) expect(isIncluded(leaf, other, size, proof, root)).toBe(false);
        }
        if (proof.length > 0) expect(isIncluded(leaf, index, size, proof.slice(1), root)).toBe(false);
      }
    }
    await expect(inclusionProof(3, 3, read)).rejects.toThrow(RangeError);
  });

  it('of consistency hold for each pair of sizes, and not for a tree that was rewritten', async () => {
    const { read } = grow(21);
    const forked = grow(21);
    forked.tree.append(leafHash(Buffer.from('x')));
    for (let first = 1; first <= 21; first++) {
      const before = { size: first, root: await rootOf(first, read) };
      for (let size = first; size <= 21; size++) {
        const after = { size, root: await rootOf(size, read) };
        const proof = await consistencyProof(first, size, read);
        expect(isConsistent(before, after, proof)).toBe(true);
        const other = { size: first, root: leafHash(before.root) };
        expect(isConsistent(other, after, proof)).toBe(false);
        expect(isConsistent(before, { size, root: leafHash(after.root) }, proof)).toBe(false);
        expect(isConsistent(before, after, [...proof, before.root])).toBe(false);
        if (proof.length > 0) {
          expect(isConsistent(before, after, proof.slice(0, -1))).toBe(false);
          expect(isConsistent(before, after, [leafHash(proof[0] as Hash), ...proof.slice(1)])).toBe(false);
        }
      }
    }
    await expect(consistencyProof(0, 3, read)).rejects.toThrow(RangeError);
    await expect(consistencyProof(4, 3, read)).rejects.toThrow(RangeError);
  });

  it('are false, and nothing worse, for sizes that are none', () => {
    const root = EMPTY_ROOT;
    for (const wrong of [-1, 0.5, Number.NaN, 2 ** 60, Number.POSITIVE_INFINITY]) {
      expect(isIncluded(root, wrong, 8, [], root)).toBe(false);
      expect(isIncluded(root, 0, wrong, [], root)).toBe(false);
      expect(isConsistent({ size: wrong, root }, { size: 8, root }, [])).toBe(false);
      expect(isConsistent({ size: 1, root }, { size: wrong, root }, [])).toBe(false);
    }
  });
});
