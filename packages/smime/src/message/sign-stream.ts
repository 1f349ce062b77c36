/** Signs a message of any size while it goes by (RFC 8551 section 3.5). */
import { aroundGap, gapOf, joined } from '../cms/chunks.ts';
import { makeSignedData, type SignatureInput, signatureDigests } from '../cms/make-signature.ts';
import type { DigestName } from '../keys/algorithms.ts';
import { startDigest } from '../keys/digest.ts';
import { sourceChanged } from '../mime/stream-canonical.ts';
import { base64Encoder } from '../mime/stream-encoding.ts';
import { encodeBase64Lines } from '../mime/transfer-encoding.ts';
import { reopenable, type StreamSource } from './byte-source.ts';
import { canonicalOnce, canonicalTwice } from './canonical-stream.ts';
import { clearFrame, opaqueHeader, type SignInput } from './sign.ts';

/** A message to sign, where to read it from, with whose key and in which form. */
export interface SignStreamInput extends Omit<SignInput, 'message'> {
  /**
   * A whole RFC 5322 message. A function that opens it is called twice or three times, and once more for `legacyDisplay`; a stream that can be read
   * only once serves for the clear form of a message whose lines need no re-encoding, without `legacyDisplay`.
   */
  readonly source: StreamSource;
}

/**
 * The same message that `signMessage` makes, piece by piece, in memory that does not grow with it. Throws `invalid-argument` where key
 * and certificate differ, `source-read-once` where the source has to be opened again and cannot be, and `source-changed`; with
 * `legacyDisplay` `limit-exceeded` for HTML whose body does not begin within `limits.displayOctets`.
 */
export function signStream(input: SignStreamInput): AsyncGenerator<Uint8Array, void, void> {
  const signature = { ...input, signingTime: input.signingTime ?? new Date() };
  return input.form === 'opaque' ? signOpaque(input, signature) : signClear(input, signature);
}

async function* signClear(input: SignStreamInput, signature: SignatureInput): AsyncGenerator<Uint8Array> {
  const { legacyDisplay, headerProtection = 'none' } = input;
  const source =
    legacyDisplay && headerProtection !== 'none'
      ? reopenable(input.source, 'the places for hidden fields are looked for beforehand')
      : input.source;
  const frame = clearFrame(signature);
  const digests = new Digests(signature);
  const form = await (typeof source === 'function' ? canonicalTwice(source, input) : canonicalOnce(source, input));
  yield form.outerHeaders;
  yield frame.before;
  for await (const octets of form.entity()) {
    digests.update(octets);
    yield octets;
  }
  yield frame.between;
  yield encodeBase64Lines(joined(await makeSignedData({ digest: digests.of(), carried: undefined }, signature)));
  yield frame.after;
}

/** The signature follows the content in the object, but DER states the length of both before it. */
async function* signOpaque(input: SignStreamInput, signature: SignatureInput): AsyncGenerator<Uint8Array> {
  const source = reopenable(input.source, 'the opaque form needs its length and its signature beforehand');
  let digests = new Digests(signature);
  const form = await canonicalTwice(source, input, (octets) => digests.update(octets));
  if (!form.asItStands) {
    digests = new Digests(signature);
    for await (const octets of form.entity()) digests.update(octets);
  }
  const digest = digests.of();
  const { before, after } = aroundGap(await makeSignedData({ digest, carried: gapOf(digests.length) }, signature));
  yield form.outerHeaders;
  yield opaqueHeader;
  const made: Buffer[] = [];
  const encoder = base64Encoder((octets) => void made.push(octets));
  encoder.push(before);
  const again = new Digests(signature);
  for await (const octets of form.entity()) {
    again.update(octets);
    encoder.push(octets);
    yield* made.splice(0);
  }
  if (!again.equal(digests)) throw sourceChanged();
  for (const octets of after) encoder.push(Buffer.from(octets));
  encoder.end();
  yield* made;
}

/** The digests that the signatures need, and the length of what went into them. */
class Digests {
  length = 0;
  private readonly hashes;
  private readonly values = new Map<DigestName, Buffer>();

  constructor(signature: SignatureInput) {
    this.hashes = signatureDigests(signature).map((name) => ({ name, hash: startDigest(name) }));
  }

  update(octets: Buffer): void {
    this.length += octets.length;
    for (const { hash } of this.hashes) hash.update(octets);
  }

  of(): (name: DigestName) => Buffer {
    for (const { name, hash } of this.hashes.splice(0)) this.values.set(name, hash.digest());
    return (name) => this.values.get(name) as Buffer;
  }

  equal(other: Digests): boolean {
    const [own, theirs] = [this.of(), other.of()];
    return this.length === other.length && [...this.values.keys()].every((name) => own(name).equals(theirs(name)));
  }
}
