/** Distinguished names (RFC 5280 4.1.2.4): read, built, compared and shown. */
import {
  DerReader,
  encodeElement,
  encodeIa5String,
  encodeOid,
  encodePrintableString,
  encodeSequence,
  encodeSetOf,
  encodeUtf8String,
  tag,
} from '../asn1/der.ts';
import { oids } from '../asn1/oids.ts';
import { SmimeError } from '../errors.ts';
import { limits } from '../limits.ts';
import { Skimmer } from './skimmer.ts';

/** One attribute: its object identifier and its value as text (`#` and hex of the DER for values that are no string). */
export interface NameAttribute {
  readonly type: string;
  readonly value: string;
  /** True where `value` is hex of the DER: a text that begins with `#` must not pass for it. */
  readonly encoded?: true;
}

/** A distinguished name: the DER as received, and its relative distinguished names, most significant first. */
export interface Name {
  readonly der: Uint8Array;
  readonly attributes: readonly (readonly NameAttribute[])[];
}

/** Attributes of a distinguished name that `buildName` writes. */
export type NameAttributeType =
  | 'commonName'
  | 'organizationName'
  | 'countryName'
  | 'emailAddress'
  | 'serialNumber'
  | 'givenName'
  | 'surname'
  | 'organizationalUnitName'
  | 'localityName'
  | 'stateOrProvinceName'
  | 'organizationIdentifier'
  | 'pseudonym'
  | 'title'
  | 'userId'
  | 'domainComponent';

/** Reads the DER of a Name (whole element). Throws `SmimeError`. */
export function parseName(der: Uint8Array): Name {
  const reader = new DerReader(der);
  const name = readName(reader);
  reader.finish('the name');
  return name;
}

/** Reads the Name that stands next in a structure: checks its form at once, makes text of it at first use. */
export function readName(reader: DerReader, expected: number = tag.sequence): Name {
  const start = reader.position;
  const { bytes } = reader;
  const skimmer = new Skimmer(bytes, start);
  if (skimmer.take(expected, reader.end) && isWellFormed(skimmer)) {
    reader.position = skimmer.position;
    return new ParsedName(bytes.subarray(start, reader.position), undefined);
  }
  const attributes = readRelativeNames(reader, expected);
  return new ParsedName(bytes.subarray(start, reader.position), attributes);
}

/** A name of one attribute per relative distinguished name, in the order given (most significant first, as RFC 5280 has it). */
export function buildName(attributes: readonly { readonly type: NameAttributeType; readonly value: string }[]): Name {
  const relatives = attributes.map(({ type, value }) => {
    if (value === '') throw new SmimeError('invalid-argument', `the name attribute ${type} is empty`);
    return encodeSetOf([encodeSequence(encodeOid(oids[type]), encodeAttributeValue(type, value))]);
  });
  return parseName(encodeSequence(...relatives));
}

/** Text in RFC 4514's order and escaping: most specific first, `CN=Alice,O=Example`. */
export function formatName(name: Name): string {
  return [...name.attributes]
    .reverse()
    .map((relative) =>
      relative
        .map(({ type, value, encoded }) => `${shortNames[type] ?? type}=${encoded ? value : escapeValue(value)}`)
        .join('+'),
    )
    .join(',');
}

/** Values of one attribute type (dotted text), most significant first. */
export function nameValues(name: Name, type: string): string[] {
  return name.attributes.flatMap((relative) =>
    relative.filter((attribute) => attribute.type === type).map(({ value }) => value),
  );
}

/** RFC 5280 7.1: equal octets, or equal after folding case and white space (string types count as one another). */
export function namesEqual(a: Name, b: Name): boolean {
  return a === b || Buffer.compare(a.der, b.der) === 0 || nameKey(a) === nameKey(b);
}

/** True where the name lies in the subtree: RFC 5280 4.2.1.10, directoryName. */
export function isWithin(name: Name, subtree: Name): boolean {
  const inner = relativeKeys(name);
  const outer = relativeKeys(subtree);
  return outer.length <= inner.length && outer.every((key, index) => key === inner[index]);
}

/** One key for all names that `namesEqual` takes for equal: for maps. */
export function nameKey(name: Name): string {
  return name instanceof ParsedName ? name.key : joinedKey(relativeKeys(name));
}

/** One text for a list of texts: each after its length, so that no two lists have the same. */
function joinedKey(keys: readonly string[]): string {
  let text = '';
  for (const key of keys) text += `${key.length}:${key}`;
  return text;
}

function relativeKeys(name: Name): readonly string[] {
  return name instanceof ParsedName ? name.relativeKeys : name.attributes.map(relativeKey);
}

class ParsedName implements Name {
  readonly der: Uint8Array;
  #attributes: readonly (readonly NameAttribute[])[] | undefined;
  #relativeKeys: readonly string[] | undefined;
  #key: string | undefined;

  constructor(der: Uint8Array, attributes: readonly (readonly NameAttribute[])[] | undefined) {
    this.der = der;
    this.#attributes = attributes;
  }

  get attributes(): readonly (readonly NameAttribute[])[] {
    this.#attributes ??= readRelativeNames(new DerReader(this.der), this.der[0] as number);
    return this.#attributes;
  }

  get relativeKeys(): readonly string[] {
    this.#relativeKeys ??= this.attributes.map(relativeKey);
    return this.#relativeKeys;
  }

  get key(): string {
    this.#key ??= joinedKey(this.relativeKeys);
    return this.#key;
  }
}

/** The attributes of one relative distinguished name are a set. */
const relativeKey = (relative: readonly NameAttribute[]): string =>
  relative.length === 1
    ? attributeKey(relative[0] as NameAttribute)
    : JSON.stringify(relative.map(attributeKey).sort());

const attributeKey = (attribute: NameAttribute): string => `${attribute.type}=${fold(attribute)}`;

/** What `readRelativeNames` would read without complaint. The skimmer has just taken the name. */
function isWellFormed(skimmer: Skimmer): boolean {
  const { end } = skimmer;
  skimmer.position = skimmer.start;
  for (let count = 0; skimmer.position < end; ) {
    if (!skimmer.take(tag.set, end)) return false;
    const setEnd = skimmer.end;
    skimmer.position = skimmer.start;
    do {
      if (++count > limits.nameAttributes || !skimmer.take(tag.sequence, setEnd)) return false;
      const attributeEnd = skimmer.end;
      skimmer.position = skimmer.start;
      if (!skimmer.takeOid(attributeEnd) || !skimmer.takeAny(attributeEnd) || skimmer.end !== attributeEnd)
        return false;
    } while (skimmer.position < setEnd);
  }
  return true;
}

function readRelativeNames(reader: DerReader, expected: number): NameAttribute[][] {
  const start = reader.position;
  const relatives = reader.enter(expected);
  const attributes: NameAttribute[][] = [];
  let budget = limits.nameAttributes;
  while (!relatives.atEnd) {
    const set = relatives.enter(tag.set);
    const relative: NameAttribute[] = [];
    do {
      if (--budget < 0)
        throw new SmimeError('limit-exceeded', `a name has more than ${limits.nameAttributes} attributes`, {
          offset: start,
        });
      const attribute = set.enter();
      const type = attribute.oid();
      const valueStart = attribute.position;
      const text = attribute.string();
      if (text !== undefined) relative.push({ type, value: text });
      else
        relative.push({
          type,
          value: `#${reader.bytes.toString('hex', valueStart, attribute.position)}`,
          encoded: true,
        });
      attribute.finish('a name attribute');
    } while (!set.atEnd);
    attributes.push(relative);
  }
  return attributes;
}

/** A value with U+FFFD was no valid text: it must equal nothing but itself, so it keeps its spelling. */
function fold({ value, encoded }: NameAttribute): string {
  if (encoded) return `der ${value}`;
  if (value.includes('\ufffd')) return `raw ${value}`;
  // Nearly every value is of this form, and needs no more than its case folded.
  if (/^[!-~]+(?: [!-~]+)*$/.test(value)) return `text ${value.toLowerCase()}`;
  return `text ${value.normalize('NFKC').toLowerCase().trim().replace(/\s+/g, ' ')}`;
}

const shortNames: Readonly<Record<string, string>> = {
  [oids.commonName]: 'CN',
  [oids.surname]: 'SN',
  [oids.serialNumber]: 'serialNumber',
  [oids.countryName]: 'C',
  [oids.localityName]: 'L',
  [oids.stateOrProvinceName]: 'ST',
  [oids.streetAddress]: 'STREET',
  [oids.organizationName]: 'O',
  [oids.organizationalUnitName]: 'OU',
  [oids.title]: 'title',
  [oids.givenName]: 'GN',
  [oids.pseudonym]: 'pseudonym',
  [oids.organizationIdentifier]: 'organizationIdentifier',
  [oids.userId]: 'UID',
  [oids.domainComponent]: 'DC',
  [oids.emailAddress]: 'emailAddress',
};

/** What needs no escape, nearly every value. */
const plainText = /^[A-Za-z0-9_.@:/'()?=*-](?:[A-Za-z0-9_.@:/'()?=* -]*[A-Za-z0-9_.@:/'()?=*-])?$/;

/** RFC 4514 2.4. */
function escapeValue(value: string): string {
  if (plainText.test(value)) return value;
  return (
    value
      .replace(/[",+;<>\\]/g, '\\$&')
      // biome-ignore lint/suspicious/noControlCharactersInRegex: a control character in a name is exactly what has to be escaped
      .replace(/[\0-\x1f\x7f]/g, (character) => `\\${character.charCodeAt(0).toString(16).padStart(2, '0')}`)
      .replace(/^[ #]/, '\\$&')
      .replace(/ $/, '\\ ')
  );
}

function encodeAttributeValue(type: NameAttributeType, value: string): Uint8Array {
  switch (type) {
    // RFC 5280 Appendix A: these have one string type each.
    case 'countryName':
      if (!/^[A-Za-z]{2}$/.test(value)) throw new SmimeError('invalid-argument', 'a country is two letters (ISO 3166)');
      return encodePrintableString(value.toUpperCase());
    case 'serialNumber':
      if (!/^[A-Za-z0-9 '()+,./:=?-]+$/.test(value))
        throw new SmimeError(
          'invalid-argument',
          'the name attribute serialNumber has characters outside PrintableString',
        );
      return encodePrintableString(value);
    case 'emailAddress':
    case 'domainComponent':
      if (!/^[\0-\x7f]+$/.test(value))
        throw new SmimeError(
          'invalid-argument',
          `the name attribute ${type} is limited to ASCII; use the subject alternative name`,
        );
      return encodeIa5String(value);
    default:
      return value.isWellFormed()
        ? encodeUtf8String(value)
        : encodeElement(tag.utf8String, Buffer.from(value.toWellFormed(), 'utf8'));
  }
}
