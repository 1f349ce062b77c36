/** Checkpoints out of whatever a witness kept them in: its file, one signed note, or the mails that the office sent, as they stand. */

import { decodeBody, type MimeEntity, scanMessage } from '@chancery/smime';
import { parseSignedCheckpoint } from '@chancery/trail';

/** @returns the signed notes, unverified; none for a file that holds none. @throws for JSON Lines that are no checkpoints */
export function readKeptNotes(file: Uint8Array): string[] {
  const text = Buffer.from(file).toString('utf8');
  if (parseSignedCheckpoint(text) !== undefined) return [text];
  if (text.trimStart().startsWith('{')) {
    return text
      .split('\n')
      .filter((line) => line.trim() !== '')
      .map((line) => noteOfLine(JSON.parse(line)));
  }
  return mailsIn(file).flatMap((mail) => textsIn(mail, scanMessage(mail)).flatMap(notesInText));
}

/** As `chancery audit checkpoints` and a witness's file have them. */
function noteOfLine(checkpoint: { readonly note?: unknown } | null): string {
  if (typeof checkpoint?.note !== 'string') throw new TypeError('not a checkpoint');
  return checkpoint.note;
}

/** One message, or a mailbox of them (RFC 4155): each begins behind a line that begins with "From ". */
function mailsIn(file: Uint8Array): Buffer[] {
  const whole = Buffer.from(file);
  const starts: number[] = [];
  for (let at = 0; at >= 0 && at < whole.length; ) {
    const lineEnd = whole.indexOf(0x0a, at);
    if (whole.subarray(at, at + 5).toString('latin1') === 'From ')
      starts.push(at, lineEnd < 0 ? whole.length : lineEnd + 1);
    at = lineEnd < 0 ? -1 : lineEnd + 1;
  }
  if (starts[0] !== 0) return [whole];
  const mails = [];
  for (let at = 1; at < starts.length; at += 2) mails.push(whole.subarray(starts[at], starts[at + 1]));
  return mails;
}

/** What is text in a message, also in one that was signed or sent on as an attachment. */
function textsIn(mail: Buffer, entity: MimeEntity): string[] {
  if (entity.parts.length > 0) return entity.parts.flatMap((part) => textsIn(mail, part));
  if (entity.contentType.type !== 'text/plain') return [];
  return [Buffer.from(decodeBody(mail, entity)).toString('utf8')];
}

/** Origin, size, root, perhaps more, an empty line, and its signatures, wherever that stands. */
const NOTE = /^[^\n]+\n\d{1,16}\n[A-Za-z0-9+/]{43}=\n(?:[^\n]+\n)*\n(?:— [^\n]+\n)+/gmu;

function notesInText(text: string): string[] {
  const lines = `${text.replaceAll('\r\n', '\n')}\n`;
  return [...lines.matchAll(NOTE)].map(([note]) => note).filter((note) => parseSignedCheckpoint(note) !== undefined);
}
