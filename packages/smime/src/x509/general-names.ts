/** GeneralNames (RFC 5280 4.2.1.6), read and built. */
import {
  type DerReader,
  encodeElement,
  encodeExplicit,
  encodeImplicit,
  encodeOid,
  encodeSequence,
  encodeUtf8String,
  tag,
} from '../asn1/der.ts';
import { oids } from '../asn1/oids.ts';
import { isAscii } from '../asn1/values.ts';
import { SmimeError } from '../errors.ts';
import { limits } from '../limits.ts';
import { type Name, readName } from './name.ts';

/** The names of one GeneralNames value by kind. */
export interface GeneralNames {
  /** rfc822Name and SmtpUTF8Mailbox (RFC 9598), as they stand in the certificate. */
  readonly emails: readonly string[];
  readonly dns: readonly string[];
  readonly uris: readonly string[];
  readonly directoryNames: readonly Name[];
  /** Four or sixteen octets, in lower-case hex; in name constraints twice that. */
  readonly ipAddresses: readonly string[];
  readonly registeredIds: readonly string[];
  /** Microsoft's user principal name. */
  readonly userPrincipalNames: readonly string[];
  /** Kinds that were read but not understood: `x400Address`, `ediPartyName`, or the object identifier of an otherName. */
  readonly others: readonly string[];
}

/** Names for `subjectAltName` and `nameConstraints`; what is not ASCII in an address becomes a SmtpUTF8Mailbox (RFC 9598). */
export interface GeneralNamesInput {
  readonly emails?: readonly string[];
  readonly dns?: readonly string[];
  readonly uris?: readonly string[];
  readonly userPrincipalNames?: readonly string[];
}

export const noNames: GeneralNames = {
  emails: [],
  dns: [],
  uris: [],
  directoryNames: [],
  ipAddresses: [],
  registeredIds: [],
  userPrincipalNames: [],
  others: [],
};

/** Reads the content of GeneralNames: `reader` stands inside the SEQUENCE. @param budget how many, shared by several lists */
export function readGeneralNames(
  reader: DerReader,
  budget: { names: number } = { names: limits.generalNames },
): GeneralNames {
  const names = emptyNames();
  while (!reader.atEnd) {
    if (--budget.names < 0)
      throw new SmimeError('limit-exceeded', 'too many general names', { offset: reader.position });
    readGeneralName(reader, names);
  }
  return names;
}

/** Reads one GeneralName into the lists. */
export function readGeneralName(reader: DerReader, names: MutableNames): void {
  switch (reader.peek()) {
    case 0x81:
      names.emails.push(reader.ascii(0x81));
      break;
    case 0x82:
      names.dns.push(reader.ascii(0x82));
      break;
    case 0x86:
      names.uris.push(reader.ascii(0x86));
      break;
    case 0xa4:
      names.directoryNames.push(readName(reader.enter(0xa4)));
      break;
    case 0x87:
      names.ipAddresses.push(reader.content(0x87).toString('hex'));
      break;
    case 0x88:
      names.registeredIds.push(reader.oid(0x88));
      break;
    case 0xa0:
      readOtherName(reader.enter(0xa0), names);
      break;
    case 0xa3:
    case 0xa5:
      names.others.push(reader.peek() === 0xa3 ? 'x400Address' : 'ediPartyName');
      reader.skip();
      break;
    default:
      throw reader.unexpected('a general name of an unknown kind');
  }
}

export type MutableNames = {
  -readonly [K in keyof GeneralNames]: GeneralNames[K] extends readonly (infer T)[] ? T[] : never;
};

export const emptyNames = (): MutableNames => ({
  emails: [],
  dns: [],
  uris: [],
  directoryNames: [],
  ipAddresses: [],
  registeredIds: [],
  userPrincipalNames: [],
  others: [],
});

/** DER GeneralNames. An address with a non-ASCII local part becomes a SmtpUTF8Mailbox (RFC 9598 3). */
export function encodeGeneralNames(input: GeneralNamesInput): Buffer {
  const names = [
    ...(input.emails ?? []).map(encodeEmail),
    ...(input.dns ?? []).map((text) => encodeImplicit(2, asciiOf(text, 'a DNS name'))),
    ...(input.uris ?? []).map(encodeUri),
    ...(input.userPrincipalNames ?? []).map((text) =>
      encodeExplicit(0, encodeOid(oids.userPrincipalName), encodeExplicit(0, encodeUtf8String(text))),
    ),
  ];
  if (names.length === 0) throw new SmimeError('invalid-argument', 'at least one name is needed');
  return encodeSequence(...names);
}

export const encodeUri = (uri: string): Buffer => encodeImplicit(6, asciiOf(uri, 'a URI'));

export const encodeDirectoryName = (name: Uint8Array): Buffer => encodeExplicit(4, name);

function encodeEmail(email: string): Buffer {
  const at = email.lastIndexOf('@');
  if (at < 1 || at === email.length - 1 || /[\0-\x20\x7f]/.test(email))
    throw new SmimeError('invalid-argument', `"${email}" is no e-mail address`);
  if (isAscii(Buffer.from(email, 'utf8'))) return encodeImplicit(1, Buffer.from(email, 'latin1'));
  const domain = email.slice(at + 1);
  // RFC 9598 3: the domain is in A-labels, all-ASCII, also where the local part is not.
  if (!isAscii(Buffer.from(domain, 'utf8')))
    throw new SmimeError('invalid-argument', `the domain of "${email}" must be written in A-labels (xn--…)`);
  return encodeExplicit(
    0,
    encodeOid(oids.smtpUtf8Mailbox),
    encodeExplicit(0, encodeElement(tag.utf8String, Buffer.from(email, 'utf8'))),
  );
}

function readOtherName(reader: DerReader, names: MutableNames): void {
  const type = reader.oid();
  const value = reader.enter(0xa0);
  if (type === oids.smtpUtf8Mailbox) names.emails.push(value.string() ?? '\ufffd');
  else if (type === oids.userPrincipalName) names.userPrincipalNames.push(value.string() ?? '\ufffd');
  else names.others.push(type);
}

function asciiOf(text: string, what: string): Buffer {
  const octets = Buffer.from(text, 'utf8');
  if (text === '' || !isAscii(octets))
    throw new SmimeError('invalid-argument', `${what} must be ASCII and not empty: "${text}"`);
  return octets;
}
