/** Finds the delimiters of all open multiparts, and tells lines that are delimiters from lines that only look like one. */
import { limits } from '../limits.ts';
import type { Frame } from './stream-entity.ts';
import type { StreamWindow } from './stream-window.ts';

export interface DelimiterLine {
  readonly closing: boolean;
  /** The octet after the line; its line break is not in it where that belongs to another delimiter. */
  readonly end: number;
  /** It ends at a line feed that has no carriage return. */
  readonly bareAfter: boolean;
}

interface Met {
  /** Of the frame whose delimiter it is. */
  readonly index: number;
  readonly line: DelimiterLine | 'prefix' | 'within-line';
}

export class Delimiters {
  private readonly window: StreamWindow;
  /** Outermost first. */
  private readonly frames: readonly Frame[];
  /** Answers of `isDelimiter` for one question; without them, nested look-alikes cost exponential time. */
  private readonly known = new Map<string, boolean | 'more'>();

  constructor(window: StreamWindow, frames: readonly Frame[]) {
    this.window = window;
    this.frames = frames;
  }

  /** Octets at the end of the window in which a delimiter, or the line break before one, may have begun. */
  holdBack(): number {
    if (this.window.final) return 0;
    let longest = 0;
    for (const { delimiter } of this.frames) longest = Math.max(longest, delimiter.length);
    return longest === 0 ? 0 : longest + 1;
  }

  /** Offset of the next occurrence of any delimiter, -1 where none is in sight. */
  next(): number {
    const { window } = this;
    let nearest = -1;
    for (const frame of this.frames) {
      if (!frame.splits) continue;
      if (frame.found < 0) {
        frame.found = window.indexOf(frame.delimiter, frame.searchFrom);
        if (frame.found < 0) frame.searchFrom = Math.max(frame.searchFrom, window.end - frame.delimiter.length + 1);
      }
      if (frame.found >= 0 && (nearest < 0 || frame.found < nearest)) nearest = frame.found;
    }
    return nearest;
  }

  /** What an occurrence is to each multipart whose delimiter it has, outermost first, up to the one that it delimits. */
  at(offset: number, atLineStart: boolean): Met[] | 'more' {
    this.known.clear();
    const met: Met[] = [];
    for (const [index, frame] of this.frames.entries()) {
      if (!frame.splits || frame.found !== offset) continue;
      if (!atLineStart) {
        met.push({ index, line: 'within-line' });
        continue;
      }
      const line = this.read(index, offset);
      if (line === 'more') return 'more';
      met.push({ index, line: line ?? 'prefix' });
      if (line !== undefined && !frame.entity.closed) break;
    }
    return met;
  }

  /** Whether a line that begins at `offset` delimits parts of one of the first `depth` frames. */
  cutsAt(offset: number, depth: number): boolean | 'more' {
    this.known.clear();
    return this.anyDelimiter(offset, depth);
  }

  private anyDelimiter(offset: number, depth: number): boolean | 'more' {
    for (let index = 0; index < depth; index++) {
      const frame = this.frames[index] as Frame;
      if (!frame.splits || frame.entity.closed) continue;
      const matches = this.window.matches(frame.delimiter, offset);
      const answer = matches === true ? this.isDelimiter(index, offset) : matches;
      if (answer !== false) return answer;
    }
    return false;
  }

  private isDelimiter(index: number, offset: number): boolean | 'more' {
    const key = `${index} ${offset}`;
    let answer = this.known.get(key);
    if (answer === undefined) {
      const rest = this.readRest(index, offset);
      answer = rest === 'more' ? rest : rest !== undefined;
      this.known.set(key, answer);
    }
    return answer;
  }

  /** Undefined where the line goes on after the delimiter. */
  private read(index: number, offset: number): DelimiterLine | 'more' | undefined {
    const rest = this.readRest(index, offset);
    if (rest === undefined || rest === 'more') return rest;
    const { closing, after, lineBreak } = rest;
    const taken = lineBreak === 0 ? false : this.anyDelimiter(after + lineBreak, index);
    if (taken === 'more') return 'more';
    if (taken) return { closing, end: after, bareAfter: false };
    return { closing, end: after + lineBreak, bareAfter: lineBreak === 1 && this.window.octet(after) === LF };
  }

  /** Reads what follows the delimiter: two hyphens, white space, and the end of the line or of the multipart. */
  private readRest(
    index: number,
    offset: number,
  ): { closing: boolean; after: number; lineBreak: number } | 'more' | undefined {
    const { window } = this;
    let after = offset + (this.frames[index] as Frame).delimiter.length;
    if (!window.has(after + 2)) return 'more';
    const closing = window.octet(after) === HYPHEN && window.octet(after + 1) === HYPHEN;
    if (closing) after += 2;
    const padded = after + limits.delimiterPadding;
    while (after < padded && (window.octet(after) === SPACE || window.octet(after) === TAB)) after++;
    if (!window.has(after + 2)) return 'more';
    const octet = window.octet(after);
    if (octet === undefined) return { closing, after, lineBreak: 0 };
    if (octet === LF) return { closing, after, lineBreak: 1 };
    if (octet !== CR) return undefined;
    const next = window.octet(after + 1);
    if (next === LF) return { closing, after, lineBreak: 2 };
    if (next === undefined) return { closing, after, lineBreak: 1 };
    // A lone CR ends the multipart where the line break of an outer delimiter follows.
    if (next !== CR) return undefined;
    if (!window.has(after + 3)) return 'more';
    const outer = window.octet(after + 2) === LF ? this.anyDelimiter(after + 3, index) : false;
    if (outer === 'more') return 'more';
    return outer ? { closing, after: after + 1, lineBreak: 0 } : undefined;
  }
}

const CR = 0x0d;
const LF = 0x0a;
const HYPHEN = 0x2d;
const SPACE = 0x20;
const TAB = 0x09;
