/** CompressedData (RFC 3274), read only, and never beyond its budget. */
import { inflateSync } from 'node:zlib';
import { contextConstructed, type DerReader } from '../asn1/der.ts';
import { oids } from '../asn1/oids.ts';
import { SmimeError } from '../errors.ts';
import { limits } from '../limits.ts';

/** @param reader stands before the CompressedData. Throws `limit-exceeded` before more than the budget was expanded. */
export function readCompressedData(reader: DerReader): { contentType: string; content: Buffer } {
  const data = reader.enter();
  data.smallInteger();
  const algorithm = data.enter().oid();
  if (algorithm !== oids.zlibCompress)
    throw new SmimeError('unsupported', `the compression ${algorithm} is not implemented`);
  const encapsulated = data.enter();
  data.finish('the CompressedData');
  const contentType = encapsulated.oid();
  const compressed = encapsulated.enter(contextConstructed(0)).octetString();
  const most = Math.min(limits.decompressedOctets, compressed.length * limits.decompressionRatio + 65_536);
  try {
    return { contentType, content: inflateSync(compressed, { maxOutputLength: most }) };
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE')
      throw new SmimeError('limit-exceeded', `the compressed content expands to more than ${most} octets`, { cause });
    throw new SmimeError('unexpected-structure', 'the compressed content is damaged', { cause });
  }
}
