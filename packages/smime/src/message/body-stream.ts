/** The body of one part of a message, while it goes by (RFC 2045 section 6). */
import { bodyDecoder } from '../mime/stream-encoding.ts';
import { piecesOf, type StreamSource, through } from './byte-source.ts';

/**
 * What `decodeBody` makes of the body of an entity, in memory that does not grow with it: `source` gives the octets from `bodyStart` to `end`, and
 * is read once. Throws `limit-exceeded` for a line of quoted-printable text with more than 64 KB of white space, and `invalid-argument` for pieces
 * that are no octets.
 * @param transferEncoding in lower case, as the entity has it
 */
export function decodeBodyStream(
  source: StreamSource,
  transferEncoding: string,
): AsyncGenerator<Uint8Array, void, void> {
  return through(piecesOf(source), (out) => bodyDecoder(transferEncoding, out));
}
