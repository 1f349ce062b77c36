/**
 * The Merkle tree of RFC 9162 section 2.1 over SHA-256. Leaves are counted from 0. A node is named by its level (0 for
 * leaves) and its index on that level, and covers the leaves `index * 2^level` up to `(index + 1) * 2^level`; only nodes
 * whose leaves are all there are stored, and none of them ever changes.
 */
import { sha256 } from '@noble/hashes/sha2.js';
import { concatBytes } from '@noble/hashes/utils.js';

/** 32 octets. */
export type Hash = Uint8Array;

export interface Node {
  readonly level: number;
  readonly index: number;
  readonly hash: Hash;
}

/** Where complete nodes are kept. Asked for those only that are below the size it is asked about. */
export type NodeReader = (nodes: readonly { level: number; index: number }[]) => Hash[] | Promise<Hash[]>;

const LEAF = Uint8Array.of(0);
const INNER = Uint8Array.of(1);

export function leafHash(entry: Uint8Array): Hash {
  return sha256(concatBytes(LEAF, entry));
}

export function nodeHash(left: Hash, right: Hash): Hash {
  return sha256(concatBytes(INNER, left, right));
}

/** The root of no leaves. */
export const EMPTY_ROOT: Hash = sha256(new Uint8Array());

/**
 * A tree that grows. It keeps the roots of its complete subtrees only: as many hashes as its size has ones in binary.
 */
export class GrowingTree {
  #size: number;
  /** Largest subtree first. */
  readonly #peaks: Node[];

  /** @param peaks of a tree of that size, as `peaksOf` names them */
  constructor(size = 0, peaks: readonly Node[] = []) {
    if (peaks.length !== peaksOf(size).length) throw new RangeError(`A tree of ${size} leaves has other peaks.`);
    this.#size = size;
    this.#peaks = [...peaks];
  }

  get size(): number {
    return this.#size;
  }

  /** @returns the nodes that are complete now and were not before, the leaf first */
  append(leaf: Hash): Node[] {
    let node: Node = { level: 0, index: this.#size, hash: leaf };
    const made = [node];
    this.#size += 1;
    while (this.#peaks.at(-1)?.level === node.level) {
      const left = this.#peaks.pop() as Node;
      node = { level: node.level + 1, index: (node.index - 1) / 2, hash: nodeHash(left.hash, node.hash) };
      made.push(node);
    }
    this.#peaks.push(node);
    return made;
  }

  root(): Hash {
    return foldPeaks(this.#peaks.map(({ hash }) => hash));
  }
}

/** The complete subtrees that make up a tree of that size, largest first. */
export function peaksOf(size: number): { level: number; index: number }[] {
  return coverOf(0, size);
}

/** The root of the first `size` leaves. */
export async function rootOf(size: number, read: NodeReader): Promise<Hash> {
  return foldPeaks(await read(peaksOf(size)));
}

/** RFC 9162 section 2.1.3.1: the hashes that lead from the leaf to the root of a tree of that size. */
export async function inclusionProof(leaf: number, size: number, read: NodeReader): Promise<Hash[]> {
  if (!isCount(leaf) || !isCount(size) || leaf >= size)
    throw new RangeError(`Leaf ${leaf} is not in a tree of ${size}.`);
  const ranges: [number, number][] = [];
  let [from, to] = [0, size];
  while (to - from > 1) {
    const middle = from + largestPowerBelow(to - from);
    if (leaf < middle) {
      ranges.push([middle, to]);
      to = middle;
    } else {
      ranges.push([from, middle]);
      from = middle;
    }
  }
  return hashesOf(ranges.reverse(), read);
}

/** RFC 9162 section 2.1.4.1: that a tree of `size` begins with the tree of `first`. Empty where they are the same. */
export async function consistencyProof(first: number, size: number, read: NodeReader): Promise<Hash[]> {
  if (!isCount(first) || !isCount(size) || first > size || first === 0) {
    throw new RangeError(`A tree of ${size} is not one of ${first} that grew.`);
  }
  if (first === size) return [];
  const ranges: [number, number][] = [];
  let [from, to] = [0, size];
  let complete = true;
  while (to !== first) {
    const middle = from + largestPowerBelow(to - from);
    if (first <= middle) {
      ranges.push([middle, to]);
      to = middle;
    } else {
      ranges.push([from, middle]);
      from = middle;
      complete = false;
    }
  }
  if (!complete) ranges.push([from, to]);
  return hashesOf(ranges.reverse(), read);
}

/** RFC 9162 section 2.1.3.2. Any input is allowed; what is not a proof is false. */
export function isIncluded(leaf: Hash, index: number, size: number, proof: readonly Hash[], root: Hash): boolean {
  if (!isCount(index) || !isCount(size) || index >= size) return false;
  let [fn, sn] = [index, size - 1];
  let hash = leaf;
  for (const step of proof) {
    if (step.length !== 32 || sn === 0) return false;
    if (fn % 2 === 1 || fn === sn) {
      hash = nodeHash(step, hash);
      while (fn % 2 === 0 && fn !== 0) {
        fn = Math.floor(fn / 2);
        sn = Math.floor(sn / 2);
      }
    } else {
      hash = nodeHash(hash, step);
    }
    fn = Math.floor(fn / 2);
    sn = Math.floor(sn / 2);
  }
  return sn === 0 && isSame(hash, root);
}

/** RFC 9162 section 2.1.4.2. Any input is allowed; what is not a proof is false. */
export function isConsistent(
  first: { readonly size: number; readonly root: Hash },
  second: { readonly size: number; readonly root: Hash },
  proof: readonly Hash[],
): boolean {
  if (!isCount(first.size) || !isCount(second.size) || first.size > second.size || first.size === 0) return false;
  if (first.size === second.size) return proof.length === 0 && isSame(first.root, second.root);
  const path = isPowerOfTwo(first.size) ? [first.root, ...proof] : [...proof];
  const [seed, ...steps] = path;
  if (seed === undefined || steps.length === 0) return false;
  let [fn, sn] = [first.size - 1, second.size - 1];
  while (fn % 2 === 1) {
    fn = Math.floor(fn / 2);
    sn = Math.floor(sn / 2);
  }
  let [old, now] = [seed, seed];
  for (const step of steps) {
    if (step.length !== 32 || sn === 0) return false;
    if (fn % 2 === 1 || fn === sn) {
      old = nodeHash(step, old);
      now = nodeHash(step, now);
      while (fn % 2 === 0 && fn !== 0) {
        fn = Math.floor(fn / 2);
        sn = Math.floor(sn / 2);
      }
    } else {
      now = nodeHash(now, step);
    }
    fn = Math.floor(fn / 2);
    sn = Math.floor(sn / 2);
  }
  return sn === 0 && isSame(old, first.root) && isSame(now, second.root);
}

/** The hashes of ranges of leaves, each folded from the complete nodes that cover it; all read at once. */
async function hashesOf(ranges: readonly [number, number][], read: NodeReader): Promise<Hash[]> {
  const covers = ranges.map(([from, to]) => coverOf(from, to));
  const hashes = await read(covers.flat());
  let at = 0;
  return covers.map((cover) => {
    const part = hashes.slice(at, at + cover.length);
    at += cover.length;
    return foldPeaks(part);
  });
}

/** Complete nodes that cover a range which a tree is split into, largest first. */
function coverOf(from: number, to: number): { level: number; index: number }[] {
  const cover = [];
  while (from < to) {
    let level = 0;
    while (from % 2 ** (level + 1) === 0 && from + 2 ** (level + 1) <= to) level += 1;
    cover.push({ level, index: from / 2 ** level });
    from += 2 ** level;
  }
  return cover;
}

/** RFC 9162 section 2.1.1: the smaller subtrees are on the right. */
function foldPeaks(peaks: readonly Hash[]): Hash {
  const [last, ...others] = peaks.toReversed();
  if (last === undefined) return EMPTY_ROOT;
  return others.reduce((right, left) => nodeHash(left, right), last);
}

function largestPowerBelow(count: number): number {
  let power = 1;
  while (power * 2 < count) power *= 2;
  return power;
}

const isPowerOfTwo = (count: number) => Number.isInteger(Math.log2(count));

const isCount = (value: number) => Number.isSafeInteger(value) && value >= 0;

function isSame(a: Hash, b: Hash): boolean {
  return a.length === b.length && a.every((octet, at) => octet === b[at]);
}
