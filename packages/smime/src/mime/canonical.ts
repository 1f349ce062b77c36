/**
 * The bytes that are signed: lines end at CRLF, and nothing is left that a relay would change on the way
 * (RFC 8551 section 3.1): no 8-bit octets, no line over 998, no white space at a line's end, no line that begins `From `.
 */
import { asBuffer } from '../asn1/der.ts';
import { SmimeError } from '../errors.ts';
import type { Problem } from '../problem.ts';
import type { HeaderField, MimeEntity } from './entity.ts';
import { LineCheck } from './line-check.ts';
import { scanMessage } from './scan.ts';
import { scanHeaders } from './scan-headers.ts';
import { decodeBase64, decodeQuotedPrintable, encodeBase64Lines, encodeQuotedPrintable } from './transfer-encoding.ts';

const CR = 0x0d;
const LF = 0x0a;
const SPACE = 0x20;
const crlf = Buffer.from('\r\n', 'latin1');

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

/**
 * A header field whose lines end at CRLF, the last one too. A CR that stands alone, and a NUL, become a space: the field was read as one, and
 * must not become two, of which the second is whatever a stranger wrote behind that octet.
 */
export function fieldLines(octets: Uint8Array): Buffer {
  const field = Buffer.from(octets);
  for (let at = 0; at < field.length; at++)
    if (field[at] === 0 || (field[at] === CR && field[at + 1] !== LF)) field[at] = SPACE;
  const lines = toCrlf(field);
  return lines[lines.length - 1] === LF ? lines : Buffer.concat([lines, crlf]);
}

/** A message taken apart for protection: what stays outside, and the entity that is signed or encrypted. */
export interface SplitMessage {
  /** The header fields that stay outside, each ended by CRLF; Content-* and MIME-Version are not among them. */
  readonly outerHeaders: Buffer;
  /** The inner entity in canonical form, its Content-* fields first. */
  readonly entity: Buffer;
}

/** @param message a whole RFC 5322 message. Throws `limit-exceeded` where it has more structure than is read. */
export function splitMessage(message: Uint8Array): SplitMessage {
  const input = asBuffer(message);
  const { outerHeaders, pieces } = canonicalPieces(scanMessage(input), {
    fieldOctets: (field) => input.subarray(field.start, field.end),
    linesOf: ({ bodyStart, end }) => {
      const check = new LineCheck();
      check.push(input.subarray(bodyStart, end));
      check.end();
      return check;
    },
  });
  return { outerHeaders, entity: writePieces(pieces, input) };
}

/** @param input the message that the pieces are of */
export const writePieces = (pieces: readonly Piece[], input: Buffer): Buffer =>
  Buffer.concat(pieces.map((piece) => write(piece, input)));

/** What must be known of a message beside its structure to say what its canonical form is. */
export interface Layout {
  /** The field of an entity as it stands in the message. */
  fieldOctets(field: HeaderField, entity: MimeEntity): Buffer;
  /** What `LineCheck` finds in the entity's body. */
  linesOf(entity: MimeEntity): { readonly bare: boolean; readonly unsafe: boolean };
}

/** A part of a canonical form: octets, or a range of the message and what becomes of it. */
export type Piece = Buffer | BodyPiece;

export interface BodyPiece {
  readonly from: number;
  readonly to: number;
  readonly decode?: 'base64' | 'quoted-printable';
  /** What is replaced in it, once decoded. */
  readonly splices?: readonly Splice[];
  /** Lines are made to end at CRLF, once decoded and before they are encoded. */
  readonly crlf?: true;
  readonly encode?: 'base64' | 'quoted-printable';
}

/** Octets in place of others. Of several, each begins where the one before ends, or later. */
export interface Splice {
  readonly from: number;
  readonly to: number;
  readonly put: Buffer;
}

/** The canonical form as pieces, whose ranges follow one another in the message. */
export function canonicalPieces(
  root: MimeEntity,
  layout: Layout,
): { readonly outerHeaders: Buffer; readonly pieces: Piece[] } {
  const outer = root.headers.filter((field) => !belongsInside(field));
  return { outerHeaders: fieldsOf(layout, root, outer), pieces: piecesOf(root, layout, belongsInside) };
}

function write(piece: Piece, input: Buffer): Buffer {
  if (Buffer.isBuffer(piece)) return piece;
  let octets = input.subarray(piece.from, piece.to);
  if (piece.decode === 'base64') octets = decodeBase64(octets);
  else if (piece.decode === 'quoted-printable') octets = decodeQuotedPrintable(octets);
  if (piece.splices) octets = spliced(octets, piece.splices);
  if (piece.crlf) octets = toCrlf(octets);
  if (piece.encode === 'base64') return encodeBase64Lines(octets);
  return piece.encode === 'quoted-printable' ? encodeQuotedPrintable(octets) : octets;
}

function spliced(octets: Buffer, splices: readonly Splice[]): Buffer {
  const chunks: Buffer[] = [];
  let at = 0;
  for (const { from, to, put } of splices) {
    chunks.push(octets.subarray(at, from), put);
    at = to;
  }
  return Buffer.concat([...chunks, octets.subarray(at)]);
}

/**
 * The message with another entity in place of its own: its outer fields, then the entity's Content-* fields and its body as they
 * are. Other fields within the entity are left out, lest a hidden From stand beside the one that was delivered. Throws
 * `limit-exceeded` for an entity whose header is too large to look through.
 */
export function withEntity(message: Uint8Array, root: MimeEntity, entity: Uint8Array): Buffer {
  const input = asBuffer(message);
  const outer = outerHeader(root, (field) => input.subarray(field.start, field.end));
  return Buffer.concat([outer, ...withoutOwnFields(asBuffer(entity))]);
}

/** What stands outside of another entity that takes the place of a message's own. @param more fields that come after the message's, ended by CRLF */
export function outerHeader(
  root: MimeEntity,
  fieldOctets: Layout['fieldOctets'],
  more: Buffer = Buffer.alloc(0),
): Buffer {
  const fields = root.headers.filter((field) => !belongsInside(field));
  return Buffer.concat([fieldsOf({ fieldOctets }, root, fields), more, mimeVersion]);
}

const mimeVersion = Buffer.from('MIME-Version: 1.0\r\n', 'latin1');

/** An entity, as it goes after an outer header. @param inner all of it, or what comes up to the empty line after its header */
export function withoutOwnFields(inner: Buffer): Buffer[] {
  const doubts: Problem[] = [];
  const { headers, headerEnd } = scanHeaders(inner, 0, inner.length, false, false, doubts);
  // Old software encrypted bare text without a header: all of it is body.
  const bare = headers.length === 0 && doubts.some(({ code }) => code === 'malformed-header-line');
  if (bare) return [crlf, inner];
  const unread = doubts.find(({ code }) => code === 'header-too-large');
  if (unread) throw new SmimeError('limit-exceeded', unread.message);
  const fields = headers
    .filter((field) => field.name.startsWith('content-'))
    .map((field) => inner.subarray(field.start, field.end));
  return [...fields, inner.subarray(headerEnd)];
}

const belongsInside = (field: HeaderField): boolean =>
  field.name.startsWith('content-') || field.name === 'mime-version';
const everyField = (): boolean => true;

/** An entity in canonical form. Its transfer encoding changes where the body is not safe to travel as it is. */
function piecesOf(entity: MimeEntity, layout: Layout, keep: (field: HeaderField) => boolean): Piece[] {
  const fields = entity.headers.filter((field) => keep(field) && field.name !== 'mime-version');
  const { type } = entity.contentType;
  const body = { from: entity.bodyStart, to: entity.end };
  const lines = layout.linesOf(entity);
  refuseUnread(entity, 'header-too-large');
  if (!lines.bare && !lines.unsafe) return [fieldsOf(layout, entity, fields), crlf, body];
  // A signature that somebody else made covers its bytes as they are.
  if (type === 'multipart/signed' || type === 'multipart/encrypted')
    return [fieldsOf(layout, entity, fields), crlf, { ...body, crlf: true }];
  refuseUnread(entity, 'too-many-parts');
  if (entity.parts.length > 0) {
    const plainFields = withoutEncoding(fields);
    const encoding =
      plainFields.length === fields.length ? [] : [Buffer.from('Content-Transfer-Encoding: 7bit\r\n', 'latin1')];
    const inner = type.startsWith('multipart/')
      ? rejoin(entity, layout)
      : piecesOf(entity.parts[0] as MimeEntity, layout, everyField);
    return [fieldsOf(layout, entity, plainFields), ...encoding, crlf, ...inner];
  }
  return recode(entity, layout, fields, lines.unsafe);
}

/** What was not read must not get lost. */
function refuseUnread({ ambiguities }: MimeEntity, code: string): void {
  const doubt = ambiguities.find((one) => one.code === code);
  if (doubt) throw new SmimeError('limit-exceeded', doubt.message);
}

/** A multipart from its parts; preamble and epilogue, which nobody reads, are left out where they are not safe. */
function rejoin(entity: MimeEntity, layout: Layout): Piece[] {
  const boundary = entity.contentType.parameters.get('boundary') ?? '';
  const pieces: Piece[] = [];
  for (const part of entity.parts) {
    pieces.push(
      Buffer.from(`${pieces.length === 0 ? '' : '\r\n'}--${boundary}\r\n`, 'latin1'),
      ...piecesOf(part, layout, everyField),
    );
  }
  pieces.push(Buffer.from(`\r\n--${boundary}--\r\n`, 'latin1'));
  return pieces;
}

function recode(entity: MimeEntity, layout: Layout, fields: HeaderField[], unsafe: boolean): Piece[] {
  const { transferEncoding: encoding, contentType } = entity;
  const body = { from: entity.bodyStart, to: entity.end };
  const structured = contentType.type.startsWith('multipart/') || contentType.type === 'message/rfc822';
  // What claims structure that could not be read stays as it is, but for its line ends.
  if (structured) return [fieldsOf(layout, entity, fields), crlf, { ...body, crlf: true }];
  const decode: Pick<BodyPiece, 'decode'> =
    encoding === 'base64' || encoding === 'quoted-printable' ? { decode: encoding } : {};
  const header = fieldsOf(layout, entity, withoutEncoding(fields));
  if (!isText(entity))
    return [
      header,
      Buffer.from('Content-Transfer-Encoding: base64\r\n\r\n', 'latin1'),
      { ...body, ...decode, encode: 'base64' },
    ];
  if (encoding !== 'quoted-printable' && !unsafe)
    return [fieldsOf(layout, entity, fields), crlf, { ...body, crlf: true }];
  return [
    header,
    Buffer.from('Content-Transfer-Encoding: quoted-printable\r\n\r\n', 'latin1'),
    { ...body, ...decode, crlf: true, encode: 'quoted-printable' },
  ];
}

/** Lines of text, whose ends may be rewritten. UTF-16 and UTF-32 have CR and LF octets that end no line: they travel as binary. */
function isText({ transferEncoding, contentType }: MimeEntity): boolean {
  const charset = contentType.parameters.get('charset')?.toLowerCase() ?? '';
  return (
    contentType.type.startsWith('text/') &&
    transferEncoding !== 'base64' &&
    transferEncoding !== 'binary' &&
    !charset.startsWith('utf-16') &&
    !charset.startsWith('utf-32')
  );
}

const withoutEncoding = (fields: readonly HeaderField[]): HeaderField[] =>
  fields.filter((field) => field.name !== 'content-transfer-encoding');

/** The fields as they stand in the message, with CRLF. */
function fieldsOf(layout: Pick<Layout, 'fieldOctets'>, entity: MimeEntity, fields: readonly HeaderField[]): Buffer {
  return Buffer.concat(fields.map((field) => fieldLines(layout.fieldOctets(field, entity))));
}
