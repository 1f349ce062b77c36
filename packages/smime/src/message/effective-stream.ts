/** What `effectiveMessage` makes of a content at hand, made of one that comes in pieces. */

import type { StreamedEntity } from '../mime/stream-entity.ts';
import { ownFieldsRemover } from '../mime/stream-replace.ts';
import { piecesOf, type ReopenableSource, through } from './byte-source.ts';
import { withoutDisplay } from './display-stream.ts';
import { type EffectiveHeader, restoreHeader, withoutMarks } from './effective-message.ts';
import { LayerStream } from './layer-stream.ts';
import { openStream } from './open-stream.ts';
import { readProtectedHeaders } from './protected-headers.ts';

/**
 * Reads as far as it takes to see whether a protected header may be in an entity: by the types alone, most have none.
 * @param content is read once; `content` of the result gives all of it
 */
export async function lookForProtection(
  content: AsyncGenerator<Buffer, void, void>,
): Promise<{ readonly mayProtect: boolean; readonly content: AsyncGenerator<Buffer, void, void> }> {
  const passage = new LayerStream({ form: { kind: 'entity', text: false }, depth: 0, bare: false });
  const held: Buffer[] = [];
  let heldLength = 0;
  let ended = false;
  let failure: unknown;
  while (!ended && !passage.unprotected && heldLength < mostHeld) {
    const { value, done } = await content.next().catch((error: unknown) => {
      failure = error;
      return { value: undefined, done: true };
    });
    ended = done === true;
    if (!value) continue;
    held.push(value);
    heldLength += value.length;
    passage.push(value);
  }
  if (ended) passage.end();
  async function* all(): AsyncGenerator<Buffer, void, void> {
    for (let octets = held.shift(); octets; octets = held.shift()) yield octets;
    // It comes where it would have come, had nobody looked.
    if (failure !== undefined) throw failure;
    yield* content;
  }
  return { mayProtect: failure === undefined && !passage.unprotected, content: all() };
}

/** A header is at most half of it. What is longer is read to its end. */
const mostHeld = 2_097_152;

/** How the message goes on after its restored header. */
export interface EffectiveStream {
  readonly outer: Buffer;
  readonly header: EffectiveHeader;
  /** What stands after the outer header. */
  rest(): AsyncGenerator<Buffer, void, void>;
}

/**
 * @param root of the message that was encrypted
 * @param content gives what was encrypted, the same at each reading: it is read two or three times, and once for each compressed layer
 * Undefined where the header that was delivered stays. Throws `limit-exceeded` for Legacy Display Elements in a text that is too large.
 */
export async function effectiveStream(
  root: StreamedEntity,
  content: ReopenableSource,
): Promise<EffectiveStream | undefined> {
  const reading = openStream(content, { kind: 'entity', text: false }, { keys: [] }, () => false);
  let read = await reading.next();
  while (!read.done) read = await reading.next();
  const { payload, layers, ambiguities } = read.value;
  // What can be read in two ways has two headers.
  if (payload === undefined || ambiguities.some(({ severity }) => severity === 'error')) return undefined;
  const found = readProtectedHeaders(payload, root, true);
  if (found === undefined) return undefined;
  const { outer, header } = restoreHeader(
    root,
    (field) => root.rawHeader.subarray(field.start - root.start, field.end - root.start),
    found,
  );
  if (layers.length > 0) return { outer, header, rest: () => through(piecesOf(content), ownFieldsRemover) };
  const shown = await withoutDisplay(content);
  return { outer, header, rest: () => through(piecesOf(shown), (out) => ownFieldsRemover(out, withoutMarks)) };
}
