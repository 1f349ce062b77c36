import { oids } from '../asn1/oids.ts';
import { type ReadableCipher, requireModern } from '../cms/content-encryption.ts';
import { decryptionFailed, describeRecipient, type OpeningInput } from '../cms/decrypt-content.ts';
import type { Envelope } from '../cms/enveloped-data.ts';
import { Seals } from '../cms/seals.ts';
import { SmimeError } from '../errors.ts';
import { ownFieldsRemover } from '../mime/stream-replace.ts';
import { type StreamSource, through } from './byte-source.ts';
import { CiphertextReading, EncryptedMessage } from './encrypted-reading.ts';
import { type Candidate, candidateKeys, decideFirst, decryptAtOnce } from './open-ciphertext.ts';

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
  const reading = readEncrypted(input.source);
  try {
    return await open(await reading.start(), reading, input);
  } catch (error) {
    await reading.close();
    throw error;
  }
}

const readEncrypted = (source: StreamSource): CiphertextReading<EncryptedMessage> =>
  new CiphertextReading(source, (begins) => new EncryptedMessage(begins));

async function open(
  envelope: Envelope,
  reading: CiphertextReading<EncryptedMessage>,
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
    ? (
        await decideFirst(
          reading,
          candidates,
          () => readEncrypted(input.source),
          authenticated ? new Seals() : undefined,
        )
      )()
    : decryptAtOnce(reading, candidates[0] as Candidate);
  const outer = reading.finder.outerHeader();
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
