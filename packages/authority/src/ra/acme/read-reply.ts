/** A reply to a challenge, read (RFC 8823 section 3.2): what it says of itself, none of which is believed yet. */
import { decodeBody, type MimeEntity, parseAddressHeader, scanMessage } from '@chancery/smime';

export interface Reply {
  /** Of the one author, in small letters. */
  readonly from: string;
  /** All to whom it goes, in small letters. */
  readonly to: readonly string[];
  /** The one message that it replies to, without the angle brackets. */
  readonly inReplyTo: string;
  /** The token in its subject; undefined where that is no reply to a challenge. */
  readonly token: string | undefined;
  /** Between the lines that the RFC wants, base64url; undefined where they are not there. */
  readonly response: string | undefined;
}

/** What keeps it from being one, as the rest of a sentence; or the reply. */
export function readReply(message: Uint8Array): Reply | string {
  const root = scanMessage(message);
  if (root.ambiguities.some(({ severity }) => severity === 'error')) return 'can be read in more than one way';
  const values = (name: string) => root.headers.filter((field) => field.name === name).map(({ value }) => value);
  if (root.headers.some(({ name }) => name.startsWith('list-'))) return 'comes from a mailing list';
  const [from, ...others] = values('from');
  const authors = from === undefined ? undefined : parseAddressHeader(from);
  const [author] = authors?.mailboxes ?? [];
  const isOne = authors?.mailboxes.length === 1 && !authors.problems.some(({ severity }) => severity === 'error');
  if (others.length > 0 || author === undefined || !isOne) return 'does not have one author';
  const [references, ...more] = values('in-reply-to');
  const inReplyTo = /^\s*<([^<>\s]{1,300})>\s*$/.exec(references ?? '')?.[1];
  if (more.length > 0 || inReplyTo === undefined) return 'does not reply to one message';
  return {
    from: author.address.toLowerCase(),
    to: values('to').flatMap((value) =>
      parseAddressHeader(value).mailboxes.map(({ address }) => address.toLowerCase()),
    ),
    inReplyTo,
    token: tokenIn(values('subject')[0] ?? ''),
    response: responseIn(textOf(message, root)),
  };
}

/** RFC 5322 3.6.5: `Re: `, or whatever a mail program says instead of it; and the token, which may be folded. */
function tokenIn(subject: string): string | undefined {
  return /^(?:\S{1,20}:\s*){1,4}ACME:\s*([A-Za-z0-9_\-\s]{1,400})$/i.exec(subject)?.[1]?.replaceAll(/\s/g, '');
}

/** The first plain text that it has, wherever: beside HTML, below a signature. */
function textOf(message: Uint8Array, entity: MimeEntity): string {
  const { type } = entity.contentType;
  if (type === 'text/plain') return Buffer.from(decodeBody(message, entity)).toString('latin1');
  if (!type.startsWith('multipart/')) return '';
  for (const part of entity.parts) {
    const text = textOf(message, part);
    if (text !== '') return text;
  }
  return '';
}

/** The base64url may be on several lines. What stands before and behind is anybody's words. */
function responseIn(text: string): string | undefined {
  const begin = text.indexOf(BEGIN);
  const end = begin < 0 ? -1 : text.indexOf(END, begin);
  if (end < 0) return undefined;
  const between = text.slice(begin + BEGIN.length, end).replaceAll(/[\s>]/g, '');
  return /^[A-Za-z0-9_-]{43}=?$/.test(between) ? between.replace('=', '') : undefined;
}

const BEGIN = '-----BEGIN ACME RESPONSE-----';
const END = '-----END ACME RESPONSE-----';
