/** Header protection (RFC 9788 section 5), written: the fields go into what is signed or encrypted, and some of them stay outside only in part. */
import { asBuffer } from '../asn1/der.ts';
import { SmimeError } from '../errors.ts';
import { parseAddressHeader } from '../mime/addresses.ts';
import { type SplitMessage, splitMessage, toCrlf } from '../mime/canonical.ts';
import { withParameter } from '../mime/content-type.ts';
import type { HeaderField } from '../mime/entity.ts';
import { decodeHeaderText, encodeHeaderText } from '../mime/header-text.ts';
import { scanMessage } from '../mime/scan.ts';
import { layerOf } from './layer.ts';
import { addLegacyDisplay } from './legacy-display.ts';

/**
 * What of a header stays readable outside of encryption (RFC 9788 section 3.2). `baseline`: all but Subject, Comments and
 * Keywords; `shy`: names of people and the time zone are left out too; `no-confidentiality`: everything.
 */
export type HeaderConfidentiality = 'baseline' | 'shy' | 'no-confidentiality';

/**
 * @param policy `clear` for a message that is only signed
 * @param legacyDisplay repeat what is hidden in the text, for programs that do not know of header protection
 * Throws `invalid-argument` for a message that is signed or encrypted already: its own header lies within.
 */
export function splitWithHeaders(
  message: Uint8Array,
  policy: HeaderConfidentiality | 'clear',
  legacyDisplay: boolean,
): SplitMessage {
  const given = asBuffer(message);
  const root = scanMessage(given);
  if (layerOf(given, root).kind !== 'none')
    throw new SmimeError(
      'invalid-argument',
      'the header of a message is protected where it is signed or encrypted first',
    );
  const fields = root.headers.filter(isProtected).map((field) => ({ ...textOf(given, field), name: field.name }));
  const outside = fields.map((field) => (policy === 'clear' ? field : obscured(field, policy)));
  const hidden = fields.filter((field, index) => outside[index] !== field && isUserFacing(field.name));
  const bytes =
    legacyDisplay && hidden.length > 0
      ? addLegacyDisplay(
          given,
          root,
          hidden.map(({ name, value }) => ({ name: titled(name), value })),
        )
      : given;
  const { entity } = splitMessage(bytes);

  const lines = fields.map(({ raw }) => raw);
  if (policy !== 'clear') lines.push(...outside.flatMap((field) => (field ? [`HP-Outer: ${field.raw}`] : [])));
  const content = withHp(entity, policy === 'clear' ? 'clear' : 'cipher');
  const kept = root.headers.filter((field) => !isProtected(field) && !isStructural(field) && field.name !== 'hp-outer');
  return {
    outerHeaders: latin1(
      [...kept.map((field) => textOf(given, field).raw), ...outside.map((field) => field?.raw ?? '')].join(''),
    ),
    entity: Buffer.concat([latin1(lines.join('')), content]),
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
function textOf(input: Buffer, { name, value, start, end }: HeaderField): Omit<FieldText, 'name'> {
  const whole = toCrlf(input.subarray(start, end)).toString('latin1');
  const raw = whole.endsWith('\r\n') ? whole : `${whole}\r\n`;
  if (!unstructured.has(name) || isAscii(value)) return { value, raw };
  const encoded = encodeHeaderText(decodeHeaderText(value));
  return { value: encoded.replaceAll('\r\n', ''), raw: `${raw.slice(0, raw.indexOf(':'))}: ${encoded}\r\n` };
}

/** RFC 9788 section 3.2: the field itself where nothing is hidden, undefined where it is left out. */
function obscured(field: FieldText, policy: HeaderConfidentiality): FieldText | undefined {
  if (policy === 'no-confidentiality') return field;
  const title = field.raw.slice(0, field.raw.indexOf(':')).trim();
  const instead = (value: string): FieldText =>
    value === field.value ? field : { name: field.name, value, raw: `${title}: ${value}\r\n` };
  if (field.name === 'subject') return instead('[...]');
  if (field.name === 'comments' || field.name === 'keywords') return undefined;
  if (policy === 'baseline') return field;
  if (field.name === 'from' || field.name === 'to' || field.name === 'cc') return instead(addressesOnly(field.value));
  if (field.name === 'date') return instead(inUtc(field.value));
  return field;
}

/** A list of mailboxes without names; the field as it is where it is no plain list. */
function addressesOnly(value: string): string {
  const { mailboxes, problems } = parseAddressHeader(value);
  const plain = mailboxes.length > 0 && mailboxes.every(({ group }) => group === undefined);
  if (!plain || problems.some(({ severity }) => severity === 'error')) return value;
  return Buffer.from(mailboxes.map(({ address }) => writtenAddress(address)).join(',\r\n ')).toString('latin1');
}

function writtenAddress(address: string): string {
  const at = address.lastIndexOf('@');
  const local = address.slice(0, at);
  const atom = /^[^\s()<>[\]:;@\\,."]+(\.[^\s()<>[\]:;@\\,."]+)*$/.test(local);
  return atom ? address : `"${local.replace(/["\\]/g, '\\$&')}"${address.slice(at)}`;
}

function inUtc(value: string): string {
  const date = new Date(value.replace(/\([^()]*\)/g, ''));
  return Number.isNaN(date.getTime()) ? value : date.toUTCString().replace('GMT', '+0000');
}

/** The entity with `hp` on its Content-Type (RFC 9788 section 2.1.1). */
function withHp(entity: Buffer, hp: 'clear' | 'cipher'): Buffer {
  const { headers, headerEnd } = scanMessage(entity);
  const type = headers.find(({ name }) => name === 'content-type');
  const raw = type ? entity.toString('latin1', type.start, type.end) : 'Content-Type: text/plain; charset=us-ascii\r\n';
  return Buffer.concat([
    entity.subarray(0, type?.start ?? 0),
    latin1(withParameter(raw, 'hp', hp)),
    entity.subarray(type?.end ?? 0, headerEnd),
    entity.subarray(headerEnd),
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

const isUserFacing = (name: string): boolean => userFacing.has(name);
/** RFC 9787 section 1.1.2, of those that a policy may hide. */
const userFacing: ReadonlySet<string> = new Set(['subject', 'from', 'to', 'cc', 'date', 'keywords', 'comments']);

const titled = (name: string): string => name.replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase());
const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');
function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) >= 0x80) return false;
  return true;
}
