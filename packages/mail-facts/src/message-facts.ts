/** What there is to know of a message before anything is decided: who wrote it, whom it names, and what protects it already. */
import type { ContentFacts, HeaderFact, MessageFacts } from '@chancery/mail-policy';
import { decodeBody, decodeHeaderText, type MimeEntity, oids, parseAddressHeader, scanMessage } from '@chancery/smime';
import { type BodyOf, contentOf } from './content-facts.ts';

export interface MessageIdentity {
  /** The structure of the message, so that it is read once. */
  readonly root: MimeEntity;
  readonly bodyOf: BodyOf;
  /** The address of the one author, lower case; undefined where From names none, several, or can be read in two ways. */
  readonly author: string | undefined;
  /** Addresses in To and Cc, lower case: whoever else gets the message must not be found out (Bcc). */
  readonly named: ReadonlySet<string>;
  /** What the sender's own software did; `encrypted` only when the whole body really is a CMS envelope. */
  readonly protection: 'none' | 'signed' | 'encrypted';
  /** Every Subject, decoded, on a line of its own. */
  readonly subject: string;
  readonly content: ContentFacts;
}

/** Octets of a body that show what it is, as they are encoded. */
export const beginningOctets = 4096;

export function identityIn(message: Uint8Array): MessageIdentity {
  const root = scanMessage(message);
  const end = Math.min(root.end, root.bodyStart + beginningOctets);
  return identityOf(root, (entity) => decodeBody(message, entity), decodeBody(message, { ...root, end }));
}

/** @param beginning of the body, decoded */
export function identityOf(root: MimeEntity, bodyOf: BodyOf, beginning: Uint8Array): MessageIdentity {
  const subjects = root.headers.filter(({ name }) => name === 'subject').map(({ value }) => decodeHeaderText(value));
  return {
    root,
    bodyOf,
    author: authorOf(root),
    named: namedIn(root),
    protection: protectionIn(beginning, root),
    subject: subjects.join('\n'),
    content: contentOf(bodyOf, root),
  };
}

/** The same from a message alone, for the simulator. */
export function readFacts(
  message: Uint8Array,
): Pick<MessageIdentity, 'author' | 'named'> &
  Pick<MessageFacts, 'headers' | 'subject' | 'content' | 'size' | 'protection'> {
  const identity = identityIn(message);
  const { sender: _, ...facts } = factsOf({ sender: '', message }, identity.root.headers, identity);
  return { author: identity.author, named: identity.named, ...facts };
}

/**
 * What rules look at in the message itself, for everybody it goes to.
 * @param fields of its header, unfolded, octets as latin1
 */
export function factsOf(
  { sender, message }: { readonly sender: string; readonly message: { readonly length: number } },
  fields: readonly HeaderFact[],
  { subject, content, protection }: MessageIdentity,
): Pick<MessageFacts, 'sender' | 'headers' | 'subject' | 'content' | 'size' | 'protection'> {
  const headers = fields.map(({ name, value }) => ({ name, value: decodeHeaderText(value) }));
  return { sender: sender.toLowerCase(), headers, subject, content, size: message.length, protection };
}

function authorOf(root: MimeEntity): string | undefined {
  const [from, ...more] = root.headers.filter(({ name }) => name === 'from');
  if (from === undefined || more.length > 0) return undefined;
  const { mailboxes, problems } = parseAddressHeader(from.value);
  if (mailboxes.length !== 1 || problems.some(({ severity }) => severity === 'error')) return undefined;
  return mailboxes[0]?.address.toLowerCase();
}

function namedIn(root: MimeEntity): Set<string> {
  const fields = root.headers.filter(({ name }) => name === 'to' || name === 'cc');
  return new Set(
    fields.flatMap(({ value }) => parseAddressHeader(value).mailboxes.map(({ address }) => address.toLowerCase())),
  );
}

const envelopes: readonly string[] = [oids.envelopedData, oids.authEnvelopedData];

function protectionIn(beginning: Uint8Array, root: MimeEntity): MessageIdentity['protection'] {
  const { type, parameters } = root.contentType;
  if (type === 'multipart/signed') {
    const protocol = parameters.get('protocol')?.toLowerCase() ?? '';
    return /^application\/(x-)?pkcs7-signature$/.test(protocol) ? 'signed' : 'none';
  }
  if (!/^application\/(x-)?pkcs7-mime$/.test(type)) return 'none';
  const doubtful = root.ambiguities.some(({ severity }) => severity === 'error');
  const content = contentTypeOf(beginning);
  if (content === oids.signedData) return 'signed';
  // A message that some readers take for something else does not count as sealed.
  return content !== undefined && envelopes.includes(content) && !doubtful ? 'encrypted' : 'none';
}

/** RFC 5652 section 3: the dotted contentType of a ContentInfo, from its first octets. */
function contentTypeOf(der: Uint8Array): string | undefined {
  if (der[0] !== 0x30) return undefined;
  const length = der[1] ?? 0;
  const at = length > 0x80 ? 2 + (length & 0x7f) : 2;
  const octets = der.subarray(at + 2, at + 2 + (der[at + 1] ?? 0));
  if (der[at] !== 0x06 || octets.length === 0 || octets.length > 32) return undefined;
  const arcs: number[] = [];
  let arc = 0;
  for (const octet of octets) {
    arc = arc * 128 + (octet & 0x7f);
    if (octet < 0x80) {
      arcs.push(arc);
      arc = 0;
    }
  }
  const [first = 0, ...rest] = arcs;
  const top = Math.min(2, Math.floor(first / 40));
  return [top, first - top * 40, ...rest].join('.');
}
