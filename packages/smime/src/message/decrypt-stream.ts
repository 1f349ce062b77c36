import { oids } from '../asn1/oids.ts';
import { type ReadableCipher, requireModern } from '../cms/content-encryption.ts';
import { decryptionFailed, describeRecipient, type OpeningInput } from '../cms/decrypt-content.ts';
import type { Envelope } from '../cms/enveloped-data.ts';
import { Seals } from '../cms/seals.ts';
import { SmimeError } from '../errors.ts';
import { ownFieldsRemover } from '../mime/stream-replace.ts';
import { type StreamSource, through } from './byte-source.ts';
import { type CiphertextFinder, CiphertextReading, EncryptedMessage, EncryptedObject } from './encrypted-reading.ts';
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
  /** What was encrypted, as it is: header fields and body of the entity. Read this or `message`, not both. */
  readonly content: AsyncIterable<Uint8Array>;
  /**
   * True: nothing is handed out that was not authenticated. False for CBC, which authenticates nothing, and for unverified chunks, which
   * are authenticated once the stream has ended without an error.
   */
  readonly authenticated: boolean;
  readonly cipher: ReadableCipher;
  readonly recipients: readonly string[];
}

/**
 * Opens a message whose root is the encrypted object, as `decryptMessage` does with the header that was delivered, in memory that does not grow with it. Throws as that
 * does, and `source-read-once` where the source has to be opened again and cannot be. `message` throws `decryption-failed`
 * where that shows only at the end, and `source-changed`.
 */
export async function decryptStream(input: DecryptStreamInput): Promise<DecryptedStream> {
  const read = () => new CiphertextReading(input.source, (begins) => new EncryptedMessage(begins));
  return orClose(read(), async (reading, envelope) => {
    if (envelope.content.contentType !== oids.data) throw decryptionFailed();
    const { content, contentType: _, ...opened } = await open(envelope, reading, read, input);
    const outer = reading.finder.outerHeader();
    async function* message(): AsyncGenerator<Uint8Array, void, void> {
      try {
        yield outer;
        yield* through(content, ownFieldsRemover);
      } finally {
        await reading.close();
      }
    }
    return { ...opened, content, message: message() };
  });
}

/** An object that `decryptContentStream` opened. */
export interface DecryptedContentStream extends Omit<DecryptedStream, 'message'> {
  /** Dotted object identifier of what was encrypted. */
  readonly contentType: string;
}

/**
 * Opens encrypted octets that are no message, as `decryptContent` does, in memory that does not grow with them: `source` gives a ContentInfo,
 * BER or DER. Throws as that does, and as `decryptStream` does for what shows only at the end.
 */
export async function decryptContentStream(input: DecryptStreamInput): Promise<DecryptedContentStream> {
  const read = () => new CiphertextReading(input.source, (begins) => new EncryptedObject(begins));
  return orClose(read(), (reading, envelope) => open(envelope, reading, read, input));
}

async function orClose<Finder extends CiphertextFinder, T>(
  reading: CiphertextReading<Finder>,
  use: (reading: CiphertextReading<Finder>, envelope: Envelope) => Promise<T>,
): Promise<T> {
  try {
    return await use(reading, await reading.start());
  } catch (error) {
    await reading.close();
    throw error;
  }
}

type Ciphertext = CiphertextReading<CiphertextFinder>;

async function open(
  envelope: Envelope,
  reading: Ciphertext,
  readAgain: () => Ciphertext,
  input: DecryptStreamInput,
): Promise<DecryptedContentStream & { readonly content: AsyncGenerator<Buffer, void, void> }> {
  const { content } = envelope;
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
    ? (await decideFirst(reading, candidates, readAgain, authenticated ? new Seals() : undefined))()
    : decryptAtOnce(reading, candidates[0] as Candidate);
  async function* closing(): AsyncGenerator<Buffer, void, void> {
    try {
      yield* text;
    } finally {
      await reading.close();
    }
  }
  return {
    content: closing(),
    contentType: content.contentType,
    authenticated,
    cipher: content.cipher,
    recipients: envelope.recipients.map(describeRecipient),
  };
}
