/** Encrypts a message, or other octets, of any size while they go by (RFC 8551 section 3.3, 3.4). */
import { type EncryptionInput, startEnvelope } from '../cms/encrypt-content.ts';
import { SmimeError } from '../errors.ts';
import { sourceChanged } from '../mime/stream-canonical.ts';
import { base64Encoder } from '../mime/stream-encoding.ts';
import { piecesOf, type ReopenableSource, reopenable, type StreamSource } from './byte-source.ts';
import { canonicalTwice } from './canonical-stream.ts';
import { type EncryptInput, encryptedHeader } from './encrypt.ts';

/** A message to encrypt, where to read it from, to whom and how. */
export interface EncryptStreamInput extends Omit<EncryptInput, 'message'> {
  /**
   * Opens a whole RFC 5322 message; sign it first. Called twice or three times, since DER states the length of the ciphertext before it, and once
   * more for `legacyDisplay`.
   */
  readonly source: ReopenableSource;
}

/**
 * The same form that `encryptMessage` makes, piece by piece, in memory that does not grow with the message. Certificates are not judged
 * here. Throws `invalid-argument` for no recipients, and `source-changed`; with `legacyDisplay` `limit-exceeded` for HTML whose
 * body does not begin within `limits.displayOctets`.
 */
export async function* encryptStream(input: EncryptStreamInput): AsyncGenerator<Uint8Array, void, void> {
  const source = reopenable(input.source, 'encryption needs the length of the message beforehand');
  let length = 0;
  const count = (octets: Uint8Array): void => {
    length += octets.length;
  };
  const form = await canonicalTwice(source, input, count);
  if (!form.asItStands) {
    length = 0;
    for await (const octets of form.entity()) count(octets);
  }
  const envelope = await startEnvelope(length, input);
  yield form.outerHeaders;
  yield encryptedHeader(input);
  const made: Buffer[] = [];
  const encoder = base64Encoder((octets) => void made.push(octets));
  encoder.push(envelope.before);
  let left = length;
  for await (const octets of form.entity()) {
    left -= octets.length;
    encoder.push(envelope.update(octets));
    yield* made.splice(0);
  }
  if (left !== 0) throw sourceChanged();
  for (const octets of envelope.finish()) encoder.push(Buffer.from(octets));
  encoder.end();
  yield* made;
}

/** Octets to encrypt, where to read them from, to whom and how. */
export interface EncryptContentStreamInput extends EncryptionInput {
  /** Read once. */
  readonly source: StreamSource;
  /** How many octets it gives: DER states that before the ciphertext. */
  readonly length: number;
}

/**
 * The same object that `encryptContent` makes, piece by piece, in memory that does not grow with the content. Throws as that does, and
 * `source-changed` where the source gives more or fewer octets than `length`: what came until then is no whole object.
 */
export async function* encryptContentStream(input: EncryptContentStreamInput): AsyncGenerator<Uint8Array, void, void> {
  const envelope = await startEnvelope(input.length, input);
  yield envelope.before;
  let left = input.length;
  for await (const octets of piecesOf(input.source)) {
    left -= octets.length;
    if (left < 0) break;
    yield envelope.update(octets);
  }
  if (left !== 0) throw new SmimeError('source-changed', 'the source gave more or fewer octets than its length says');
  yield* envelope.finish();
}
