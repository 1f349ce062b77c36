/** The mail by which somebody here learns that a message to them was held, and that its time has ended. */
import { randomBytes } from 'node:crypto';
import { wrapped } from '../base64-lines.ts';
import { formatDate } from '../relay/dsn.ts';

/**
 * A whole message, lines ending in CRLF. It names neither the subject nor anything else of what was held: it may have been somebody's bait.
 * @param heldAt milliseconds since 1970
 */
export function expiryNotice({
  gateway,
  organisation,
  sender,
  recipient,
  reason,
  heldAt,
  at,
}: {
  readonly gateway: string;
  readonly organisation: string;
  readonly sender: string;
  readonly recipient: string;
  readonly reason: string;
  readonly heldAt: number;
  readonly at: Date;
}): Buffer {
  const since = `${new Date(heldAt).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
  const paragraphs = [
    `A message to you was held by the mail gateway of ${organisation}, and its time has ended.`,
    `From: ${sender === '' ? 'a mail system (no sender)' : clean(sender)}\r\nHeld since: ${since}\r\nBecause: ${clean(reason)}`,
    'Nobody let it go, so it was deleted. Whoever wrote it may have written under a name that is not theirs: they were told only where their own domain vouches for them.',
    'If you expected it, ask its sender to send it again, and your administrator to let it through.',
  ];
  const header = [
    `From: Mail gateway <postmaster@${gateway}>`,
    `To: <${recipient}>`,
    'Subject: A message to you was held, and its time has ended',
    `Date: ${formatDate(at)}`,
    `Message-ID: <${randomBytes(12).toString('hex')}@${gateway}>`,
    'Auto-Submitted: auto-generated',
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: base64',
  ];
  return Buffer.from(
    `${header.join('\r\n')}\r\n\r\n${wrapped(Buffer.from(paragraphs.join('\r\n\r\n')))}\r\n`,
    'latin1',
  );
}

/** A stranger's text. */
const clean = (text: string): string => text.replace(/[\p{Cc}\p{Cf}]/gu, ' ').slice(0, 320);
