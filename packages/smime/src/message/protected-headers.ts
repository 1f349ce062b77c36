/**
 * Header fields that stand within the protection, read and compared with those outside (RFC 9788 section 4; its two
 * forerunners of sections 4.10 and 4.11 too).
 */
import { parseAddressHeader } from '../mime/addresses.ts';
import type { HeaderField, MimeEntity } from '../mime/entity.ts';
import { decodeHeaderText } from '../mime/header-text.ts';
import { duplicateFields } from '../mime/scan-headers.ts';
import { type Problem, problem } from '../problem.ts';
import { mailboxKey } from '../x509/mailbox.ts';
import { type Originator, originatorOf } from './identity.ts';
import type { Payload } from './open-layers.ts';

/** RFC 9788 section 4.3. `encrypted-only` and `signed-and-encrypted`: the composer did not put the field outside as it is. */
export type FieldProtection = 'unprotected' | 'signed-only' | 'encrypted-only' | 'signed-and-encrypted';

/** A header field, wherever it stands or is to stand. */
export interface NamedField {
  /** In lower case where it was read. */
  readonly name: string;
  /** Raw, unfolded, one character per octet: decode with `decodeHeaderText`. */
  readonly value: string;
}

/** One header field that stands within the protection. */
export interface ProtectedField extends NamedField {
  readonly protection: FieldProtection;
}

/** The header fields that stand within the protection, and how they differ from those outside. */
export interface ProtectedHeaders {
  /** `rfc8551`: the message lies whole within the signature; `draft-autocrypt`: `protected-headers="v1"`. */
  readonly scheme: 'rfc9788' | 'rfc8551' | 'draft-autocrypt';
  /** What the composer meant: signed only, or encrypted as well. It does not say that anything *is* encrypted. */
  readonly intent: 'clear' | 'cipher';
  readonly fields: readonly ProtectedField[];
  /**
   * The fields that the composer put outside when he meant to encrypt: HP-Outer or, for the schemes without it, those that are there.
   * Absent where he hid nothing.
   */
  readonly outer?: readonly NamedField[];
  /** Names of fields that stand outside with another meaning than the composer gave them there. */
  readonly differing: readonly string[];
}

/** The fields as they stand, before it is known what the signature is worth. */
export interface HeaderReading {
  readonly scheme: ProtectedHeaders['scheme'];
  readonly intent: ProtectedHeaders['intent'];
  readonly fields: readonly HeaderField[];
  /** The fields that the composer put outside: HP-Outer or, for the schemes without it, those that are there. Undefined where nothing is hidden. */
  readonly outer: readonly NamedField[] | undefined;
  readonly differing: readonly string[];
  /** Undefined where no From is protected. */
  readonly originator: Originator | undefined;
  readonly problems: readonly Problem[];
}

/**
 * @param root the entity whose fields were delivered; undefined for an object that is no message
 * @param encrypted one of the layers around the payload is encryption
 */
export function readProtectedHeaders(
  payload: Payload,
  root: MimeEntity | undefined,
  encrypted: boolean,
): HeaderReading | undefined {
  const found = findHeaders(payload, root, encrypted);
  if (found === undefined) return undefined;
  const { scheme, intent, entity } = found;
  const all = entity.headers.filter((field) => !isStructural(field.name));
  const fields = all.filter(({ name }) => name !== 'hp-outer');
  const outer = intent !== 'cipher' ? undefined : scheme === 'rfc9788' ? outerFields(all) : root?.headers;
  // A part's fields are not checked for those that may stand once only; here they are a message's.
  const problems = duplicateFields(entity.headers);
  const hasFrom = fields.some(({ name }) => name === 'from');
  const originator = hasFrom ? originatorOf({ headers: fields }) : undefined;
  if (originator) problems.push(...originator.problems);
  else problems.push(fromUnprotected);
  if (intent === 'cipher' && !encrypted) problems.push(notEncrypted);
  if (intent === 'clear' && encrypted) problems.push(encryptionAdded);
  const stated = scheme === 'rfc9788' ? outer : undefined;
  const differing = root === undefined ? [] : compare(fields, stated, root.headers, scheme, encrypted, problems);
  return { scheme, intent, fields, outer, differing, originator, problems };
}

/** RFC 9788 section 4.3.1. @param signed a signature over the payload is valid */
export function protectionOf(reading: HeaderReading, encrypted: boolean, signed: boolean): ProtectedHeaders {
  const { scheme, intent, differing } = reading;
  const open = new Set(reading.outer?.map(({ name, value }) => `${name}:${value}`));
  const hidden = ({ name, value }: HeaderField): boolean =>
    encrypted && reading.outer !== undefined && !open.has(`${name}:${value}`);
  const fields = reading.fields.map((field) => ({
    name: field.name,
    value: field.value,
    protection: hidden(field)
      ? signed
        ? ('signed-and-encrypted' as const)
        : ('encrypted-only' as const)
      : signed
        ? ('signed-only' as const)
        : ('unprotected' as const),
  }));
  const outer = reading.outer?.map(({ name, value }) => ({ name, value }));
  return { scheme, intent, fields, ...(outer && { outer }), differing };
}

/** By its type alone: whether an entity may have a protected header, should it be what is shown. */
export const mayProtect = ({ contentType: { type, parameters } }: MimeEntity): boolean =>
  parameters.has('hp') || parameters.has('protected-headers') || type === 'message/rfc822';

interface FoundHeaders extends Pick<HeaderReading, 'scheme' | 'intent'> {
  readonly entity: MimeEntity;
}

function findHeaders(
  { entity, evidence }: Payload,
  root: MimeEntity | undefined,
  encrypted: boolean,
): FoundHeaders | undefined {
  const { type, parameters } = entity.contentType;
  const hp = parameters.get('hp')?.toLowerCase();
  if (hp === 'clear' || hp === 'cipher') return { scheme: 'rfc9788', intent: hp, entity };
  const inferred = encrypted ? 'cipher' : 'clear';
  if (parameters.get('protected-headers')?.toLowerCase() === 'v1')
    return { scheme: 'draft-autocrypt', intent: inferred, entity };
  const [message] = entity.parts;
  if (type !== 'message/rfc822' || message === undefined || message.contentType.parameters.has('hp')) return undefined;
  if (evidence.kindOf(message) !== 'none') return undefined;
  // A forwarded message looks the same; it is somebody else's, and its fields are no fields of this one.
  if (
    root !== undefined &&
    meaning('from', values(message.headers, 'from')) !== meaning('from', values(root.headers, 'from'))
  )
    return undefined;
  return { scheme: 'rfc8551', intent: inferred, entity: message };
}

/** RFC 9788 section 4.2.1. */
function outerFields(fields: readonly HeaderField[]): NamedField[] {
  return fields.flatMap(({ name, value }) => {
    const colon = value.indexOf(':');
    if (name !== 'hp-outer' || colon < 0) return [];
    return [{ name: value.slice(0, colon).trim().toLowerCase(), value: value.slice(colon + 1).trim() }];
  });
}

/** Fields that a program shows, or acts on when the message is answered (RFC 9787 section 1.1.2). */
const userFacing = ['from', 'sender', 'to', 'cc', 'subject', 'date', 'reply-to', 'followup-to'] as const;
/** Submission servers and mailing lists put these in where they are missing; that alters nothing the composer said. */
const addedInTransit: ReadonlySet<string> = new Set(['sender', 'date', 'reply-to']);

/** Names of the fields outside that are neither what the composer protected nor what he says he put there. */
function compare(
  fields: readonly HeaderField[],
  outer: readonly NamedField[] | undefined,
  delivered: readonly HeaderField[],
  scheme: ProtectedHeaders['scheme'],
  encrypted: boolean,
  problems: Problem[],
): string[] {
  const differing: string[] = [];
  // Without HP-Outer it cannot be told whether the composer or somebody on the way obscured a field.
  const mayBeObscured = scheme !== 'rfc9788' && encrypted;
  for (const name of userFacing) {
    const there = values(delivered, name);
    if (there.length === 0 || (mayBeObscured && name !== 'from')) continue;
    const inside = values(fields, name);
    if (name === 'from' && inside.length === 0) continue;
    const allowed = [inside, values(outer ?? [], name)].filter((list) => list.length > 0);
    if (allowed.length === 0) {
      differing.push(name);
      problems.push(addedOutside(name, addedInTransit.has(name) ? 'warning' : 'error'));
    } else if (!allowed.some((list) => sameMeaning(name, list, there))) {
      differing.push(name);
      problems.push(differs(name, inside, there));
    }
  }
  return differing;
}

function sameMeaning(name: string, inside: readonly string[], outside: readonly string[]): boolean {
  if (meaning(name, inside) !== meaning(name, outside)) return false;
  if (name !== 'from') return true;
  // RFC 9788 3.2.2: the name may be left out; another name is another sender to whoever reads it.
  const delivered = displayName(outside);
  return delivered === '' || delivered === displayName(inside);
}

/** What a field says, apart from how it is written: addresses as a set, a date as an instant, text decoded. */
function meaning(name: string, list: readonly string[]): string {
  if (name === 'subject' || name === 'followup-to') return list.map(textOf).join('\n');
  if (name === 'date') return list.map((value) => Date.parse(value.replace(/\([^()]*\)/g, ''))).join('\n');
  return [
    ...new Set(list.flatMap((value) => parseAddressHeader(value).mailboxes.map(({ address }) => mailboxKey(address)))),
  ]
    .sort()
    .join('\n');
}

const displayName = (list: readonly string[]): string =>
  list.map((value) => textOf(parseAddressHeader(value).mailboxes[0]?.name ?? '')).join('\n');

const textOf = (value: string): string => decodeHeaderText(value).replace(/\s+/g, ' ').trim();

const values = (fields: readonly NamedField[], name: string): string[] =>
  fields.filter((field) => field.name === name).map(({ value }) => value);

const isStructural = (name: string): boolean => name.startsWith('content-') || name === 'mime-version';

const shown = (list: readonly string[]): string => `"${list.map(textOf).join('; ').slice(0, 200)}"`;

function differs(name: string, inside: readonly string[], outside: readonly string[]): Problem {
  const field = titled(name);
  const within = inside.length === 0 ? 'has none' : `says ${shown(inside)}`;
  return problem(
    'error',
    name === 'from' ? 'outer-from-differs' : 'outer-field-differs',
    `The ${field} that was delivered says ${shown(outside)}, and the protected header ${within}.`,
    name === 'from' ? 'RFC 9788 section 4.4' : 'RFC 9788 section 4',
  );
}

function addedOutside(name: string, severity: Problem['severity']): Problem {
  return problem(
    severity,
    'outer-field-added',
    `The ${titled(name)} field was not put there by whoever composed the message.`,
    'RFC 9788 section 4',
  );
}

const titled = (name: string): string => name.replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase());

const fromUnprotected = problem(
  'warning',
  'from-unprotected',
  'The header is protected, but its From is not.',
  'RFC 9788 section 5.2.1',
);
const notEncrypted = problem(
  'warning',
  'encryption-removed',
  'The message was composed to be encrypted, and did not come so: somebody opened it on the way.',
  'RFC 9788 section 2.1.1',
);
const encryptionAdded = problem(
  'info',
  'encryption-added',
  'The message was composed without encryption, which was added on the way.',
  'RFC 9788 section 10.2',
);
