/** The text of a ciphertext that is read as a stream: at once, or once it is known that all of it opens. */
import { type ContentDecipher, decipherFor } from '../cms/content-encryption.ts';
import { decryptionFailed, type OpeningInput, unwrapOrReplace, waysInto } from '../cms/decrypt-content.ts';
import type { Envelope } from '../cms/enveloped-data.ts';
import { tagWithoutAdditional } from '../cms/late-additional-data.ts';
import type { Seals } from '../cms/seals.ts';
import { SmimeError } from '../errors.ts';
import { sourceChanged } from '../mime/stream-canonical.ts';
import type { CiphertextFinder, CiphertextReading } from './encrypted-reading.ts';

type Ciphertext = CiphertextReading<CiphertextFinder>;

/** A content key, or what takes its place where none unwrapped. */
export interface Candidate {
  readonly contentKey: Buffer;
  readonly fits: boolean;
}

/** Those that fit, the first alone unless all are wanted; where none does, one that opens nothing: it fails as late as the others. */
export async function candidateKeys(envelope: Envelope, input: OpeningInput, all: boolean): Promise<Candidate[]> {
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
export async function* decryptAtOnce(reading: Ciphertext, candidate: Candidate): AsyncGenerator<Buffer, void, void> {
  const opening = new Opening(reading.envelope, candidate);
  for await (const ciphertext of reading.ciphertext()) yield opening.update(ciphertext);
  const last = opening.final(reading.envelope);
  if (last === undefined) throw decryptionFailed();
  yield last;
}

/**
 * Two readings: the first finds the key that opens the whole, the second hands the text out.
 * @param seals where the source does not show by itself whether it gives the same octets again
 */
export async function decideFirst(
  reading: Ciphertext,
  candidates: readonly Candidate[],
  openAgain: () => Ciphertext,
  seals?: Seals,
): Promise<() => AsyncGenerator<Buffer, void, void>> {
  const openings = candidates.map((candidate) => new Opening(reading.envelope, candidate));
  for await (const ciphertext of reading.ciphertext()) {
    seals?.mark(ciphertext);
    for (const opening of openings) opening.update(ciphertext);
  }
  seals?.markEnd();
  const { envelope } = reading;
  const opening = openings.find((one) => one.final(envelope) !== undefined);
  if (opening === undefined) throw decryptionFailed();
  const { candidate } = opening;
  return async function* again(): AsyncGenerator<Buffer, void, void> {
    const second = openAgain();
    seals?.restart();
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
  };
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
