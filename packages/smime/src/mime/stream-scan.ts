/**
 * The structure of a message that goes by in pieces: what `scanMessage` finds in the whole, in memory that does not grow with the
 * message. What a line is can depend on the next one, since the line break before a delimiter belongs to the delimiter: so
 * octets are held back until that is known, and everybody downstream sees exactly the octets of their entity.
 */
import { limits } from '../limits.ts';
import { problem } from '../problem.ts';
import type { ContentType } from './entity.ts';
import { LineCheck } from './line-check.ts';
import { describeEntity, noteUnclosed, textPlain, usesCrlf } from './scan.ts';
import { scanHeaders } from './scan-headers.ts';
import { Delimiters } from './stream-delimiters.ts';
import { Frame, type ScanListener, StreamedEntity } from './stream-entity.ts';
import { StreamWindow } from './stream-window.ts';

export interface ScanOptions {
  /** Fill in what `LineCheck` says of each body. */
  readonly lines?: boolean;
  /** Keep the octets of each header. */
  readonly rawHeaders?: boolean;
}

export class MessageScanner {
  private readonly window = new StreamWindow();
  private readonly listener: ScanListener;
  private readonly options: ScanOptions;
  /** Entities that are open, outermost first. */
  private readonly frames: Frame[] = [];
  private readonly delimiters = new Delimiters(this.window, this.frames);
  private readonly check = new LineCheck();
  private readonly root: StreamedEntity;
  private crlf = false;
  private parts = 0;
  private headerOctets = 0;
  private headerFields = 0;

  constructor(listener: ScanListener = {}, options: ScanOptions = {}) {
    this.listener = listener;
    this.options = options;
    this.root = this.open(0, undefined, true, textPlain);
  }

  push(chunk: Buffer): void {
    this.window.append(chunk);
    this.advance();
  }

  /** The message has ended. */
  end(): StreamedEntity {
    this.window.final = true;
    this.advance();
    this.leave(0, this.window.end);
    return this.root;
  }

  private advance(): void {
    const { window, delimiters } = this;
    for (;;) {
      const horizon = window.end - delimiters.holdBack();
      const occurrence = delimiters.next();
      // One delimiter may stand within another, whose end has not come yet.
      const reached = occurrence >= 0 && occurrence < horizon;
      const stop = occurrence < 0 ? horizon : Math.min(horizon, this.before(occurrence));
      const seen = this.consume(Math.max(window.at, stop));
      if (seen === 'header-read') continue;
      if (seen === 'more' || !reached || !this.meet(occurrence)) return;
    }
  }

  /** Where the octets end that do not belong to a delimiter line beginning at `offset`. */
  private before(offset: number): number {
    const { window } = this;
    if (window.octet(offset - 1) !== LF) return offset;
    return window.octet(offset - 2) === CR ? offset - 2 : offset - 1;
  }

  /** Passes on what stands before `stop`, or the rest of a header. */
  private consume(stop: number): 'all' | 'header-read' | 'more' {
    const { window } = this;
    const frame = this.frames.at(-1) as Frame;
    if (frame.phase !== 'header') {
      this.pass(stop);
      return 'all';
    }
    for (let feed = window.indexOf(LF, frame.searchedLine, stop); feed >= 0; ) {
      const next = feed + 1;
      const blank = feed === frame.lineStart || (feed === frame.lineStart + 1 && window.octet(feed - 1) === CR);
      if (blank) {
        // The empty line is no part of this entity where its line break belongs to a delimiter that follows.
        const cut = this.delimiters.cutsAt(next, this.frames.length);
        const known = cut !== 'more' && (frame.entity.parent !== undefined || window.has(next + 2));
        if (!known) return 'more';
        if (cut === false) {
          this.pass(next);
          if (this.readHeader(frame)) this.describe(frame, next);
          return 'header-read';
        }
      }
      frame.lineStart = next;
      frame.searchedLine = next;
      feed = window.indexOf(LF, next, stop);
    }
    frame.searchedLine = Math.max(frame.searchedLine, stop);
    this.pass(stop);
    if (frame.headerLength > limits.headerOctets) this.readHeader(frame);
    return 'all';
  }

  /** Hands the octets up to `stop` to everybody within whose entity they stand. */
  private pass(stop: number): void {
    const { window, frames } = this;
    if (stop <= window.at) return;
    const octets = window.take(stop);
    const innermost = frames.at(-1) as Frame;
    if (innermost.phase === 'header') {
      innermost.header.push(Buffer.from(octets));
      innermost.headerLength += octets.length;
    }
    for (const { sinks } of frames) for (const sink of sinks) sink(octets);
    if (this.options.lines) this.checkLines(octets);
  }

  /** A defect of a line is one in every body that the line stands in: one look serves them all. */
  private checkLines(octets: Buffer | undefined): void {
    const { check } = this;
    const bodies = this.frames.filter(({ phase }) => phase === 'body').map(({ entity }) => entity.lines);
    const innermost = bodies.at(-1);
    if (innermost === undefined || innermost.unsafe) return;
    if (octets) check.push(octets);
    else check.end();
    if (check.bare) for (const lines of bodies) lines.bare = true;
    if (check.unsafe) for (const lines of bodies) lines.unsafe = true;
    check.bare = false;
    check.unsafe = false;
  }

  /** An occurrence of one or more delimiters. False where more octets must come before it is clear what it is. */
  private meet(offset: number): boolean {
    const { window, frames, delimiters } = this;
    // Everything is asked before anything is done: the answer may have to wait.
    const met = delimiters.at(offset, window.octet(offset - 1) === LF);
    if (met === 'more') return false;
    for (const { index, line } of met) {
      const frame = frames[index] as Frame;
      frame.searchFrom = offset + frame.delimiter.length;
      frame.found = -1;
      if (line === 'within-line') {
        if (window.octet(offset - 1) === CR) frame.doubt('bare-carriage-return');
        continue;
      }
      if (line === 'prefix') {
        frame.doubt('boundary-prefix');
        continue;
      }
      const bareBefore = offset > frame.entity.bodyStart && window.octet(offset - 2) !== CR;
      if (this.crlf && (bareBefore || line.bareAfter)) frame.doubt('bare-line-feed');
      if (frame.entity.closed) {
        frame.doubt('delimiter-after-close');
        continue;
      }
      if (frame.entity.parts.at(-1)?.start === offset) frame.doubt('empty-part');
      this.leave(index + 1, this.before(offset));
      this.pass(line.end);
      if (line.closing) frame.entity.closed = true;
      else this.beginPart(frame);
      break;
    }
    return true;
  }

  private beginPart(frame: Frame): void {
    if (this.parts >= limits.mimeParts) {
      frame.doubt('too-many-parts');
      frame.delimiter = Buffer.alloc(0);
      return;
    }
    this.parts++;
    this.open(this.window.at, frame.entity, false, frame.childDefault);
  }

  private open(start: number, parent: StreamedEntity | undefined, message: boolean, byDefault: ContentType) {
    const entity = new StreamedEntity(start, parent);
    parent?.parts.push(entity);
    const frame = new Frame(entity, message, byDefault);
    this.frames.push(frame);
    const sink = this.listener.begun?.(entity);
    if (sink) frame.sinks.push(sink);
    return entity;
  }

  /** Reads the fields. False where the rest of the entity is lost. */
  private readHeader(frame: Frame): boolean {
    const { entity } = frame;
    const raw = Buffer.concat(frame.header);
    frame.header.length = 0;
    if (entity === this.root) this.crlf = usesCrlf(Buffer.concat([raw, this.window.ahead(2)]));
    const section = scanHeaders(raw, 0, raw.length, frame.message, this.crlf, entity.ambiguities);
    this.headerOctets += raw.length;
    this.headerFields += section.headers.length;
    entity.headers = section.headers.map((field) => ({
      ...field,
      start: field.start + entity.start,
      end: field.end + entity.start,
    }));
    entity.headerEnd = entity.start + section.headerEnd;
    if (this.options.rawHeaders) entity.rawHeader = raw.subarray(0, section.headerEnd);
    const tooLarge = entity.ambiguities.some(({ code }) => code === 'header-too-large');
    const tooMuch = this.headerOctets > limits.streamHeaderOctets || this.headerFields > limits.streamHeaderFields;
    if (tooMuch && !tooLarge)
      entity.ambiguities.push(
        problem('error', 'header-too-large', 'The headers of all parts together are too large; the rest was not read.'),
      );
    if (tooLarge || tooMuch) frame.phase = 'lost';
    return !tooLarge && !tooMuch;
  }

  private describe(frame: Frame, bodyStart: number): void {
    const { entity } = frame;
    const description = describeEntity(entity.headers, frame.byDefault, this.frames.length - 1, entity.ambiguities);
    frame.phase = 'body';
    entity.bodyStart = bodyStart;
    entity.contentType = description.contentType;
    entity.transferEncoding = description.transferEncoding;
    this.check.restart();
    if (description.holds === 'parts') frame.split(description, bodyStart);
    const sink = this.listener.described?.(entity);
    if (sink) frame.sinks.push(sink);
    if (description.holds !== 'message') return;
    this.parts++;
    this.open(bodyStart, entity, true, description.childDefault);
  }

  /** Ends all entities from `depth` on at `offset`. */
  private leave(depth: number, offset: number): void {
    const outermost = this.frames[depth];
    if (outermost === undefined) return;
    this.pass(Math.max(this.window.at, offset));
    if (this.options.lines) this.checkLines(undefined);
    const end = Math.max(outermost.entity.start, offset);
    while (this.frames.length > depth) this.close(this.frames.at(-1) as Frame, end);
  }

  private close(frame: Frame, end: number): void {
    const { entity } = frame;
    // The line break after a delimiter may be that of the next delimiter: then nothing stands between them.
    entity.start = Math.min(entity.start, end);
    if (frame.phase !== 'body') {
      if (frame.phase === 'header') this.readHeader(frame);
      this.describe(frame, end);
      if (this.frames.at(-1) !== frame) this.close(this.frames.at(-1) as Frame, end);
    }
    this.frames.pop();
    entity.bodyStart = Math.min(entity.bodyStart, end);
    entity.headerEnd = Math.min(entity.headerEnd, end);
    entity.end = end;
    if (frame.splits && !entity.closed) noteUnclosed(entity.parts.length, entity.ambiguities);
    if (isEmbedded(entity)) entity.closed = true;
    this.listener.ended?.(entity);
  }
}

const CR = 0x0d;
const LF = 0x0a;

/** What holds a message and not parts. */
const isEmbedded = (entity: StreamedEntity): boolean =>
  entity.parts.length > 0 && !entity.contentType.type.startsWith('multipart/');
