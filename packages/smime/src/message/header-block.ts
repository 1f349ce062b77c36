/** The header of a message that is to be protected (RFC 9788 section 5.2.1): what of it stands within, and what outside. It needs no body. */
import { SmimeError } from '../errors.ts';
import { parseAddressHeader } from '../mime/addresses.ts';
import { fieldLines } from '../mime/canonical.ts';
import { withParameter } from '../mime/content-type.ts';
import type { HeaderField } from '../mime/entity.ts';
import { decodeHeaderText, encodeHeaderText } from '../mime/header-text.ts';
import { scanMessage } from '../mime/scan.ts';
import { writtenAddress } from '../mime/write-address.ts';

/**
 * What of a header stays readable outside of encryption (RFC 9788 section 3.2). `baseline`: all but Subject, Comments and
 * Keywords; `shy`: names of people and the time zone are left out too; `no-confidentiality`: everything.
 */
export type HeaderConfidentiality = 'baseline' | 'shy' | 'no-confidentiality';

/** A field of an answer that repeats what was confidential in the message it answers (RFC 9788 section 6.1). */
export interface ConfidentialField {
  readonly name: string;
  /** Raw, unfolded, one character per octet. A field that was edited since is another one, and not confidential. */
  readonly value: string;
  /** What may stand outside in its place; undefined: nothing. */
  readonly outside: string | undefined;
}

export interface HeaderBlock {
  /** The fields that stay outside, each ended by CRLF; Content-* and MIME-Version are not among them. */
  readonly outerHeaders: Buffer;
  /** Fields that a person reads and that do not stay outside as they are; names as one writes them, values raw. */
  readonly hidden: readonly { readonly name: string; readonly value: string }[];
  /**
   * The whole header of the entity that is protected, without the empty line.
   * @param content the entity's Content-* fields, each ended by CRLF
   */
  innerHeader(content: Buffer): Buffer;
}

/**
 * @param headers of the message
 * @param fieldOctets one of them as it stands in the message
 * @param policy `clear` for a message that is only signed
 * @param confidential of an answer: hidden where the policy would not hide them
 * Throws `invalid-argument` where confidential fields would go out in the clear.
 */
export function protectHeader(
  headers: readonly HeaderField[],
  fieldOctets: (field: HeaderField) => Buffer,
  policy: HeaderConfidentiality | 'clear',
  confidential: readonly ConfidentialField[] = [],
): HeaderBlock {
  const fields = headers
    .filter(isProtected)
    .map((field) => ({ ...textOf(field, fieldOctets(field)), name: field.name }));
  const outside = fields.map((field) => {
    const byPolicy = policy === 'clear' ? field : obscured(field, policy);
    if (byPolicy !== field) return byPolicy;
    const repeated = confidential.find((one) => isSame(one, field));
    if (repeated && policy === 'clear')
      throw new SmimeError(
        'invalid-argument',
        `the ${titled(field.name)} repeats what was encrypted, and a message that is only signed shows it`,
      );
    if (!repeated) return field;
    return repeated.outside === undefined ? undefined : withValue(field, repeated.outside);
  });
  const kept = headers.filter((field) => !isProtected(field) && !isStructural(field) && field.name !== 'hp-outer');
  const lines = fields.map(({ raw }) => raw);
  if (policy !== 'clear') lines.push(...outside.flatMap((field) => (field ? [`HP-Outer: ${field.raw}`] : [])));
  return {
    outerHeaders: latin1(
      [...kept.map((field) => textOf(field, fieldOctets(field)).raw), ...outside.map((field) => field?.raw ?? '')].join(
        '',
      ),
    ),
    hidden: fields
      .filter((field, index) => outside[index] !== field && userFacing.has(field.name))
      .map(({ name, value }) => ({ name: titled(name), value })),
    innerHeader: (content) =>
      Buffer.concat([latin1(lines.join('')), withHp(content, policy === 'clear' ? 'clear' : 'cipher')]),
  };
}

interface FieldText {
  /** In lower case. */
  readonly name: string;
  /** Unfolded, one character per octet. */
  readonly value: string;
  /** Name, colon, value and CRLF, folded as it came. */
  readonly raw: string;
}

/** Text in UTF-8 that has no structure becomes ASCII, so that no relay has a reason to change what is signed. */
function textOf({ name, value }: HeaderField, octets: Buffer): Omit<FieldText, 'name'> {
  const raw = fieldLines(octets).toString('latin1');
  if (!unstructured.has(name) || isAscii(value)) return { value, raw };
  const encoded = encodeHeaderText(decodeHeaderText(value));
  return { value: encoded.replaceAll('\r\n', ''), raw: `${raw.slice(0, raw.indexOf(':'))}: ${encoded}\r\n` };
}

/** RFC 9788 section 3.2: the field itself where nothing is hidden, undefined where it is left out. */
function obscured(field: FieldText, policy: HeaderConfidentiality): FieldText | undefined {
  if (policy === 'no-confidentiality') return field;
  if (field.name === 'subject') return withValue(field, '[...]');
  if (field.name === 'comments' || field.name === 'keywords') return undefined;
  if (policy === 'baseline') return field;
  if (field.name === 'from' || field.name === 'to' || field.name === 'cc')
    return withValue(field, addressesOnly(field.value));
  if (field.name === 'date') return withValue(field, inUtc(field.value));
  return field;
}

/** @param value may be folded */
function withValue(field: FieldText, value: string): FieldText {
  if (value === field.value) return field;
  const title = field.raw.slice(0, field.raw.indexOf(':')).trim();
  return { name: field.name, value, raw: `${title}: ${value}\r\n` };
}

const isSame = (one: ConfidentialField, field: FieldText): boolean =>
  one.name.toLowerCase() === field.name && plain(one.value) === plain(field.value);
const plain = (value: string): string => decodeHeaderText(value).replace(/\s+/g, ' ').trim();

/** A list of mailboxes without names; the field as it is where it is no plain list. */
function addressesOnly(value: string): string {
  const { mailboxes, problems } = parseAddressHeader(value);
  const list = mailboxes.length > 0 && mailboxes.every(({ group }) => group === undefined);
  if (!list || problems.some(({ severity }) => severity === 'error')) return value;
  return Buffer.from(mailboxes.map(({ address }) => writtenAddress(address)).join(',\r\n ')).toString('latin1');
}

function inUtc(value: string): string {
  const date = new Date(value.replace(/\([^()]*\)/g, ''));
  return Number.isNaN(date.getTime()) ? value : date.toUTCString().replace('GMT', '+0000');
}

/** The Content-* fields with `hp` on the Content-Type (RFC 9788 section 2.1.1). */
function withHp(content: Buffer, hp: 'clear' | 'cipher'): Buffer {
  const { headers } = scanMessage(content);
  const type = headers.find(({ name }) => name === 'content-type');
  const raw = type
    ? content.toString('latin1', type.start, type.end)
    : 'Content-Type: text/plain; charset=us-ascii\r\n';
  return Buffer.concat([
    content.subarray(0, type?.start ?? 0),
    latin1(withParameter(raw, 'hp', hp)),
    content.subarray(type?.end ?? 0),
  ]);
}

const unstructured: ReadonlySet<string> = new Set(['subject', 'comments', 'keywords']);

/** Fields that were not there when the message was composed, or that its readers must not see. */
const notComposed: ReadonlySet<string> = new Set([
  'received',
  'return-path',
  'delivered-to',
  'bcc',
  'hp-outer',
  'dkim-signature',
  'authentication-results',
]);

const isStructural = ({ name }: HeaderField): boolean => name.startsWith('content-') || name === 'mime-version';
const isProtected = (field: HeaderField): boolean =>
  !isStructural(field) &&
  !notComposed.has(field.name) &&
  !field.name.startsWith('arc-') &&
  !field.name.startsWith('resent-');

/** RFC 9787 section 1.1.2, of those that may be hidden. */
const userFacing: ReadonlySet<string> = new Set([
  'subject',
  'from',
  'to',
  'cc',
  'date',
  'reply-to',
  'followup-to',
  'keywords',
  'comments',
]);

const titled = (name: string): string => name.replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase());
const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');
function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) >= 0x80) return false;
  return true;
}
