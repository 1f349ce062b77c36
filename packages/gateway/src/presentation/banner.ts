/** A few lines above the text of a message that is not signed. What is signed, encrypted, or can be read in two ways is never touched. */
import type { MimeEntity, VerifyReport } from '@chancery/smime';
import { wrappedPieces } from '../base64-lines.ts';
import { GatewayError } from '../errors.ts';
import { escapedHtml } from '../escaped-html.ts';
import { endedHeader, withHeaders } from '../header-block.ts';
import type { Message, Scratch } from '../large-message.ts';
import { bodyOf, type Octets, rangeOf, structureOf } from '../message-parts.ts';
import { type Splice, spliced } from '../splice.ts';
import { beginningOf, inserted } from '../text-pieces.ts';

/**
 * @param lines plain words
 * @returns the message as it is where a banner could break something, or has no place
 */
export async function withBanner(
  message: Message,
  report: VerifyReport | undefined,
  lines: readonly string[],
  scratch: Pick<Scratch, 'keep'>,
): Promise<Message> {
  if (report?.verdict !== 'unsigned' || report.layers.length > 0 || report.covers !== 'none') return message;
  const places = placesIn(await structureOf(message)) ?? [];
  try {
    const splices: Splice[] = [];
    for (const place of places) splices.push(await bannered(message, place, lines));
    return await spliced(message, splices, scratch);
  } catch (error) {
    if (error instanceof GatewayError && error.code === 'unreadable') return message;
    throw error;
  }
}

/** The text that a reader sees first, in each of its forms; undefined where the structure is doubtful or somebody else's signature is in it. */
function placesIn(root: MimeEntity): MimeEntity[] | undefined {
  let steps = 0;
  function firstOf(entity: MimeEntity): MimeEntity[] | undefined {
    const { type, parameters } = entity.contentType;
    if (++steps > mostSteps) return undefined;
    if (entity.ambiguities.some(({ severity }) => severity === 'error') || isSealed(type)) return undefined;
    if (!type.startsWith('multipart/')) return isShown(entity) ? [entity] : [];
    // Which part of these is shown, its reader's program decides.
    const every = type === 'multipart/alternative' || parameters.has('start');
    const places: MimeEntity[] = [];
    for (const part of entity.parts) {
      const found = firstOf(part);
      if (found === undefined) return undefined;
      places.push(...found);
      // A picture, a file, or nothing at all before the text is no place for words.
      if (!every && places.length > 0) break;
    }
    return places;
  }
  return firstOf(root);
}

function isShown(entity: MimeEntity): boolean {
  const { type, parameters } = entity.contentType;
  if ((type !== 'text/plain' && type !== 'text/html') || !isAscii(parameters.get('charset'))) return false;
  const attached = entity.headers.some(
    ({ name, value }) => name === 'content-disposition' && /^\s*attachment\b/i.test(value),
  );
  return !attached && encodings.has(entity.transferEncoding);
}

const mostSteps = 50;
const encodings = new Set(['7bit', '8bit', 'binary', 'quoted-printable', 'base64']);

function isSealed(type: string): boolean {
  return /^multipart\/(signed|encrypted)$|pkcs7|pgp/.test(type);
}

/** Charsets in which ASCII is not ASCII would show the banner as something else. */
function isAscii(charset = 'us-ascii'): boolean {
  return !/^(utf-?(7|16|32)|ucs|iso-10646|hz|ibm|cp0?37|ebcdic)/i.test(charset);
}

async function bannered(message: Message, entity: MimeEntity, lines: readonly string[]): Promise<Splice> {
  const { start, bodyStart, end } = entity;
  const html = entity.contentType.type === 'text/html';
  const body = bodyOf(message, entity);
  const banner = Buffer.from(html ? inHtml(lines) : inText(lines), 'latin1');
  const changed = inserted(body, html ? await afterBody(body) : 0, banner);
  const header = withHeaders(
    endedHeader(await rangeOf(message, start, bodyStart)),
    ({ name }) => name === 'content-transfer-encoding' || name === 'content-md5',
    ['Content-Transfer-Encoding: base64'],
  );
  const last = Buffer.from(end === message.length ? '\r\n' : '');
  return { from: start, to: end, octets: [header, wrappedPieces(changed), last] };
}

const ascii = (text: string): string => text.replace(/[^\x20-\x7e]/g, '?');

function inText(lines: readonly string[]): string {
  return `${lines.map((line) => `* ${ascii(line)}\r\n`).join('')}\r\n`;
}

function inHtml(lines: readonly string[]): string {
  const text = lines.map((line) => escapedHtml(ascii(line))).join('<br>');
  return `<div style="${style}">${text}</div>`;
}

/** Whatever styles of the message say: it is their writer who is warned of. */
const style = [
  ...[
    'display:block',
    'visibility:visible',
    'opacity:1',
    'position:static',
    'float:none',
    'transform:none',
    'filter:none',
  ],
  ...['width:auto', 'height:auto', 'max-width:none', 'max-height:none', 'overflow:visible', 'clip-path:none'],
  ...['font:14px sans-serif', 'text-indent:0', 'border:1px solid #b58900', 'background:#fdf6e3', 'color:#000'],
  ...['padding:8px', 'margin:0 0 12px 0'],
]
  .map((one) => `${one} !important`)
  .join(';');

/** Just within the body element, where nothing before it could hide that; else before everything, behind the document type. */
async function afterBody(html: Octets): Promise<number> {
  const text = (await beginningOf(html, 200_000)).toString('latin1');
  const before = beforeBody.exec(text)?.[0].length ?? 0;
  const body = text.slice(before).match(tagOf('body'))?.[0].length ?? 0;
  return body > 0 ? before + body : (/^(\xef\xbb\xbf)?\s*(<!doctype[^>]*>)?/i.exec(text)?.[0].length ?? 0);
}

/** A tag whose end every reader sees at the same place. */
function tagOf(names: string): RegExp {
  return new RegExp(`^<(${names})(?=[\\s/>])${attributes}>`, 'i');
}

const attributes = '[^<>"\']*(?:(?:"[^"<>]*"|\'[^\'<>]*\')[^<>"\']*)*';
/** What has no text in which a body element could stand: a comment or style is taken where it holds no tag. */
const beforeBody = new RegExp(
  `^(?:\\xef\\xbb\\xbf)?(?:\\s+|<!doctype[^>]*>|<!--[^<>]*-->|</?(?:html|head|meta|link|base)(?=[\\s/>])${attributes}>|<(style|title)(?=[\\s/>])${attributes}>\\s*(?:<!--)?[^<]*</\\1\\s*>)*`,
  'i',
);
