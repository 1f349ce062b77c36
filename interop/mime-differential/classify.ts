/** Names the first place where two trees part, after what our scanner says of it. */
import type { Tree } from './trees.ts';

/** What each class of difference means. One that has no explanation is a finding, and stands in the page as one. */
export const explanations = {
  'another type, malformed Content-Type':
    'We keep what stands there and report `malformed-content-type`; others put text/plain, or what they can read of it.',
  'another type, several Content-Type fields':
    'We read the first and report `duplicate-content-type`; others take the last.',
  'another type, Content-Type in the same words':
    'Nothing is doubtful here: the other parser gives the part a type of its own, by name, content or place.',
  'another type, doubtful header':
    'The header holds lines that are no fields, or white space where none belongs, which we report; parsers find the Content-Type elsewhere.',
  'more or fewer parts, doubtful delimiter':
    'A line begins with the boundary and goes on, follows a bare line end, or comes after the end; we take whole lines only, and report the others.',
  'more or fewer parts, missing close delimiter':
    'The multipart does not end. We take what is there for its last part, with a warning.',
  'more or fewer parts, no usable boundary':
    'The boundary is missing, malformed, or written in the form of RFC 2231; we report it, and others guess one.',
  'more or fewer parts, encoded multipart or message':
    'RFC 2045 section 6.4 and RFC 2046 section 5.2.1 allow no encoding of these; we leave them closed and say so, others decode them or read them undecoded.',
  'more or fewer parts, a multipart without parts':
    'No delimiter stands in it: we report `no-parts`; others show its text as one part.',
  'more or fewer parts, limit reached': 'Our budget of depth, parts or header ended the reading, which is reported.',
  'more or fewer parts, doubtful header':
    'The header can be read in more than one way, which we report; where it ends decides what the parts are.',
  'an attached message taken apart': 'We read message/rfc822 and message/global as messages, wherever they stand.',
  'an attached message of another kind taken apart':
    'Python takes apart every message/*, such as a delivery status, whose blocks of fields are no messages; we leave it closed.',
  'more or fewer parts, a delimiter on a delimiter':
    'Nothing stands between two delimiters: we count a part there and report `empty-part`; others skip it.',
  'more or fewer parts, a boundary without multipart':
    'We do not look for parts in what is no multipart, and report `boundary-without-multipart`.',
  'another type, part of a digest':
    'A part of a multipart/digest that names no type is a message (RFC 2046 section 5.1.5).',
  unexplained: '**Not explained yet.**',
} as const;

export type Difference = keyof typeof explanations;

/** Undefined where the trees are the same. */
export function classify(ours: Tree, theirs: Tree, around: readonly string[] = []): Difference | undefined {
  const doubts = [...(ours.doubts ?? [])];
  const all = [...doubts, ...around];
  const has = (list: readonly string[], ...codes: string[]): boolean => codes.some((code) => list.includes(code));
  if (ours.type !== theirs.type) {
    if (has(doubts, 'malformed-content-type')) return 'another type, malformed Content-Type';
    if (has(doubts, 'duplicate-content-type')) return 'another type, several Content-Type fields';
    if (has(doubts, ...doubtfulHeader)) return 'another type, doubtful header';
    if (ours.type === 'message/rfc822' && theirs.type === 'text/plain') return 'another type, part of a digest';
    return has(all, ...doubtfulDelimiter)
      ? 'more or fewer parts, doubtful delimiter'
      : 'another type, Content-Type in the same words';
  }
  if (ours.parts.length !== theirs.parts.length) {
    if (ours.type.startsWith('message/')) {
      if (has(doubts, 'encoded-message')) return 'more or fewer parts, encoded multipart or message';
      return ours.parts.length > 0
        ? 'an attached message taken apart'
        : 'an attached message of another kind taken apart';
    }
    if (has(doubts, 'empty-part')) return 'more or fewer parts, a delimiter on a delimiter';
    if (has(doubts, 'boundary-without-multipart')) return 'more or fewer parts, a boundary without multipart';
    if (has(doubts, 'encoded-multipart')) return 'more or fewer parts, encoded multipart or message';
    if (has(doubts, 'mime-too-deep', 'too-many-parts', 'header-too-large')) return 'more or fewer parts, limit reached';
    if (has(doubts, ...doubtfulBoundary)) return 'more or fewer parts, no usable boundary';
    if (has(doubts, 'no-parts')) return 'more or fewer parts, a multipart without parts';
    if (has(doubts, ...doubtfulDelimiter)) return 'more or fewer parts, doubtful delimiter';
    if (has(doubts, 'missing-close-delimiter')) return 'more or fewer parts, missing close delimiter';
    if (has(doubts, ...doubtfulHeader)) return 'more or fewer parts, doubtful header';
    return 'unexplained';
  }
  for (const [index, part] of ours.parts.entries()) {
    const difference = classify(part, theirs.parts[index] as Tree, all);
    if (difference !== undefined) return difference;
  }
  return undefined;
}

const doubtfulHeader = [
  'malformed-header-line',
  'space-before-colon',
  'blank-continuation',
  'nul-in-header',
  'bare-carriage-return',
  'bare-line-feed',
  'mbox-line',
];
const doubtfulDelimiter = ['boundary-prefix', 'bare-line-feed', 'bare-carriage-return', 'delimiter-after-close'];
const doubtfulBoundary = [
  'missing-boundary',
  'malformed-boundary',
  'extended-parameter',
  'duplicate-parameter',
  'unterminated-quote',
  'escaped-boundary',
  'encoded-boundary',
  'space-in-boundary',
  'comment-in-content-type',
  'malformed-content-type',
  'duplicate-content-type',
];
