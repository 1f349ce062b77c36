/** The mail by which somebody here learns that a message to them was held, and that its time has ended: in their language and the office's words. */
import { randomBytes } from 'node:crypto';
import { fillNotice, heldMailEndedText } from '@chancery/api';
import { encodeHeaderText } from '@chancery/smime';
import { wrapped } from '../base64-lines.ts';
import type { OfficeView } from '../office.ts';
import { formatDate } from '../relay/dsn.ts';

/**
 * A whole message, lines ending in CRLF. It names neither the subject nor anything else of what was held: it may have been somebody's bait.
 * @param view undefined, or of an older authority: in English, as shipped
 * @param heldAt milliseconds since 1970
 */
export function expiryNotice({
  gateway,
  view,
  sender,
  recipient,
  reason,
  heldAt,
  at,
}: {
  readonly gateway: string;
  readonly view: Pick<OfficeView, 'organisation' | 'personOf' | 'heldMailEnded'> | undefined;
  readonly sender: string;
  readonly recipient: string;
  readonly reason: string;
  readonly heldAt: number;
  readonly at: Date;
}): Buffer {
  const office = view?.heldMailEnded ?? null;
  const person = view?.personOf(recipient);
  const language = office === null ? 'en' : (person?.language ?? office.language);
  const { subject, text } = fillNotice(office?.texts[language] ?? heldMailEndedText, {
    name: clean(person === undefined || person.name === '' ? recipient : person.name),
    organisation: clean(view?.organisation ?? gateway),
    url: office?.url ?? '',
    date: at.toISOString().slice(0, 10),
    by: sender === '' ? '<>' : clean(sender),
    since: `${new Date(heldAt).toISOString().slice(0, 16).replace('T', ' ')} UTC`,
    reason: clean(reason),
  });
  const header = [
    `From: Mail gateway <postmaster@${gateway}>`,
    `To: <${recipient}>`,
    `Subject: ${PLAIN.test(subject) ? subject : encodeHeaderText(subject)}`,
    `Date: ${formatDate(at)}`,
    `Message-ID: <${randomBytes(12).toString('hex')}@${gateway}>`,
    'Auto-Submitted: auto-generated',
    `Content-Language: ${language}`,
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: base64',
  ];
  const body = Buffer.from(text.replaceAll(/\r?\n/g, '\r\n'));
  return Buffer.from(`${header.join('\r\n')}\r\n\r\n${wrapped(body)}\r\n`, 'latin1');
}

/** As it stands; short, and nothing that looks encoded (RFC 2047). */
const PLAIN = /^(?!.*=\?)[\x20-\x7e]{1,150}$/;

/** A stranger's text. */
const clean = (text: string): string => text.replace(/[\p{Cc}\p{Cf}]/gu, ' ').slice(0, 320);
