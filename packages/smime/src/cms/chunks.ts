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

const gap: Uint8Array = new Uint8Array(0);

/** Octets that come later: they count in every length around them, and stand nowhere yet. */
export function gapOf(length: number): Chunks {
  return { chunks: [gap], length };
}

/** What stands before and after the gap in a value that has one. */
export function aroundGap({ chunks }: Chunks): { readonly before: Buffer; readonly after: readonly Uint8Array[] } {
  const at = chunks.indexOf(gap);
  return { before: Buffer.concat(chunks.slice(0, at)), after: chunks.slice(at + 1) };
}
