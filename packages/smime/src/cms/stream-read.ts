/**
 * A CMS object that comes in pieces: everything but its content is kept, within a budget, and read by the same functions as an
 * object at hand; the content is handed on.
 */
import { BerStream, type Budget, type Waiting } from '../asn1/ber-stream.ts';
import { context, contextConstructed, DerReader, encodeSequence, tag } from '../asn1/der.ts';
import { oids } from '../asn1/oids.ts';
import { SmimeError } from '../errors.ts';
import { limits } from '../limits.ts';
import type { Sink } from '../mime/stream-entity.ts';

/** The structure without its content: DER, of the content's own element within the ContentInfo. */
export interface Skeleton {
  /** Dotted object identifier of what the ContentInfo holds. */
  readonly contentType: string;
  readonly der: Buffer;
}

/**
 * Told when the content comes next, and what was read until then; what follows the content is missing in it, but for an empty
 * authentication tag. The sink gets the content: its octets may be those that were pushed.
 */
export type ContentComes = (start: Skeleton) => Sink | undefined;

export class CmsReader {
  /** Of the whole object, once its end was read; with the kind alone as long as that is all that is known. */
  contentType: string | undefined;
  complete: Skeleton | undefined;
  /** Whether the object carries its content. */
  carried = false;
  private readonly input = new BerStream();
  private readonly contentComes: ContentComes;
  private readonly reading: Waiting<void>;
  private readonly budget: Budget;

  /**
   * @param within the content type, where the structure comes without a ContentInfo around it (RFC 5652 section 5.1, 6.1)
   * @param budget of octets that are kept
   */
  constructor(contentComes: ContentComes, within?: string, budget: Budget = { left: limits.streamStructureOctets }) {
    this.contentComes = contentComes;
    this.budget = budget;
    this.reading = this.object(within);
  }

  /** Throws `SmimeError`: `malformed-asn1` and `limit-exceeded` for what is no BER, other codes for another structure. */
  push(octets: Buffer): void {
    this.input.push(octets);
    this.reading.next();
    this.input.settle();
  }

  /** Throws as `push` does, and `malformed-asn1` for an object that is cut short. */
  end(): void {
    this.input.end();
    this.reading.next();
  }

  private *object(within: string | undefined): Waiting<void> {
    const { input } = this;
    if (within !== undefined) yield* this.structure(within);
    else {
      yield* input.enter(tag.sequence);
      const contentType = new DerReader(yield* input.element(this.budget)).oid();
      yield* input.enter(contextConstructed(0));
      yield* this.structure(contentType);
      yield* input.leave();
      yield* input.leave();
    }
    if (yield* input.more())
      throw new SmimeError('malformed-asn1', 'the CMS object has octets after its end', { offset: input.offset });
  }

  private *structure(contentType: string): Waiting<void> {
    const { input, budget } = this;
    this.contentType = contentType;
    const place = places.get(contentType);
    if (place === undefined) {
      yield* input.element(budget);
      return;
    }
    yield* input.enter(tag.sequence);
    const head: Buffer[] = [];
    // What holds the content is the SEQUENCE that follows the set of digests or recipients.
    for (;;) {
      const next = yield* input.peek();
      if (next === tag.sequence && place.follows(head)) break;
      head.push(yield* input.element(budget));
    }
    yield* input.enter(tag.sequence);
    const holder: Buffer[] = [yield* input.element(budget)];
    if (place.encrypted) holder.push(yield* input.element(budget));
    const skeleton = (...tail: Buffer[]): Skeleton => ({
      contentType,
      der: encodeSequence(...head, encodeSequence(...holder), ...tail),
    });
    if (yield* input.more()) {
      this.carried = true;
      const sink = this.contentComes(skeleton(...(contentType === oids.authEnvelopedData ? [emptyMac] : []))) ?? ignore;
      if (place.encrypted) yield* input.string(context(0), sink);
      else yield* this.explicitContent(sink);
    }
    yield* input.leave();
    const tail: Buffer[] = [];
    while (yield* input.more()) tail.push(yield* input.element(budget));
    yield* input.leave();
    this.complete = skeleton(...tail);
  }

  /** PKCS#7 (RFC 2315) let any type stand here; what is signed is then its content octets. */
  private *explicitContent(sink: Sink): Waiting<void> {
    const { input } = this;
    yield* input.enter(contextConstructed(0));
    const identifier = yield* input.peek();
    if ((identifier & ~0x20) === tag.octetString) yield* input.string(tag.octetString, sink);
    else yield* input.content(sink);
    yield* input.leave();
  }
}

interface Place {
  /** Whether the next SEQUENCE holds the content, after what was read. */
  follows(head: readonly Buffer[]): boolean;
  /** `[0] IMPLICIT OCTET STRING` after an algorithm, else `[0] EXPLICIT`. */
  readonly encrypted: boolean;
}

const afterSet = (head: readonly Buffer[]): boolean => head.at(-1)?.[0] === tag.set;
const places = new Map<string, Place>([
  [oids.signedData, { follows: afterSet, encrypted: false }],
  [oids.envelopedData, { follows: afterSet, encrypted: true }],
  [oids.authEnvelopedData, { follows: afterSet, encrypted: true }],
  [oids.compressedData, { follows: (head) => head.length === 2, encrypted: false }],
]);

const emptyMac = Buffer.of(tag.octetString, 0);
const ignore: Sink = () => {};
