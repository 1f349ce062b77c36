/** Changes to ASN.1 by its elements: what comes out is mostly well-formed, so that it gets past the first check. */
import { encodeElement, encodeHeader, encodeOid } from '../src/asn1/der.ts';
import { oids } from '../src/asn1/oids.ts';
import type { Dice } from './dice.ts';
import { maximumLength, mutateOctets, repeated } from './mutate-octets.ts';

/** An element that is looked into, or octets that are not. */
interface Node {
  identifier: number;
  /** Undefined for a primitive. */
  children: Node[] | undefined;
  /** Of a primitive, or what stands before the children of a BIT STRING. */
  content: Buffer;
  /** Written in place of the true length octets. */
  length?: Buffer;
  /** Octets that stand for the whole element. */
  raw?: Buffer;
}

/** @param other a second input, to take elements from */
export function mutateDer(input: Buffer, dice: Dice, other: Buffer): Buffer {
  const root = parse(input, 0, input.length, 0);
  const nodes = flatten(root);
  const [first] = nodes;
  if (first === undefined) return mutateOctets(input, dice, other);
  const place = dice.pick(nodes);
  const siblings = place.siblings;
  const { node } = place;
  const index = siblings.indexOf(node);
  switch (dice.below(15)) {
    case 0:
      siblings.splice(index, 1);
      break;
    case 1:
      siblings.splice(index, 0, repeatedNode(node, dice));
      break;
    case 2: {
      const partner = dice.pick(siblings);
      siblings[siblings.indexOf(partner)] = node;
      siblings[index] = partner;
      break;
    }
    case 3:
      siblings[index] = copied(dice.pick(nodes).node);
      break;
    case 4: {
      const foreign = flatten(parse(other, 0, other.length, 0));
      if (foreign.length > 0) siblings[index] = copied(dice.pick(foreign).node);
      break;
    }
    case 5:
      node.identifier = dice.pick(identifiers);
      break;
    case 6:
      node.identifier ^= 1 << dice.below(8);
      break;
    case 7:
      node.length = strangeLength(encode(node).length, dice);
      break;
    case 8:
      siblings[index] = nested(node, dice);
      break;
    case 9:
      if (node.children) siblings.splice(index, 1, ...node.children);
      else node.content = Buffer.alloc(0);
      break;
    case 10:
      makeIndefinite(node, dice);
      break;
    case 11:
      node.children = undefined;
      node.content = valueFor(node.identifier, dice);
      break;
    case 12:
      node.content = mutateOctets(node.content, dice, other).subarray(0, maximumLength);
      break;
    case 13:
      node.children?.reverse();
      break;
    default:
      siblings.splice(dice.below(siblings.length + 1), 0, strangeElement(dice));
  }
  return Buffer.concat(root.map(encode)).subarray(0, maximumLength);
}

interface Place {
  readonly node: Node;
  readonly siblings: Node[];
}

function flatten(siblings: Node[]): Place[] {
  return siblings.flatMap((node) => [{ node, siblings }, ...(node.children ? flatten(node.children) : [])]);
}

/** The elements from start to end; what is none becomes one node of raw octets. */
function parse(input: Buffer, start: number, end: number, depth: number): Node[] {
  const nodes: Node[] = [];
  for (let at = start; at < end; ) {
    const found = nodes.length < 5_000 && depth < 40 ? readElement(input, at, end) : undefined;
    if (found === undefined) {
      nodes.push({ identifier: 0, children: undefined, content: Buffer.alloc(0), raw: input.subarray(at, end) });
      break;
    }
    const { identifier, contentStart, contentEnd } = found;
    const content = input.subarray(contentStart, contentEnd);
    // OCTET STRINGs and BIT STRINGs often hold ASN.1: extensions, keys, PKCS#12, the content of CMS.
    const inside = identifier === 0x03 && content[0] === 0 ? 1 : 0;
    const looksLikeAsn1 =
      (identifier === 0x04 || identifier === 0x80 || identifier === 0x03) &&
      (content[inside] === 0x30 || content[inside] === 0x31) &&
      readElement(content, inside, content.length)?.contentEnd === content.length;
    const constructed = (identifier & 0x20) !== 0;
    nodes.push({
      identifier,
      children:
        constructed || looksLikeAsn1
          ? parse(input, contentStart + (constructed ? 0 : inside), contentEnd, depth + 1)
          : undefined,
      content: looksLikeAsn1 && !constructed ? content.subarray(0, inside) : constructed ? Buffer.alloc(0) : content,
    });
    at = contentEnd;
  }
  return nodes;
}

function readElement(
  input: Buffer,
  at: number,
  end: number,
): { identifier: number; contentStart: number; contentEnd: number } | undefined {
  const identifier = input[at];
  const first = input[at + 1];
  if (identifier === undefined || first === undefined || at + 2 > end || first === 0x80 || first > 0x84)
    return undefined;
  const count = first > 0x80 ? first - 0x80 : 0;
  if (at + 2 + count > end) return undefined;
  const length = count === 0 ? first : input.readUIntBE(at + 2, count);
  const contentStart = at + 2 + count;
  return contentStart + length > end ? undefined : { identifier, contentStart, contentEnd: contentStart + length };
}

function encode(node: Node): Buffer {
  if (node.raw) return node.raw;
  const content = Buffer.concat([node.content, ...(node.children ?? []).map(encode)]);
  const header = node.length
    ? Buffer.concat([Buffer.of(node.identifier), node.length])
    : encodeHeader(node.identifier, content.length);
  return Buffer.concat([header, content]);
}

/** As octets, so that no element ends up within itself. */
const copied = (node: Node): Node => ({
  identifier: 0,
  children: undefined,
  content: Buffer.alloc(0),
  raw: encode(node),
});

function repeatedNode(node: Node, dice: Dice): Node {
  const one = encode(node);
  return { ...copied(node), raw: repeated(Buffer.alloc(0), one, one, dice) };
}

function strangeLength(length: number, dice: Dice): Buffer {
  return dice.pick([
    Buffer.of(length & 0x7f),
    Buffer.of((length + 1) & 0x7f),
    Buffer.of((length - 1) & 0x7f),
    Buffer.of(0x80),
    Buffer.of(0x81, length & 0xff),
    Buffer.of(0x84, 0, 0, (length >> 8) & 0xff, length & 0xff),
    Buffer.of(0x84, 0x7f, 0xff, 0xff, 0xff),
    Buffer.of(0x88, 0, 0, 0, 0, 0, 0, 0, length & 0xff),
    Buffer.of(0xff),
    Buffer.of(0x89, 1, 0, 0, 0, 0, 0, 0, 0, 0),
  ]);
}

function nested(node: Node, dice: Dice): Node {
  const identifier = dice.pick([0x30, 0x31, 0xa0, 0x24, node.identifier | 0x20]);
  const indefinite = dice.oneIn(3);
  let wrapped = node;
  for (let depth = dice.oneIn(20) ? 1 + dice.below(5_000) : dice.few(100); depth > 0; depth--) {
    // Built as octets at once: the recursion of encode() would not survive what this is for.
    const inner = encode(wrapped);
    if (inner.length * 2 > maximumLength) break;
    const raw = indefinite
      ? Buffer.concat([Buffer.of(identifier, 0x80), inner, Buffer.alloc(2)])
      : encodeElement(identifier, inner);
    wrapped = { identifier, children: undefined, content: Buffer.alloc(0), raw };
  }
  return wrapped;
}

/** The same value in BER: indefinite length, and a string in pieces. */
function makeIndefinite(node: Node, dice: Dice): void {
  const content = node.children ? Buffer.concat([node.content, ...node.children.map(encode)]) : node.content;
  const string = (node.identifier & 0x20) === 0;
  const pieces: Buffer[] = [];
  if (string) {
    const size = Math.max(1, dice.oneIn(20) ? 1 : Math.ceil(content.length / dice.few(64)));
    for (let at = 0; at < content.length; at += size) pieces.push(encodeElement(0x04, content.subarray(at, at + size)));
  } else pieces.push(content);
  const end = dice.oneIn(10) ? Buffer.alloc(dice.below(4)) : Buffer.alloc(2);
  node.raw = Buffer.concat([Buffer.of(node.identifier | 0x20, 0x80), ...pieces, end]);
}

const identifiers = [
  0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x0a, 0x0c, 0x13, 0x16, 0x17, 0x18, 0x1e, 0x1f, 0x24, 0x30, 0x31, 0x3f, 0x80,
  0x81, 0x82, 0x86, 0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xff,
];

const known = Object.values(oids);

function valueFor(identifier: number, dice: Dice): Buffer {
  switch (identifier) {
    case 0x02:
      return dice.pick([
        Buffer.alloc(0),
        Buffer.of(0),
        Buffer.of(0x80),
        Buffer.of(0x7f, 0xff, 0xff, 0xff),
        Buffer.of(0xff, 0xff, 0xff, 0xff),
        Buffer.alloc(dice.few(8_192), 0x7f),
      ]);
    case 0x03:
      return dice.pick([Buffer.alloc(0), Buffer.of(0), Buffer.of(8, 1), Buffer.of(7), Buffer.of(7, 0x80)]);
    case 0x06:
      return dice.oneIn(4) ? dice.octets(dice.few(200)) : encodeOid(dice.pick(known)).subarray(2);
    case 0x17:
    case 0x18:
      return Buffer.from(
        dice.pick([
          '',
          '500101000000Z',
          '491231235959Z',
          '99991231235959Z',
          '20260229000000Z',
          '20260101000000.5Z',
          '2601010000Z',
          '260101000000+0000',
          '260199000000Z',
        ]),
      );
    default:
      return dice.octets(dice.oneIn(20) ? dice.few(65_536) : dice.few(64));
  }
}

function strangeElement(dice: Dice): Node {
  const identifier = dice.pick(identifiers);
  return { identifier, children: undefined, content: valueFor(identifier & ~0x20, dice) };
}
