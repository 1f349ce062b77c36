/** A message as it goes over the wire: dots at line starts doubled, its end marked (RFC 5321 4.5.2). */

const cr = 0x0d;
const lf = 0x0a;
const fullStop = 0x2e;
/** Octets of one write: enough for the socket, and little beside a large message. */
const slice = 256 * 1024;
/** Octets of a message that is written at once, its end included: smaller than what a socket takes. */
export const inOneWrite = 64 * 1024;

/**
 * Chunk after chunk, the end of the data included. A CR or LF by itself, which only what was encrypted can have brought
 * here, leaves as CRLF: no server after us may see a line end where we saw none.
 */
export async function* stuffed(message: Uint8Array | AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let last = lf;
  for await (const chunk of message instanceof Uint8Array ? slices(message) : message) {
    if (chunk.length === 0) continue;
    const octets = withWholeLineEnds(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength), last);
    yield dotted(octets, last);
    last = octets[octets.length - 1] ?? last;
  }
  yield endAfter(last);
}

/** The same of a message that is at hand. */
export function stuffedWhole(message: Uint8Array): Uint8Array[] {
  const octets = withWholeLineEnds(Buffer.from(message.buffer, message.byteOffset, message.byteLength), lf);
  return [dotted(octets, lf), endAfter(octets[octets.length - 1] ?? lf)];
}

/** Ends the last line, if it has no end, and the message. */
function endAfter(last: number): Buffer {
  return Buffer.from(last === lf ? '.\r\n' : last === cr ? '\n.\r\n' : '\r\n.\r\n');
}

function* slices(message: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < message.length; at += slice) yield message.subarray(at, at + slice);
}

/** @param last the octet before these */
function dotted(octets: Buffer, last: number): Buffer {
  const first = last === lf && octets[0] === fullStop;
  let at = octets.indexOf('\n.');
  if (!first && at === -1) return octets;
  const parts: Uint8Array[] = first ? [Buffer.from('.')] : [];
  let from = 0;
  for (; at !== -1; at = octets.indexOf('\n.', at + 1)) {
    parts.push(octets.subarray(from, at + 1), Buffer.from('.'));
    from = at + 1;
  }
  parts.push(octets.subarray(from));
  return Buffer.concat(parts);
}

function withWholeLineEnds(octets: Buffer, last: number): Buffer {
  if (hasWholeLines(octets, last)) return octets;
  const out: number[] = [];
  let before = last;
  for (const octet of octets) {
    if (before === cr && octet !== lf) out.push(lf);
    else if (octet === lf && before !== cr) out.push(cr);
    out.push(octet);
    before = octet;
  }
  return Buffer.from(out);
}

/** Every line ends in CRLF; a CR at the end waits for what comes next. @param last the octet before these */
export function hasWholeLines(octets: Buffer, last: number): boolean {
  if ((last === cr) !== (octets[0] === lf)) return false;
  for (let at = octets.indexOf(lf, 1); at !== -1; at = octets.indexOf(lf, at + 1)) {
    if (octets[at - 1] !== cr) return false;
  }
  for (let at = octets.indexOf(cr); at !== -1 && at < octets.length - 1; at = octets.indexOf(cr, at + 1)) {
    if (octets[at + 1] !== lf) return false;
  }
  return true;
}
