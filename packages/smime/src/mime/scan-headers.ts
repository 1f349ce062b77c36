/** One header section (RFC 5322 section 2.2), by offsets, with every doubt named. */
import { limits } from '../limits.ts';
import { type Problem, problem } from '../problem.ts';
import type { HeaderField } from './entity.ts';

export interface HeaderSection {
  readonly headers: HeaderField[];
  readonly headerEnd: number;
  readonly bodyStart: number;
}

const CR = 0x0d;
const LF = 0x0a;

/** Fields on which structure or identity rests: a second reading of one of them is a second message. */
const bearing: ReadonlySet<string> = new Set([
  'content-type',
  'content-transfer-encoding',
  'mime-version',
  'from',
  'sender',
]);
/** RFC 5322 section 3.6: at most once each. */
const onlyOnce: ReadonlySet<string> = new Set([
  'date',
  'from',
  'sender',
  'reply-to',
  'to',
  'cc',
  'message-id',
  'subject',
  'mime-version',
]);

/**
 * @param message whether the section heads a message (root or message/rfc822) and not a part
 * @param crlf whether the message ends its lines at CRLF, so that a bare LF is a doubt
 */
export function scanHeaders(
  input: Buffer,
  start: number,
  end: number,
  message: boolean,
  crlf: boolean,
  ambiguities: Problem[],
): HeaderSection {
  const headers: HeaderField[] = [];
  // Made for the first doubt: a message may have ten thousand parts, and few of them have any.
  let doubts: Set<string> | undefined;
  const note = (severity: Problem['severity'], code: string, text: string, clause = 'RFC 5322 section 2.2'): void => {
    doubts ??= new Set();
    if (doubts.has(code)) return;
    doubts.add(code);
    ambiguities.push(problem(severity, code, text, clause));
  };
  let at = start;
  let bodyStart = end;
  while (at < end) {
    const line = endOfLine(input, at, end);
    if (line.content === at) {
      bodyStart = line.next;
      break;
    }
    let { next } = line;
    let ended = line.content;
    while (next < end && (input[next] === 0x20 || input[next] === 0x09)) {
      const folded = endOfLine(input, next, end);
      if (isBlank(input, next, folded.content))
        note(
          'error',
          'blank-continuation',
          'A header line holds only white space: some parsers end the header there.',
          'RFC 5322 section 4.2',
        );
      next = folded.next;
      ended = folded.content;
    }
    if (next - start > limits.headerOctets || headers.length >= limits.headerFields) {
      note(
        'error',
        'header-too-large',
        `The header has more than ${limits.headerFields} fields or ${limits.headerOctets} octets; the rest was not read.`,
      );
      break;
    }
    inspectOctets(input, at, next, ended, crlf, note);
    const field = readField(input, at, next, ended, note);
    if (field !== undefined) headers.push(field);
    else if (!(message && headers.length === 0 && at === start && isMboxLine(input, at))) {
      note(
        'error',
        'malformed-header-line',
        'A header line has no field name: some parsers end the header there, some skip the line.',
      );
    } else note('warning', 'mbox-line', 'The message begins with the "From " line of a mailbox file.', 'RFC 4155');
    at = next;
  }
  if (message) ambiguities.push(...duplicateFields(headers));
  return { headers, headerEnd: Math.min(at, end), bodyStart };
}

type Note = (severity: Problem['severity'], code: string, text: string, clause?: string) => void;

function readField(input: Buffer, start: number, end: number, valueEnd: number, note: Note): HeaderField | undefined {
  // Not indexOf, which would look through the rest of the message for each line that has no colon.
  let colon = start;
  while (colon < valueEnd && input[colon] !== 0x3a) colon++;
  if (colon >= valueEnd || colon === start) return undefined;
  let nameEnd = colon;
  while (nameEnd > start && (input[nameEnd - 1] === 0x20 || input[nameEnd - 1] === 0x09)) nameEnd--;
  for (let p = start; p < nameEnd; p++) {
    const octet = input[p] as number;
    if (octet <= 0x20 || octet >= 0x7f) return undefined;
  }
  if (nameEnd === start) return undefined;
  const name = input.toString('latin1', start, nameEnd).toLowerCase();
  if (nameEnd < colon)
    note(
      bearing.has(name) || name.startsWith('content-') ? 'error' : 'warning',
      'space-before-colon',
      `White space stands between "${name.slice(0, 40)}" and its colon.`,
      'RFC 5322 section 4.5',
    );
  return { name, value: unfold(input, colon + 1, valueEnd), start, end };
}

/** Line breaks before white space go, the white space stays (RFC 5322 section 2.2.3). */
function unfold(input: Buffer, start: number, end: number): string {
  let text = '';
  for (let from = start; from < end; ) {
    const feed = input.indexOf(LF, from);
    if (feed < 0 || feed >= end) {
      text += input.toString('latin1', from, end);
      break;
    }
    text += input.toString('latin1', from, feed > from && input[feed - 1] === CR ? feed - 1 : feed);
    from = feed + 1;
  }
  return text.trim();
}

function inspectOctets(input: Buffer, start: number, end: number, valueEnd: number, crlf: boolean, note: Note): void {
  for (let p = start; p < end; p++) {
    const octet = input[p] as number;
    if (octet >= 0x20 && octet < 0x80) continue;
    if (octet === 0)
      note(
        'error',
        'nul-in-header',
        'A header holds a NUL octet: some parsers end the line there.',
        'RFC 5322 section 4',
      );
    else if (octet === CR && input[p + 1] !== LF && p + 1 < valueEnd)
      note(
        'error',
        'bare-carriage-return',
        'A header holds a carriage return that has no line feed.',
        'RFC 5322 section 2.3',
      );
    else if (octet === LF && crlf && input[p - 1] !== CR)
      note(
        'error',
        'bare-line-feed',
        'A header line ends at a line feed that has no carriage return.',
        'RFC 5322 section 2.3',
      );
  }
}

/** Fields of a message that stand more than once and must not (RFC 5322 section 3.6). */
export function duplicateFields(headers: readonly HeaderField[]): Problem[] {
  const seen = new Set<string>();
  const repeated = new Set<string>();
  for (const { name } of headers) {
    if (!onlyOnce.has(name)) continue;
    if (seen.has(name)) repeated.add(name);
    seen.add(name);
  }
  return [...repeated].map((name) =>
    problem(
      bearing.has(name) ? 'error' : 'warning',
      `duplicate-${name}`,
      `The header has more than one ${name} field.`,
      'RFC 5322 section 3.6',
    ),
  );
}

function endOfLine(input: Buffer, from: number, end: number): { content: number; next: number } {
  const feed = input.indexOf(LF, from);
  if (feed < 0 || feed >= end) return { content: end, next: end };
  return { content: feed > from && input[feed - 1] === CR ? feed - 1 : feed, next: feed + 1 };
}

function isBlank(input: Buffer, from: number, to: number): boolean {
  for (let p = from; p < to; p++) if (input[p] !== 0x20 && input[p] !== 0x09) return false;
  return true;
}

const isMboxLine = (input: Buffer, at: number): boolean => input.toString('latin1', at, at + 5) === 'From ';
