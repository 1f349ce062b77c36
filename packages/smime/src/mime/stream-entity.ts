/** An entity while it goes by: open until its end was seen, and then what `scanMessage` would have made of it. */
import type { Problem } from '../problem.ts';
import type { ContentType, HeaderField, MimeEntity } from './entity.ts';
import { type Description, delimiterDoubts, textPlain } from './scan.ts';

/** Gets octets as they go by, in order. They are the scanner's own memory: what is kept must be copied. */
export type Sink = (octets: Buffer) => void;

/** Told what is found while a message goes by. A sink that it gives back gets octets until the entity ends. */
export interface ScanListener {
  /** An entity begins: the sink gets all of its octets, header included. */
  begun?(entity: StreamedEntity): Sink | undefined;
  /** The header was read: the sink gets the octets of the body. */
  described?(entity: StreamedEntity): Sink | undefined;
  ended?(entity: StreamedEntity): void;
}

/** Fields are filled in while the entity goes by; nothing changes once it has ended. */
export class StreamedEntity implements MimeEntity {
  start: number;
  headerEnd: number;
  bodyStart: number;
  end: number;
  headers: readonly HeaderField[] = [];
  contentType: ContentType = textPlain;
  transferEncoding = '7bit';
  readonly parts: StreamedEntity[] = [];
  closed = false;
  readonly ambiguities: Problem[] = [];
  readonly parent: StreamedEntity | undefined;
  /** Octets of the header fields, from `start` to `headerEnd`, where the scan keeps them. */
  rawHeader: Buffer = empty;
  /** What `LineCheck` found in the body, where the scan looks at lines. */
  readonly lines = { bare: false, unsafe: false };

  constructor(start: number, parent: StreamedEntity | undefined) {
    this.start = start;
    this.headerEnd = start;
    this.bodyStart = start;
    this.end = start;
    this.parent = parent;
  }
}

const empty = Buffer.alloc(0);

/** What the scanner remembers of an entity that is still open. */
export class Frame {
  readonly entity: StreamedEntity;
  /** Heads a message, and not a part. */
  readonly message: boolean;
  readonly byDefault: ContentType;
  readonly sinks: Sink[] = [];

  /** `header` until the empty line; `lost` where the header is too large: the rest is not read. */
  phase: 'header' | 'lost' | 'body' = 'header';
  readonly header: Buffer[] = [];
  headerLength = 0;
  /** Offset of the header line in progress, and how far it was searched for its end. */
  lineStart: number;
  searchedLine: number;

  /** Of a multipart: the delimiter, where it was found next (-1: nowhere yet), and from where on it is searched for. */
  delimiter: Buffer = empty;
  childDefault: ContentType = textPlain;
  found = -1;
  searchFrom = 0;
  readonly doubt: ReturnType<typeof delimiterDoubts>;

  constructor(entity: StreamedEntity, message: boolean, byDefault: ContentType) {
    this.entity = entity;
    this.message = message;
    this.byDefault = byDefault;
    this.lineStart = entity.start;
    this.searchedLine = entity.start;
    this.doubt = delimiterDoubts(entity.ambiguities);
  }

  /** Splits its body into parts from here on. */
  split({ boundary, childDefault }: Description, bodyStart: number): void {
    this.delimiter = Buffer.from(`--${boundary}`, 'latin1');
    this.childDefault = childDefault;
    this.searchFrom = bodyStart;
  }

  get splits(): boolean {
    return this.delimiter.length > 0;
  }
}
