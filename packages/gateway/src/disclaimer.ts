/** A text at the end of a message, in each form of it that readers see, whatever its transfer encoding and character set. */
import type { Changes } from '@chancery/mail-policy';
import { allAmbiguities, decodeBody, headerValue, type MimeEntity, scanMessage } from '@chancery/smime';
import { newBoundary, wrapped } from './base64-lines.ts';
import { escapedHtml } from './escaped-html.ts';
import { endedHeader, withHeaders } from './header-block.ts';

type Disclaimer = Changes['disclaimers'][number];

/** A message without a text of its own, or whose text cannot be written in, gets it as a part behind what it has. */
export function addDisclaimer(message: Uint8Array, disclaimer: Disclaimer): Uint8Array {
  const root = scanMessage(message);
  if (sealed.test(root.contentType.type)) return message;
  const places = placesIn(root);
  const changed = places.map((place) => ({ place, octets: withText(message, place, place === root, disclaimer) }));
  if (changed.length === 0 || changed.some(({ octets }) => octets === undefined))
    return asPart(message, root, disclaimer);
  const parts: Uint8Array[] = [];
  let from = 0;
  for (const { place, octets } of changed.toSorted((one, other) => one.place.start - other.place.start)) {
    if (octets !== undefined) parts.push(message.subarray(from, place.start), octets);
    from = place.end;
  }
  return Buffer.concat([...parts, message.subarray(from)]);
}

/** OpenPGP, reports: what stands at the top there has a meaning of its own. */
const sealed = /^multipart\/(signed|encrypted|report)$|pkcs7|pgp/;

/** The text that a reader sees first, in each of its forms; none where that can be read in two ways. */
function placesIn(root: MimeEntity): MimeEntity[] {
  if (allAmbiguities(root).some(({ severity }) => severity === 'error')) return [];
  const pending = [root];
  const places: MimeEntity[] = [];
  for (let entity = pending.shift(); entity !== undefined && places.length < mostForms; entity = pending.shift()) {
    const { type } = entity.contentType;
    if (type === 'multipart/alternative') pending.push(...entity.parts);
    // Somebody else's signature, a report: nothing is written into these.
    else if (type === 'multipart/mixed' || type === 'multipart/related') pending.push(...entity.parts.slice(0, 1));
    else if ((type === 'text/plain' || type === 'text/html') && !isAttached(entity)) places.push(entity);
  }
  return places;
}

const mostForms = 10;

function isAttached(entity: MimeEntity): boolean {
  return /^\s*attachment\b/i.test(headerValue(entity, 'content-disposition') ?? '');
}

/** The part anew, or undefined where its characters cannot be told. */
function withText(message: Uint8Array, entity: MimeEntity, whole: boolean, disclaimer: Disclaimer): Buffer | undefined {
  const { type, parameters } = entity.contentType;
  const flowed = parameters.get('format')?.toLowerCase() === 'flowed';
  const added = type === 'text/html' ? inHtml(disclaimer) : inText(disclaimer.text, flowed);
  const written = write(
    Buffer.from(decodeBody(message, entity)),
    parameters.get('charset'),
    added,
    type === 'text/html',
  );
  if (written === undefined) return undefined;
  const { body, charset } = written;
  const isPlain = entity.transferEncoding === '7bit' && hasShortLines(body);
  const header = endedHeader(message.subarray(entity.start, entity.bodyStart));
  const replaced = (name: string) =>
    /^content-(transfer-encoding|md5)$/.test(name) || (name === 'content-type' && charset !== undefined);
  const fields = [
    ...(whole && headerValue(entity, 'mime-version') === undefined ? ['MIME-Version: 1.0'] : []),
    ...(charset === undefined ? [] : [contentType(entity, charset)]),
    `Content-Transfer-Encoding: ${isPlain ? '7bit' : 'base64'}`,
  ];
  const text = isPlain ? body : Buffer.from(`${wrapped(body)}${whole ? '\r\n' : ''}`);
  return Buffer.concat([withHeaders(header, ({ name }) => replaced(name), fields), text]);
}

/** ASCII in lines that SMTP takes as they are. */
function hasShortLines(body: Buffer): boolean {
  let start = 0;
  for (let at = 0; at < body.length; at++) {
    const octet = body[at] ?? 0;
    if (octet === 0x0d && body[at + 1] === 0x0a) start = ++at + 1;
    else if ((octet < 0x20 && octet !== 0x09) || octet > 0x7e || at - start >= 900) return false;
  }
  return true;
}

/** The body with the text added; with its new character set where the old one has not all the letters. */
function write(
  body: Buffer,
  charset: string | undefined,
  added: string,
  html: boolean,
): { body: Buffer; charset?: string } | undefined {
  const name = charset?.toLowerCase() ?? 'us-ascii';
  const ascii = /^[\t\r\n\x20-\x7e]*$/.test(added);
  if (holdsAscii(name) && (ascii || /^utf-?8$/.test(name))) return { body: insert(body, Buffer.from(added), html) };
  try {
    // What calls itself ASCII and is not is UTF-8, or its letters are lost with or without us.
    const text = new TextDecoder(/^(us-)?ascii$/.test(name) ? 'utf-8' : name, { fatal: true }).decode(body);
    return { body: insert(Buffer.from(text), Buffer.from(added), html), charset: 'utf-8' };
  } catch {
    return undefined;
  }
}

/** ASCII is ASCII there, wherever it stands. */
function holdsAscii(charset: string): boolean {
  return /^(us-ascii|ascii|utf-?8|iso-8859-\d{1,2}|latin\d|windows-125\d|cp125\d|koi8-[ru]|macintosh)$/.test(charset);
}

function insert(body: Buffer, added: Buffer, html: boolean): Buffer {
  const at = html ? endOfHtml(body) : body.length;
  return Buffer.concat([body.subarray(0, at), added, body.subarray(at)]);
}

/** Before the end of the last body element; behind everything where it has none. */
function endOfHtml(body: Buffer): number {
  const text = body.toString('latin1').toLowerCase();
  for (const tag of ['</body', '</html']) {
    const at = text.lastIndexOf(tag);
    if (at >= 0) return at;
  }
  return body.length;
}

function inText(text: string, flowed: boolean): string {
  const lines = text
    .replace(/\r\n?|\n/g, '\n')
    .trimEnd()
    .split('\n');
  // RFC 3676 4.4: a line that begins so would be read as a quotation, or folded into the one before.
  const stuffed = flowed ? lines.map((line) => line.trimEnd().replace(/^(?=[ >]|From )/, ' ')) : lines;
  return `\r\n\r\n${stuffed.join('\r\n')}\r\n`;
}

/** In ASCII, so that it is read alike in every character set. */
function inHtml({ text, html }: Disclaimer): string {
  const lines = text.trimEnd().split(/\r\n?|\n/);
  const shown = html ?? `<p>${lines.map(escapedHtml).join('<br>\n')}</p>`;
  const ascii = shown.replace(/\P{ASCII}/gu, (character) => `&#${character.codePointAt(0) ?? 0xfffd};`);
  return `\r\n${ascii.replace(/\r\n?|\n/g, '\r\n').trimEnd()}\r\n`;
}

function contentType({ contentType: { type, parameters } }: MimeEntity, charset: string): string {
  const others = [...parameters].filter(([name]) => name !== 'charset' && /^[a-z0-9-]+$/.test(name));
  const quoted = others.map(
    ([name, value]) => `;\r\n ${name}="${value.replace(/[^\x20-\x7e]/g, '?').replace(/["\\]/g, '\\$&')}"`,
  );
  return `Content-Type: ${type}; charset=${charset}${quoted.join('')}`;
}

function asPart(message: Uint8Array, root: MimeEntity, { text }: Disclaimer): Buffer {
  const boundary = newBoundary();
  const header = message.subarray(root.start, root.headerEnd);
  const isContent = (name: string) => name.startsWith('content-');
  const outer = withHeaders(header, ({ name }) => isContent(name) || name === 'mime-version', [
    'MIME-Version: 1.0',
    `Content-Type: multipart/mixed; boundary="${boundary}"`,
  ]);
  const inner = withHeaders(header, ({ name }) => !isContent(name), []);
  const body = message.subarray(root.bodyStart);
  const part = `Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n${wrapped(Buffer.from(inText(text, false).trimStart()))}`;
  return Buffer.concat([
    outer,
    Buffer.from(`\r\n--${boundary}\r\n`),
    inner,
    Buffer.from('\r\n'),
    body,
    Buffer.from(`\r\n--${boundary}\r\n${part}\r\n--${boundary}--\r\n`),
  ]);
}
