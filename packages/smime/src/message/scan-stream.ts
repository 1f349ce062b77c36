/** The structure of a message of any size (RFC 2045, RFC 5322), while it goes by. */
import type { MimeEntity } from '../mime/entity.ts';
import { MessageScanner } from '../mime/stream-scan.ts';
import { piecesOf, type StreamSource } from './byte-source.ts';

/**
 * What `scanMessage` finds in the whole message, in memory that does not grow with it: offsets count from its first octet. Read once. Throws nothing
 * itself but `invalid-argument` for pieces that are no octets.
 */
export async function scanStream(source: StreamSource): Promise<MimeEntity> {
  const scanner = new MessageScanner();
  for await (const piece of piecesOf(source)) scanner.push(piece);
  return scanner.end();
}
