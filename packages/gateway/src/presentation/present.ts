/** How one form of an incoming message leaves: with its banner, its Subject's tag and its labels. */
import type { MailSignal } from '@chancery/api';
import { decodeHeaderText, encodeHeaderText } from '@chancery/smime';
import { type HeaderField, headerFields } from '../header-block.ts';
import type { InboundPolicy } from '../inbound-policy.ts';
import { headOf, type LargeMessage, type Scratch, withFields } from '../large-message.ts';
import { skeleton } from '../signals/look-alike.ts';
import type { Form } from '../unprotect.ts';
import { withBanner } from './banner.ts';

/**
 * @param labels header fields of ours, put before all others
 * @param isForged fields that nobody but us may put there
 * @param scratch where a large message is written anew that gets a banner
 * @param tags of rules, before the Subject
 */
export async function present(
  form: Pick<Form, 'message' | 'report' | 'encrypted' | 'handling'>,
  signals: readonly MailSignal[],
  policy: Pick<InboundPolicy, 'banner' | 'subjectTag'>,
  labels: readonly string[],
  isForged: (field: HeaderField) => boolean,
  scratch: Pick<Scratch, 'keep'>,
  tags: readonly string[] = [],
): Promise<Buffer | LargeMessage> {
  const { message, report, handling } = form;
  const told = signals.filter(({ severity }) => policy.banner === 'signals' || severity === 'warning');
  const shown = policy.banner !== 'never' && told.length > 0 && handling === 'whole';
  const bannered = shown
    ? await withBanner(
        message,
        report,
        told.map(({ reason }) => reason),
        scratch,
      )
    : message;
  const head = headOf(bannered);
  const subjects = headerFields(head).filter(({ name }) => name === 'subject');
  // Of several each program shows another.
  const texts = subjects.length === 0 ? [''] : subjects.map((field) => textOf(head, field));
  const wanted = texts.map((text) => taggedSubject(text, form, signals, policy.subjectTag, tags));
  if (wanted.every((text, index) => text === texts[index])) return withFields(bannered, isForged, labels);
  const isOld = (field: HeaderField) => isForged(field) || field.name === 'subject';
  return withFields(bannered, isOld, [...labels, ...wanted.map((text) => `Subject: ${text}`)]);
}

/** A Subject within a signature that holds is compared with the one outside by programs that know of it: it stays. */
function taggedSubject(
  text: string,
  { report, handling }: Pick<Form, 'report' | 'handling'>,
  signals: readonly MailSignal[],
  { warning, valid }: InboundPolicy['subjectTag'],
  ofRules: readonly string[],
): string {
  const good = report?.verdict === 'valid';
  if (good && report.protectedHeaders !== undefined) return text;
  const warned = warning !== undefined && signals.some(({ severity }) => severity === 'warning');
  const tag = handling === 'shut' ? undefined : warned ? warning : good ? valid : undefined;
  const decoded = decodeHeaderText(text);
  const honest = valid === undefined || valid === tag ? text : withoutTag(text, decoded, valid);
  const tagged = tag === undefined || honest.startsWith(tag) ? honest : `${tag} ${honest}`.trimEnd();
  const missing =
    handling === 'shut'
      ? []
      : [...new Set(ofRules)].filter((one) => !decoded.trimStart().slice(0, prefixes).includes(one));
  return missing.length === 0 ? tagged : `${missing.map(beforeText).join('')}${tagged}`.trimEnd();
}

/** Characters in which a tag of before stands behind `Re:` and its like: one further behind is its sender's. */
const prefixes = 60;

/** Whoever writes the tag of good mail into their own Subject must not have it shown, in whatever letters it is written. */
function withoutTag(text: string, decoded: string, tag: string): string {
  const wanted = skeleton(tag);
  // A word that is not read here may be read by others.
  const odd = decoded.includes('=?');
  const isForged = skeleton(decoded.slice(0, 2_000)).includes(wanted) || decoded.includes(tag);
  if (!isForged) return odd ? encodedWords(decoded) : text;
  const letters = [...decoded.slice(0, longestForged)];
  for (let from = 0; from < letters.length; ) {
    const lengths = Array.from({ length: 2 * tag.length }, (_, index) => index + 1);
    const length = lengths.find((one) => skeleton(letters.slice(from, from + one).join('')) === wanted);
    if (length === undefined) from++;
    else {
      letters.splice(from, length);
      // What stood around it may be it once more.
      from = Math.max(0, from - lengths.length);
    }
  }
  return encodedWords(letters.join('').trim());
}

/** Characters of a Subject with a forged tag that are kept: more than a line of a list of mails. */
const longestForged = 300;

/** With a blank behind it, which between two encoded words belongs into the first (RFC 2047 section 6.2). */
function beforeText(tag: string): string {
  return /^[\x20-\x7e]*$/.test(tag) ? `${tag} ` : `${encodeHeaderText(`${tag} `)}\r\n `;
}

/** As it stands, its folding kept, one character per octet. */
function textOf(message: Uint8Array, { start, end }: HeaderField): string {
  const text = Buffer.from(message.subarray(start, end)).toString('latin1');
  return text.slice(text.indexOf(':') + 1).trim();
}

/** As it is where it is short and ASCII and looks like nothing encoded; else without controls, which would end a line. */
function encodedWords(text: string): string {
  return /^[\x20-\x7e]{0,900}$/.test(text) && !text.includes('=?')
    ? text
    : encodeHeaderText(text.replace(/\p{Cc}/gu, ''));
}
