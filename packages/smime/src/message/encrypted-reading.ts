/** One reading of a ciphertext: what stands before it, the ciphertext, and what follows it. */
import { DerReader } from '../asn1/der.ts';
import { decryptionFailed, orFailed, readEnvelopeOf } from '../cms/decrypt-content.ts';
import type { Envelope } from '../cms/enveloped-data.ts';
import { CmsReader, type Skeleton } from '../cms/stream-read.ts';
import { outerHeader } from '../mime/canonical.ts';
import { bodyDecoder, type Stage } from '../mime/stream-encoding.ts';
import type { Sink, StreamedEntity } from '../mime/stream-entity.ts';
import { MessageScanner } from '../mime/stream-scan.ts';
import { piecesOf, type StreamSource } from './byte-source.ts';
import { isObjectType } from './layer.ts';

/** Looks for the ciphertext in octets that come. */
export interface CiphertextFinder {
  push(octets: Buffer): void;
  /** The structure, complete; undefined where there is none. */
  end(): Skeleton | undefined;
}

/** Told what stands before the ciphertext, which the sink then gets. */
export type CiphertextBegins = (start: Skeleton) => Sink;

export class CiphertextReading<Finder extends CiphertextFinder> {
  readonly finder: Finder;
  private readonly pieces: AsyncGenerator<Buffer, void, void>;
  private readonly waiting: Buffer[] = [];
  private finished = false;
  private read: Envelope | undefined;

  constructor(source: StreamSource, find: (begins: CiphertextBegins) => Finder) {
    this.pieces = piecesOf(source);
    this.finder = find((start) => {
      this.read = readSkeleton(start);
      return (octets) => void this.waiting.push(octets);
    });
  }

  /** What was read until now; complete once the ciphertext has ended. */
  get envelope(): Envelope {
    if (this.read === undefined) throw decryptionFailed();
    return this.read;
  }

  /** Reads up to the ciphertext. Throws `decryption-failed` where there is none. */
  async start(): Promise<Envelope> {
    try {
      while (this.read === undefined && (await this.more()));
      return this.envelope;
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  /** The octets hold until the next ones are asked for. */
  async *ciphertext(): AsyncGenerator<Buffer, void, void> {
    try {
      do yield* this.waiting.splice(0);
      while (await this.more());
      yield* this.waiting.splice(0);
    } finally {
      await this.close();
    }
  }

  async close(): Promise<void> {
    await this.pieces.return();
  }

  /** Reads one piece. False once there is no more. */
  private async more(): Promise<boolean> {
    if (this.finished) return false;
    const { value, done } = await this.pieces.next();
    if (done) this.finished = true;
    orFailed(() => {
      if (!done) this.finder.push(value);
      else {
        const complete = this.finder.end();
        // Also where the object has no ciphertext, and announced none.
        this.read = complete && readSkeleton(complete);
      }
    });
    return !this.finished;
  }
}

const readSkeleton = ({ contentType, der }: Skeleton): Envelope => readEnvelopeOf(contentType, new DerReader(der));

/** A message that is encrypted as a whole. Throws `decryption-failed` for another one. */
export class EncryptedMessage implements CiphertextFinder {
  private readonly scanner: MessageScanner;
  private readonly object: CmsReader;
  /** As soon as its header was read. */
  root: StreamedEntity | undefined;

  constructor(begins: CiphertextBegins) {
    this.object = new CmsReader(begins);
    let body: Stage | undefined;
    this.scanner = new MessageScanner(
      {
        described: (entity) => {
          // A ciphertext among other parts is never opened, nor one that somebody else finds elsewhere (EFAIL, 2018).
          const doubtful = entity.ambiguities.some(({ severity }) => severity === 'error');
          if (doubtful || !isObjectType(entity)) throw decryptionFailed();
          this.root = entity;
          body = bodyDecoder(entity.transferEncoding, (octets) => this.object.push(octets));
          return body.push;
        },
        ended: () => {
          body?.end();
          this.object.end();
        },
      },
      { rawHeaders: true },
    );
  }

  push(octets: Buffer): void {
    this.scanner.push(octets);
  }

  end(): Skeleton | undefined {
    this.scanner.end();
    return this.object.complete;
  }

  /** The outer fields that are not about content, and MIME-Version. */
  outerHeader(): Buffer {
    const root = this.root as StreamedEntity;
    return outerHeader(root, (field) => root.rawHeader.subarray(field.start - root.start, field.end - root.start));
  }
}

/** An object that came without a message. */
export class EncryptedObject implements CiphertextFinder {
  private readonly object: CmsReader;

  constructor(begins: CiphertextBegins) {
    this.object = new CmsReader(begins);
  }

  push(octets: Buffer): void {
    this.object.push(octets);
  }

  end(): Skeleton | undefined {
    this.object.end();
    return this.object.complete;
  }
}
