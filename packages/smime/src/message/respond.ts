/** Answers to a message with a protected header: what was confidential in it stays so (RFC 9788 section 6). */
import { type Mailbox, parseAddressHeader } from '../mime/addresses.ts';
import { decodeHeaderText } from '../mime/header-text.ts';
import { writtenMailbox } from '../mime/write-address.ts';
import { mailboxKey } from '../x509/mailbox.ts';
import type { ConfidentialField } from './header-block.ts';
import type { NamedField, ProtectedHeaders } from './protected-headers.ts';

/** How a mail program fills in an answer from the header of the message it answers (RFC 9788 section 6.1.1): `replyTo`, `forward` or its own. */
export type Respond = (header: readonly NamedField[]) => readonly NamedField[];

/** The message that is answered. */
export interface RespondInput {
  /** As `verifyMessage` reported them, with the keys that open the message. Absent where the header is not protected. */
  readonly protectedHeaders?: ProtectedHeaders | undefined;
  /** The fields that were delivered; used only where the header is not protected (RFC 9788 section 6.2). */
  readonly delivered: readonly NamedField[];
}

/** The beginning of an answer. */
export interface ResponseHeader {
  /** To fill the composer with; values raw, as `Respond` made them. */
  readonly fields: readonly NamedField[];
  /**
   * Those of them that repeat what was encrypted: for `confidential` of `signMessage` or `encryptMessage`. Where there are any, the
   * answer must be encrypted. One that its author edits is no longer hidden by this, only by the policy.
   */
  readonly confidential: readonly ConfidentialField[];
}

/** The header fields of an answer, and which of them must not be readable outside of its encryption (RFC 9788 section 6.1.2, ReferenceHCP). */
export function respondTo({ protectedHeaders, delivered }: RespondInput, respond: Respond): ResponseHeader {
  const fields = respond(protectedHeaders?.fields ?? delivered);
  if (protectedHeaders?.outer === undefined) return { fields, confidential: [] };
  const outside = [...respond(protectedHeaders.outer)];
  const changed = fields.filter((field) => {
    const at = outside.findIndex((other) => isNamed(other, field.name) && other.value === field.value);
    if (at >= 0) outside.splice(at, 1);
    return at < 0;
  });
  return {
    fields,
    confidential: changed.map(({ name, value }) => ({
      name,
      value,
      outside: outside.findLast((other) => isNamed(other, name))?.value,
    })),
  };
}

/** Who answers, and to whom. */
export interface ReplyInput {
  /** The From of the answer, as it stands in a header. */
  readonly from: string;
  /** To everybody who got the message; default: to its author, or where he wants answers. */
  readonly all?: boolean;
}

/** An answer (RFC 5322 section 3.6.3, 3.6.4): From, To, Cc, Subject, In-Reply-To, References. */
export function replyTo({ from, all = false }: ReplyInput): Respond {
  return (header) => {
    const to = firstValue(header, 'reply-to') ?? firstValue(header, 'from') ?? '';
    const known = new Set(mailboxesIn([from, to]).map(({ address }) => mailboxKey(address)));
    const others = ['to', 'cc']
      .flatMap((name) => mailboxesIn(header.filter((field) => isNamed(field, name)).map(({ value }) => value)))
      .filter(({ address }) => !known.has(mailboxKey(address)) && known.add(mailboxKey(address)));
    return [
      { name: 'From', value: from },
      { name: 'To', value: to },
      ...(all && others.length > 0 ? [{ name: 'Cc', value: others.map(writtenMailbox).join(', ') }] : []),
      ...subject(header, 'Re', /^re\s*:/i),
      ...thread(header, true),
    ];
  };
}

/** The message passed on: From, Subject and References. To whom is for the author to say. */
export function forward({ from }: Pick<ReplyInput, 'from'>): Respond {
  return (header) => [
    { name: 'From', value: from },
    ...subject(header, 'Fwd', /^(fwd?|wg)\s*:/i),
    ...thread(header, false),
  ];
}

function subject(header: readonly NamedField[], prefix: string, present: RegExp): NamedField[] {
  const value = firstValue(header, 'subject');
  if (value === undefined) return [];
  return [{ name: 'Subject', value: present.test(decodeHeaderText(value)) ? value : `${prefix}: ${value}` }];
}

/** RFC 5322 3.6.4. */
function thread(header: readonly NamedField[], reply: boolean): NamedField[] {
  const id = firstValue(header, 'message-id');
  if (id === undefined) return [];
  const before = firstValue(header, 'references') ?? firstValue(header, 'in-reply-to');
  const references = { name: 'References', value: before === undefined ? id : `${before} ${id}` };
  return reply ? [{ name: 'In-Reply-To', value: id }, references] : [references];
}

const isNamed = (field: NamedField, name: string): boolean => field.name.toLowerCase() === name.toLowerCase();
const firstValue = (header: readonly NamedField[], name: string): string | undefined =>
  header.find((field) => isNamed(field, name))?.value;
const mailboxesIn = (values: readonly string[]): Mailbox[] =>
  values.flatMap((value) => parseAddressHeader(value).mailboxes);
