/**
 * An opened message as its reader should see it (RFC 9788 section 4): the header fields that the composer protected in place of
 * those that were delivered. What is signed stays as it is, octet for octet; only the header around it changes.
 */
import { asBuffer } from '../asn1/der.ts';
import { parseAddressHeader } from '../mime/addresses.ts';
import { outerHeader, withEntity, withoutOwnFields } from '../mime/canonical.ts';
import { withoutParameters } from '../mime/content-type.ts';
import type { HeaderField, MimeEntity } from '../mime/entity.ts';
import { decodeHeaderText, encodeHeaderText } from '../mime/header-text.ts';
import { scanMessage } from '../mime/scan.ts';
import { scanHeaders } from '../mime/scan-headers.ts';
import { writtenMailbox } from '../mime/write-address.ts';
import type { Problem } from '../problem.ts';
import { isObjectType } from './layer.ts';
import { removeLegacyDisplay } from './legacy-display.ts';
import { openMessage } from './open-layers.ts';
import { type HeaderReading, mayProtect, type ProtectedHeaders, readProtectedHeaders } from './protected-headers.ts';

/** What became of the header of a message whose protected one was found when it was opened. */
export interface EffectiveHeader extends Pick<ProtectedHeaders, 'scheme' | 'intent' | 'differing'> {
  /** Names of the fields that now stand as the composer protected them, and were delivered otherwise or not at all. */
  readonly restored: readonly string[];
  /** Names of fields that were delivered and that the composer never wrote: left out. */
  readonly removed: readonly string[];
  /**
   * What `verifyMessage` finds in the header as it was delivered. Where one is an error, somebody altered that header on the way, or
   * meant to deceive: the message must not be called valid, whatever is found in it as it is now.
   */
  readonly problems: readonly Problem[];
}

/**
 * @param root of the message that was encrypted; @param content what was encrypted
 * Throws `limit-exceeded` for a content whose header is too large to look through.
 */
export async function effectiveMessage(
  message: Uint8Array,
  root: MimeEntity,
  content: Uint8Array,
): Promise<{ readonly message: Buffer; readonly header?: EffectiveHeader }> {
  const bytes = asBuffer(message);
  const inner = asBuffer(content);
  const delivered = (): Buffer => withEntity(bytes, root, inner);
  if (!mayHoldProtected(inner)) return { message: delivered() };
  const entity = scanMessage(inner);
  const { payload, layers, ambiguities } = await openMessage(inner, entity, { keys: [] });
  // What can be read in two ways has two headers.
  if (payload === undefined || ambiguities.some(({ severity }) => severity === 'error'))
    return { message: delivered() };
  const reading = readProtectedHeaders(payload, root, true);
  if (reading === undefined) return { message: delivered() };
  const { outer, header } = restoreHeader(root, (field) => bytes.subarray(field.start, field.end), reading);
  const own = layers.length > 0 ? inner : withoutMarks(removeLegacyDisplay(inner, entity));
  return { message: Buffer.concat([outer, ...withoutOwnFields(own)]), header };
}

/** Whether a protected header may be in an entity, by the type alone: most have none, and need not be read. */
function mayHoldProtected(content: Buffer): boolean {
  const { headers, bodyStart } = scanHeaders(content, 0, content.length, false, false, []);
  if (!headers.some(({ name }) => name === 'content-type')) return false;
  const entity = scanMessage(content.subarray(0, bodyStart));
  return mayProtect(entity) || entity.contentType.type === 'multipart/signed' || isObjectType(entity);
}

/**
 * The header that a reader sees around an opened message, ended by MIME-Version.
 * @param fieldOctets a field as it was delivered
 */
export function restoreHeader(
  root: MimeEntity,
  fieldOctets: (field: HeaderField) => Buffer,
  reading: HeaderReading,
): { readonly outer: Buffer; readonly header: EffectiveHeader } {
  const lines = new Map<string, string[]>();
  for (const name of shown) {
    if (name === 'from' && !isSameFrom(root, reading)) continue;
    const fields = reading.fields.filter((field) => field.name === name);
    const written = fields.map(({ value }) => writeField(name, value));
    if (
      fields.length > 0 &&
      (fields.length === 1 || mayRepeat.has(name)) &&
      written.every((line) => line !== undefined)
    )
      lines.set(name, written);
  }
  const isAdded = ({ name }: HeaderField): boolean =>
    composedOnly.has(name) && reading.scheme === 'rfc9788' && !reading.fields.some((field) => field.name === name);
  const restored = [...lines.keys()].filter((name) => !saysTheSame(root, reading, name));
  const put = new Set<string>();
  const kept = root.headers.filter(
    (field) => !isAdded(field) && (!restored.includes(field.name) || isFirst(field, put)),
  );
  const known = new Set(kept.map(({ name }) => name));
  const late = restored.filter((name) => !known.has(name)).flatMap((name) => lines.get(name) ?? []);
  const outer = outerHeader(
    { ...root, headers: kept },
    (field) => (restored.includes(field.name) ? latin1((lines.get(field.name) ?? []).join('')) : fieldOctets(field)),
    latin1(late.join('')),
  );
  const { scheme, intent, differing, problems } = reading;
  return {
    outer,
    header: {
      scheme,
      intent,
      differing,
      restored,
      removed: [...new Set(root.headers.filter(isAdded).map(({ name }) => name))],
      problems,
    },
  };
}

function isFirst({ name }: HeaderField, put: Set<string>): boolean {
  if (put.has(name)) return false;
  put.add(name);
  return true;
}

const saysTheSame = (root: MimeEntity, reading: HeaderReading, name: string): boolean => {
  const values = (fields: readonly HeaderField[]): string =>
    JSON.stringify(fields.filter((field) => field.name === name).map(({ value }) => value.replace(/\s+/g, ' ')));
  return values(root.headers) === values(reading.fields);
};

/**
 * RFC 9788 section 4.4: servers vouch for the From that was delivered, and nobody for another one within. It is replaced only by
 * one that names the same address, and that adds a name at most.
 */
function isSameFrom(root: MimeEntity, reading: HeaderReading): boolean {
  const count = (fields: readonly HeaderField[]): number => fields.filter(({ name }) => name === 'from').length;
  return count(root.headers) === 1 && count(reading.fields) === 1 && !reading.differing.includes('from');
}

/**
 * Fields that programs show, or go by when they sort or answer (RFC 9787 section 1.1.2, RFC 9788 section 4.6). Others stay within: a
 * Received or an Authentication-Results there passed by whoever takes forged ones out.
 */
const shown = [
  'from',
  'sender',
  'reply-to',
  'to',
  'cc',
  'subject',
  'comments',
  'keywords',
  'date',
  'message-id',
  'in-reply-to',
  'references',
  'followup-to',
  'mail-followup-to',
] as const;
const mayRepeat: ReadonlySet<string> = new Set(['comments', 'keywords']);

/** Of these, the ones that nobody but the composer writes; servers and lists add the others (RFC 9788 section 6.2, 7). */
const composedOnly: ReadonlySet<string> = new Set(
  shown.filter((name) => name !== 'from' && name !== 'sender' && name !== 'date' && name !== 'message-id'),
);

/** A field in ASCII, folded, ended by CRLF; undefined where that cannot be done without changing what it says. */
function writeField(name: string, value: string): string | undefined {
  if (/[\0\r\n]/.test(value)) return undefined;
  const text = isAscii(value) ? value : asAscii(name, value);
  return text === undefined ? undefined : `${folded(`${titles[name] ?? titled(name)}: ${text}`)}\r\n`;
}

function asAscii(name: string, value: string): string | undefined {
  if (unstructured.has(name)) return encodeHeaderText(decodeHeaderText(value)).replaceAll('\r\n', '');
  if (!addresses.has(name)) return undefined;
  const { mailboxes, problems } = parseAddressHeader(value);
  const plain = mailboxes.every(({ group, address }) => group === undefined && isAscii(address));
  if (!plain || problems.some(({ severity }) => severity === 'error')) return undefined;
  return mailboxes.map(writtenMailbox).join(', ');
}

/** RFC 5322 2.2.3: at blanks, so that lines stay within 78 where words allow. */
function folded(field: string): string {
  const lines = [''];
  for (const word of field.split(/(?<=\S)(?=[ \t])/)) {
    const line = lines.at(-1) as string;
    if (line !== '' && line.length + word.length > 78) lines.push(word);
    else lines[lines.length - 1] = line + word;
  }
  return lines.join('\r\n');
}

/** What is no longer within cryptography has no marks of header protection (RFC 9788 section 4.1). */
export function withoutMarks(content: Buffer): Buffer {
  const { headers } = scanHeaders(content, 0, content.length, false, false, []);
  const type = headers.find(({ name }) => name === 'content-type');
  if (type === undefined) return content;
  const raw = withoutParameters(content.toString('latin1', type.start, type.end), ['hp', 'protected-headers']);
  return Buffer.concat([content.subarray(0, type.start), latin1(raw), content.subarray(type.end)]);
}

const unstructured: ReadonlySet<string> = new Set(['subject', 'comments', 'keywords']);
const addresses: ReadonlySet<string> = new Set(['from', 'sender', 'reply-to', 'to', 'cc', 'mail-followup-to']);
const titles: Readonly<Record<string, string>> = { 'message-id': 'Message-ID' };
const titled = (name: string): string => name.replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase());
const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');
const isAscii = (text: string): boolean => Buffer.from(text, 'latin1').every((octet) => octet < 0x80);
