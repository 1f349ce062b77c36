/** Encrypts octets to their recipients: EnvelopedData for CBC, AuthEnvelopedData for GCM. */
import { randomBytes } from 'node:crypto';
import { type ContentCipher, contentCiphers } from '../keys/algorithms.ts';
import { encodeAuthEnvelopedData } from './auth-enveloped-data.ts';
import { aroundGap } from './chunks.ts';
import { startSealing } from './content-encryption.ts';
import { encodeEnvelopedData } from './enveloped-data.ts';
import type { KeyTransport } from './recipients/key-transport.ts';
import { makeRecipients, type RecipientInput } from './recipients/recipient.ts';

/** To whom, and how: what `encryptContent` and `encryptMessage` have in common. */
export interface EncryptionInput {
  /** Each opens the message alone: certificates, keys that are shared, passwords. */
  readonly recipients: readonly RecipientInput[];
  /** Default `aes-256-cbc`, which every client reads. */
  readonly cipher?: ContentCipher;
  /** For RSA recipients without a scheme of their own; default `pkcs1`, which every client reads. */
  readonly keyTransport?: KeyTransport;
}

/**
 * A DER ContentInfo that any of the recipients opens. Certificates are not judged here: the caller has validated them.
 * Throws `invalid-argument` for no recipients, and for a key that cannot be encrypted to.
 */
export async function encryptContent(input: EncryptionInput & { readonly content: Uint8Array }): Promise<Uint8Array> {
  const envelope = await startEnvelope(input.content.length, input);
  const object = Buffer.allocUnsafe(envelope.length);
  let at = 0;
  for (const piece of piecesOf(envelope, input.content)) {
    object.set(piece, at);
    at += piece.length;
  }
  return object;
}

/** The same object piece by piece, and how many octets they will be. */
export async function makeEnvelope(
  content: Uint8Array,
  input: EncryptionInput,
): Promise<{ readonly pieces: Iterable<Uint8Array>; readonly length: number }> {
  const envelope = await startEnvelope(content.length, input);
  return { pieces: piecesOf(envelope, content), length: envelope.length };
}

/** Ciphertext in pieces that fit a processor's cache: a second buffer as long as the content is neither filled nor held. */
function* piecesOf(envelope: OpenEnvelope, content: Uint8Array): Generator<Uint8Array> {
  yield envelope.before;
  for (let from = 0; from < content.length; from += pieceOctets)
    yield envelope.update(content.subarray(from, from + pieceOctets));
  yield* envelope.finish();
}

const pieceOctets = 65_536;

/** An envelope whose content comes piece by piece. */
interface OpenEnvelope {
  /** Octets of the whole object. */
  readonly length: number;
  /** All that stands before the ciphertext. */
  readonly before: Buffer;
  update(content: Uint8Array): Buffer;
  /** The last of the ciphertext, and all that follows it. */
  finish(): Uint8Array[];
}

/** @param length octets of the content: DER states every length beforehand */
export async function startEnvelope(length: number, input: EncryptionInput): Promise<OpenEnvelope> {
  const cipher = input.cipher ?? 'aes-256-cbc';
  const { keyLength, ivLength } = contentCiphers[cipher];
  // Of one draw: the call takes longer than what it does.
  const random = randomBytes(keyLength + ivLength);
  const contentKey = random.subarray(0, keyLength);
  const { set, version } = await makeRecipients(input.recipients, contentKey, input.keyTransport ?? 'pkcs1');
  const sealing = startSealing(length, cipher, contentKey, random.subarray(keyLength));
  contentKey.fill(0);
  const object =
    sealing.mac === undefined ? encodeEnvelopedData(set, version, sealing) : encodeAuthEnvelopedData(set, sealing);
  const { before, after } = aroundGap(object);
  return { length: object.length, before, update: sealing.update, finish: () => [sealing.final(), ...after] };
}
