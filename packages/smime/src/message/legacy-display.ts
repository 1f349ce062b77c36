/**
 * Legacy Display Elements: hidden fields repeated in the text, for programs that know nothing of them, put in (RFC 9788 section
 * 5.2.2 to 5.2.4) and taken out (section 4.5.3).
 */
import { asBuffer } from '../asn1/der.ts';
import { SmimeError } from '../errors.ts';
import { type Layout, type Piece, type Splice, toCrlf, writePieces } from '../mime/canonical.ts';
import { withoutParameters, withParameter } from '../mime/content-type.ts';
import { decodeBody, headerValue, type MimeEntity } from '../mime/entity.ts';
import { decodeHeaderText } from '../mime/header-text.ts';
import { scanMessage } from '../mime/scan.ts';

/** A field to show; `value` raw, one character per octet. */
export interface ShownField {
  readonly name: string;
  readonly value: string;
}

/** What must be known of a message beside its structure. */
export interface DisplayLayout extends Pick<Layout, 'fieldOctets'> {
  /** The last octet of a part's header; undefined where it has none. */
  headerEnd(part: MimeEntity): number | undefined;
  /** The text of a part, decoded; not `whole` where only its beginning is at hand. */
  textOf(part: MimeEntity): { readonly octets: Buffer; readonly whole: boolean };
}

const atHand = (message: Buffer): DisplayLayout => ({
  fieldOctets: ({ start, end }) => message.subarray(start, end),
  headerEnd: ({ start, headerEnd }) => (headerEnd > start ? message[headerEnd - 1] : undefined),
  textOf: (part) => ({ octets: Buffer.from(decodeBody(message, part)), whole: true }),
});

/** @param root of the message */
export function addLegacyDisplay(message: Buffer, root: MimeEntity, fields: readonly ShownField[]): Buffer {
  return writePieces(piecesWithDisplay(root, atHand(message), fields), message);
}

/** The message with the fields in its text, as pieces. Throws `limit-exceeded` where too little of a text is at hand. */
export function piecesWithDisplay(root: MimeEntity, layout: DisplayLayout, fields: readonly ShownField[]): Piece[] {
  const pieces: Piece[] = [];
  let from = 0;
  for (const part of mainBodyParts(root)) {
    const charset = charsetOf(part);
    if (isWide(charset)) continue;
    const lines = fields.map(
      ({ name, value }) => `${name}: ${charset === 'utf-8' ? decodeHeaderText(value) : ascii(value)}`,
    );
    const type = typeField(part);
    const raw = type
      ? toCrlf(layout.fieldOctets(type, part)).toString('latin1')
      : 'Content-Type: text/plain; charset=us-ascii\r\n';
    const isHtml = part.contentType.type === 'text/html';
    pieces.push(
      { from, to: type?.start ?? part.start },
      Buffer.from(withParameter(raw, 'hp-legacy-display', '1'), 'latin1'),
      { from: type?.end ?? part.start, to: part.headerEnd },
      Buffer.from((layout.headerEnd(part) ?? LF) === LF ? '\r\n' : '\r\n\r\n'),
      bodyPiece(part, [isHtml ? intoHtml(layout.textOf(part), lines) : intoText(lines)]),
    );
    from = part.end;
  }
  return [...pieces, { from, to: root.end }];
}

/** RFC 9788 section 5.2.4: first children all the way down, every child of an alternative, and never an attachment. */
function mainBodyParts(entity: MimeEntity): MimeEntity[] {
  if (headerValue(entity, 'content-disposition')?.toLowerCase().startsWith('attachment')) return [];
  const { type } = entity.contentType;
  if (type === 'text/plain' || type === 'text/html') return [entity];
  if (type === 'multipart/alternative') return entity.parts.flatMap(mainBodyParts);
  if (type === 'multipart/mixed' || type === 'multipart/related')
    return entity.parts.slice(0, 1).flatMap(mainBodyParts);
  return [];
}

const LF = 0x0a;
const typeField = (part: MimeEntity) => part.headers.find(({ name }) => name === 'content-type');

/** The body, encoded as it was. */
function bodyPiece({ bodyStart: from, end: to, transferEncoding }: MimeEntity, splices: readonly Splice[]): Piece {
  if (transferEncoding === 'base64') return { from, to, decode: 'base64', splices, encode: 'base64' };
  return transferEncoding === 'quoted-printable'
    ? { from, to, decode: 'quoted-printable', splices, crlf: true, encode: 'quoted-printable' }
    : { from, to, splices };
}

const intoText = (lines: readonly string[]): Splice => ({
  from: 0,
  to: 0,
  put: Buffer.from(`${lines.join('\r\n')}\r\n\r\n`),
});

/** As the first thing in the body, or in the text where it names no body. */
function intoHtml(html: ReturnType<DisplayLayout['textOf']>, lines: readonly string[]): Splice {
  const escaped = lines.join('\r\n').replace(/[&<>]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[c] ?? c);
  const element = `<div class="header-protection-legacy-display">\r\n<pre>${escaped}</pre></div>\r\n`;
  const tag = /<body(\s[^>]*)?>(\r?\n)?/i.exec(html.octets.toString('latin1'));
  const at = tag ? tag.index + tag[0].length : 0;
  // Its line end may be cut off.
  if (!html.whole && (!tag || at > html.octets.length - 2)) throw textTooLarge();
  return { from: at, to: at, put: Buffer.from(element) };
}

/** Encoded words are ASCII already; what is not cannot be written in a character set that is not known to hold it. */
const ascii = (value: string): string => value.replace(/[^\t -~]/g, '?');

/**
 * An entity without its Legacy Display Elements (RFC 9788 section 4.5.3), as a program shows or quotes it that knows of header protection.
 * @param entity header and body, such as the `content` that `verifyMessage` reports
 */
export function withoutLegacyDisplay(entity: Uint8Array): Uint8Array {
  return removeLegacyDisplay(asBuffer(entity), scanMessage(entity));
}

/**
 * The entity without them, for what is no longer signed. A part that is marked and has none keeps its text.
 * @param root of the octets; offsets are into them
 */
export function removeLegacyDisplay(entity: Buffer, root: MimeEntity): Buffer {
  return writePieces(piecesWithoutDisplay(root, atHand(entity)), entity);
}

/** The same as pieces. Throws `limit-exceeded` where too little of a text is at hand. */
export function piecesWithoutDisplay(root: MimeEntity, layout: DisplayLayout): Piece[] {
  const pieces: Piece[] = [];
  let from = 0;
  for (const part of markedParts(root)) {
    const splices = (part.contentType.type === 'text/html' ? outOfHtml : outOfText)(layout.textOf(part));
    const type = typeField(part);
    if (splices.length === 0 || type === undefined) continue;
    const raw = toCrlf(layout.fieldOctets(type, part)).toString('latin1');
    pieces.push(
      { from, to: type.start },
      Buffer.from(withoutParameters(raw, ['hp-legacy-display']), 'latin1'),
      { from: type.end, to: part.bodyStart },
      bodyPiece(part, splices),
    );
    from = part.end;
  }
  return [...pieces, { from, to: root.end }];
}

/** RFC 9788 section 4.5.3.1. What is signed or encrypted for itself, or a message of its own, is left alone. */
function markedParts(entity: MimeEntity): MimeEntity[] {
  const { type, parameters } = entity.contentType;
  if (type === 'text/plain' || type === 'text/html')
    return parameters.get('hp-legacy-display') === '1' && !isWide(charsetOf(entity)) ? [entity] : [];
  const closed = !type.startsWith('multipart/') || type === 'multipart/signed' || type === 'multipart/encrypted';
  return closed ? [] : entity.parts.flatMap(markedParts);
}

/** RFC 9788 section 4.5.3.2: up to and with the first empty line. */
function outOfText({ octets, whole }: ReturnType<DisplayLayout['textOf']>): Splice[] {
  const empty = /(^|\n)\r?\n/.exec(octets.toString('latin1'));
  if (empty) return [{ from: 0, to: empty.index + empty[0].length, put: nothing }];
  if (!whole) throw textTooLarge();
  return [];
}

/** RFC 9788 section 4.5.3.3: every such element whole, with what is nested in it. One that does not end is left in. */
function outOfHtml({ octets, whole }: ReturnType<DisplayLayout['textOf']>): Splice[] {
  if (!whole) throw textTooLarge();
  const splices: Splice[] = [];
  let start = -1;
  let depth = 0;
  for (const tag of octets.toString('latin1').matchAll(/<(\/?)div(?=[\s>/])[^<>]*>(\r?\n)?/gi)) {
    if (start < 0) {
      if (tag[1] === '' && isLegacyDisplay(tag[0])) [start, depth] = [tag.index, 1];
      continue;
    }
    depth += tag[1] === '' ? 1 : -1;
    if (depth > 0) continue;
    splices.push({ from: start, to: tag.index + tag[0].length, put: nothing });
    start = -1;
  }
  return splices;
}

const nothing = Buffer.alloc(0);

const textTooLarge = (): SmimeError =>
  new SmimeError('limit-exceeded', 'a text is too large to look for a Legacy Display Element in it');

function isLegacyDisplay(tag: string): boolean {
  const [, double, single, bare] = /\sclass\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>"']+))/i.exec(tag) ?? [];
  return (double ?? single ?? bare ?? '').split(/\s+/).includes('header-protection-legacy-display');
}

const charsetOf = (part: MimeEntity): string => part.contentType.parameters.get('charset')?.toLowerCase() ?? 'us-ascii';
/** Lines of ASCII cannot be told apart in it. */
const isWide = (charset: string): boolean => charset.startsWith('utf-16') || charset.startsWith('utf-32');
