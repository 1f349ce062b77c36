/**
 * What came encrypted and that nobody vouches for, shown so that nothing in it can leave again: its words as plain text, with the message as
 * it came for whoever has to see more (EFAIL, 2018). HTML, pictures and attachments stay within the ciphertext.
 */

import { randomUUID } from 'node:crypto';
import { decodeBody, fileName, type MimeEntity, scanMessage, scanStream } from '@chancery/smime';
import { wrapped } from '../base64-lines.ts';
import { headerBlockEnd, withHeaders } from '../header-block.ts';
import { LargeMessage, type Message } from '../large-message.ts';
import { textOfHtml } from './html-text.ts';

/** One text/plain and nothing else loads or runs nothing in any program: it may stay as it is. */
export async function isHarmless(message: Message): Promise<boolean> {
  const root = message instanceof LargeMessage ? await scanStream(() => message.read()) : scanMessage(message);
  return root.contentType.type === 'text/plain' && !root.ambiguities.some(({ severity }) => severity === 'error');
}

/**
 * @param opened the decrypted message; @param original as it arrived
 * @returns a message with the header of the opened one
 */
export function textOnly(opened: Uint8Array, original: Uint8Array): Buffer {
  const { words, left } = readableText(opened);
  const note = [
    'This message came encrypted, and nothing in it shows who wrote it or that it was not altered on the way.',
    'Only its text is shown. The message as it came is attached.',
    ...(left.length === 0 ? [] : [`Not shown: ${left.join(', ')}`]),
  ];
  const text = `[${note.join('\n')}]\n\n${words}\n`.replace(/\r\n|\r|\n/g, '\r\n');
  const boundary = `text-only-${randomUUID()}`;
  const body = [
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
    wrapped(original),
    `--${boundary}--`,
    '',
  ].join('\r\n');
  const header = withHeaders(opened.subarray(0, headerBlockEnd(opened)), ({ name }) => isOfContent(name), []);
  const own = ['MIME-Version: 1.0', `Content-Type: multipart/mixed; boundary="${boundary}"`, '', ''].join('\r\n');
  return Buffer.concat([header, Buffer.from(own), Buffer.from(body)]);
}

const isOfContent = (name: string): boolean => name.startsWith('content-') || name === 'mime-version' || name === '';

/** Characters of text that are shown: what is longer is for the attached message. */
const longestText = 200_000;
const namedParts = 20;

function readableText(message: Uint8Array): { words: string; left: string[] } {
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
  const pending: MimeEntity[] = [scanMessage(message)];
  for (let entity = pending.shift(); entity !== undefined && length < longestText; entity = pending.shift()) {
    const { type } = entity.contentType;
    if (type === 'multipart/alternative') {
      // The plain one says the same; where there is none, the words of the other do.
      const plain = entity.parts.find((part) => part.contentType.type === 'text/plain') ?? entity.parts[0];
      if (plain !== undefined) pending.unshift(plain);
    } else if (type.startsWith('multipart/')) pending.unshift(...entity.parts);
    else if (isAttached(entity)) leave(entity);
    else if (type === 'text/plain') take(decoded(message, entity).slice(0, longestText));
    else if (type === 'text/html') take(textOfHtml(decoded(message, entity), longestText));
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

/** A charset that nobody knows is read as octets: what cannot be read stands in the attached message. */
function decoded(message: Uint8Array, entity: MimeEntity): string {
  const octets = decodeBody(message, entity);
  try {
    return new TextDecoder(entity.contentType.parameters.get('charset') ?? 'utf-8').decode(octets);
  } catch {
    return Buffer.from(octets).toString('latin1');
  }
}
