/** What rules change in a message before it is protected: header fields, the subject, attachments, a disclaimer. */
import { leavesOf, namesIn } from '@chancery/mail-facts';
import { type Changes, isNamed } from '@chancery/mail-policy';
import { decodeHeaderText, encodeHeaderText, scanMessage } from '@chancery/smime';
import { wrapped } from './base64-lines.ts';
import { addDisclaimer } from './disclaimer.ts';
import { endedHeader, headerFields, withHeaders } from './header-block.ts';
import { LargeMessage, type Message, wholeOf } from './large-message.ts';

/** As `changeMessage`; of a large message the header alone, where nothing more is to be changed. */
export async function changeAny(message: Message, changes: Changes, sealed: boolean): Promise<Message> {
  if (!(message instanceof LargeMessage)) return changeMessage(message, changes, sealed);
  // What is written into a body, or taken out of it, needs all of it at once.
  if (!sealed && changes.removeAttachments.length + changes.disclaimers.length > 0)
    return changeMessage(await wholeOf(message), changes, sealed);
  return message.withHead(Buffer.from(changeMessage(message.head, changes, true)));
}

/**
 * @param sealed the sender's own software has signed or encrypted it: only its header changes
 * @returns the message as it stands where nothing is to be changed; lines end in CRLF
 */
export function changeMessage(message: Uint8Array, changes: Changes, sealed: boolean): Uint8Array {
  let changed = message;
  if (!sealed) {
    if (changes.removeAttachments.length > 0) changed = withoutAttachments(changed, changes.removeAttachments);
    for (const disclaimer of changes.disclaimers) changed = addDisclaimer(changed, disclaimer);
  }
  for (const tag of new Set(changes.subjectTags.toReversed())) changed = withSubjectTag(changed, tag);
  const { addHeaders, removeHeaders } = changes;
  if (addHeaders.length === 0 && removeHeaders.length === 0) return changed;
  return withHeaders(
    changed,
    ({ name }) => removeHeaders.some((pattern) => isNamed(pattern, name)),
    addHeaders.map(({ name, value }) => `${name}: ${folded(value)}`),
  );
}

/** A note stands where each file was; whatever lies within a message that is attached counts too. */
function withoutAttachments(message: Uint8Array, patterns: readonly string[]): Uint8Array {
  const root = scanMessage(message);
  const parts: Uint8Array[] = [];
  let from = 0;
  for (const entity of leavesOf(root)) {
    // What stands in a message that has gone has gone with it.
    const name =
      entity.start < from
        ? undefined
        : namesIn(entity).find((one) => patterns.some((pattern) => isNamed(pattern, one)));
    if (name === undefined) continue;
    const header = endedHeader(message.subarray(entity.start, entity.bodyStart));
    const note = Buffer.from(`The file “${shown(name)}” was taken out of this message by a rule.\r\n`);
    parts.push(
      message.subarray(from, entity.start),
      withHeaders(header, (field) => field.name.startsWith('content-'), [
        'Content-Type: text/plain; charset=utf-8',
        'Content-Transfer-Encoding: base64',
      ]),
      Buffer.from(`${wrapped(note)}${entity === root ? '\r\n' : ''}`),
    );
    from = entity.end;
  }
  return parts.length === 0 ? message : Buffer.concat([...parts, message.subarray(from)]);
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
