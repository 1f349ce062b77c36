/** DKIM (RFC 6376) for outgoing mail, over what S/MIME has made of it: nothing changes a message after this. */
import { createHash, createPrivateKey, type KeyObject } from 'node:crypto';
import { localSigner, type Signer } from '@chancery/smime';
import type { DkimKey } from './config-smtp.ts';
import { GatewayError, reasonOf } from './errors.ts';
import { bodyStart, type HeaderField, headerFields, onlyValue } from './header-block.ts';
import { headOf, LargeMessage, type Message, memoryOfPiece } from './large-message.ts';
import { readSecret } from './read-secret.ts';

/** The message with a signature of each key of its author's domain before all fields; as it was where there is none. */
export type SignDkim = (message: Message) => Promise<Message>;

/**
 * @param now milliseconds since 1970
 * @param made keys of the gateway's own making; undefined while one is not to be used yet
 * @throws GatewayError `configuration` for a key that cannot be used
 */
export function openDkim(
  keys: readonly DkimKey[],
  baseDirectory: string,
  now: () => number,
  made: (key: DkimKey) => Promise<Signer | undefined> = async () => undefined,
): SignDkim {
  const opened = keys.map((one) => {
    const signer = 'generate' in one.key ? undefined : localSigner(openDkimFile(one, baseDirectory));
    return { ...one, signer: async () => signer ?? made(one) };
  });
  return async (message) => {
    if (opened.length === 0) return message;
    const head = headOf(message);
    const fields = headerFields(head);
    const domain = authorDomain(fields);
    const own = opened.filter((one) => one.domain === domain);
    if (own.length === 0) return message;
    const bodyHash = message instanceof LargeMessage ? await hashOfLargeBody(message) : hashOfBody(message);
    const signatures = await Promise.all(
      own.map(async (one) => signature(one, await one.signer(), head, fields, bodyHash, now())),
    );
    const signed = Buffer.concat([...signatures, head]);
    return message instanceof LargeMessage ? message.withHead(signed) : signed;
  };
}

/**
 * Signed as often as they are there and once more: a second one that somebody adds breaks the signature (RFC 6376 8.15).
 */
const fieldsAndOneMore = [
  'from',
  'to',
  'cc',
  'subject',
  'date',
  'message-id',
  'reply-to',
  'mime-version',
  'content-type',
  'content-transfer-encoding',
];
const fieldsWhereThere = ['sender', 'in-reply-to', 'references'];

async function signature(
  { domain, selector }: DkimKey,
  signer: Signer | undefined,
  message: Uint8Array,
  fields: readonly HeaderField[],
  bodyHash: string,
  now: number,
): Promise<Buffer> {
  if (signer === undefined) return Buffer.alloc(0);
  const named = (name: string) => fields.filter((field) => field.name === name).reverse();
  const signed = [...fieldsAndOneMore, ...fieldsWhereThere].flatMap(named);
  const names = [...fieldsAndOneMore, ...fieldsWhereThere].flatMap((name) => [
    ...named(name).map(() => name),
    ...(fieldsAndOneMore.includes(name) ? [name] : []),
  ]);
  const ed25519 = signer.kind === 'ed25519';
  // The body as it is: S/MIME leaves canonical bytes, and looking at each octet of a large one costs more than its hash.
  const head = [
    `v=1; a=${ed25519 ? 'ed25519' : 'rsa'}-sha256; c=relaxed/simple; d=${domain};`,
    `s=${selector}; t=${Math.floor(now / 1000)};`,
    `h=${names.join(':').replace(/(.{50,60}:)/g, '$1\r\n\t ')};`,
    `bh=${bodyHash};`,
    'b=',
  ].join('\r\n\t');
  const data = Buffer.from(
    [...signed.map((field) => relaxed(message, field)), `dkim-signature:${squeezed(head)}`].join('\r\n'),
    'latin1',
  );
  // RFC 8463 3: Ed25519 signs the hash.
  const input = ed25519 ? createHash('sha256').update(data).digest() : data;
  const octets = Buffer.from(await signer.sign(input, 'sha256', 'pkcs1'));
  const folded = octets.toString('base64').replace(/(.{72})(?=.)/g, '$1\r\n\t ');
  return Buffer.from(`DKIM-Signature: ${head}${folded}\r\n`, 'latin1');
}

/** RFC 6376 3.4.2. */
function relaxed(message: Uint8Array, { name, start, end }: HeaderField): string {
  const text = Buffer.from(message.subarray(start, end)).toString('latin1');
  return `${name}:${squeezed(text.slice(text.indexOf(':') + 1))}`;
}

function squeezed(value: string): string {
  return value
    .replace(/\r\n(?=[ \t])/g, '')
    .replace(/[ \t]+/g, ' ')
    .replace(/^ | ?(?:\r\n)?$/g, '');
}

/** RFC 6376 3.4.3, in base64: no empty lines at the end, and one line end. */
function hashOfBody(message: Uint8Array): string {
  const body = message.subarray(bodyStart(message));
  return createHash('sha256')
    .update(body.subarray(0, endOfText(body)))
    .update('\r\n')
    .digest('base64');
}

/** The same of a body that goes by: line ends wait until more text comes after them. */
async function hashOfLargeBody(message: LargeMessage): Promise<string> {
  const hash = createHash('sha256');
  let waiting = 0;
  for await (const piece of message.pieces(message.head.length, message.length, memoryOfPiece())) {
    const end = endOfText(piece);
    if (end > 0) {
      for (; waiting > 0; waiting -= lineEnds.length) hash.update(lineEnds.subarray(0, waiting));
      waiting = 0;
      hash.update(piece.subarray(0, end));
    }
    waiting += piece.length - end;
  }
  return hash.update('\r\n').digest('base64');
}

const lineEnds = Buffer.from('\r\n'.repeat(4096));

/** Where the line ends at the end begin. */
function endOfText(octets: Uint8Array): number {
  let end = octets.length;
  while (end > 0 && (octets[end - 1] === 0x0a || octets[end - 1] === 0x0d)) end--;
  return end;
}

function authorDomain(fields: readonly HeaderField[]): string | undefined {
  return /@([A-Za-z0-9.-]+)>?[ \t]*$/.exec(onlyValue(fields, 'from') ?? '')?.[1]?.toLowerCase();
}

/** @throws GatewayError `configuration` */
export function openDkimFile({ domain, key }: DkimKey, baseDirectory: string): KeyObject {
  let opened: KeyObject;
  try {
    if ('generate' in key) throw new Error('it is in no file');
    opened = createPrivateKey(readSecret(key, baseDirectory));
  } catch (error) {
    throw new GatewayError('configuration', `The DKIM key of ${domain} cannot be used: ${reasonOf(error)}`);
  }
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = opened;
  // RFC 8301 3.2: verifiers need not look at less than 1024 bits, and signers use 2048.
  if (type === 'ed25519' || (type === 'rsa' && (details?.modulusLength ?? 0) >= 2048)) return opened;
  throw new GatewayError('configuration', `The DKIM key of ${domain} is neither Ed25519 nor RSA of 2048 bits and more`);
}
