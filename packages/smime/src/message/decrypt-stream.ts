import { oids } from '../asn1/oids.ts';
import { type ContentDecipher, decipherFor, type ReadableCipher, requireModern } from '../cms/content-encryption.ts';
import {
  decryptionFailed,
  describeRecipient,
  type OpeningInput,
  unwrapOrReplace,
  waysInto,
} from '../cms/decrypt-content.ts';
import type { Envelope } from '../cms/enveloped-data.ts';
import { tagWithoutAdditional } from '../cms/late-additional-data.ts';
import { Seals } from '../cms/seals.ts';
import { SmimeError } from '../errors.ts';
import { sourceChanged } from '../mime/stream-canonical.ts';
import { ownFieldsRemover } from '../mime/stream-replace.ts';
import { type StreamSource, through } from './byte-source.ts';
import { EncryptedReading } from './encrypted-reading.ts';

/** A message to decrypt, where to read it from, and with what to open it. */
export interface DecryptStreamInput extends OpeningInput {
  /**
   * A whole RFC 5322 message. For an authenticated cipher it is read twice, so that a function has to open it, unless
   * `unverifiedChunks` is set.
   */
  readonly source: StreamSource;
  /** Hand out text before the tag that authenticates it was checked; default false. The stream ends in an error where the tag is wrong. */
  readonly unverifiedChunks?: boolean;
}

/** A message that `decryptStream` opened. */
export interface DecryptedStream {
  /**
   * The whole message: the outer fields that are not about content, then the decrypted entity. Where it is not authenticated it may end
   * in `decryption-failed`: then nothing of it was what the sender encrypted.
   */
  readonly message: AsyncIterable<Uint8Array>;
  /**
   * True: nothing is handed out that was not authenticated. False for CBC, which authenticates nothing, and for unverified chunks, which
   * are authenticated once the stream has ended without an error.
   */
  readonly authenticated: boolean;
  readonly cipher: ReadableCipher;
  readonly recipients: readonly string[];
}

/**
 * Opens a message whose root is the encrypted object, as `decryptMessage` does, in memory that does not grow with it. Throws as that
 * does, and `source-read-once` where the source has to be opened again and cannot be. `message` throws `decryption-failed`
 * where that shows only at the end, and `source-changed`.
 */
export async function decryptStream(input: DecryptStreamInput): Promise<DecryptedStream> {
  const reading = new EncryptedReading(input.source);
  try {
    return await open(await reading.start(), reading, input);
  } catch (error) {
    await reading.close();
    throw error;
  }
}

async function open(
  envelope: Envelope,
  reading: EncryptedReading,
  input: DecryptStreamInput,
): Promise<DecryptedStream> {
  const { content } = envelope;
  if (content.contentType !== oids.data) throw decryptionFailed();
  requireModern(content, input.legacy ?? false);
  const tagged = content.tagLength > 0;
  const authenticated = tagged && input.unverifiedChunks !== true;
  const twice = typeof input.source === 'function';
  if (authenticated && !twice)
    throw new SmimeError(
      'source-read-once',
      'the tag that authenticates the text comes after it: give a function that opens the source, or ask for unverifiedChunks',
    );
  const candidates = await candidateKeys(envelope, input, twice);
  // Several keys can fit where the message does not name which one is meant: only the end tells which of them opens it.
  const decided = authenticated || (twice && candidates.length > 1);
  const text = decided
    ? await decideFirst(reading, candidates, authenticated, input.source)
    : decryptAtOnce(reading, candidates[0] as Candidate);
  const outer = reading.outerHeader();
  async function* message(): AsyncGenerator<Uint8Array, void, void> {
    try {
      yield outer;
      yield* through(text, ownFieldsRemover);
    } finally {
      await reading.close();
    }
  }
  return {
    message: message(),
    authenticated,
    cipher: content.cipher,
    recipients: envelope.recipients.map(describeRecipient),
  };
}

/** A content key, or what takes its place where none unwrapped. */
interface Candidate {
  readonly contentKey: Buffer;
  readonly fits: boolean;
}

/** Those that fit, the first alone unless all are wanted; where none does, one that opens nothing: it fails as late as the others. */
async function candidateKeys(envelope: Envelope, input: OpeningInput, all: boolean): Promise<Candidate[]> {
  const candidates: Candidate[] = [];
  let substitute: Candidate | undefined;
  for (const unwrap of waysInto(envelope, input)) {
    const candidate = await unwrapOrReplace(unwrap, envelope.content.keyLength);
    if (candidate.fits) candidates.push(candidate);
    else substitute = candidate;
    if (candidate.fits && !all) break;
  }
  return candidates.length > 0 ? candidates : [substitute as Candidate];
}

/** One reading: text goes out as its ciphertext comes. */
async function* decryptAtOnce(reading: EncryptedReading, candidate: Candidate): AsyncGenerator<Buffer, void, void> {
  const opening = new Opening(reading.envelope, candidate);
  for await (const ciphertext of reading.ciphertext()) yield opening.update(ciphertext);
  const last = opening.final(reading.envelope);
  if (last === undefined) throw decryptionFailed();
  yield last;
}

/** Two readings: the first finds the key that opens the whole, the second hands the text out. */
async function decideFirst(
  reading: EncryptedReading,
  candidates: readonly Candidate[],
  authenticated: boolean,
  source: StreamSource,
): Promise<AsyncGenerator<Buffer, void, void>> {
  const openings = candidates.map((candidate) => new Opening(reading.envelope, candidate));
  const seals = authenticated ? new Seals() : undefined;
  for await (const ciphertext of reading.ciphertext()) {
    seals?.mark(ciphertext);
    for (const opening of openings) opening.update(ciphertext);
  }
  seals?.markEnd();
  const { envelope } = reading;
  const opening = openings.find((one) => one.final(envelope) !== undefined);
  if (opening === undefined) throw decryptionFailed();
  const { candidate } = opening;
  async function* again(): AsyncGenerator<Buffer, void, void> {
    const second = new EncryptedReading(source);
    const decipher = new Opening(envelope, candidate);
    const decrypt = (pieces: readonly Buffer[] | undefined): Buffer[] => {
      if (pieces === undefined) throw sourceChanged();
      return pieces.map((ciphertext) => decipher.update(ciphertext));
    };
    try {
      await second.start();
      for await (const ciphertext of second.ciphertext())
        yield* decrypt(seals ? seals.check(ciphertext) : [ciphertext]);
    } catch (error) {
      if (error instanceof SmimeError && error.code === 'decryption-failed') throw sourceChanged();
      throw error;
    }
    if (seals) yield* decrypt(seals.checkEnd());
    const last = decipher.final(envelope);
    if (last === undefined) throw sourceChanged();
    yield last;
  }
  return again();
}

/** The decryption of one content with one key. */
class Opening {
  readonly candidate: Candidate;
  private readonly decipher: ContentDecipher | undefined;
  private length = 0;

  constructor({ content }: Envelope, candidate: Candidate) {
    this.candidate = candidate;
    try {
      this.decipher = decipherFor(content, candidate.contentKey);
    } catch {
      // A key or a nonce that node:crypto refuses: it opens nothing.
    }
  }

  update(ciphertext: Buffer): Buffer {
    this.length += ciphertext.length;
    return this.decipher?.update(ciphertext) ?? Buffer.alloc(0);
  }

  /** The last of the text; undefined where the key, the padding or the tag is wrong. @param envelope as its end left it */
  final({ content, mac, additional }: Envelope): Buffer | undefined {
    const { contentKey, fits } = this.candidate;
    try {
      if (mac !== undefined) {
        if (mac.length !== content.tagLength) return undefined;
        this.decipher?.setAuthTag?.(tagWithoutAdditional(contentKey, mac, additional, this.length));
      }
      const last = this.decipher?.final();
      return fits ? last : undefined;
    } catch {
      return undefined;
    }
  }
}
