/** The canonical form of a message that is read twice: once to see what must become of it, and once to write it. */
import { SmimeError } from '../errors.ts';
import { type BodyPiece, canonicalPieces, type Piece, type Splice } from './canonical.ts';
import type { HeaderField, MimeEntity } from './entity.ts';
import {
  base64Decoder,
  base64Encoder,
  crlfConverter,
  quotedPrintableDecoder,
  quotedPrintableEncoder,
  type Stage,
} from './stream-encoding.ts';
import type { Sink, StreamedEntity } from './stream-entity.ts';
import { MessageScanner } from './stream-scan.ts';

/** What the first reading found. */
export interface CanonicalPlan {
  /** The header fields that stay outside, each ended by CRLF. */
  readonly outerHeaders: Buffer;
  readonly pieces: readonly Piece[];
  /** Octets of the message. */
  readonly sourceLength: number;
  /** The body needs no change: the entity is the octets that the planner's sink got. */
  readonly asItStands: boolean;
}

type Split = ReturnType<typeof canonicalPieces>;

/** Gives a message another header than its own, outside and within. */
export type Reheader = (split: Split, root: StreamedEntity, fieldOctets: (field: HeaderField) => Buffer) => Split;

/** The first reading. `sink` gets the entity as it would be if its body needs no change. */
export class CanonicalPlanner {
  private readonly scanner: MessageScanner;
  private readonly reheader: Reheader | undefined;
  private root: StreamedEntity | undefined;

  constructor(sink?: Sink, reheader?: Reheader) {
    this.reheader = reheader;
    this.scanner = new MessageScanner(
      {
        described: (entity) => {
          if (entity.parent !== undefined) return undefined;
          this.root = entity;
          for (const piece of this.pieces(entity, true).pieces) if (Buffer.isBuffer(piece)) sink?.(piece);
          return sink;
        },
      },
      { lines: true, rawHeaders: true },
    );
  }

  push(octets: Buffer): void {
    this.scanner.push(octets);
  }

  /** The header fields that stay outside, as soon as the header was read. */
  get outerHeaders(): Buffer | undefined {
    return this.root && this.pieces(this.root, true).outerHeaders;
  }

  /** False once it is clear that the body cannot stay as it is. */
  get asItStands(): boolean {
    return this.root === undefined || !(this.root.lines.bare || this.root.lines.unsafe);
  }

  end(): CanonicalPlan {
    const root = this.scanner.end();
    return { ...this.pieces(root, false), sourceLength: root.end, asItStands: this.asItStands };
  }

  private pieces(root: StreamedEntity, asItStands: boolean): Split {
    const fieldOctets = (field: HeaderField, entity: MimeEntity): Buffer => {
      const { rawHeader, start } = entity as StreamedEntity;
      return rawHeader.subarray(field.start - start, field.end - start);
    };
    const linesOf = (entity: MimeEntity) => (asItStands ? harmless : (entity as StreamedEntity).lines);
    const split = canonicalPieces(root, { fieldOctets, linesOf });
    return this.reheader ? this.reheader(split, root, (field) => fieldOctets(field, root)) : split;
  }
}

const harmless = { bare: false, unsafe: false } as const;

/** The second reading: writes the pieces while the message goes by. */
export class PieceWriter implements Stage {
  private readonly pieces: readonly Piece[];
  private readonly out: Sink;
  private next = 0;
  /** The piece in progress, and what it goes through. */
  private range: BodyPiece | undefined;
  private stage: Stage | undefined;
  private offset = 0;
  private readonly length: number;

  constructor({ pieces, sourceLength }: Pick<CanonicalPlan, 'pieces' | 'sourceLength'>, out: Sink) {
    this.pieces = pieces;
    this.length = sourceLength;
    this.out = out;
    this.advance();
  }

  push(octets: Buffer): void {
    const start = this.offset;
    this.offset += octets.length;
    while (this.range && this.range.from < this.offset) {
      const { from, to } = this.range;
      const part = octets.subarray(Math.max(0, from - start), Math.min(octets.length, to - start));
      if (part.length > 0) this.stage?.push(part);
      if (to > this.offset) return;
      this.advance();
    }
  }

  /** Throws `source-changed` where the message had another length this time. */
  end(): void {
    if (this.offset !== this.length) throw sourceChanged();
    while (this.range) this.advance();
  }

  /** Ends the piece in progress, and writes all that follows up to the next one that needs octets of the message. */
  private advance(): void {
    this.stage?.end();
    this.stage = undefined;
    this.range = undefined;
    while (this.next < this.pieces.length) {
      const piece = this.pieces[this.next++] as Piece;
      if (!Buffer.isBuffer(piece)) {
        this.range = piece;
        this.stage = stageFor(piece, this.out);
        return;
      }
      this.out(piece);
    }
  }
}

/** A second reading gave other octets than the first. */
export const sourceChanged = (): SmimeError =>
  new SmimeError('source-changed', 'the source gave other octets the second time it was read');

function stageFor({ decode, splices, crlf, encode }: BodyPiece, out: Sink): Stage {
  let stage: Stage = { push: out, end: () => {} };
  if (encode === 'base64') stage = base64Encoder(out);
  else if (encode === 'quoted-printable') stage = quotedPrintableEncoder(out);
  if (crlf) stage = before(crlfConverter, stage);
  if (splices) stage = before((octets) => splicer(splices, octets), stage);
  if (decode === 'base64') return before(base64Decoder, stage);
  return decode === 'quoted-printable' ? before(quotedPrintableDecoder, stage) : stage;
}

/** Puts octets in place of others while they go by. */
function splicer(splices: readonly Splice[], out: Sink): Stage {
  let next = 0;
  let at = 0;
  let skipTo = 0;
  const put = (splice: Splice): void => {
    if (splice.put.length > 0) out(splice.put);
    skipTo = splice.to;
    next++;
  };
  return {
    push: (octets) => {
      const start = at;
      const end = start + octets.length;
      while (at < end) {
        const splice = splices[next];
        if (at < skipTo) at = Math.min(skipTo, end);
        else if (splice?.from === at) put(splice);
        else {
          const stop = Math.min(splice?.from ?? end, end);
          out(octets.subarray(at - start, stop - start));
          at = stop;
        }
      }
    },
    end: () => {
      for (const splice of splices.slice(next)) put(splice);
    },
  };
}

/** A stage whose output another one takes. */
function before(make: (out: Sink) => Stage, then: Stage): Stage {
  const first = make((octets) => then.push(octets));
  return {
    push: (octets) => first.push(octets),
    end: () => {
      first.end();
      then.end();
    },
  };
}
