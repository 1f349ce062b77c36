/** CompressedData (RFC 3274), never read beyond its budget, and never written so that others would have to. */
import { deflateSync, inflateSync } from 'node:zlib';
import { contextConstructed, type DerReader, encodeInteger, encodeOid, encodeSequence, tag } from '../asn1/der.ts';
import { oids } from '../asn1/oids.ts';
import { SmimeError } from '../errors.ts';
import { limits } from '../limits.ts';
import { type Chunks, chunkedElement } from './chunks.ts';
import { wrapContentInfo } from './content-info.ts';

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

/** A DER ContentInfo. Throws `limit-exceeded` for more than anybody should expand. */
export function encodeCompressedData(content: Uint8Array): Chunks {
  if (content.length > limits.decompressedOctets) throw expandsTooFar(limits.decompressedOctets);
  const small = deflateSync(content);
  // What looks like a bomb is refused by whoever reads it: then it is stored as it is.
  const compressed = content.length > mostExpanded(small.length) ? deflateSync(content, { level: 0 }) : small;
  const data = chunkedElement(
    tag.sequence,
    encodeInteger(0),
    // RFC 3274 section 2: no parameters.
    encodeSequence(encodeOid(oids.zlibCompress)),
    chunkedElement(
      tag.sequence,
      encodeOid(oids.data),
      chunkedElement(contextConstructed(0), chunkedElement(tag.octetString, compressed)),
    ),
  );
  return wrapContentInfo(oids.compressedData, data);
}

/** Octets that a compressed content may expand to. @param compressed its own octets */
export const mostExpanded = (compressed: number): number =>
  Math.min(limits.decompressedOctets, compressed * limits.decompressionRatio + 65_536);

export const expandsTooFar = (most: number): SmimeError =>
  new SmimeError('limit-exceeded', `the compressed content expands to more than ${most} octets`);

export const compressionDamaged = (cause: unknown): SmimeError =>
  new SmimeError('unexpected-structure', 'the compressed content is damaged', { cause });
