/** CompressedData (RFC 3274), read only, and never beyond its budget. */
import { inflateSync } from 'node:zlib';
import { contextConstructed, type DerReader } from '../asn1/der.ts';
import { oids } from '../asn1/oids.ts';
import { SmimeError } from '../errors.ts';
import { limits } from '../limits.ts';

/** @param reader stands before the CompressedData. Throws `limit-exceeded` before more than the budget was expanded. */
export function readCompressedData(reader: DerReader): { contentType: string; content: Buffer } {
  const { contentType, encapsulated } = readCompression(reader);
  const compressed = encapsulated.enter(contextConstructed(0)).octetString();
  const most = mostExpanded(compressed.length);
  try {
    return { contentType, content: inflateSync(compressed, { maxOutputLength: most }) };
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw expandsTooFar(most);
    throw compressionDamaged(cause);
  }
}

/** Everything but the content. @param reader stands before the CompressedData */
export function readCompression(reader: DerReader): { contentType: string; encapsulated: DerReader } {
  const data = reader.enter();
  data.smallInteger();
  const algorithm = data.enter().oid();
  if (algorithm !== oids.zlibCompress)
    throw new SmimeError('unsupported', `the compression ${algorithm} is not implemented`);
  const encapsulated = data.enter();
  data.finish('the CompressedData');
  return { contentType: encapsulated.oid(), encapsulated };
}

/** Octets that a compressed content may expand to. @param compressed its own octets */
export const mostExpanded = (compressed: number): number =>
  Math.min(limits.decompressedOctets, compressed * limits.decompressionRatio + 65_536);

export const expandsTooFar = (most: number): SmimeError =>
  new SmimeError('limit-exceeded', `the compressed content expands to more than ${most} octets`);

export const compressionDamaged = (cause: unknown): SmimeError =>
  new SmimeError('unexpected-structure', 'the compressed content is damaged', { cause });
