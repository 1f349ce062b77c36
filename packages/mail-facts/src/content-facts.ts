/** The text and the attachments of a message, for rules that ask for words and names. What cannot be seen, or can be seen in two ways, is said. */
import type { ContentFacts } from '@chancery/mail-policy';
import { allAmbiguities, decodeHeaderText, fileName, type MimeEntity } from '@chancery/smime';
import { wordsOfHtml } from './words-of-html.ts';

/** The body of a part, its transfer encoding undone; undefined where it is too large to be looked at. */
export type BodyOf = (entity: MimeEntity) => Uint8Array | undefined;

/** Octets of text that rules look for words in: what people write; a search costs time for each word of each rule. */
const textLooked = 1024 * 1024;
/** Parts whose names and types rules look at. */
const attachmentsLooked = 1000;

/**
 * Read when it is asked for: most rules look at nothing within.
 * @param root of the message, as `scanMessage` has it
 */
export function contentOf(bodyOf: BodyOf, root: MimeEntity): ContentFacts {
  let read: ContentFacts | undefined;
  const content = () => {
    read ??= readContent(bodyOf, root);
    return read;
  };
  return {
    get text() {
      return content().text;
    },
    get attachments() {
      return content().attachments;
    },
    get unseen() {
      return content().unseen;
    },
  };
}

function readContent(bodyOf: BodyOf, root: MimeEntity): ContentFacts {
  const unseen = new Set<string>();
  const attachments: { name: string | undefined; type: string }[] = [];
  const texts: string[] = [];
  let room = textLooked;
  for (const { severity, code } of allAmbiguities(root)) {
    if (severity === 'error' || code === 'no-parts') unseen.add('its structure can be read in more than one way');
    // Some programs undo that, and show what is within.
    if (code === 'encoded-message') unseen.add('a message within it is encoded once more');
  }

  for (const entity of leavesOf(root)) {
    const { type } = entity.contentType;
    const sealed = sealedBecause(type);
    if (sealed !== undefined) unseen.add(sealed);
    if (hasSeveralNames(entity)) unseen.add('a file in it has more than one name');
    const names = namesIn(entity);
    if (attachments.length >= attachmentsLooked) unseen.add('it has too many parts');
    else if (names.length === 0) attachments.push({ name: undefined, type });
    else attachments.push(...names.map((name) => ({ name, type })));
    // RFC 2046 4.1.4: what is text of a kind that nobody knows is shown as plain text.
    if (!type.startsWith('text/')) continue;
    const body = bodyOf(entity);
    if (body === undefined) {
      unseen.add('its text is too long');
      continue;
    }
    if (body.length > room) unseen.add('its text is too long');
    const { text, doubt } = decodeText(body.subarray(0, room), entity.contentType.parameters.get('charset'));
    room = Math.max(0, room - body.length);
    if (doubt !== undefined) unseen.add(doubt);
    if (fileInText.test(text)) unseen.add('a file stands in its text (uuencode, BinHex or yEnc)');
    texts.push(type === 'text/html' ? wordsOfHtml(text) : text);
  }
  return {
    text: texts.join('\n'),
    attachments,
    ...(unseen.size === 0 ? {} : { unseen: [...unseen].join(', and ') }),
  };
}

/** Parts that hold no others, and messages within (whose file name counts too). */
export function* leavesOf(root: MimeEntity): Generator<MimeEntity> {
  const pending = [root];
  for (let entity = pending.pop(); entity !== undefined; entity = pending.pop()) {
    if (entity.parts.length === 0 || !entity.contentType.type.startsWith('multipart/')) yield entity;
    pending.push(...entity.parts.toReversed());
  }
}

/** Programs of old put files so, and those of today take them out. */
const fileInText = /^(begin(-base64)? [0-7]{3,4} \S|=ybegin |\(This file must be converted with BinHex)/m;

function hasSeveralNames({ headers }: MimeEntity): boolean {
  const dispositions = headers.filter(({ name }) => name === 'content-disposition');
  const names = dispositions.flatMap(({ value }) => value.match(/;\s{0,100}filename\s{0,100}=/gi) ?? []);
  return dispositions.length > 1 || names.length > 1;
}

/** Both names that a part may give its file, as mail programs differ in which they show, and as the reader's system keeps each. */
export function namesIn(entity: MimeEntity): string[] {
  const other = entity.contentType.parameters.get('name');
  const names = [fileName(entity) ?? [], other === undefined ? [] : decodeHeaderText(other)].flat();
  return [...new Set(names.flatMap((name) => [name, keptAs(name)]))].filter((name) => name !== '');
}

/** Windows drops blanks and dots at the end, others whatever follows a control character, and nobody sees some characters. */
function keptAs(name: string): string {
  const [first = ''] = name.replace(/\p{Default_Ignorable_Code_Point}/gu, '').split(/\p{Cc}/u);
  let end = first.length;
  while (end > 0 && /[\s.]/.test(first[end - 1] ?? '')) end--;
  return first.slice(0, end);
}

function sealedBecause(type: string): string | undefined {
  if (/^application\/(x-)?pkcs7-mime$/.test(type)) return 'part of it is encrypted, or signed in a form that hides it';
  if (type === 'multipart/encrypted' || type === 'application/pgp-encrypted') return 'it is encrypted';
  if (type === 'application/ms-tnef') return 'part of it is in a form of Outlook that only Outlook reads (winmail.dat)';
  if (type === 'message/partial' || type === 'message/external-body') return 'part of it is elsewhere';
  return undefined;
}

function decodeText(octets: Uint8Array, charset: string | undefined): { text: string; doubt?: string } {
  const name = charset?.toLowerCase() ?? 'us-ascii';
  try {
    // Mail in "ASCII" is mail in UTF-8 more often than not.
    return { text: new TextDecoder(name === 'us-ascii' ? 'utf-8' : name).decode(octets) };
  } catch {
    return {
      text: Buffer.from(octets).toString('latin1'),
      doubt: 'part of it is in a character set that is not known here',
    };
  }
}
