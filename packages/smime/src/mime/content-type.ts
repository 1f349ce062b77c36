/** Content-Type values (RFC 2045 section 5.1), read leniently and with every doubt named: parsers disagree about each. */
import { limits } from '../limits.ts';
import { type Problem, problem } from '../problem.ts';
import type { ContentType } from './entity.ts';
import { ExtendedParameters, extendedParameter, readSectionName } from './extended-parameters.ts';

/**
 * A boundary, protocol or charset that two parsers read differently makes two messages out of one. Written after RFC 2231 they
 * are named as doubts and not taken: whoever joined them would guess.
 */
const structural: ReadonlySet<string> = new Set([
  'boundary',
  'protocol',
  'micalg',
  'smime-type',
  'charset',
  'type',
  'start',
  'hp',
  'name',
]);

/** @param value the unfolded field value */
export function parseContentType(value: string, problems: Problem[]): ContentType {
  const cursor = { text: value, at: 0, comments: false };
  skipSpace(cursor);
  const type = takeUntil(cursor, '/; \t(').toLowerCase();
  let subtype = '';
  if (value[cursor.at] === '/') {
    cursor.at++;
    subtype = takeUntil(cursor, '; \t(').toLowerCase();
  }
  skipSpace(cursor);
  const multipart = type === 'multipart';
  const doubt = (code: string, message: string, clause = 'RFC 2045 section 5.1'): void => {
    problems.push(problem('error', code, message, clause));
  };
  if (!isToken(type) || !isToken(subtype))
    doubt('malformed-content-type', 'The Content-Type is not of the form type/subtype.');
  else if (cursor.at < value.length && value[cursor.at] !== ';')
    doubt('malformed-content-type', 'Something stands between the media type and its parameters.');
  const parameters = new Map<string, string>();
  const extended = new ExtendedParameters();
  for (let read = 0; cursor.at < value.length; read++) {
    takeUntil(cursor, ';');
    cursor.at++;
    skipSpace(cursor);
    if (cursor.at >= value.length) break;
    if (read >= limits.contentTypeParameters) {
      doubt(
        'too-many-parameters',
        `The Content-Type has more than ${limits.contentTypeParameters} parameters; the rest was not read.`,
      );
      break;
    }
    readParameter(cursor, parameters, extended, multipart, problems, doubt);
  }
  // Who writes both forms means the extended one, and the other for programs that do not know it.
  for (const [name, value] of extended.joined(problems)) parameters.set(name, value);
  if (cursor.comments && multipart)
    doubt(
      'comment-in-content-type',
      'A comment stands in the Content-Type of a multipart; some parsers do not know comments.',
    );
  return { type: `${type}/${subtype}`, parameters };
}

/**
 * A Content-Type field with one more parameter, or with another value of one that it has.
 * @param raw the whole field, one character per octet, ended by CRLF; @param value of letters, digits and hyphens
 */
export function withParameter(raw: string, name: string, value: string): string {
  const { type, parameters } = parametersOf(raw);
  if (!parameters.has(name)) return `${raw.replace(/[;\s]*$/, '')};\r\n ${name}="${value}"\r\n`;
  return written(raw, type, new Map([...parameters, [name, value]]));
}

/** A Content-Type field without some of its parameters; as it is where it has none of them. */
export function withoutParameters(raw: string, names: readonly string[]): string {
  const { type, parameters } = parametersOf(raw);
  if (!names.some((name) => parameters.has(name))) return raw;
  return written(raw, type, new Map([...parameters].filter(([name]) => !names.includes(name))));
}

function parametersOf(raw: string): ContentType {
  const text = raw.slice(raw.indexOf(':') + 1).replace(/\r?\n/g, '');
  return parseContentType(text.trim(), []);
}

function written(raw: string, type: string, parameters: ReadonlyMap<string, string>): string {
  const all = [...parameters].map(([key, one]) =>
    /^[\t\x20-\x7e]*$/.test(one) ? `${key}="${one.replace(/["\\]/g, '\\$&')}"` : extendedParameter(key, one),
  );
  return `${raw.slice(0, raw.indexOf(':'))}: ${[type, ...all].join(';\r\n ')}\r\n`;
}

interface Cursor {
  readonly text: string;
  at: number;
  comments: boolean;
}

function readParameter(
  cursor: Cursor,
  parameters: Map<string, string>,
  extended: ExtendedParameters,
  multipart: boolean,
  problems: Problem[],
  doubt: (code: string, message: string, clause?: string) => void,
): void {
  const { text } = cursor;
  const rawName = takeUntil(cursor, '=; \t(').toLowerCase();
  skipSpace(cursor);
  if (text[cursor.at] !== '=') {
    if (rawName !== '') problems.push(malformedParameter(rawName));
    return;
  }
  cursor.at++;
  skipSpace(cursor);
  let value: string;
  let quoted = false;
  let escaped = false;
  if (text[cursor.at] === '"') {
    quoted = true;
    const read = takeQuoted(cursor);
    value = read.value;
    escaped = read.escaped;
    if (!read.closed)
      doubt('unterminated-quote', 'A quoted string in the Content-Type never ends.', 'RFC 5322 section 3.2.4');
  } else value = takeUntil(cursor, '; \t(');
  if (rawName.includes('*')) {
    readSection(rawName, value, extended, problems, doubt);
    return;
  }
  const name = rawName;
  if (!parameters.has(name)) parameters.set(name, value);
  else if (structural.has(name))
    doubt('duplicate-parameter', `The parameter "${printable(name)}" stands twice in the Content-Type.`);
  if (name !== 'boundary' || !multipart) return;
  if (escaped)
    doubt(
      'escaped-boundary',
      'The boundary holds a backslash, which some parsers remove and some keep.',
      'RFC 2045 section 5.1',
    );
  if (value === '' || value.endsWith(' ') || hasOddOctet(value))
    doubt(
      'malformed-boundary',
      'The boundary is empty, ends in a space, or holds characters that no boundary may have.',
      'RFC 2046 section 5.1.1',
    );
  // The space is allowed, but where a line was folded one parser sees a space, the next a line break, and a third nothing.
  if (value.includes(' '))
    doubt('space-in-boundary', 'The boundary holds a space, which some parsers lose.', 'RFC 2046 section 5.1.1');
  if (value.includes('=?')) doubt('encoded-boundary', 'The boundary looks like an encoded word.', 'RFC 2047 section 5');
  if (value.length > 70)
    problems.push(
      problem('warning', 'long-boundary', 'The boundary is longer than 70 characters.', 'RFC 2046 section 5.1.1'),
    );
  if (!quoted && !isToken(value))
    problems.push(
      problem('warning', 'unquoted-boundary', 'The boundary needs quotes and has none.', 'RFC 2045 section 5.1'),
    );
}

function readSection(
  rawName: string,
  value: string,
  extended: ExtendedParameters,
  problems: Problem[],
  doubt: (code: string, message: string, clause?: string) => void,
): void {
  const section = readSectionName(rawName);
  const name = section?.name ?? rawName.slice(0, rawName.indexOf('*'));
  if (structural.has(name) && name !== 'name')
    doubt(
      'extended-parameter',
      `The parameter "${printable(name)}" is written in the form of RFC 2231, which some parsers do not read.`,
      'RFC 2231',
    );
  else if (section) extended.add(section, value, problems);
  else problems.push(malformedParameter(rawName));
}

const malformedParameter = (name: string): Problem =>
  problem(
    'warning',
    'malformed-parameter',
    `The Content-Type has "${printable(name)}" where a parameter should be.`,
    'RFC 2045 section 5.1',
  );

function skipSpace(cursor: Cursor): void {
  const { text } = cursor;
  for (;;) {
    const c = text[cursor.at];
    if (c === ' ' || c === '\t' || c === '\r' || c === '\n') cursor.at++;
    else if (c === '(') {
      cursor.comments = true;
      let depth = 0;
      for (; cursor.at < text.length; cursor.at++) {
        const d = text[cursor.at];
        if (d === '\\') cursor.at++;
        else if (d === '(') depth++;
        else if (d === ')' && --depth === 0) break;
      }
      cursor.at++;
    } else return;
  }
}

function takeUntil(cursor: Cursor, stops: string): string {
  const start = cursor.at;
  while (cursor.at < cursor.text.length && !stops.includes(cursor.text[cursor.at] as string)) cursor.at++;
  return cursor.text.slice(start, cursor.at);
}

function takeQuoted(cursor: Cursor): { value: string; closed: boolean; escaped: boolean } {
  const { text } = cursor;
  let value = '';
  let escaped = false;
  for (cursor.at++; cursor.at < text.length; cursor.at++) {
    const c = text[cursor.at] as string;
    if (c === '"') {
      cursor.at++;
      return { value, closed: true, escaped };
    }
    if (c === '\\') {
      escaped = true;
      cursor.at++;
      value += text[cursor.at] ?? '';
    } else value += c;
  }
  return { value, closed: false, escaped };
}

function isToken(text: string): boolean {
  if (text === '') return false;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c <= 0x20 || c >= 0x7f || '()<>@,;:\\"/[]?='.includes(text[i] as string)) return false;
  }
  return true;
}

function hasOddOctet(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c < 0x20 || c >= 0x7f || c === 0x22 || c === 0x5c) return true;
  }
  return false;
}

const printable = (text: string): string => text.slice(0, 40);
