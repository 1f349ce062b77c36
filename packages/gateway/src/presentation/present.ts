/** How one form of an incoming message leaves: with its banner, its Subject's tag and its labels. */
import type { MailSignal } from '@chancery/api';
import { decodeHeaderText, encodeHeaderText } from '@chancery/smime';
import { type HeaderField, headerFields } from '../header-block.ts';
import type { InboundPolicy } from '../inbound-policy.ts';
import { headOf, type LargeMessage, wholeOf, withFields } from '../large-message.ts';
import type { Form } from '../unprotect.ts';
import { withBanner } from './banner.ts';

/**
 * @param labels header fields of ours, put before all others
 * @param isForged fields that nobody but us may put there
 * @param tags of rules, before the Subject
 */
export async function present(
  form: Pick<Form, 'message' | 'report' | 'encrypted' | 'handling'>,
  signals: readonly MailSignal[],
  policy: Pick<InboundPolicy, 'banner' | 'subjectTag'>,
  labels: readonly string[],
  isForged: (field: HeaderField) => boolean,
  tags: readonly string[] = [],
): Promise<Buffer | LargeMessage> {
  const { message, report, handling } = form;
  const told = signals.filter(({ severity }) => policy.banner === 'signals' || severity === 'warning');
  const shown = policy.banner !== 'never' && told.length > 0 && handling === 'whole';
  const bannered = shown
    ? withBanner(
        await wholeOf(message),
        report,
        told.map(({ reason }) => reason),
      )
    : message;
  const head = headOf(bannered);
  const subject = headerFields(head).filter(({ name }) => name === 'subject');
  const [only] = subject;
  const text = only === undefined ? '' : textOf(head, only);
  const wanted = subject.length > 1 ? text : taggedSubject(text, form, signals, policy.subjectTag, tags);
  if (wanted === text) return withFields(bannered, isForged, labels);
  const isOld = (field: HeaderField) => isForged(field) || field.name === 'subject';
  return withFields(bannered, isOld, [...labels, `Subject: ${wanted}`]);
}

/** A Subject that is within a signature or was protected is compared with the one outside by programs that know of it: it stays. */
function taggedSubject(
  text: string,
  { report, handling }: Pick<Form, 'report' | 'handling'>,
  signals: readonly MailSignal[],
  { warning, valid }: InboundPolicy['subjectTag'],
  ofRules: readonly string[],
): string {
  if (report?.protectedHeaders !== undefined) return text;
  const good = report?.verdict === 'valid';
  const warned = warning !== undefined && signals.some(({ severity }) => severity === 'warning');
  const tag = handling === 'shut' ? undefined : warned ? warning : good ? valid : undefined;
  const decoded = decodeHeaderText(text);
  // Whoever writes the tag of good mail before their own Subject must not have it shown.
  const forged = valid !== undefined && valid !== tag && decoded.includes(valid);
  const honest = forged && valid !== undefined ? encodedWords(decoded.replaceAll(valid, '').trim()) : text;
  const tagged = tag === undefined || honest.startsWith(tag) ? honest : `${tag} ${honest}`.trimEnd();
  const missing = handling === 'shut' ? [] : [...new Set(ofRules)].filter((one) => !decoded.includes(one));
  return missing.length === 0 ? tagged : `${missing.map(beforeText).join('')}${tagged}`.trimEnd();
}

/** With a blank behind it, which between two encoded words belongs into the first (RFC 2047 section 6.2). */
function beforeText(tag: string): string {
  return /^[\x20-\x7e]*$/.test(tag) ? `${tag} ` : `${encodeHeaderText(`${tag} `)}\r\n `;
}

/** As it stands, its folding kept, one character per octet. */
function textOf(message: Uint8Array, { start, end }: HeaderField): string {
  const text = Buffer.from(message.subarray(start, end)).toString('latin1');
  return text.slice(text.indexOf(':') + 1).trim();
}

/** As it is where it is short and ASCII; else without controls, which would end a line. */
function encodedWords(text: string): string {
  return /^[\x20-\x7e]{0,900}$/.test(text) ? text : encodeHeaderText(text.replace(/\p{Cc}/gu, ''));
}
