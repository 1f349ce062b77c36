/** DER rewritten as the BER that streaming software makes: indefinite lengths, constructed strings, lengths longer than need be. */

/** Gives numbers below its argument, as a test needs them. */
export type Choose = (below: number) => number;

/** @param implicitString whether primitive `[0]` elements are strings, which may be constructed too (EncryptedContentInfo) */
export function berify(der: Buffer, choose: Choose, implicitString = false): Buffer {
  const pieces: Buffer[] = [];
  for (let at = 0; at < der.length; ) {
    const { identifier, start, end } = readHeader(der, at);
    const content = der.subarray(start, end);
    const isString = identifier === 0x04 || (implicitString && identifier === 0x80);
    if (identifier & 0x20) pieces.push(wrap(identifier, berify(content, choose, implicitString), choose));
    else if (isString && choose(2) === 0) pieces.push(wrap(identifier | 0x20, stringPieces(content, choose), choose));
    else pieces.push(Buffer.concat([Buffer.of(identifier), lengthOf(content.length, choose), content]));
    at = end;
  }
  return Buffer.concat(pieces);
}

function wrap(identifier: number, content: Buffer, choose: Choose): Buffer {
  return choose(2) === 0
    ? Buffer.concat([Buffer.of(identifier, 0x80), content, Buffer.of(0, 0)])
    : Buffer.concat([Buffer.of(identifier), lengthOf(content.length, choose), content]);
}

function stringPieces(content: Buffer, choose: Choose, depth = 0): Buffer {
  const pieces: Buffer[] = [];
  for (let at = 0; at < content.length; ) {
    const size = choose(40);
    // An empty piece is one too.
    if (size === 0) pieces.push(Buffer.of(0x04, 0));
    const piece = content.subarray(at, at + Math.max(1, size));
    const deeper = depth < 3 && choose(6) === 0;
    pieces.push(
      deeper
        ? wrap(0x24, stringPieces(piece, choose, depth + 1), choose)
        : Buffer.concat([Buffer.of(0x04), lengthOf(piece.length, choose), piece]),
    );
    at += piece.length;
  }
  return Buffer.concat(pieces);
}

function lengthOf(length: number, choose: Choose): Buffer {
  const octets: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256);
  const longer = choose(4) === 0;
  if (length < 0x80 && !longer) return Buffer.of(length);
  if (longer) octets.unshift(0);
  return Buffer.of(0x80 | octets.length, ...octets);
}

function readHeader(der: Buffer, at: number): { identifier: number; start: number; end: number } {
  const identifier = der[at] as number;
  const first = der[at + 1] as number;
  if (first < 0x80) return { identifier, start: at + 2, end: at + 2 + first };
  const count = first & 0x7f;
  const start = at + 2 + count;
  return { identifier, start, end: start + der.readUIntBE(at + 2, count) };
}
