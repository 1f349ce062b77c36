/** What rules change in a message before it is protected: header fields, the subject, attachments, a disclaimer. */
import { leavesOf, namesIn } from '@chancery/mail-facts';
import { type Changes, isNamed } from '@chancery/mail-policy';
import { decodeHeaderText, encodeHeaderText } from '@chancery/smime';
import { wrapped } from './base64-lines.ts';
import { addDisclaimer } from './disclaimer.ts';
import { endedHeader, headerFields, withHeaders } from './header-block.ts';
import { LargeMessage, type Message, type Scratch } from './large-message.ts';
import { rangeOf, structureOf } from './message-parts.ts';
import { type Splice, spliced } from './splice.ts';

/**
 * @param sealed the sender's own software has signed or encrypted it: only its header changes
 * @param scratch where a large message is written anew whose body changes
 * @returns the message as it stands where nothing is to be changed; lines end in CRLF
 */
export async function changeMessage(
  message: Message,
  changes: Changes,
  sealed: boolean,
  scratch: Pick<Scratch, 'keep'>,
): Promise<Message> {
  let changed = message;
  if (!sealed) {
    if (changes.removeAttachments.length > 0)
      changed = await withoutAttachments(changed, changes.removeAttachments, scratch);
    for (const disclaimer of changes.disclaimers) changed = await addDisclaimer(changed, disclaimer, scratch);
  }
  if (!(changed instanceof LargeMessage)) return changeHeader(changed, changes);
  const head = changeHeader(changed.head, changes);
  return head === changed.head ? changed : changed.withHead(Buffer.from(head));
}

/** @param message all of it, or its header with the empty line behind */
function changeHeader(message: Uint8Array, { subjectTags, addHeaders, removeHeaders }: Changes): Uint8Array {
  let changed = message;
  for (const tag of new Set(subjectTags.toReversed())) changed = withSubjectTag(changed, tag);
  if (addHeaders.length === 0 && removeHeaders.length === 0) return changed;
  return withHeaders(
    changed,
    ({ name }) => removeHeaders.some((pattern) => isNamed(pattern, name)),
    addHeaders.map(({ name, value }) => `${name}: ${folded(value)}`),
  );
}

/** A note stands where each file was; whatever lies within a message that is attached counts too. */
async function withoutAttachments(
  message: Message,
  patterns: readonly string[],
  scratch: Pick<Scratch, 'keep'>,
): Promise<Message> {
  const root = await structureOf(message);
  const splices: Splice[] = [];
  let from = 0;
  for (const entity of leavesOf(root)) {
    // What stands in a message that has gone has gone with it.
    const name =
      entity.start < from
        ? undefined
        : namesIn(entity).find((one) => patterns.some((pattern) => isNamed(pattern, one)));
    if (name === undefined) continue;
    const { start, bodyStart, end } = entity;
    const note = Buffer.from(`The file “${shown(name)}” was taken out of this message by a rule.\r\n`);
    const header = withHeaders(
      endedHeader(await rangeOf(message, start, bodyStart)),
      (field) => field.name.startsWith('content-'),
      ['Content-Type: text/plain; charset=utf-8', 'Content-Transfer-Encoding: base64'],
    );
    const text = Buffer.from(`${wrapped(note)}${entity === root ? '\r\n' : ''}`);
    splices.push({ from: start, to: end, octets: [header, text] });
    from = end;
  }
  return spliced(message, splices, scratch);
}

/** A stranger's text, on one line and not too long. */
function shown(name: string): string {
  return name.replace(/[\p{Cc}\p{Cf}]/gu, ' ').slice(0, 150);
}

/** In every Subject there is, unless it is there already; in a new one where there is none. */
function withSubjectTag(message: Uint8Array, tag: string): Uint8Array {
  const subjects = headerFields(message).filter(({ name }) => name === 'subject');
  if (subjects.length === 0) return withHeaders(message, () => false, [`Subject: ${words(tag)}`]);
  const parts: Uint8Array[] = [];
  let from = 0;
  for (const { value, start, end } of subjects) {
    if (decodeHeaderText(value).includes(tag)) continue;
    const field = Buffer.from(message.subarray(start, end)).toString('latin1');
    const colon = field.indexOf(':');
    const text = field.slice(colon + 1).trim();
    const tagged = `${field.slice(0, colon + 1)} ${words(`${tag} `)}${text === '' ? '' : `\r\n ${text}`}\r\n`;
    parts.push(message.subarray(from, start), Buffer.from(tagged, 'latin1'));
    from = end;
  }
  return Buffer.concat([...parts, message.subarray(from)]);
}

/** As it is in ASCII, else in encoded words (RFC 2047) that keep a blank at the end. */
function words(text: string): string {
  if (/^[\x20-\x7e]*$/.test(text)) return text.trimEnd();
  return encodeHeaderText(text);
}

/** Long values on several lines, where they have blanks. */
function folded(value: string): string {
  return value.replace(/(.{40,70}) (?=\S)/g, '$1\r\n ');
}
