/**
 * The MIME structure of a message as offsets into its own octets (RFC 5322, 2045, 2046). Nothing is rewritten, so that what is
 * verified is what arrived; and wherever parsers are known to read the same octets differently, the doubt is reported.
 */
import { asBuffer } from '../asn1/der.ts';
import { limits } from '../limits.ts';
import { type Problem, problem } from '../problem.ts';
import { parseContentType } from './content-type.ts';
import type { ContentType, HeaderField, MimeEntity } from './entity.ts';
import { scanHeaders } from './scan-headers.ts';

/** Reads the structure of a whole message, or of one entity. Never throws: what exceeds a budget is reported and left unopened. */
export function scanMessage(bytes: Uint8Array): MimeEntity {
  const input = asBuffer(bytes);
  return scanEntity(input, 0, input.length, { parts: 0, heads: true, crlf: usesCrlf(input) }, 0, textPlain);
}

interface Scan {
  parts: number;
  /** The entity that comes next is a message with a header of its own kind, and not a part. */
  heads: boolean;
  /** The message's own header has lines that end at CRLF, so that a bare LF is a doubt; a file kept on Unix has none. */
  readonly crlf: boolean;
}

export const textPlain: ContentType = { type: 'text/plain', parameters: new Map() };
const messageRfc822: ContentType = { type: 'message/rfc822', parameters: new Map() };
const identityEncodings: ReadonlySet<string> = new Set(['7bit', '8bit', 'binary']);
const knownEncodings: ReadonlySet<string> = new Set(['7bit', '8bit', 'binary', 'base64', 'quoted-printable']);

const CR = 0x0d;
const LF = 0x0a;

function scanEntity(
  input: Buffer,
  start: number,
  end: number,
  scan: Scan,
  depth: number,
  byDefault: ContentType,
): MimeEntity {
  const ambiguities: Problem[] = [];
  const message = scan.heads;
  scan.heads = false;
  const section = scanHeaders(input, start, end, message, scan.crlf, ambiguities);
  const { contentType, transferEncoding, holds, boundary, childDefault } = describeEntity(
    section.headers,
    byDefault,
    depth,
    ambiguities,
  );
  const entity = {
    start,
    headerEnd: section.headerEnd,
    bodyStart: section.bodyStart,
    end,
    headers: section.headers,
    contentType,
    transferEncoding,
    ambiguities,
  };
  if (holds === 'message') {
    scan.parts++;
    scan.heads = true;
    return {
      ...entity,
      parts: [scanEntity(input, section.bodyStart, end, scan, depth + 1, childDefault)],
      closed: true,
    };
  }
  if (holds === 'nothing') return { ...entity, parts: [], closed: false };
  const split = splitParts(input, section.bodyStart, end, boundary, scan, ambiguities);
  const parts = split.ranges.map(([from, to]) => scanEntity(input, from, to, scan, depth + 1, childDefault));
  return { ...entity, parts, closed: split.closed };
}

/** What the header of an entity says of its body. */
export interface Description {
  readonly contentType: ContentType;
  readonly transferEncoding: string;
  /** Structure that is read further: one message, or parts. */
  readonly holds: 'nothing' | 'message' | 'parts';
  /** Of a multipart whose parts are read. */
  readonly boundary: string;
  /** The type of a part that does not say its own. */
  readonly childDefault: ContentType;
}

/** @param depth how many entities lie around this one */
export function describeEntity(
  headers: readonly HeaderField[],
  byDefault: ContentType,
  depth: number,
  ambiguities: Problem[],
): Description {
  const doubt = (code: string, message: string, clause?: string): void => {
    ambiguities.push(problem('error', code, message, clause));
  };
  const contentType = soleContentType(headers, byDefault, ambiguities);
  const transferEncoding = soleTransferEncoding(headers, ambiguities);
  const multipart = contentType.type.startsWith('multipart/');
  const embedded = contentType.type === 'message/rfc822' || contentType.type === 'message/global';
  const boundary = contentType.parameters.get('boundary') ?? '';
  const childDefault = contentType.type === 'multipart/digest' ? messageRfc822 : textPlain;
  const described = { contentType, transferEncoding, boundary, childDefault };
  if (!multipart && boundary !== '')
    doubt(
      'boundary-without-multipart',
      'A boundary stands in a Content-Type that is no multipart; some parsers look for parts all the same.',
      'RFC 2046 section 5.1',
    );
  if (!multipart && !embedded) return { ...described, holds: 'nothing' };
  if (!identityEncodings.has(transferEncoding)) {
    if (multipart)
      doubt(
        'encoded-multipart',
        `A multipart is encoded as ${transferEncoding.slice(0, 40)}; some parsers undo that and some do not.`,
        'RFC 2045 section 6.4',
      );
    else
      ambiguities.push(
        problem(
          'warning',
          'encoded-message',
          `An attached message is encoded as ${transferEncoding.slice(0, 40)}; some parsers undo that and some do not.`,
          'RFC 2046 section 5.2.1',
        ),
      );
    return { ...described, holds: 'nothing' };
  }
  if (depth >= limits.mimeDepth) {
    doubt('mime-too-deep', `Parts are nested deeper than ${limits.mimeDepth}; what is below was not read.`);
    return { ...described, holds: 'nothing' };
  }
  if (embedded) return { ...described, holds: 'message' };
  if (boundary === '') {
    doubt('missing-boundary', 'A multipart has no boundary.', 'RFC 2046 section 5.1.1');
    return { ...described, holds: 'nothing' };
  }
  return { ...described, holds: 'parts' };
}

function soleField(headers: readonly HeaderField[], name: string): { first?: HeaderField; repeated: boolean } {
  const at = headers.findIndex((field) => field.name === name);
  const first = headers[at];
  return first ? { first, repeated: headers.some((field, index) => index > at && field.name === name) } : none;
}

const none = { repeated: false };

function soleContentType(headers: readonly HeaderField[], byDefault: ContentType, ambiguities: Problem[]): ContentType {
  const { first, repeated } = soleField(headers, 'content-type');
  if (repeated)
    ambiguities.push(
      problem('error', 'duplicate-content-type', 'The header has more than one Content-Type.', 'RFC 2045 section 5'),
    );
  return first === undefined ? byDefault : parseContentType(first.value, ambiguities);
}

function soleTransferEncoding(headers: readonly HeaderField[], ambiguities: Problem[]): string {
  const { first, repeated } = soleField(headers, 'content-transfer-encoding');
  if (repeated)
    ambiguities.push(
      problem(
        'error',
        'duplicate-transfer-encoding',
        'The header has more than one Content-Transfer-Encoding.',
        'RFC 2045 section 6',
      ),
    );
  if (first === undefined) return '7bit';
  const value = first.value.trim().toLowerCase();
  if (!knownEncodings.has(value))
    ambiguities.push(
      problem(
        'error',
        'unknown-transfer-encoding',
        `The Content-Transfer-Encoding "${value.slice(0, 40)}" is none of the five that exist.`,
        'RFC 2045 section 6.4',
      ),
    );
  return value;
}

/** The ranges between delimiter lines. Native search for the delimiter, then a look at what stands around each find. */
function splitParts(
  input: Buffer,
  from: number,
  end: number,
  boundary: string,
  scan: Scan,
  ambiguities: Problem[],
): { ranges: [number, number][]; closed: boolean } {
  const delimiter = Buffer.from(`--${boundary}`, 'latin1');
  const body = input.subarray(0, end);
  const ranges: [number, number][] = [];
  const doubt = delimiterDoubts(ambiguities);
  let partStart = -1;
  let closed = false;
  for (let at = body.indexOf(delimiter, from); at >= 0; at = body.indexOf(delimiter, at + delimiter.length)) {
    if (at > from && input[at - 1] !== LF) {
      if (input[at - 1] === CR) doubt('bare-carriage-return');
      continue;
    }
    let after = at + delimiter.length;
    const closing = input[after] === 0x2d && input[after + 1] === 0x2d && after + 2 <= end;
    if (closing) after += 2;
    const padded = Math.min(end, after + limits.delimiterPadding);
    while (after < padded && (input[after] === 0x20 || input[after] === 0x09)) after++;
    const ends =
      after >= end || input[after] === LF || (input[after] === CR && (after + 1 >= end || input[after + 1] === LF));
    if (!ends) {
      doubt('boundary-prefix');
      continue;
    }
    if (scan.crlf && ((at > from && input[at - 2] !== CR) || (after < end && input[after] === LF)))
      doubt('bare-line-feed');
    if (closed) {
      doubt('delimiter-after-close');
      continue;
    }
    if (partStart >= 0) {
      if (at === partStart) doubt('empty-part');
      if (scan.parts >= limits.mimeParts) {
        doubt('too-many-parts');
        return { ranges, closed: false };
      }
      scan.parts++;
      ranges.push([partStart, Math.max(partStart, lineBreakBefore(input, at))]);
    }
    closed = closing;
    partStart = closing ? -1 : Math.min(end, input[after] === CR ? after + 2 : after + 1);
  }
  if (partStart >= 0) {
    scan.parts++;
    ranges.push([partStart, end]);
  }
  if (!closed) noteUnclosed(ranges.length, ambiguities);
  return { ranges, closed };
}

const delimiterMessages = {
  'bare-carriage-return': 'A delimiter follows a carriage return that has no line feed.',
  'boundary-prefix': 'A line begins with the boundary and goes on: some parsers take it for a delimiter.',
  'bare-line-feed': 'A delimiter line ends or begins at a line feed that has no carriage return.',
  'delimiter-after-close': 'A delimiter stands after the close delimiter.',
  'empty-part': 'A delimiter follows on a delimiter with nothing between: some parsers see a part there.',
  'too-many-parts': `The message has more than ${limits.mimeParts} parts; the rest was not read.`,
} as const;

/** Notes each doubt about the delimiters of one multipart once. */
export function delimiterDoubts(ambiguities: Problem[]): (code: keyof typeof delimiterMessages) => void {
  let known: Set<string> | undefined;
  return (code) => {
    known ??= new Set();
    if (!known.has(code)) ambiguities.push(problem('error', code, delimiterMessages[code], 'RFC 2046 section 5.1.1'));
    known.add(code);
  };
}

/** @param parts how many the multipart has */
export function noteUnclosed(parts: number, ambiguities: Problem[]): void {
  ambiguities.push(
    problem(
      'warning',
      parts === 0 ? 'no-parts' : 'missing-close-delimiter',
      parts === 0 ? 'A multipart has no part.' : 'A multipart does not end with its close delimiter.',
      'RFC 2046 section 5.1.1',
    ),
  );
}

/** Where the line break that belongs to a delimiter begins. */
function lineBreakBefore(input: Buffer, at: number): number {
  return input[at - 2] === CR ? at - 2 : at - 1;
}

/** Whether any line of the message's own header ends at CRLF. */
export function usesCrlf(input: Buffer): boolean {
  for (let at = 0; at < input.length; ) {
    const feed = input.indexOf(LF, at);
    if (feed < 0) return false;
    if (feed > at && input[feed - 1] === CR) return true;
    if (feed === at) return input[at + 1] === CR && input[at + 2] === LF;
    at = feed + 1;
  }
  return false;
}
