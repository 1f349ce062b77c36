/** The extensions that lints look into (RFC 5280 4.2), read with the detail that rules about their encoding need. */
import { type DerReader, type KeyUsage, keyUsageBits, limits, oids, SmimeError, tag } from '@chancery/smime';
import { type GeneralNameField, readGeneralNameField, readGeneralNameFields } from './specimen-names.ts';

export interface ExtensionContents {
  [oids.subjectKeyIdentifier]: Buffer;
  [oids.keyUsage]: KeyUsageField;
  [oids.subjectAltName]: readonly GeneralNameField[];
  [oids.issuerAltName]: readonly GeneralNameField[];
  [oids.basicConstraints]: BasicConstraintsField;
  [oids.nameConstraints]: NameConstraintsField;
  [oids.crlDistributionPoints]: readonly DistributionPointField[];
  [oids.certificatePolicies]: readonly PolicyField[];
  [oids.policyMappings]: readonly { readonly issuer: string; readonly subject: string }[];
  [oids.authorityKeyIdentifier]: AuthorityKeyIdentifierField;
  [oids.policyConstraints]: { readonly empty: boolean };
  [oids.extendedKeyUsage]: readonly string[];
  [oids.freshestCrl]: readonly DistributionPointField[];
  [oids.inhibitAnyPolicy]: number;
  [oids.authorityInfoAccess]: readonly AccessField[];
  [oids.subjectInfoAccess]: readonly AccessField[];
  [oids.smimeCapabilities]: readonly string[];
  [oids.ocspNoCheck]: null;
}

interface KeyUsageField {
  readonly usages: ReadonlySet<KeyUsage>;
  /** DER leaves trailing zero bits of a named bit list out (X.690 11.2.2). */
  readonly trailingZeros: boolean;
}

interface BasicConstraintsField {
  readonly ca: boolean;
  /** `cA FALSE` was written out, which DER leaves out. */
  readonly defaultEncoded: boolean;
  readonly pathLength: number | undefined;
}

interface NameConstraintsField {
  readonly permitted: readonly SubtreeField[];
  readonly excluded: readonly SubtreeField[];
}

interface SubtreeField {
  readonly base: GeneralNameField;
  /** `minimum` other than 0, or any `maximum`. */
  readonly bounded: boolean;
}

export interface DistributionPointField {
  readonly fullName: readonly GeneralNameField[] | undefined;
  readonly named: boolean;
  readonly hasReasons: boolean;
  readonly hasCrlIssuer: boolean;
}

export interface PolicyField {
  readonly policy: string;
  readonly qualifiers: readonly PolicyQualifierField[];
}

export interface PolicyQualifierField {
  readonly id: string;
  /** Of a CPS pointer. */
  readonly uri: string | undefined;
  /** Of a user notice. */
  readonly hasNoticeReference: boolean;
  readonly explicitText: { readonly form: number; readonly text: string | undefined } | undefined;
}

interface AuthorityKeyIdentifierField {
  readonly keyIdentifier: Buffer | undefined;
  readonly hasIssuer: boolean;
  readonly hasSerialNumber: boolean;
}

export interface AccessField {
  readonly method: string;
  readonly location: GeneralNameField;
}

type Reader<T> = (reader: DerReader) => T;

/** Each takes a reader over the whole value of its extension. Throws `SmimeError`. */
export const extensionReaders: { readonly [K in keyof ExtensionContents]: Reader<ExtensionContents[K]> } = {
  [oids.subjectKeyIdentifier]: alone((reader) => reader.octetString()),
  [oids.keyUsage]: alone(readKeyUsage),
  [oids.subjectAltName]: inSequence(readGeneralNameFields),
  [oids.issuerAltName]: inSequence(readGeneralNameFields),
  [oids.basicConstraints]: inSequence(readBasicConstraints),
  [oids.nameConstraints]: inSequence((list) => ({
    permitted: readSubtrees(list, 0xa0),
    excluded: readSubtrees(list, 0xa1),
  })),
  [oids.crlDistributionPoints]: inSequence(each(readDistributionPoint)),
  [oids.certificatePolicies]: inSequence(each(readPolicy)),
  [oids.policyMappings]: inSequence(
    each((list) => {
      const entry = list.enter();
      const mapping = { issuer: entry.oid(), subject: entry.oid() };
      entry.finish('a policy mapping');
      return mapping;
    }),
  ),
  [oids.authorityKeyIdentifier]: inSequence(readAuthorityKeyIdentifier),
  [oids.policyConstraints]: inSequence((list) => {
    const explicit = list.peek() === 0x80 ? list.smallInteger(0x80) : undefined;
    const inhibit = list.peek() === 0x81 ? list.smallInteger(0x81) : undefined;
    return { empty: explicit === undefined && inhibit === undefined };
  }),
  [oids.extendedKeyUsage]: inSequence(each((list) => list.oid())),
  [oids.freshestCrl]: inSequence(each(readDistributionPoint)),
  [oids.inhibitAnyPolicy]: alone((reader) => reader.smallInteger()),
  [oids.authorityInfoAccess]: inSequence(each(readAccess)),
  [oids.subjectInfoAccess]: inSequence(each(readAccess)),
  [oids.smimeCapabilities]: inSequence(each((list) => list.enter().oid())),
  [oids.ocspNoCheck]: alone((reader) => {
    reader.null();
    return null;
  }),
};

function alone<T>(read: Reader<T>): Reader<T> {
  return (reader) => {
    const value = read(reader);
    reader.finish('the extension');
    return value;
  };
}

function inSequence<T>(read: Reader<T>): Reader<T> {
  return alone((reader) => {
    const list = reader.enter();
    const value = read(list);
    list.finish('the extension');
    return value;
  });
}

function each<T>(read: Reader<T>): Reader<T[]> {
  return (list) => {
    const values: T[] = [];
    while (!list.atEnd) {
      if (values.length >= limits.generalNames)
        throw new SmimeError('limit-exceeded', `more than ${limits.generalNames} entries`);
      values.push(read(list));
    }
    return values;
  };
}

function readKeyUsage(reader: DerReader): KeyUsageField {
  const { unused, octets } = reader.bitString();
  const isSet = (bit: number): boolean => (((octets[bit >> 3] ?? 0) << (bit & 7)) & 0x80) !== 0;
  const last = octets.length * 8 - unused - 1;
  return { usages: new Set(keyUsageBits.filter((_, bit) => isSet(bit))), trailingZeros: last >= 0 && !isSet(last) };
}

function readBasicConstraints(list: DerReader): BasicConstraintsField {
  const encoded = list.peek() === tag.boolean;
  const ca = encoded ? list.boolean() : false;
  const pathLength = list.peek() === tag.integer ? list.smallInteger() : undefined;
  return { ca, defaultEncoded: encoded && !ca, pathLength };
}

function readSubtrees(list: DerReader, expected: number): SubtreeField[] {
  const subtrees = list.enterIf(expected);
  if (subtrees === undefined) return [];
  return each((one) => {
    const subtree = one.enter();
    const base = readGeneralNameField(subtree);
    const minimum = subtree.peek() === 0x80 ? subtree.smallInteger(0x80) : 0;
    const maximum = subtree.contentIf(0x81);
    subtree.finish('a subtree');
    return { base, bounded: minimum !== 0 || maximum !== undefined };
  })(subtrees);
}

function readDistributionPoint(list: DerReader): DistributionPointField {
  const point = list.enter();
  const name = point.enterIf(0xa0);
  const full = name?.enterIf(0xa0);
  const fullName = full && readGeneralNameFields(full);
  if (name !== undefined && full === undefined) name.skip(0xa1);
  name?.finish('the name of a distribution point');
  const hasReasons = point.skipIf(0x81);
  const hasCrlIssuer = point.skipIf(0xa2);
  point.finish('a distribution point');
  return { fullName, named: name !== undefined, hasReasons, hasCrlIssuer };
}

function readPolicy(list: DerReader): PolicyField {
  const entry = list.enter();
  const policy = entry.oid();
  const qualifiers = entry.enterIf(tag.sequence);
  entry.finish('a certificate policy');
  return { policy, qualifiers: qualifiers === undefined ? [] : each(readQualifier)(qualifiers) };
}

function readQualifier(list: DerReader): PolicyQualifierField {
  const qualifier = list.enter();
  const id = qualifier.oid();
  const none = { id, uri: undefined, hasNoticeReference: false, explicitText: undefined };
  if (id === oids.qualifierCps) return { ...none, uri: qualifier.string() };
  if (id !== oids.qualifierUserNotice) return none;
  const notice = qualifier.enter();
  const hasNoticeReference = notice.skipIf(tag.sequence);
  const form = notice.peek();
  return { ...none, hasNoticeReference, explicitText: notice.atEnd ? undefined : { form, text: notice.string() } };
}

function readAuthorityKeyIdentifier(list: DerReader): AuthorityKeyIdentifierField {
  const keyIdentifier = list.contentIf(0x80);
  const hasIssuer = list.skipIf(0xa1);
  const hasSerialNumber = list.skipIf(0x82);
  return { keyIdentifier, hasIssuer, hasSerialNumber };
}

function readAccess(list: DerReader): AccessField {
  const entry = list.enter();
  const access = { method: entry.oid(), location: readGeneralNameField(entry) };
  entry.finish('an access description');
  return access;
}
