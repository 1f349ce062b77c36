/** Attributes of signers and of authenticated content (RFC 5652 section 5.3, 11). */
import { DerReader, encodeOid, encodeSequence, encodeSetOf } from '../asn1/der.ts';
import { SmimeError } from '../errors.ts';
import { limits } from '../limits.ts';

export interface Attribute {
  /** Dotted object identifier. */
  readonly type: string;
  /** Each value as its whole element. */
  readonly values: readonly Buffer[];
}

/** Reads the attributes that remain in a SET OF. */
export function readAttributes(set: DerReader): Attribute[] {
  const attributes: Attribute[] = [];
  while (!set.atEnd) {
    if (attributes.length >= limits.attributes)
      throw new SmimeError('limit-exceeded', `more than ${limits.attributes} attributes`, { offset: set.position });
    const attribute = set.enter();
    const type = attribute.oid();
    const values: Buffer[] = [];
    const list = attribute.enter(0x31);
    while (!list.atEnd) values.push(list.element());
    attribute.finish('an attribute');
    attributes.push({ type, values });
  }
  return attributes;
}

/** The single value of an attribute that must stand once with one value; 'absent' or 'repeated' where it does not. */
export function soleValue(attributes: readonly Attribute[], type: string): DerReader | 'absent' | 'repeated' {
  const found = attributes.filter((attribute) => attribute.type === type);
  const [first] = found;
  if (first === undefined) return 'absent';
  const [value] = first.values;
  return found.length === 1 && first.values.length === 1 && value !== undefined ? new DerReader(value) : 'repeated';
}

export function encodeAttribute(type: string, value: Uint8Array): Buffer {
  return encodeSequence(encodeOid(type), encodeSetOf([value]));
}
