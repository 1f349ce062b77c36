/** Certificate revocation lists (RFC 5280 5), read with an index that costs four octets an entry; `build-crl.ts` makes them. */
import { DerReader, readOnly, tag } from '../asn1/der.ts';
import { oids } from '../asn1/oids.ts';
import { decodeTime } from '../asn1/values.ts';
import { SmimeError } from '../errors.ts';
import { limits } from '../limits.ts';
import { reasonTemplate } from './build-crl.ts';
import { type Certificate, serialInteger, verifySigned } from './certificate.ts';
import { type Extension, type RevocationReason, revocationReasonOf } from './extensions.ts';
import { type Name, namesEqual, readName } from './name.ts';
import {
  type AuthorityKeyIdentifier,
  type DistributionPoint,
  readAltNames,
  readAuthorityKeyIdentifier,
  readDistributionPointName,
  readExtensions,
  readNamedBits,
  serialText,
} from './read-extensions.ts';
import { Skimmer } from './skimmer.ts';

/** What a CRL says about one certificate. */
export interface CrlEntry {
  /** As `Certificate.serialNumber`. */
  readonly serialNumber: string;
  readonly revokedAt: Date;
  readonly reason: RevocationReason | undefined;
  /** Since when the key is suspected (RFC 5280 5.3.2). */
  readonly invalidityDate: Date | undefined;
  /** Whose certificate it is: the CRL's issuer unless the CRL is indirect. */
  readonly certificateIssuer: Name;
}

/** What a CRL is limited to (RFC 5280 5.2.5). */
export interface IssuingDistributionPoint extends Pick<DistributionPoint, 'fullName' | 'relativeName'> {
  readonly onlyUserCertificates: boolean;
  readonly onlyCaCertificates: boolean;
  readonly onlySomeReasons: ReadonlySet<number> | undefined;
  readonly indirect: boolean;
  readonly onlyAttributeCertificates: boolean;
}

/** A certificate revocation list, read (RFC 5280 5). */
export interface Crl {
  readonly der: Uint8Array;
  /** The octets that are signed. */
  readonly tbs: Uint8Array;
  /** DER AlgorithmIdentifier. */
  readonly signatureAlgorithm: Uint8Array;
  readonly signature: Uint8Array;
  readonly issuer: Name;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date | undefined;
  readonly extensions: readonly Extension[];
  /** Lower-case hex, as serial numbers are. */
  readonly crlNumber: string | undefined;
  /** Of a delta CRL: the number of the complete CRL that it continues. */
  readonly baseCrlNumber: string | undefined;
  readonly authorityKeyIdentifier: AuthorityKeyIdentifier | undefined;
  readonly issuingDistributionPoint: IssuingDistributionPoint | undefined;
  /** Critical extensions, of the list or of an entry, that the engine does not know: the CRL proves nothing then (RFC 5280 5.2, 5.3). */
  readonly unknownCritical: readonly string[];
  readonly entryCount: number;
  /** The entry for a serial number in hex; `certificateIssuer` defaults to the CRL's issuer. */
  find(serialNumber: string, certificateIssuer?: Name): CrlEntry | undefined;
  entries(): Iterable<CrlEntry>;
}

/** Reads one DER CRL. Every entry is checked once; none is kept as an object. Throws `SmimeError`. */
export function parseCrl(der: Uint8Array): Crl {
  const outer = readOnly(der, 'the CRL');
  const start = outer.position;
  const tbs = outer.enter();
  const tbsBytes = outer.bytes.subarray(start, outer.position);
  const signatureAlgorithm = outer.element(tag.sequence);
  const signature = outer.bitStringOctets();
  outer.finish('the CRL');

  const version = tbs.peek() === tag.integer ? tbs.smallInteger() : 0;
  if (version !== 0 && version !== 1) throw tbs.unexpected(`a CRL of the unknown version ${version + 1}`, start);
  const algorithmOffset = tbs.position;
  if (!tbs.element(tag.sequence).equals(signatureAlgorithm))
    throw tbs.unexpected('the CRL names two different signature algorithms', algorithmOffset);
  const issuer = readName(tbs);
  const thisUpdate = tbs.time();
  const nextUpdate = tbs.peek() === tag.utcTime || tbs.peek() === tag.generalizedTime ? tbs.time() : undefined;
  const index = new EntryIndex(tbs.enterIf(tag.sequence), issuer);
  const wrapper = tbs.enterIf(0xa0);
  const extensions = wrapper ? readExtensions(wrapper.enter()) : [];
  wrapper?.finish('the extensions of the CRL');
  tbs.finish('the CRL');

  const value = (id: string): Uint8Array | undefined => extensions.find((extension) => extension.id === id)?.value;
  const number = (id: string): string | undefined => {
    const found = value(id);
    return found && serialText(new DerReader(found).integerContent());
  };
  const aki = value(oids.authorityKeyIdentifier);
  const idp = value(oids.issuingDistributionPoint);
  return {
    der,
    tbs: tbsBytes,
    signatureAlgorithm,
    signature,
    issuer,
    thisUpdate,
    nextUpdate,
    extensions,
    crlNumber: number(oids.crlNumber),
    baseCrlNumber: number(oids.deltaCrlIndicator),
    authorityKeyIdentifier: aki && readAuthorityKeyIdentifier(aki),
    issuingDistributionPoint: idp && readIssuingDistributionPoint(idp),
    unknownCritical: [
      ...extensions.filter(({ id, critical }) => critical && !knownCrlExtensions.has(id)).map(({ id }) => id),
      ...index.unknownCritical,
    ],
    entryCount: index.count,
    find: (serialNumber, certificateIssuer = issuer) => index.find(serialNumber, certificateIssuer),
    entries: () => index.entries(),
  };
}

/** True where the issuer's key made the signature. False as well for an algorithm or a key that the engine cannot use. */
export function verifyCrlSignature(crl: Crl, issuer: Pick<Certificate, 'publicKey'>): boolean {
  return verifySigned(crl, issuer);
}

const knownCrlExtensions: ReadonlySet<string> = new Set([
  oids.crlNumber,
  oids.deltaCrlIndicator,
  oids.issuingDistributionPoint,
  oids.authorityKeyIdentifier,
  oids.freshestCrl,
  oids.issuerAltName,
]);
const knownEntryExtensions: ReadonlySet<string> = new Set([
  oids.reasonCode,
  oids.invalidityDate,
  oids.certificateIssuer,
]);

/** Offsets of the entries, and a hash table from serial number to entry made at the first question. */
class EntryIndex {
  readonly count: number;
  readonly unknownCritical: string[] = [];
  private readonly bytes: Buffer;
  private readonly offsets: Uint32Array;
  private readonly end: number;
  private readonly issuer: Name;
  /** Indirect CRLs: from which entry on which issuer counts (RFC 5280 5.3.3). */
  private readonly issuers: { readonly from: number; readonly name: Name }[] = [];
  private table: Uint32Array | undefined;

  constructor(list: DerReader | undefined, issuer: Name) {
    this.issuer = issuer;
    this.bytes = list?.bytes ?? Buffer.alloc(0);
    this.end = list?.end ?? 0;
    // The shortest entry has 20 octets: two headers, a serial number of one octet and a UTCTime.
    const offsets = new Uint32Array(list ? Math.ceil((list.end - list.position) / 20) : 0);
    const skimmer = new Skimmer(this.bytes, 0);
    let count = 0;
    while (list && !list.atEnd) {
      offsets[count] = list.position;
      skimmer.position = list.position;
      if (isPlainEntry(skimmer, list.end)) list.position = skimmer.position;
      else {
        const entry = list.enter();
        entry.integerContent();
        entry.time();
        if (!entry.atEnd) this.readEntryExtensions(entry, count);
      }
      count += 1;
    }
    this.offsets = offsets.subarray(0, count);
    this.count = count;
  }

  find(serialNumber: string, issuer: Name): CrlEntry | undefined {
    const wanted = serialOctets(serialNumber);
    const table = this.hashTable();
    const mask = table.length - 1;
    const skimmer = new Skimmer(this.bytes, 0);
    for (let slot = hash(wanted, 0, wanted.length) & mask; table[slot] !== 0; slot = (slot + 1) & mask) {
      const ordinal = (table[slot] as number) - 1;
      this.serialAt(ordinal, skimmer);
      if (isSame(wanted, this.bytes, skimmer.start, skimmer.end) && this.isIssuedBy(ordinal, issuer))
        return this.entryAt(ordinal);
    }
    return undefined;
  }

  *entries(): Iterable<CrlEntry> {
    for (let ordinal = 0; ordinal < this.count; ordinal++) yield this.entryAt(ordinal);
  }

  private hashTable(): Uint32Array {
    if (this.table) return this.table;
    let size = 16;
    while (size < this.count * 2) size *= 2;
    const table = new Uint32Array(size);
    const skimmer = new Skimmer(this.bytes, 0);
    for (let ordinal = 0; ordinal < this.count; ordinal++) {
      this.serialAt(ordinal, skimmer);
      let slot = hash(this.bytes, skimmer.start, skimmer.end) & (size - 1);
      while (table[slot] !== 0) slot = (slot + 1) & (size - 1);
      table[slot] = ordinal + 1;
    }
    this.table = table;
    return table;
  }

  /** Leaves the skimmer at the serial number without superfluous leading zeros, so that it compares with what `serialInteger` makes. */
  private serialAt(ordinal: number, skimmer: Skimmer): void {
    const { bytes, end } = this;
    skimmer.position = this.offsets[ordinal] as number;
    if (skimmer.take(tag.sequence, end)) {
      skimmer.position = skimmer.start;
      skimmer.take(tag.integer, skimmer.end);
    }
    while (
      skimmer.start < skimmer.end - 1 &&
      bytes[skimmer.start] === 0 &&
      ((bytes[skimmer.start + 1] as number) & 0x80) === 0
    )
      skimmer.start++;
  }

  private isIssuedBy(ordinal: number, issuer: Name): boolean {
    const own = this.issuerAt(ordinal);
    return own === issuer || namesEqual(own, issuer);
  }

  private issuerAt(ordinal: number): Name {
    if (this.issuers.length === 0) return this.issuer;
    return this.issuers.findLast(({ from }) => from <= ordinal)?.name ?? this.issuer;
  }

  private entryAt(ordinal: number): CrlEntry {
    return this.plainEntryAt(ordinal) ?? this.entryInFull(ordinal);
  }

  /** What `entryInFull` makes of an entry of the usual form; undefined for another. */
  private plainEntryAt(ordinal: number): CrlEntry | undefined {
    const { bytes } = this;
    const offset = this.offsets[ordinal] as number;
    const skimmer = new Skimmer(bytes, offset);
    if (!isPlainEntry(skimmer, this.end)) return undefined;
    const { position: end } = skimmer;
    skimmer.position = offset;
    skimmer.take(tag.sequence, end);
    skimmer.position = skimmer.start;
    skimmer.take(tag.integer, end);
    const serial = bytes.subarray(skimmer.start, skimmer.end);
    if (serial.length > 1 && ((serial[0] === 0 && (serial[1] as number) < 0x80) || serial[0] === 0xff))
      return undefined;
    skimmer.take(tag.utcTime, end);
    const revokedAt = decodeTime(tag.utcTime, bytes, skimmer.start, skimmer.end);
    if (revokedAt === undefined) return undefined;
    return {
      serialNumber: serialText(serial),
      revokedAt,
      reason: skimmer.end < end ? revocationReasonOf(bytes[end - 1] as number) : undefined,
      invalidityDate: undefined,
      certificateIssuer: this.issuerAt(ordinal),
    };
  }

  private entryInFull(ordinal: number): CrlEntry {
    const entry = new DerReader(this.bytes, this.offsets[ordinal], this.end).enter();
    const serialNumber = serialText(entry.integerContent());
    const revokedAt = entry.time();
    const extensions = entry.atEnd ? [] : readExtensions(entry.enter());
    const value = (id: string): Uint8Array | undefined => extensions.find((extension) => extension.id === id)?.value;
    const reason = value(oids.reasonCode);
    const invalidity = value(oids.invalidityDate);
    return {
      serialNumber,
      revokedAt,
      reason: reason && revocationReasonOf(new DerReader(reason).smallInteger(tag.enumerated)),
      invalidityDate: invalidity && new DerReader(invalidity).generalizedTime(),
      certificateIssuer: this.issuerAt(ordinal),
    };
  }

  private readEntryExtensions(entry: DerReader, ordinal: number): void {
    const extensions = readExtensions(entry.enter());
    entry.finish('a CRL entry');
    for (const { id, critical, value } of extensions) {
      if (id === oids.certificateIssuer) {
        const name = readAltNames(value).directoryNames[0];
        if (!name) throw entry.unexpected('a certificateIssuer of a CRL entry is no directory name');
        if (this.issuers.length >= limits.generalNames)
          throw new SmimeError('limit-exceeded', `an indirect CRL for more than ${limits.generalNames} issuers`);
        this.issuers.push({ from: ordinal, name });
      } else if (id === oids.reasonCode) new DerReader(value).smallInteger(tag.enumerated);
      else if (id === oids.invalidityDate) new DerReader(value).generalizedTime();
      else if (critical && !knownEntryExtensions.has(id) && !this.unknownCritical.includes(id))
        this.unknownCritical.push(id);
    }
  }
}

/**
 * True for an entry of the usual form: serial number, time, and at most a reason as every CA writes it. Whatever else stands there
 * is read thoroughly.
 */
function isPlainEntry(skimmer: Skimmer, limit: number): boolean {
  if (!skimmer.take(tag.sequence, limit)) return false;
  const { bytes, end } = skimmer;
  skimmer.position = skimmer.start;
  if (!skimmer.take(tag.integer, end) || skimmer.start === skimmer.end || skimmer.end - skimmer.start > 64)
    return false;
  if (!skimmer.take(tag.utcTime, end) || !isPlainTime(bytes, skimmer.start, skimmer.end)) return false;
  const rest = skimmer.position;
  skimmer.position = end;
  if (rest === end) return true;
  if (end - rest !== reasonTemplate.length) return false;
  for (let p = 0; p < reasonTemplate.length - 1; p++) if (bytes[rest + p] !== reasonTemplate[p]) return false;
  return (bytes[end - 1] as number) < 0x80;
}

/** YYMMDDHHMMSSZ on a day that every month has. */
function isPlainTime(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start !== 13 || bytes[start + 12] !== 0x5a) return false;
  for (let p = start; p < start + 12; p++) {
    const octet = bytes[p] as number;
    if (octet < 0x30 || octet > 0x39) return false;
  }
  const two = (p: number): number => (bytes[start + p] as number) * 10 + (bytes[start + p + 1] as number) - 528;
  const [month, day] = [two(2), two(4)];
  return month >= 1 && month <= 12 && day >= 1 && day <= 28 && two(6) <= 23 && two(8) <= 59 && two(10) <= 59;
}

/** Content octets of the INTEGER that `serialInteger` makes. Throws as it does. */
function serialOctets(serialNumber: string): Uint8Array {
  const { length } = serialNumber;
  const first = hexDigit(serialNumber.charCodeAt(0));
  // A positive number without a zero too many, which all are but those of the oddest CAs: no more octets than digits say.
  if (length === 0 || length % 2 !== 0 || length > 128 || (first === 0 && length > 2))
    return new DerReader(serialInteger(serialNumber)).content(tag.integer);
  const sign = first >= 8 ? 1 : 0;
  const octets = new Uint8Array(length / 2 + sign);
  for (let p = 0; p < length; p += 2) {
    const octet = hexDigit(serialNumber.charCodeAt(p)) * 16 + hexDigit(serialNumber.charCodeAt(p + 1));
    if (octet < 0) return new DerReader(serialInteger(serialNumber)).content(tag.integer);
    octets[p / 2 + sign] = octet;
  }
  return octets;
}

/** Far below zero for a character that is no hexadecimal digit. */
function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = (code | 0x20) - 0x57;
  return letter >= 10 && letter <= 15 ? letter : -1_000;
}

function isSame(wanted: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (wanted.length !== end - start) return false;
  for (let p = start; p < end; p++) if (wanted[p - start] !== bytes[p]) return false;
  return true;
}

/** FNV-1a. Serial numbers are random or counted; a CA that makes them collide slows only questions about itself. */
function hash(bytes: Uint8Array, start: number, end: number): number {
  let value = 0x811c9dc5;
  for (let p = start; p < end; p++) value = Math.imul(value ^ (bytes[p] as number), 0x01000193);
  return (value ^ (value >>> 15)) >>> 0;
}

function readIssuingDistributionPoint(value: Uint8Array): IssuingDistributionPoint {
  const reader = readOnly(value, 'the issuing distribution point');
  const name = reader.enterIf(0xa0);
  const names = name && readDistributionPointName(name);
  const flag = (expected: number): boolean => (reader.peek() === expected ? reader.boolean(expected) : false);
  const onlyUserCertificates = flag(0x81);
  const onlyCaCertificates = flag(0x82);
  const onlySomeReasons = reader.peek() === 0x83 ? readNamedBits(reader, 0x83) : undefined;
  const indirect = flag(0x84);
  const onlyAttributeCertificates = flag(0x85);
  reader.finish('the issuing distribution point');
  return { ...names, onlyUserCertificates, onlyCaCertificates, onlySomeReasons, indirect, onlyAttributeCertificates };
}
