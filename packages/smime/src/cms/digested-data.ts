/** DigestedData (RFC 5652 section 7): content with its digest, which shows damage, and keeps nobody from altering both. Read only. */
import { contextConstructed, type DerReader, tag } from '../asn1/der.ts';
import { type DigestName, digestOfAlgorithm } from '../keys/algorithms.ts';
import { digestOf } from '../keys/digest.ts';

export interface DigestedData {
  /** Dotted object identifier. */
  readonly contentType: string;
  /** Undefined where the content is detached. */
  readonly content: Buffer | undefined;
  /** Undefined for one that is not known. */
  readonly digest: DigestName | undefined;
  /** Undefined where it cannot be said. */
  readonly matches: boolean | undefined;
}

/** @param reader stands before the DigestedData */
export function readDigestedData(reader: DerReader): DigestedData {
  const data = reader.enter();
  data.smallInteger();
  const digest = digestOfAlgorithm(data.element(tag.sequence));
  const encapsulated = data.enter();
  const contentType = encapsulated.oid();
  const content = encapsulated.enterIf(contextConstructed(0))?.octetString();
  const stated = data.octetString();
  data.finish('the DigestedData');
  const matches = digest && content && digestOf(digest, content).equals(stated);
  return { contentType, content, digest, matches };
}
