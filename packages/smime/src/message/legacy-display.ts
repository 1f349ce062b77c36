/** Legacy Display Elements (RFC 9788 section 5.2.2 to 5.2.4): hidden fields repeated in the text, for programs that know nothing of them. */
import { toCrlf } from '../mime/canonical.ts';
import { withParameter } from '../mime/content-type.ts';
import { decodeBody, headerValue, type MimeEntity } from '../mime/entity.ts';
import { decodeHeaderText } from '../mime/header-text.ts';
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
    const { charset } = { charset: part.contentType.parameters.get('charset')?.toLowerCase() ?? 'us-ascii' };
    if (charset.startsWith('utf-16') || charset.startsWith('utf-32')) continue;
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
