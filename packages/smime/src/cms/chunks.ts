/** DER built outside in without copying the content at each level: a list of chunks that knows its length. */
import { encodeHeader } from '../asn1/der.ts';

export interface Chunks {
  readonly chunks: readonly Uint8Array[];
  readonly length: number;
}

/** One element around parts that may be chunks themselves. */
export function chunkedElement(identifier: number, ...parts: readonly (Uint8Array | Chunks)[]): Chunks {
  const inner: Uint8Array[] = [];
  let length = 0;
  for (const part of parts) {
    length += part.length;
    if (part instanceof Uint8Array) inner.push(part);
    else inner.push(...part.chunks);
  }
  const header = encodeHeader(identifier, length);
  return { chunks: [header, ...inner], length: header.length + length };
}

export function joined(value: Chunks): Buffer {
  return Buffer.concat(value.chunks, value.length);
}
