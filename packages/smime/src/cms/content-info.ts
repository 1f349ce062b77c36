/** ContentInfo, the envelope of every CMS object (RFC 5652 section 3). */
import { normaliseBer } from '../asn1/ber.ts';
import { contextConstructed, DerReader, encodeOid, tag } from '../asn1/der.ts';
import { type Chunks, chunkedElement } from './chunks.ts';

export interface ContentInfo {
  /** Dotted object identifier. */
  readonly contentType: string;
  /** Stands before the content's own element. */
  readonly content: DerReader;
}

/** Reads BER or DER. Throws `SmimeError` `malformed-asn1`; offsets are into the form with definite lengths. */
export function readContentInfo(bytes: Uint8Array): ContentInfo {
  const outer = new DerReader(normaliseBer(bytes));
  const info = outer.enter();
  outer.finish('the CMS object');
  const contentType = info.oid();
  const content = info.enter(contextConstructed(0));
  info.finish('the ContentInfo');
  // One element, and no second that somebody else might take for it.
  const inner = new DerReader(content.bytes, content.position, content.end);
  inner.skip();
  inner.finish('the content of the ContentInfo');
  return { contentType, content };
}

export function wrapContentInfo(contentType: string, content: Uint8Array | Chunks): Chunks {
  return chunkedElement(tag.sequence, encodeOid(contentType), chunkedElement(contextConstructed(0), content));
}
