/**
 * The bytes that are signed: lines end at CRLF, and nothing is left that a relay would change on the way
 * (RFC 8551 section 3.1): no 8-bit octets, no line over 998, no white space at a line's end, no line that begins `From `.
 */
import { isAscii } from 'node:buffer';
import { asBuffer } from '../asn1/der.ts';
import type { Problem } from '../problem.ts';
import type { HeaderField, MimeEntity } from './entity.ts';
import { scanMessage } from './scan.ts';
import { scanHeaders } from './scan-headers.ts';
import { decodeBase64, decodeQuotedPrintable, encodeBase64Lines, encodeQuotedPrintable } from './transfer-encoding.ts';

const CR = 0x0d;
const LF = 0x0a;
const crlf = Buffer.from('\r\n', 'latin1');
/** RFC 5322 section 2.1.1. */
const longestLine = 998;

/** Lone CR and lone LF become CRLF; the input itself where there are none. */
export function toCrlf(bytes: Uint8Array): Buffer {
  const input = asBuffer(bytes);
  let bare = 0;
  for (let at = input.indexOf(LF); at >= 0; at = input.indexOf(LF, at + 1)) if (input[at - 1] !== CR) bare++;
  for (let at = input.indexOf(CR); at >= 0; at = input.indexOf(CR, at + 1)) if (input[at + 1] !== LF) bare++;
  if (bare === 0) return input;
  const out = Buffer.allocUnsafe(input.length + bare);
  let to = 0;
  for (let p = 0; p < input.length; p++) {
    const octet = input[p] as number;
    if (octet === CR || (octet === LF && input[p - 1] !== CR)) {
      out[to++] = CR;
      out[to++] = LF;
    } else if (octet !== LF) out[to++] = octet;
  }
  return out;
}

/** A message taken apart for protection: what stays outside, and the entity that is signed or encrypted. */
export interface SplitMessage {
  /** The header fields that stay outside, each ended by CRLF; Content-* and MIME-Version are not among them. */
  readonly outerHeaders: Buffer;
  /** The inner entity in canonical form, its Content-* fields first. */
  readonly entity: Buffer;
}

/** @param message a whole RFC 5322 message */
export function splitMessage(message: Uint8Array): SplitMessage {
  const input = asBuffer(message);
  const root = scanMessage(input);
  const outer = root.headers.filter((field) => !belongsInside(field));
  return { outerHeaders: fieldsOf(input, outer), entity: Buffer.concat(canonicalEntity(input, root, belongsInside)) };
}

/**
 * The message with another entity in place of its own: its outer fields, then the entity's Content-* fields and its body as they
 * are. Other fields within the entity are left out, lest a hidden From stand beside the one that was delivered.
 */
export function withEntity(message: Uint8Array, root: MimeEntity, entity: Uint8Array): Buffer {
  const input = asBuffer(message);
  const inner = asBuffer(entity);
  const outerFields = root.headers.filter((field) => !belongsInside(field));
  const doubts: Problem[] = [];
  const { headers, headerEnd } = scanHeaders(inner, 0, inner.length, false, false, doubts);
  const outer = [fieldsOf(input, outerFields), Buffer.from('MIME-Version: 1.0\r\n', 'latin1')];
  // Old software encrypted bare text without a header: all of it is body.
  const bare = headers.length === 0 && doubts.some(({ code }) => code === 'malformed-header-line');
  if (bare) return Buffer.concat([...outer, crlf, inner]);
  const innerFields = headers
    .filter((field) => field.name.startsWith('content-'))
    .map((field) => inner.subarray(field.start, field.end));
  return Buffer.concat([...outer, ...innerFields, inner.subarray(headerEnd)]);
}

const belongsInside = (field: HeaderField): boolean =>
  field.name.startsWith('content-') || field.name === 'mime-version';
const everyField = (): boolean => true;

/** An entity in canonical form, as chunks. Its transfer encoding changes where the body is not safe to travel as it is. */
function canonicalEntity(input: Buffer, entity: MimeEntity, keep: (field: HeaderField) => boolean): Buffer[] {
  const fields = entity.headers.filter((field) => keep(field) && field.name !== 'mime-version');
  const { type } = entity.contentType;
  const body = input.subarray(entity.bodyStart, entity.end);
  if (isSafe(body)) return [fieldsOf(input, fields), crlf, body];
  // A signature that somebody else made covers its bytes as they are.
  if (type === 'multipart/signed' || type === 'multipart/encrypted')
    return [fieldsOf(input, fields), crlf, toCrlf(body)];
  if (entity.parts.length > 0) {
    const plainFields = withoutEncoding(fields);
    const encoding =
      plainFields.length === fields.length ? [] : [Buffer.from('Content-Transfer-Encoding: 7bit\r\n', 'latin1')];
    const inner = type.startsWith('multipart/')
      ? rejoin(input, entity)
      : canonicalEntity(input, entity.parts[0] as MimeEntity, everyField);
    return [fieldsOf(input, plainFields), ...encoding, crlf, ...inner];
  }
  return recode(input, entity, fields, body);
}

/** A multipart from its parts; preamble and epilogue, which nobody reads, are left out where they are not safe. */
function rejoin(input: Buffer, entity: MimeEntity): Buffer[] {
  const boundary = entity.contentType.parameters.get('boundary') ?? '';
  const chunks: Buffer[] = [];
  for (const part of entity.parts) {
    chunks.push(
      Buffer.from(`${chunks.length === 0 ? '' : '\r\n'}--${boundary}\r\n`, 'latin1'),
      ...canonicalEntity(input, part, everyField),
    );
  }
  chunks.push(Buffer.from(`\r\n--${boundary}--\r\n`, 'latin1'));
  return chunks;
}

function recode(input: Buffer, entity: MimeEntity, fields: HeaderField[], body: Buffer): Buffer[] {
  const { transferEncoding: encoding, contentType } = entity;
  const text = contentType.type.startsWith('text/');
  let decoded = body;
  if (encoding === 'base64') decoded = decodeBase64(body);
  else if (encoding === 'quoted-printable') decoded = decodeQuotedPrintable(body);
  // UTF-16 and UTF-32 text has CR and LF octets that end no line: it travels as binary.
  const charset = contentType.parameters.get('charset')?.toLowerCase() ?? '';
  const lines =
    text &&
    encoding !== 'base64' &&
    encoding !== 'binary' &&
    !charset.startsWith('utf-16') &&
    !charset.startsWith('utf-32');
  const structured = contentType.type.startsWith('multipart/') || contentType.type === 'message/rfc822';
  const header = fieldsOf(input, withoutEncoding(fields));
  // What claims structure that could not be read stays as it is, but for its line ends.
  if (structured) return [fieldsOf(input, fields), crlf, toCrlf(body)];
  if (lines) {
    const canonical = toCrlf(decoded);
    if (encoding !== 'quoted-printable' && isSafe(canonical)) return [fieldsOf(input, fields), crlf, canonical];
    return [
      header,
      Buffer.from('Content-Transfer-Encoding: quoted-printable\r\n\r\n', 'latin1'),
      encodeQuotedPrintable(canonical),
    ];
  }
  return [header, Buffer.from('Content-Transfer-Encoding: base64\r\n\r\n', 'latin1'), encodeBase64Lines(decoded)];
}

const withoutEncoding = (fields: readonly HeaderField[]): HeaderField[] =>
  fields.filter((field) => field.name !== 'content-transfer-encoding');

/** The fields as they stand in the message, with CRLF. */
function fieldsOf(input: Buffer, fields: readonly HeaderField[]): Buffer {
  const raw = toCrlf(Buffer.concat(fields.map((field) => input.subarray(field.start, field.end))));
  return raw.length > 0 && raw[raw.length - 1] !== LF ? Buffer.concat([raw, crlf]) : raw;
}

/** True for bytes that every relay leaves as they are. */
function isSafe(body: Buffer): boolean {
  if (!isAscii(body) || body.includes(0)) return false;
  for (let at = body.indexOf(CR); at >= 0; at = body.indexOf(CR, at + 1)) if (body[at + 1] !== LF) return false;
  for (let start = 0; start < body.length; ) {
    const feed = body.indexOf(LF, start);
    const end = feed < 0 ? body.length : feed - 1;
    if (feed === start || (feed > 0 && body[feed - 1] !== CR)) return false;
    if (end - start > longestLine) return false;
    const last = body[end - 1];
    if (end > start && (last === 0x20 || last === 0x09)) return false;
    if (body[start] === 0x46 && body.toString('latin1', start, start + 5) === 'From ') return false;
    if (feed < 0) break;
    start = feed + 1;
  }
  return true;
}
