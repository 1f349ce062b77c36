/** Certificates put together octet by octet, so that every rule can be broken: the engine's own builder refuses to. */
import { oids } from '@chancery/smime';

export const der = (identifier: number, ...parts: readonly Uint8Array[]): Buffer => {
  const content = Buffer.concat(parts);
  const { length } = content;
  const header = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([identifier, ...header]), content]);
};
export const hex = (text: string): Buffer => Buffer.from(text.replace(/\s/g, ''), 'hex');
export const sequence = (...parts: readonly Uint8Array[]): Buffer => der(0x30, ...parts);
export const oid = (text: string): Buffer => {
  const [root = 0, second = 0, ...rest] = text.split('.').map(Number);
  const octets = [root * 40 + second, ...rest].flatMap((arc) => {
    const groups = [arc & 0x7f];
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128))
      groups.unshift((left & 0x7f) | 0x80);
    return groups;
  });
  return der(0x06, Buffer.from(octets));
};
export const utf8 = (text: string): Buffer => der(0x0c, Buffer.from(text));
export const printable = (text: string): Buffer => der(0x13, Buffer.from(text, 'latin1'));
export const ia5 = (text: string): Buffer => der(0x16, Buffer.from(text, 'latin1'));
export const utcTime = (text: string): Buffer => der(0x17, Buffer.from(text, 'latin1'));
export const generalizedTime = (text: string): Buffer => der(0x18, Buffer.from(text, 'latin1'));
export const truth = der(0x01, hex('ff'));
const nothing = Buffer.alloc(0);

/** A name in `oids` or a dotted object identifier, and its value. */
export type ForgedAttribute = readonly [type: string, value: string | Buffer];

/** One attribute per relative distinguished name; a string takes the type that RFC 5280 gives its attribute. */
export const name = (...attributes: ForgedAttribute[]): Buffer =>
  sequence(
    ...attributes.map(([type, value]) => {
      const id = type in oids ? oids[type as keyof typeof oids] : type;
      const own = type === 'countryName' || type === 'serialNumber' ? printable : type === 'emailAddress' ? ia5 : utf8;
      return der(0x31, sequence(oid(id), typeof value === 'string' ? own(value) : value));
    }),
  );

export interface ForgedExtension {
  readonly critical?: boolean;
  readonly value: Uint8Array;
}
type ForgedExtensions = Readonly<Record<string, ForgedExtension | undefined>>;

export interface Forgery {
  readonly version: Uint8Array;
  /** Content octets of the INTEGER. */
  readonly serialNumber: Uint8Array;
  readonly innerAlgorithm: Uint8Array;
  readonly outerAlgorithm: Uint8Array;
  readonly issuer: Uint8Array;
  readonly notBefore: Uint8Array;
  readonly notAfter: Uint8Array;
  readonly subject: Uint8Array;
  readonly spki: Uint8Array;
  readonly uniqueIdentifiers: Uint8Array;
  /** By name in `oids`; undefined leaves one out. */
  readonly extensions: ForgedExtensions;
  /** Written after the others as they are. */
  readonly furtherExtensions: readonly Uint8Array[];
  /** The whole `[3]`, in place of all that. */
  readonly extensionField: Uint8Array;
}

const ecdsaWithSha256 = sequence(oid(oids.ecdsaWithSha256));
/** The generator of P-256: a point of the curve. */
export const p256Point = hex(
  '046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c2964fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5',
);
export const bits = (octets: Uint8Array, unused = 0): Buffer => der(0x03, Buffer.from([unused]), octets);
export const spki = (algorithm: Uint8Array, key: Uint8Array): Buffer => sequence(algorithm, bits(key));
const p256 = spki(sequence(oid(oids.ecPublicKey), oid(oids.prime256v1)), p256Point);
const integer = (value: bigint): Buffer => {
  const digits = value.toString(16);
  const octets = hex(digits.length % 2 ? `0${digits}` : digits);
  return der(0x02, (octets[0] as number) & 0x80 ? Buffer.concat([hex('00'), octets]) : octets);
};
export const rsaKey = (modulus: bigint, exponent: bigint, parameters: Uint8Array = hex('0500')): Buffer =>
  spki(sequence(oid(oids.rsaEncryption), parameters), sequence(integer(modulus), integer(exponent)));
/** A key of one of the algorithms without parameters, of so many octets. */
export const plainKey = (id: string, length: number): Buffer => spki(sequence(oid(id)), Buffer.alloc(length, 9));

export const mailboxName = (text: string): Buffer => der(0x81, Buffer.from(text, 'latin1'));
export const hostName = (text: string): Buffer => der(0x82, Buffer.from(text, 'latin1'));
export const uriName = (text: string): Buffer => der(0x86, Buffer.from(text, 'latin1'));
export const otherName = (type: string, value: Uint8Array): Buffer => der(0xa0, oid(type), der(0xa0, value));
export const points = (...uris: readonly string[]): Buffer =>
  sequence(...uris.map((uri) => sequence(der(0xa0, der(0xa0, uriName(uri))))));
export const access = (...entries: readonly (readonly [method: string, uri: string])[]): Buffer =>
  sequence(...entries.map(([method, uri]) => sequence(oid(method), uriName(uri))));
export const policies = (...ids: readonly string[]): Buffer => sequence(...ids.map((id) => sequence(oid(id))));
export const purposes = (...ids: readonly string[]): Buffer => sequence(...ids.map(oid));
/** keyUsage by the octets of its bits and the number of unused ones. */
export const usage = (octets: string, unused: number): ForgedExtension => ({
  critical: true,
  value: bits(hex(octets), unused),
});
const digitalSignature = usage('80', 7);

/** A certificate of the strict mailbox-validated profile that no lint objects to. */
export const mailbox: Forgery = {
  version: der(0xa0, der(0x02, hex('02'))),
  serialNumber: hex('4102030405060708090a0b0c0d0e0f10'),
  innerAlgorithm: ecdsaWithSha256,
  outerAlgorithm: ecdsaWithSha256,
  issuer: name(['countryName', 'DE'], ['organizationName', 'Trust'], ['commonName', 'Trust Mail']),
  notBefore: utcTime('260301000000Z'),
  notAfter: utcTime('280228235959Z'),
  subject: name(['commonName', 'ada@example.com']),
  spki: p256,
  uniqueIdentifiers: nothing,
  extensions: {
    certificatePolicies: { value: policies('2.23.140.1.5.1.3') },
    keyUsage: digitalSignature,
    extendedKeyUsage: { value: purposes(oids.emailProtection) },
    subjectAltName: { value: sequence(mailboxName('ada@example.com')) },
    subjectKeyIdentifier: { value: der(0x04, hex('0102')) },
    authorityKeyIdentifier: { value: sequence(der(0x80, hex('0304'))) },
    crlDistributionPoints: { value: points('http://trust.example.com/mail.crl') },
    authorityInfoAccess: { value: access([oids.accessCaIssuers, 'http://trust.example.com/mail.cer']) },
  },
  furtherExtensions: [],
  extensionField: nothing,
};

/** Nobody checks the signature: it is 64 octets of zeros. */
export function forge(change: Partial<Forgery> = {}, base: Forgery = mailbox): Buffer {
  const parts = { ...base, ...change, extensions: { ...base.extensions, ...change.extensions } };
  const list = Object.entries(parts.extensions).flatMap(([id, extension]) =>
    extension === undefined ? [] : [forgedExtension(id, extension)],
  );
  const tbs = sequence(
    parts.version,
    der(0x02, parts.serialNumber),
    parts.innerAlgorithm,
    parts.issuer,
    sequence(parts.notBefore, parts.notAfter),
    parts.subject,
    parts.spki,
    parts.uniqueIdentifiers,
    parts.extensionField.length > 0 ? parts.extensionField : der(0xa3, sequence(...list, ...parts.furtherExtensions)),
  );
  return sequence(tbs, parts.outerAlgorithm, bits(Buffer.alloc(64)));
}

export function forgedExtension(id: string, { critical = false, value }: ForgedExtension): Buffer {
  const type = id in oids ? oids[id as keyof typeof oids] : id;
  return sequence(oid(type), critical ? truth : nothing, der(0x04, value));
}

const profile = (base: Forgery, policy: string, change: Partial<Forgery>): Forgery => ({
  ...base,
  ...change,
  extensions: { ...base.extensions, certificatePolicies: { value: policies(policy) }, ...change.extensions },
});

export const organization = profile(mailbox, '2.23.140.1.5.2.2', {
  subject: name(
    ['countryName', 'DE'],
    ['organizationName', 'Example GmbH'],
    ['organizationIdentifier', 'NTRDE-HRB12345'],
    ['commonName', 'Example GmbH'],
  ),
});
export const sponsor = profile(organization, '2.23.140.1.5.3.2', {
  subject: name(
    ['countryName', 'DE'],
    ['organizationName', 'Example GmbH'],
    ['organizationIdentifier', 'NTRDE-HRB12345'],
    ['givenName', 'Ada'],
    ['surname', 'Lovelace'],
    ['commonName', 'Ada Lovelace'],
  ),
});
export const individual = profile(mailbox, '2.23.140.1.5.4.3', {
  subject: name(['countryName', 'DE'], ['surname', 'Lovelace'], ['commonName', 'Ada Lovelace']),
});
/** While there were any. */
export const legacy = profile(mailbox, '2.23.140.1.5.1.1', {
  notBefore: utcTime('240301000000Z'),
  notAfter: utcTime('260228235959Z'),
});
/** A subordinate authority of a publicly trusted root. */
export const authority = profile(mailbox, '2.23.140.1.5.1.3', {
  subject: name(['countryName', 'DE'], ['organizationName', 'Trust'], ['commonName', 'Trust Mail 2']),
  extensions: {
    basicConstraints: { critical: true, value: sequence(truth) },
    keyUsage: usage('06', 1),
    subjectAltName: undefined,
  },
});
/** A certificate that has nothing to do with mail. */
export const host = profile(mailbox, '2.25.1', {
  subject: name(['commonName', 'www.example.com']),
  extensions: {
    extendedKeyUsage: { value: purposes(oids.serverAuth) },
    subjectAltName: { value: sequence(hostName('www.example.com')) },
  },
});
