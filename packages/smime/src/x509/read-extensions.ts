/** Reads the extensions that the engine knows (RFC 5280 4.2) out of their DER. */
import { DerReader, readOnly, tag } from '../asn1/der.ts';
import { oids } from '../asn1/oids.ts';
import { SmimeError } from '../errors.ts';
import { limits } from '../limits.ts';
import { type Extension, type KeyUsage, keyUsageBits } from './extensions.ts';
import { emptyNames, type GeneralNames, readGeneralName, readGeneralNames } from './general-names.ts';
import type { Name } from './name.ts';

/** Whether the certificate is a CA's, and how long a path it may begin (RFC 5280 4.2.1.9). */
export interface BasicConstraints {
  readonly ca: boolean;
  /** How many CA certificates may follow in the path; absent: any number. */
  readonly pathLength?: number;
}

/** By which key the certificate or CRL is signed (RFC 5280 4.2.1.1). */
export interface AuthorityKeyIdentifier {
  readonly keyIdentifier?: Uint8Array;
  readonly issuerNames?: GeneralNames;
  /** Lower-case hex, see `Certificate.serialNumber`. */
  readonly serialNumber?: string;
}

export interface NameConstraints {
  readonly permitted: GeneralNames;
  readonly excluded: GeneralNames;
  /** Those of either with a minimum other than 0 or with a maximum, which RFC 5280 4.2.1.10 forbids. */
  readonly bounded: GeneralNames;
}

/** One certificate policy, as a dotted object identifier, and where it is explained (RFC 5280 4.2.1.4). */
export interface PolicyInformation {
  readonly policy: string;
  /** URIs of the certification practice statement. */
  readonly cps: readonly string[];
  /** Identifiers of qualifiers that are neither cPSuri nor userNotice. */
  readonly unknownQualifiers?: readonly string[];
}

/** Where and by whom a CRL is published (RFC 5280 4.2.1.13). */
export interface DistributionPoint {
  readonly fullName?: GeneralNames;
  /** The relative name's attributes, to be appended to the CRL issuer's name: DER of the RelativeDistinguishedName's content. */
  readonly relativeName?: Uint8Array;
  /** Reasons the point covers; absent: all. Bit numbers of ReasonFlags. */
  readonly reasons?: ReadonlySet<number>;
  readonly crlIssuer?: readonly Name[];
}

/** Reads `Extensions` from inside its SEQUENCE. Throws for an extension that stands twice (RFC 5280 4.2). */
export function readExtensions(list: DerReader): Extension[] {
  const extensions: Extension[] = [];
  while (!list.atEnd) {
    const offset = list.position;
    if (extensions.length >= limits.extensions)
      throw new SmimeError('limit-exceeded', `more than ${limits.extensions} extensions`, { offset });
    const entry = list.enter();
    const id = entry.oid();
    const critical = entry.peek() === tag.boolean ? entry.boolean() : false;
    const value = entry.octetString();
    entry.finish('an extension');
    for (const other of extensions)
      if (other.id === id) throw list.unexpected(`the extension ${id} stands twice`, offset);
    extensions.push({ id, critical, value });
  }
  return extensions;
}

export function readBasicConstraints(value: Uint8Array): BasicConstraints {
  const reader = readOnly(value, 'basicConstraints');
  const ca = reader.peek() === tag.boolean ? reader.boolean() : false;
  const pathLength = reader.peek() === tag.integer ? reader.smallInteger() : undefined;
  reader.finish('basicConstraints');
  if (pathLength !== undefined && pathLength < 0)
    throw reader.unexpected('basicConstraints has a negative path length');
  return pathLength === undefined ? { ca } : { ca, pathLength };
}

export function readKeyUsage(value: Uint8Array): ReadonlySet<KeyUsage> {
  const usages = new Set<KeyUsage>();
  for (const bit of readNamedBits(new DerReader(value), tag.bitString)) {
    const usage = keyUsageBits[bit];
    if (usage !== undefined) usages.add(usage);
  }
  return usages;
}

export function readObjectIdentifiers(value: Uint8Array, what: string): string[] {
  const reader = readOnly(value, what);
  const list: string[] = [];
  while (!reader.atEnd) {
    if (list.length >= limits.generalNames)
      throw new SmimeError('limit-exceeded', `${what} has more than ${limits.generalNames} entries`);
    list.push(reader.oid());
  }
  if (list.length === 0) throw reader.unexpected(`${what} is empty`);
  return list;
}

export const readAltNames = (value: Uint8Array): GeneralNames =>
  readGeneralNames(readOnly(value, 'the alternative names'));

export const readSubjectKeyIdentifier = (value: Uint8Array): Uint8Array => new DerReader(value).octetString();

export function readAuthorityKeyIdentifier(value: Uint8Array): AuthorityKeyIdentifier {
  const reader = readOnly(value, 'authorityKeyIdentifier');
  const keyIdentifier = reader.contentIf(0x80);
  const issuer = reader.enterIf(0xa1);
  const issuerNames = issuer && readGeneralNames(issuer);
  const serial = reader.peek() === 0x82 ? serialText(reader.integerContent(0x82)) : undefined;
  reader.finish('authorityKeyIdentifier');
  return {
    ...(keyIdentifier && { keyIdentifier }),
    ...(issuerNames && { issuerNames }),
    ...(serial !== undefined && { serialNumber: serial }),
  };
}

export function readCertificatePolicies(value: Uint8Array): PolicyInformation[] {
  const reader = readOnly(value, 'certificatePolicies');
  const policies: PolicyInformation[] = [];
  const seen = new Set<string>();
  while (!reader.atEnd) {
    if (policies.length >= limits.policyNodes)
      throw new SmimeError('limit-exceeded', `more than ${limits.policyNodes} certificate policies`);
    const entry = reader.enter();
    const policy = entry.oid();
    // RFC 5280 4.2.1.4: a policy must not stand twice.
    if (seen.has(policy)) throw reader.unexpected(`the certificate policy ${policy} stands twice`);
    seen.add(policy);
    const cps: string[] = [];
    const qualifiers = entry.enterIf(tag.sequence);
    const unknownQualifiers: string[] = [];
    while (qualifiers && !qualifiers.atEnd) {
      const qualifier = qualifiers.enter();
      const id = qualifier.oid();
      if (id === oids.qualifierCps) cps.push(qualifier.string() ?? '');
      else if (id !== oids.qualifierUserNotice) unknownQualifiers.push(id);
    }
    entry.finish('a certificate policy');
    policies.push(unknownQualifiers.length > 0 ? { policy, cps, unknownQualifiers } : { policy, cps });
  }
  return policies;
}

export function readPolicyMappings(value: Uint8Array): { issuer: string; subject: string }[] {
  const reader = readOnly(value, 'policyMappings');
  const mappings: { issuer: string; subject: string }[] = [];
  while (!reader.atEnd) {
    if (mappings.length >= limits.policyNodes)
      throw new SmimeError('limit-exceeded', `more than ${limits.policyNodes} policy mappings`);
    const entry = reader.enter();
    mappings.push({ issuer: entry.oid(), subject: entry.oid() });
  }
  return mappings;
}

export function readPolicyConstraints(value: Uint8Array): {
  requireExplicitPolicy?: number;
  inhibitPolicyMapping?: number;
} {
  const reader = readOnly(value, 'policyConstraints');
  const explicit = reader.peek() === 0x80 ? reader.smallInteger(0x80) : undefined;
  const inhibit = reader.peek() === 0x81 ? reader.smallInteger(0x81) : undefined;
  reader.finish('policyConstraints');
  return {
    ...(explicit !== undefined && { requireExplicitPolicy: explicit }),
    ...(inhibit !== undefined && { inhibitPolicyMapping: inhibit }),
  };
}

export function readNameConstraints(value: Uint8Array): NameConstraints {
  const reader = readOnly(value, 'nameConstraints');
  const bounded = emptyNames();
  const subtrees = (expected: number): GeneralNames => {
    const names = emptyNames();
    const list = reader.enterIf(expected);
    for (let count = 0; list && !list.atEnd; count++) {
      if (count >= limits.generalNames)
        throw new SmimeError('limit-exceeded', `more than ${limits.generalNames} name constraints`);
      const subtree = list.enter();
      const base = new DerReader(subtree.element());
      const minimum = subtree.peek() === 0x80 ? subtree.smallInteger(0x80) : 0;
      const maximum = subtree.peek() === 0x81 ? subtree.smallInteger(0x81) : undefined;
      subtree.finish('a name constraint');
      readGeneralName(base, minimum === 0 && maximum === undefined ? names : bounded);
    }
    return names;
  };
  const constraints = { permitted: subtrees(0xa0), excluded: subtrees(0xa1), bounded };
  reader.finish('nameConstraints');
  return constraints;
}

export function readDistributionPoints(value: Uint8Array): DistributionPoint[] {
  const reader = readOnly(value, 'the distribution points');
  const points: DistributionPoint[] = [];
  const budget = { names: limits.distributionNames };
  while (!reader.atEnd) {
    if (points.length >= limits.revocationSources)
      throw new SmimeError('limit-exceeded', `more than ${limits.revocationSources} distribution points`);
    const point = reader.enter();
    const name = point.enterIf(0xa0);
    const names = name && readDistributionPointName(name, budget);
    const reasons = point.peek() === 0x81 ? readNamedBits(point, 0x81) : undefined;
    const issuers = point.enterIf(0xa2);
    const crlIssuer = issuers && readGeneralNames(issuers, budget).directoryNames;
    point.finish('a distribution point');
    points.push({ ...names, ...(reasons && { reasons }), ...(crlIssuer && { crlIssuer }) });
  }
  return points;
}

export function readDistributionPointName(
  reader: DerReader,
  budget: { names: number } = { names: limits.distributionNames },
): Pick<DistributionPoint, 'fullName' | 'relativeName'> {
  const full = reader.enterIf(0xa0);
  if (full) return { fullName: readGeneralNames(full, budget) };
  return { relativeName: reader.content(0xa1) };
}

export function readInfoAccess(value: Uint8Array): { ocsp: string[]; caIssuers: string[] } {
  const reader = readOnly(value, 'authorityInfoAccess');
  const access = { ocsp: [] as string[], caIssuers: [] as string[] };
  for (let count = 0; !reader.atEnd; count++) {
    if (count >= limits.generalNames)
      throw new SmimeError('limit-exceeded', `more than ${limits.generalNames} access descriptions`);
    const description = reader.enter();
    const method = description.oid();
    const uri = description.peek() === 0x86 ? description.latin1(0x86) : undefined;
    if (uri !== undefined && method === oids.accessOcsp) access.ocsp.push(uri);
    if (uri !== undefined && method === oids.accessCaIssuers) access.caIssuers.push(uri);
  }
  return access;
}

/** One capability of RFC 8551 2.5.2: an algorithm and its parameters, in the order of preference. */
export interface SmimeCapability {
  readonly algorithm: string;
  /** DER of the parameters, where there are any. */
  readonly parameters?: Uint8Array;
}

export function readSmimeCapabilities(value: Uint8Array): SmimeCapability[] {
  const reader = readOnly(value, 'the S/MIME capabilities');
  const list: SmimeCapability[] = [];
  while (!reader.atEnd) {
    if (list.length >= limits.extensions)
      throw new SmimeError('limit-exceeded', `more than ${limits.extensions} S/MIME capabilities`);
    const entry = reader.enter();
    const algorithm = entry.oid();
    list.push(entry.atEnd ? { algorithm } : { algorithm, parameters: entry.element() });
  }
  return list;
}

/**
 * A serial number as lower-case hex without its sign octet. A negative number, which RFC 5280 forbids and some CA has issued,
 * gets a minus sign before its two's complement, so that it never equals a positive one.
 */
export function serialText(content: Buffer): string {
  const first = content[0] as number;
  if (first & 0x80) return `-${content.toString('hex')}`;
  let start = 0;
  while (start < content.length - 1 && content[start] === 0) start++;
  return content.toString('hex', start);
}

/** Numbers of the bits that are set. */
export function readNamedBits(reader: DerReader, expected: number): ReadonlySet<number> {
  const { octets } = reader.bitString(expected);
  const bits = new Set<number>();
  for (let bit = 0; bit < Math.min(octets.length * 8, 16); bit++)
    if (((octets[bit >> 3] as number) << (bit & 7)) & 0x80) bits.add(bit);
  return bits;
}
