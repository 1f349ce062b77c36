/**
 * A certificate laid out for inspection. The engine's `parseCertificate` refuses what RFC 5280 forbids; a linter has to read on
 * and say what it saw. So each part here is either its value or the problem that kept it from being read.
 */
import { DerReader, limits, oids, SmimeError, tag } from '@chancery/smime';
import { type ExtensionContents, extensionReaders } from './specimen-extensions.ts';
import { type DistinguishedName, readDistinguishedName } from './specimen-names.ts';

/** What was read, or a sentence without a full stop about why it could not be. */
export type Part<T> =
  | { readonly value: T; readonly problem?: undefined }
  | { readonly value?: undefined; readonly problem: string };

export interface TimeField {
  /** Identifier octet: UTCTime, GeneralizedTime or something that is neither. */
  readonly type: number;
  readonly text: string;
  /** Undefined where the text is no time in any of the forms of X.680. */
  readonly date: Date | undefined;
}

export interface PublicKeyInfo {
  /** DER AlgorithmIdentifier. */
  readonly algorithm: Buffer;
  /** Dotted object identifiers; the curve only where it is named. */
  readonly id: string;
  readonly curve: string | undefined;
  readonly unusedBits: number;
  readonly bits: Buffer;
}

export interface ExtensionField {
  readonly id: string;
  readonly critical: boolean;
  /** `critical FALSE` was written out, which DER leaves out. */
  readonly defaultEncoded: boolean;
  readonly value: Buffer;
}

/** What a certificate consists of; the rest of a `Specimen` follows from it. */
type Fields = Omit<
  Specimen,
  'extensionFields' | 'extension' | 'content' | 'extensionProblem' | 'isAuthority' | 'isSelfIssued'
>;

/** Reads the outline of a DER certificate. Throws `SmimeError` only where not even that is there. */
export function readSpecimen(input: Uint8Array): Specimen {
  if (input.length > limits.certificateOctets)
    throw new SmimeError('limit-exceeded', `a certificate of more than ${limits.certificateOctets} octets`);
  const file = new DerReader(input);
  const der = file.bytes;
  const outer = file.enter();
  file.finish('the certificate');
  const tbs = outer.enter();
  const outerAlgorithm = outer.element(tag.sequence);
  outer.bitString();
  outer.finish('the certificate');

  const versionField = tbs.enterIf(0xa0);
  const version = versionField ? part(() => versionField.smallInteger() + 1) : { value: 1 };
  const serialNumber = tbs.content(tag.integer);
  const innerAlgorithm = tbs.element(tag.sequence);
  const issuer = wholeName(tbs.element(tag.sequence));
  const validity = new DerReader(tbs.element(tag.sequence));
  const subject = wholeName(tbs.element(tag.sequence));
  const spki = tbs.element(tag.sequence);
  const issuerUnique = tbs.skipIf(0x81);
  const subjectUnique = tbs.skipIf(0x82);
  const wrapper = tbs.enterIf(0xa3);
  tbs.finish('the certificate');

  const period = part(() => validity.enter());
  const time = (): Part<TimeField> => part(() => readTime(period.value as DerReader));
  const notBefore = period.value ? time() : { problem: period.problem };
  const notAfter = period.value ? time() : { problem: period.problem };
  return new Specimen({
    der,
    version,
    versionEncoded: versionField !== undefined,
    serialNumber,
    innerAlgorithm,
    outerAlgorithm,
    issuer,
    subject,
    notBefore,
    notAfter,
    spki,
    key: part(() => readPublicKeyInfo(spki)),
    uniqueIdentifiers: issuerUnique || subjectUnique,
    extensions: wrapper && part(() => readExtensionFields(wrapper)),
  });
}

export class Specimen {
  readonly der: Buffer;
  /** 1, 2 or 3, or what stands there instead. */
  readonly version: Part<number>;
  readonly versionEncoded: boolean;
  /** Content octets of the INTEGER. */
  readonly serialNumber: Buffer;
  /** DER AlgorithmIdentifiers: the one inside the signature, and the one beside it. */
  readonly innerAlgorithm: Buffer;
  readonly outerAlgorithm: Buffer;
  readonly issuer: Part<DistinguishedName>;
  readonly subject: Part<DistinguishedName>;
  readonly notBefore: Part<TimeField>;
  readonly notAfter: Part<TimeField>;
  /** DER SubjectPublicKeyInfo. */
  readonly spki: Buffer;
  readonly key: Part<PublicKeyInfo>;
  readonly uniqueIdentifiers: boolean;
  /** Undefined where there is no `extensions` field at all. */
  readonly extensions: Part<readonly ExtensionField[]> | undefined;
  readonly #byId = new Map<string, ExtensionField>();
  readonly #contents = new Map<string, Part<unknown>>();

  constructor(fields: Fields) {
    this.der = fields.der;
    this.version = fields.version;
    this.versionEncoded = fields.versionEncoded;
    this.serialNumber = fields.serialNumber;
    this.innerAlgorithm = fields.innerAlgorithm;
    this.outerAlgorithm = fields.outerAlgorithm;
    this.issuer = fields.issuer;
    this.subject = fields.subject;
    this.notBefore = fields.notBefore;
    this.notAfter = fields.notAfter;
    this.spki = fields.spki;
    this.key = fields.key;
    this.uniqueIdentifiers = fields.uniqueIdentifiers;
    this.extensions = fields.extensions;
    // Of two of the same kind, which is an error of its own, the first counts.
    for (const field of this.extensionFields) if (!this.#byId.has(field.id)) this.#byId.set(field.id, field);
  }

  get extensionFields(): readonly ExtensionField[] {
    return this.extensions?.value ?? [];
  }

  extension(id: string): ExtensionField | undefined {
    return this.#byId.get(id);
  }

  /** What the extension says. Undefined where it is absent, and where it cannot be read: see `extensionProblem`. */
  content<K extends keyof ExtensionContents>(id: K): ExtensionContents[K] | undefined {
    return this.#read(id).value as ExtensionContents[K] | undefined;
  }

  /** Why an extension of a known kind cannot be read. */
  extensionProblem(id: string): string | undefined {
    return id in extensionReaders ? this.#read(id as keyof ExtensionContents).problem : undefined;
  }

  /** It says of itself that it is an authority. */
  get isAuthority(): boolean {
    return this.content(oids.basicConstraints)?.ca === true;
  }

  /** Issuer and subject are the same octets: a root, or an authority's key that follows another. */
  get isSelfIssued(): boolean {
    const { issuer, subject } = this;
    return issuer.value !== undefined && subject.value !== undefined && issuer.value.der.equals(subject.value.der);
  }

  #read(id: keyof ExtensionContents): Part<unknown> {
    const known = this.#contents.get(id);
    if (known !== undefined) return known;
    const field = this.#byId.get(id);
    const read: Part<unknown> =
      field === undefined ? { value: undefined } : part(() => extensionReaders[id](new DerReader(field.value)));
    this.#contents.set(id, read);
    return read;
  }
}

function part<T>(read: () => T): Part<T> {
  try {
    return { value: read() };
  } catch (error) {
    if (!(error instanceof SmimeError)) throw error;
    const where = error.offset === undefined ? '' : ` (octet ${error.offset})`;
    return { problem: `${error.message}${where}` };
  }
}

function wholeName(der: Buffer): Part<DistinguishedName> {
  return part(() => readDistinguishedName(new DerReader(der)));
}

function readTime(reader: DerReader): TimeField {
  const type = reader.peek();
  const text = reader.content().toString('latin1');
  return { type, text, date: dateOf(type, text) };
}

/** Any form that X.680 lets a UTCTime or GeneralizedTime have: without seconds, with a fraction, with an offset. */
function dateOf(type: number, text: string): Date | undefined {
  const form = type === tag.utcTime ? UTC_TIME : type === tag.generalizedTime ? GENERALIZED_TIME : undefined;
  const found = form?.exec(text)?.groups;
  if (found === undefined) return undefined;
  const number = (name: string): number => Number(found[name] ?? 0);
  const short = number('year');
  const year = type === tag.utcTime ? short + (short < 50 ? 2000 : 1900) : short;
  const date = new Date(0);
  date.setUTCFullYear(year, number('month') - 1, number('day'));
  date.setUTCHours(number('hour'), number('minute'), number('second'));
  if (found.sign !== undefined) {
    const offset = (number('offsetHour') * 60 + number('offsetMinute')) * 60_000;
    date.setTime(date.getTime() - (found.sign === '-' ? -offset : offset));
  } else if (date.getUTCDate() !== number('day')) return undefined;
  return date;
}

const CLOCK = '(?<month>\\d\\d)(?<day>\\d\\d)(?<hour>\\d\\d)(?<minute>\\d\\d)(?<second>\\d\\d)?(?:[.,]\\d{1,9})?';
const ZONE = '(?:Z|(?<sign>[+-])(?<offsetHour>\\d\\d)(?<offsetMinute>\\d\\d))';
const UTC_TIME = new RegExp(`^(?<year>\\d\\d)${CLOCK}${ZONE}$`);
const GENERALIZED_TIME = new RegExp(`^(?<year>\\d{4})${CLOCK}${ZONE}?$`);

function readPublicKeyInfo(spki: Buffer): PublicKeyInfo {
  const info = new DerReader(spki).enter();
  const algorithm = info.element(tag.sequence);
  const identifier = new DerReader(algorithm).enter();
  const id = identifier.oid();
  const curve = identifier.peek() === tag.oid ? identifier.oid() : undefined;
  const { unused, octets } = info.bitString();
  info.finish('the public key');
  return { algorithm, id, curve, unusedBits: unused, bits: octets };
}

function readExtensionFields(wrapper: DerReader): ExtensionField[] {
  const list = wrapper.enter();
  wrapper.finish('the extensions');
  const fields: ExtensionField[] = [];
  while (!list.atEnd) {
    if (fields.length >= limits.extensions)
      throw new SmimeError('limit-exceeded', `more than ${limits.extensions} extensions`);
    const entry = list.enter();
    const id = entry.oid();
    const flagged = entry.peek() === tag.boolean;
    const critical = flagged ? entry.boolean() : false;
    const value = entry.octetString();
    entry.finish('an extension');
    fields.push({ id, critical, defaultEncoded: flagged && !critical, value });
  }
  return fields;
}
