/** A text at the end of a message, in each form of it that readers see, whatever its transfer encoding and character set. */
import type { Changes } from '@chancery/mail-policy';
import { allAmbiguities, headerValue, type MimeEntity } from '@chancery/smime';
import { newBoundary, wrapped, wrappedPieces } from './base64-lines.ts';
import { GatewayError } from './errors.ts';
import { escapedHtml } from './escaped-html.ts';
import { endedHeader, withHeaders } from './header-block.ts';
import type { Message, Scratch } from './large-message.ts';
import { bodyOf, type Octets, rangeOf, structureOf } from './message-parts.ts';
import { type Splice, spliced } from './splice.ts';
import { hasShortLines, inserted, inUtf8, lastOf } from './text-pieces.ts';

type Disclaimer = Changes['disclaimers'][number];

/** A message without a text of its own, or whose text cannot be written in, gets it as a part behind what it has. */
export async function addDisclaimer(
  message: Message,
  disclaimer: Disclaimer,
  scratch: Pick<Scratch, 'keep'>,
): Promise<Message> {
  const root = await structureOf(message);
  if (sealed.test(root.contentType.type)) return message;
  const places = placesIn(root);
  if (places.length === 0) return asPart(message, root, disclaimer, scratch);
  try {
    const splices: Splice[] = [];
    for (const place of places) splices.push(await withText(message, place, place === root, disclaimer));
    return await spliced(message, splices, scratch);
  } catch (error) {
    // Its characters cannot be told.
    if (!(error instanceof GatewayError) || error.code !== 'unreadable') throw error;
    return asPart(message, root, disclaimer, scratch);
  }
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

/** The part anew. @throws GatewayError `unreadable` */
async function withText(message: Message, entity: MimeEntity, whole: boolean, disclaimer: Disclaimer): Promise<Splice> {
  const { start, bodyStart, end } = entity;
  const { body, charset } = await write(bodyOf(message, entity), entity, disclaimer);
  const isPlain = entity.transferEncoding === '7bit' && (await hasShortLines(body));
  const header = endedHeader(await rangeOf(message, start, bodyStart));
  const replaced = (name: string) =>
    /^content-(transfer-encoding|md5)$/.test(name) || (name === 'content-type' && charset !== undefined);
  const fields = [
    ...(whole && headerValue(entity, 'mime-version') === undefined ? ['MIME-Version: 1.0'] : []),
    ...(charset === undefined ? [] : [contentType(entity, charset)]),
    `Content-Transfer-Encoding: ${isPlain ? '7bit' : 'base64'}`,
  ];
  const text = isPlain ? [body] : [wrappedPieces(body), Buffer.from(whole ? '\r\n' : '')];
  const headed = withHeaders(header, ({ name }) => replaced(name), fields);
  return { from: start, to: end, octets: [headed, ...text] };
}

/** The body with the text added; with its new character set where the old one has not all the letters. @throws GatewayError `unreadable` */
async function write(
  body: Octets,
  { contentType: { type, parameters } }: MimeEntity,
  disclaimer: Disclaimer,
): Promise<{ body: Octets; charset?: string }> {
  const html = type === 'text/html';
  const flowed = parameters.get('format')?.toLowerCase() === 'flowed';
  const added = html ? inHtml(disclaimer) : inText(disclaimer.text, flowed);
  const name = parameters.get('charset')?.toLowerCase() ?? 'us-ascii';
  const ascii = /^[\t\r\n\x20-\x7e]*$/.test(added);
  const stays = holdsAscii(name) && (ascii || /^utf-?8$/.test(name));
  // What calls itself ASCII and is not is UTF-8, or its letters are lost with or without us.
  const text = stays ? body : inUtf8(body, /^(us-)?ascii$/.test(name) ? 'utf-8' : name);
  // Before the end of the last body element; behind everything where it has none.
  const at = html ? await lastOf(text, ['</body', '</html']) : undefined;
  const written = inserted(text, at, Buffer.from(added));
  return stays ? { body: written } : { body: written, charset: 'utf-8' };
}

/** ASCII is ASCII there, wherever it stands. */
function holdsAscii(charset: string): boolean {
  return /^(us-ascii|ascii|utf-?8|iso-8859-\d{1,2}|latin\d|windows-125\d|cp125\d|koi8-[ru]|macintosh)$/.test(charset);
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

async function asPart(
  message: Message,
  root: MimeEntity,
  { text }: Disclaimer,
  scratch: Pick<Scratch, 'keep'>,
): Promise<Message> {
  const boundary = newBoundary();
  const header = await rangeOf(message, root.start, root.headerEnd);
  const isContent = (name: string) => name.startsWith('content-');
  const outer = withHeaders(header, ({ name }) => isContent(name) || name === 'mime-version', [
    'MIME-Version: 1.0',
    `Content-Type: multipart/mixed; boundary="${boundary}"`,
  ]);
  const inner = withHeaders(header, ({ name }) => !isContent(name), []);
  const part = `Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n${wrapped(Buffer.from(inText(text, false).trimStart()))}`;
  const before = [outer, Buffer.from(`\r\n--${boundary}\r\n`), inner, Buffer.from('\r\n')];
  const behind = Buffer.from(`\r\n--${boundary}\r\n${part}\r\n--${boundary}--\r\n`);
  return spliced(
    message,
    [
      { from: 0, to: root.bodyStart, octets: before },
      { from: message.length, to: message.length, octets: [behind] },
    ],
    scratch,
  );
}
