/**
 * What came encrypted and that nobody vouches for, shown so that nothing in it can leave again: its words as plain text, with the message as
 * it came for whoever has to see more (EFAIL, 2018). HTML, pictures and attachments stay within the ciphertext.
 */

import { randomUUID } from 'node:crypto';
import { fileName, type MimeEntity } from '@chancery/smime';
import { wrapped, wrappedPieces } from '../base64-lines.ts';
import { GatewayError } from '../errors.ts';
import { headerBlockEnd, withHeaders } from '../header-block.ts';
import { headOf, LargeMessage, type Message, type Scratch } from '../large-message.ts';
import { bodyOf, piecesOf, structureOf } from '../message-parts.ts';
import { composed } from '../splice.ts';
import { textOfHtml } from './html-text.ts';

/** One text/plain and nothing else loads or runs nothing in any program: it may stay as it is. */
export async function isHarmless(message: Message): Promise<boolean> {
  const root = await structureOf(message);
  return root.contentType.type === 'text/plain' && !root.ambiguities.some(({ severity }) => severity === 'error');
}

/**
 * @param opened the decrypted message; @param original as it arrived
 * @returns a message with the header of the opened one
 */
export async function textOnly(opened: Message, original: Message, scratch: Pick<Scratch, 'keep'>): Promise<Message> {
  const { words, left } = await readableText(opened);
  const note = [
    'This message came encrypted, and nothing in it shows who wrote it or that it was not altered on the way.',
    'Only its text is shown. The message as it came is attached.',
    ...(left.length === 0 ? [] : [`Not shown: ${left.join(', ')}`]),
  ];
  const text = `[${note.join('\n')}]\n\n${words}\n`.replace(/\r\n|\r|\n/g, '\r\n');
  const boundary = `text-only-${randomUUID()}`;
  const before = [
    'MIME-Version: 1.0',
    `Content-Type: multipart/mixed; boundary="${boundary}"`,
    '',
    `--${boundary}`,
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: base64',
    '',
    wrapped(Buffer.from(text)),
    `--${boundary}`,
    // Under a type of its own a mail program would open it by itself, and be in the very place that this avoids.
    'Content-Type: application/octet-stream; name="original.eml"',
    'Content-Disposition: attachment; filename="original.eml"',
    'Content-Transfer-Encoding: base64',
    '',
    '',
  ].join('\r\n');
  const head = headOf(opened);
  const header = withHeaders(head.subarray(0, headerBlockEnd(head)), ({ name }) => isOfContent(name), []);
  const attached = wrappedPieces(() => piecesOf(original, 0, original.length));
  const parts = [header, Buffer.from(before), attached, Buffer.from(`\r\n--${boundary}--\r\n`)];
  const isLarge = opened instanceof LargeMessage || original instanceof LargeMessage;
  return composed(parts, isLarge ? scratch : undefined);
}

const isOfContent = (name: string): boolean => name.startsWith('content-') || name === 'mime-version' || name === '';

/** Characters of text that are shown: what is longer is for the attached message. */
const longestText = 200_000;
const namedParts = 20;

async function readableText(message: Message): Promise<{ words: string; left: string[] }> {
  const words: string[] = [];
  const left: string[] = [];
  let length = 0;
  const leave = (entity: MimeEntity) => {
    if (left.length < namedParts) left.push(nameOf(entity));
  };
  const take = (text: string) => {
    words.push(text);
    length += text.length;
  };
  const pending: MimeEntity[] = [await structureOf(message)];
  for (let entity = pending.shift(); entity !== undefined && length < longestText; entity = pending.shift()) {
    const { type } = entity.contentType;
    if (type === 'multipart/alternative') {
      // The plain one says the same; where there is none, the words of the other do.
      const plain = entity.parts.find((part) => part.contentType.type === 'text/plain') ?? entity.parts[0];
      if (plain !== undefined) pending.unshift(plain);
    } else if (type.startsWith('multipart/')) pending.unshift(...entity.parts);
    else if (isAttached(entity)) leave(entity);
    else if (type === 'text/plain') take(await beginningOfText(message, entity, longestText));
    else if (type === 'text/html')
      take(textOfHtml(await beginningOfText(message, entity, longestText * 20), longestText));
    else leave(entity);
  }
  const text = words.join('\n\n').slice(0, longestText);
  return { words: text.replace(/[^\P{Cc}\r\n\t]/gu, ''), left };
}

function isAttached(entity: MimeEntity): boolean {
  return entity.headers.some(({ name, value }) => name === 'content-disposition' && /^\s*attachment/i.test(value));
}

function nameOf(entity: MimeEntity): string {
  const name = fileName(entity) ?? entity.contentType.type;
  return name.replace(/[\p{Cc}\p{Cf}]/gu, '').slice(0, 80);
}

/**
 * A charset that nobody knows is read as octets, and a text ends where it cannot be read any further: what is missing stands in the attached
 * message.
 * @param longest characters
 */
async function beginningOfText(message: Message, entity: MimeEntity, longest: number): Promise<string> {
  const decode = decoderOf(entity.contentType.parameters.get('charset') ?? 'utf-8');
  let text = '';
  try {
    for await (const piece of bodyOf(message, entity)()) {
      text += decode(piece);
      if (text.length >= longest) return text.slice(0, longest);
    }
  } catch (error) {
    if (!(error instanceof GatewayError) || error.code !== 'unreadable') throw error;
  }
  return (text + decode()).slice(0, longest);
}

function decoderOf(charset: string): (octets?: Uint8Array) => string {
  try {
    const decoder = new TextDecoder(charset);
    return (octets) => decoder.decode(octets, { stream: octets !== undefined });
  } catch {
    return (octets) => Buffer.from(octets ?? []).toString('latin1');
  }
}
