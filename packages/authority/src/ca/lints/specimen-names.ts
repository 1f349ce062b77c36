/** Names as they stand in a certificate: with the string type of every attribute and the kind of every general name. */
import { type DerReader, limits, SmimeError, tag } from '@chancery/smime';

export interface AttributeField {
  /** Dotted object identifier. */
  readonly type: string;
  /** Identifier octet of the value. */
  readonly form: number;
  /** Undefined for a value that is no string. */
  readonly text: string | undefined;
  /** Content octets of the value. */
  readonly octets: Buffer;
}

export interface DistinguishedName {
  readonly der: Buffer;
  readonly attributes: readonly AttributeField[];
}

/** Kinds of GeneralName (RFC 5280 4.2.1.6) by their context tags. */
type GeneralNameKind =
  | 'otherName'
  | 'rfc822Name'
  | 'dNSName'
  | 'x400Address'
  | 'directoryName'
  | 'ediPartyName'
  | 'uniformResourceIdentifier'
  | 'iPAddress'
  | 'registeredID';

export interface GeneralNameField {
  readonly kind: GeneralNameKind;
  /** Content octets. */
  readonly octets: Buffer;
  /** Of rfc822Name, dNSName and URI: one character per octet. Of an otherName that is a string: its text. */
  readonly text: string | undefined;
  /** Of an otherName: its type, and the identifier octet of its value. */
  readonly otherType: string | undefined;
  readonly form: number | undefined;
  /** Of a directoryName. */
  readonly name: DistinguishedName | undefined;
}

export function readDistinguishedName(reader: DerReader): DistinguishedName {
  const start = reader.position;
  const relatives = reader.enter();
  const attributes: AttributeField[] = [];
  while (!relatives.atEnd) {
    const set = relatives.enter(tag.set);
    if (set.atEnd) throw set.unexpected('a relative distinguished name is empty');
    while (!set.atEnd) {
      if (attributes.length >= limits.nameAttributes)
        throw new SmimeError('limit-exceeded', `a name has more than ${limits.nameAttributes} attributes`);
      const entry = set.enter();
      const type = entry.oid();
      const at = entry.position;
      const form = entry.peek();
      const text = entry.string();
      const valueEnd = entry.position;
      entry.position = at;
      const octets = entry.content();
      entry.position = valueEnd;
      entry.finish('a name attribute');
      attributes.push({ type, form, text, octets });
    }
  }
  return { der: reader.bytes.subarray(start, reader.position), attributes };
}

/** Values of one type (dotted text) that are strings. */
export function textsOf(name: DistinguishedName | undefined, type: string): string[] {
  return (name?.attributes ?? []).flatMap((one) => (one.type === type && one.text !== undefined ? [one.text] : []));
}

/** Reads the content of GeneralNames: `reader` stands inside the SEQUENCE. */
export function readGeneralNameFields(reader: DerReader): GeneralNameField[] {
  const names: GeneralNameField[] = [];
  while (!reader.atEnd) {
    if (names.length >= limits.generalNames)
      throw new SmimeError('limit-exceeded', `more than ${limits.generalNames} general names`);
    names.push(readGeneralNameField(reader));
  }
  return names;
}

export function readGeneralNameField(reader: DerReader): GeneralNameField {
  const kind = KINDS.get(reader.peek());
  if (kind === undefined) throw reader.unexpected('a general name of an unknown kind');
  const plain = { kind, text: undefined, otherType: undefined, form: undefined, name: undefined };
  switch (kind) {
    case 'otherName': {
      const octetsAt = reader.position;
      const other = reader.enter(0xa0);
      const otherType = other.oid();
      const value = other.enter(0xa0);
      other.finish('an otherName');
      const form = value.peek();
      return {
        ...plain,
        otherType,
        form,
        text: value.string(),
        octets: reader.bytes.subarray(octetsAt, reader.position),
      };
    }
    case 'directoryName': {
      const choice = reader.enter(0xa4);
      const name = readDistinguishedName(choice);
      choice.finish('a directoryName');
      return { ...plain, name, octets: name.der };
    }
    case 'registeredID': {
      const at = reader.position;
      const text = reader.oid(0x88);
      return { ...plain, text, octets: reader.bytes.subarray(at, reader.position) };
    }
    case 'rfc822Name':
    case 'dNSName':
    case 'uniformResourceIdentifier': {
      const octets = reader.content();
      return { ...plain, octets, text: octets.toString('latin1') };
    }
    default:
      return { ...plain, octets: reader.content() };
  }
}

const KINDS = new Map<number, GeneralNameKind>([
  [0xa0, 'otherName'],
  [0x81, 'rfc822Name'],
  [0x82, 'dNSName'],
  [0xa3, 'x400Address'],
  [0xa4, 'directoryName'],
  [0xa5, 'ediPartyName'],
  [0x86, 'uniformResourceIdentifier'],
  [0x87, 'iPAddress'],
  [0x88, 'registeredID'],
]);
