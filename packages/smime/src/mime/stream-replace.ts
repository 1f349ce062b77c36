/** An entity that comes in pieces, as it goes after the outer header of the message whose entity it replaces. */
import { limits } from '../limits.ts';
import { withoutOwnFields } from './canonical.ts';
import type { Stage } from './stream-encoding.ts';
import type { Sink } from './stream-entity.ts';

/**
 * Leaves out the entity's own fields that are not about content. Throws `limit-exceeded` for a header that is too large.
 * @param change what becomes of the header before
 */
export function ownFieldsRemover(out: Sink, change: (header: Buffer) => Buffer = (header) => header): Stage {
  let header: Buffer | undefined = Buffer.alloc(0);
  const release = (): void => {
    if (header === undefined) return;
    for (const octets of withoutOwnFields(change(header))) if (octets.length > 0) out(octets);
    header = undefined;
  };
  return {
    push: (octets) => {
      if (header === undefined) {
        if (octets.length > 0) out(octets);
        return;
      }
      const from = Math.max(0, header.length - 2);
      header = Buffer.concat([header, octets]);
      const end = emptyLineAfter(header, from);
      if (end < 0) {
        if (header.length > limits.headerOctets) release();
        return;
      }
      const rest = header.subarray(end);
      header = header.subarray(0, end);
      release();
      if (rest.length > 0) out(rest);
    },
    end: release,
  };
}

/** The octet after the first empty line, which begins at `from` or later; -1 where there is none yet. */
function emptyLineAfter(octets: Buffer, from: number): number {
  for (let feed = octets.indexOf(LF, from); feed >= 0; feed = octets.indexOf(LF, feed + 1)) {
    const before = octets[feed - 1] === CR ? feed - 2 : feed - 1;
    if (before < 0 || octets[before] === LF) return feed + 1;
  }
  return -1;
}

const CR = 0x0d;
const LF = 0x0a;
