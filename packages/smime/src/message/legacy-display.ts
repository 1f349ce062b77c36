/**
 * Legacy Display Elements: hidden fields repeated in the text, for programs that know nothing of them, put in (RFC 9788 section
 * 5.2.2 to 5.2.4) and taken out (section 4.5.3).
 */
import { asBuffer } from '../asn1/der.ts';
import { toCrlf } from '../mime/canonical.ts';
import { withoutParameters, withParameter } from '../mime/content-type.ts';
import { decodeBody, headerValue, type MimeEntity } from '../mime/entity.ts';
import { decodeHeaderText } from '../mime/header-text.ts';
import { scanMessage } from '../mime/scan.ts';
import { encodeBase64Lines, encodeQuotedPrintable } from '../mime/transfer-encoding.ts';

/** @param fields what to show; `value` raw, one character per octet */
export function addLegacyDisplay(
  message: Buffer,
  root: MimeEntity,
  fields: readonly { readonly name: string; readonly value: string }[],
): Buffer {
  const chunks: Buffer[] = [];
  let from = 0;
  for (const part of mainBodyParts(root)) {
    const charset = charsetOf(part);
    if (isWide(charset)) continue;
    const lines = fields.map(
      ({ name, value }) => `${name}: ${charset === 'utf-8' ? decodeHeaderText(value) : ascii(value)}`,
    );
    chunks.push(message.subarray(from, part.start), header(message, part), body(message, part, lines));
    from = part.end;
  }
  return Buffer.concat([...chunks, message.subarray(from)]);
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

function header(message: Buffer, part: MimeEntity): Buffer {
  const type = part.headers.find(({ name }) => name === 'content-type');
  const raw = type
    ? toCrlf(message.subarray(type.start, type.end)).toString('latin1')
    : 'Content-Type: text/plain; charset=us-ascii\r\n';
  return Buffer.concat([
    message.subarray(part.start, type?.start ?? part.start),
    Buffer.from(withParameter(raw, 'hp-legacy-display', '1'), 'latin1'),
    message.subarray(type?.end ?? part.start, part.headerEnd),
    Buffer.from('\r\n'),
  ]);
}

function body(message: Buffer, part: MimeEntity, lines: readonly string[]): Buffer {
  const decoded = Buffer.from(decodeBody(message, part));
  const text =
    part.contentType.type === 'text/html'
      ? intoHtml(decoded, lines)
      : Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), decoded]);
  return encoded(part, text);
}

function encoded(part: MimeEntity, text: Buffer): Buffer {
  if (part.transferEncoding === 'base64') return encodeBase64Lines(text);
  return part.transferEncoding === 'quoted-printable' ? encodeQuotedPrintable(toCrlf(text)) : text;
}

/** As the first thing in the body, or in the text where it names no body. */
function intoHtml(html: Buffer, lines: readonly string[]): Buffer {
  const escaped = lines.join('\r\n').replace(/[&<>]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[c] ?? c);
  const element = `<div class="header-protection-legacy-display">\r\n<pre>${escaped}</pre></div>\r\n`;
  const tag = /<body(\s[^>]*)?>(\r?\n)?/i.exec(html.toString('latin1'));
  const at = tag ? tag.index + tag[0].length : 0;
  return Buffer.concat([html.subarray(0, at), Buffer.from(element), html.subarray(at)]);
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
  const chunks: Buffer[] = [];
  let from = 0;
  for (const part of markedParts(root)) {
    const decoded = Buffer.from(decodeBody(entity, part));
    const text = part.contentType.type === 'text/html' ? outOfHtml(decoded) : outOfText(decoded);
    const type = part.headers.find(({ name }) => name === 'content-type');
    if (text === decoded || type === undefined) continue;
    const raw = toCrlf(entity.subarray(type.start, type.end)).toString('latin1');
    chunks.push(
      entity.subarray(from, type.start),
      Buffer.from(withoutParameters(raw, ['hp-legacy-display']), 'latin1'),
      entity.subarray(type.end, part.bodyStart),
      encoded(part, text),
    );
    from = part.end;
  }
  return Buffer.concat([...chunks, entity.subarray(from)]);
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
function outOfText(text: Buffer): Buffer {
  const empty = /(^|\n)\r?\n/.exec(text.toString('latin1'));
  return empty ? text.subarray(empty.index + empty[0].length) : text;
}

/** RFC 9788 section 4.5.3.3: every such element whole, with what is nested in it. One that does not end is left in. */
function outOfHtml(html: Buffer): Buffer {
  const text = html.toString('latin1');
  const kept: string[] = [];
  let from = 0;
  let start = -1;
  let depth = 0;
  for (const tag of text.matchAll(/<(\/?)div(?=[\s>/])[^<>]*>(\r?\n)?/gi)) {
    if (start < 0) {
      if (tag[1] === '' && isLegacyDisplay(tag[0])) [start, depth] = [tag.index, 1];
      continue;
    }
    depth += tag[1] === '' ? 1 : -1;
    if (depth > 0) continue;
    kept.push(text.slice(from, start));
    from = tag.index + tag[0].length;
    start = -1;
  }
  return from === 0 ? html : Buffer.from(kept.join('') + text.slice(from), 'latin1');
}

function isLegacyDisplay(tag: string): boolean {
  const [, double, single, bare] = /\sclass\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>"']+))/i.exec(tag) ?? [];
  return (double ?? single ?? bare ?? '').split(/\s+/).includes('header-protection-legacy-display');
}

const charsetOf = (part: MimeEntity): string => part.contentType.parameters.get('charset')?.toLowerCase() ?? 'us-ascii';
/** Lines of ASCII cannot be told apart in it. */
const isWide = (charset: string): boolean => charset.startsWith('utf-16') || charset.startsWith('utf-32');
