import { oids } from '../asn1/oids.ts';
import { type ReadableCipher, requireModern } from '../cms/content-encryption.ts';
import { decryptionFailed, describeRecipient, type OpeningInput } from '../cms/decrypt-content.ts';
import type { Envelope } from '../cms/enveloped-data.ts';
import { Seals } from '../cms/seals.ts';
import { SmimeError } from '../errors.ts';
import type { StreamedEntity } from '../mime/stream-entity.ts';
import { ownFieldsRemover } from '../mime/stream-replace.ts';
import { type StreamSource, through } from './byte-source.ts';
import type { EffectiveHeader } from './effective-message.ts';
import { effectiveStream, lookForProtection } from './effective-stream.ts';
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

/** A message to decrypt as a stream, and whose header is wanted. */
export interface DecryptMessageStreamInput extends DecryptStreamInput {
  /**
   * As for `decryptMessage`. For `protected` (the default) a message that may hold a protected header is read two or three times more, so that a
   * function has to open it, and no text goes out before all of it opened; others are read as often as for `delivered`.
   */
  readonly header?: 'protected' | 'delivered';
}

/** A message that `decryptStream` opened. */
export interface DecryptedStream {
  /**
   * The whole message: the outer fields that are not about content, then the decrypted entity. Where it is not authenticated it may end
   * in `decryption-failed`: then nothing of it was what the sender encrypted.
   */
  readonly message: AsyncIterable<Uint8Array>;
  /** What became of the header, where the composer protected his and `header` did not ask for the delivered one. */
  readonly header?: EffectiveHeader;
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
 * Opens a message whose root is the encrypted object, as `decryptMessage` does, in memory that does not grow with it. Throws as that
 * does, and `source-read-once` where the source has to be opened again and cannot be. `message` throws `decryption-failed`
 * where that shows only at the end, and `source-changed`. `limit-exceeded`: a text of more than `limits.displayOctets` would have to be
 * looked through for Legacy Display Elements; the header that was delivered is to be had all the same.
 */
export async function decryptStream(input: DecryptMessageStreamInput): Promise<DecryptedStream> {
  const read = () => new CiphertextReading(input.source, (begins) => new EncryptedMessage(begins));
  return orClose(read(), async (reading, envelope) => {
    if (envelope.content.contentType !== oids.data) throw decryptionFailed();
    const { text, again, contentType: _, ...opened } = await open(envelope, reading, read, input);
    const { finder } = reading;
    const outer = finder.outerHeader();
    const close = async (): Promise<void> => {
      await text.return();
      await reading.close();
    };
    const delivered = (content: AsyncGenerator<Buffer, void, void>): DecryptedStream => ({
      ...opened,
      content,
      message: joined(outer, through(content, ownFieldsRemover), close),
    });
    if (input.header === 'delivered') return delivered(text);
    const { mayProtect, content } = await lookForProtection(text);
    if (!mayProtect) return delivered(content);
    await close();
    const reread = await again();
    const effective = await effectiveStream(finder.root as StreamedEntity, reread);
    if (effective === undefined) return delivered(reread());
    return {
      ...opened,
      content: reread(),
      header: effective.header,
      message: joined(effective.outer, effective.rest(), close),
    };
  });
}

/** @param close is called at the end: what was not begun closes nothing */
async function* joined(
  outer: Buffer,
  rest: AsyncGenerator<Buffer, void, void>,
  close: () => Promise<void>,
): AsyncGenerator<Uint8Array, void, void> {
  try {
    yield outer;
    yield* rest;
  } finally {
    await close();
  }
}

/** An object that `decryptContentStream` opened. */
export interface DecryptedContentStream extends Omit<DecryptedStream, 'message' | 'header'> {
  /** Dotted object identifier of what was encrypted. */
  readonly contentType: string;
}

/**
 * Opens encrypted octets that are no message, as `decryptContent` does, in memory that does not grow with them: `source` gives a ContentInfo,
 * BER or DER. Throws as that does, and as `decryptStream` does for what shows only at the end.
 */
export async function decryptContentStream(input: DecryptStreamInput): Promise<DecryptedContentStream> {
  const read = () => new CiphertextReading(input.source, (begins) => new EncryptedObject(begins));
  return orClose(read(), async (reading, envelope) => {
    const { text, again: _, ...opened } = await open(envelope, reading, read, input);
    return { ...opened, content: text };
  });
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

interface Opened extends Omit<DecryptedContentStream, 'content'> {
  /** One reading of the text. Closes the ciphertext's. */
  readonly text: AsyncGenerator<Buffer, void, void>;
  /** Gives the same text at each further reading. Throws `source-read-once`, and as `decideFirst` does. */
  again(): Promise<() => AsyncGenerator<Buffer, void, void>>;
}

async function open(
  envelope: Envelope,
  reading: Ciphertext,
  readAgain: () => Ciphertext,
  input: DecryptStreamInput,
): Promise<Opened> {
  const { content } = envelope;
  requireModern(content, input.legacy ?? false);
  const tagged = content.tagLength > 0;
  const authenticated = tagged && input.unverifiedChunks !== true;
  const twice = typeof input.source === 'function';
  if (authenticated && !twice)
    throw readOnce(
      'the tag that authenticates the text comes after it: give a function that opens the source, or ask for unverifiedChunks',
    );
  const candidates = await candidateKeys(envelope, input, twice);
  // Several keys can fit where the message does not name which one is meant: only the end tells which of them opens it.
  const decided = authenticated || (twice && candidates.length > 1);
  const decide = async (first: Ciphertext, sealed: boolean) =>
    decideFirst(first, candidates, readAgain, sealed ? new Seals() : undefined);
  const known = decided ? await decide(reading, authenticated) : undefined;
  const text = known ? known() : decryptAtOnce(reading, candidates[0] as Candidate);
  async function* closing(): AsyncGenerator<Buffer, void, void> {
    try {
      yield* text;
    } finally {
      await reading.close();
    }
  }
  return {
    text: closing(),
    again: async () => {
      if (authenticated && known) return known;
      if (!twice)
        throw readOnce(
          'the header that its composer protected is found in all of the message: give a function that opens the source, or ask for the header that was delivered',
        );
      const further = readAgain();
      await further.start();
      return decide(further, true);
    },
    contentType: content.contentType,
    authenticated,
    cipher: content.cipher,
    recipients: envelope.recipients.map(describeRecipient),
  };
}

const readOnce = (why: string): SmimeError => new SmimeError('source-read-once', why);
