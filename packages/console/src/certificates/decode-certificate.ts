/** What stands in a certificate, for a person to read (RFC 5280 section 4). Shows; never judges. */
import { children, type Der, hex, readDer, readOid, readText, readTime } from '../der/read.ts';

interface DecodedExtension {
  oid: string;
  name: string;
  critical: boolean;
  /** One line each. */
  values: string[];
}

export interface DecodedCertificate {
  serialNumber: string;
  subject: string;
  issuer: string;
  notBefore: string;
  notAfter: string;
  signatureAlgorithm: string;
  publicKey: string;
  extensions: DecodedExtension[];
}

/** `octets` is DER; throws a RangeError where they are no certificate. */
export function decodeCertificate(octets: Uint8Array): DecodedCertificate {
  const tbs = at(children(readDer(octets)), 0);
  const fields = children(tbs);
  // [0] version is there in every certificate with extensions.
  if (fields[0]?.tag === 0xa0) fields.shift();
  const validity = children(at(fields, 3));
  const extensions = fields.find((field) => field.tag === 0xa3);
  return {
    serialNumber: hex(at(fields, 0).content),
    signatureAlgorithm: nameOf(algorithmOid(at(fields, 1))),
    issuer: decodeName(at(fields, 2)),
    notBefore: readTime(at(validity, 0)),
    notAfter: readTime(at(validity, 1)),
    subject: decodeName(at(fields, 4)),
    publicKey: decodeKey(at(fields, 5)),
    extensions: extensions === undefined ? [] : children(at(children(extensions), 0)).map(decodeExtension),
  };
}

function decodeKey(info: Der): string {
  const [algorithm, key] = children(info);
  if (algorithm === undefined || key === undefined) throw new RangeError('A certificate without a public key');
  const [kind, parameters] = children(algorithm);
  const name = nameOf(readOid(kind?.content ?? new Uint8Array()));
  if (name === 'RSA') {
    const modulus = at(children(readDer(key.content, 1)), 0).content;
    return `RSA, ${(modulus.length - (modulus[0] === 0 ? 1 : 0)) * 8} bits`;
  }
  return parameters?.tag === 0x06 ? `${name}, ${nameOf(readOid(parameters.content))}` : name;
}

/** RFC 4514's order would be reversed; people read a name from its most specific part anyway. */
function decodeName(name: Der): string {
  return children(name)
    .flatMap((rdn) => children(rdn))
    .map((attribute) => {
      const [type, value] = children(attribute);
      if (type === undefined || value === undefined) return '';
      const dotted = readOid(type.content);
      return `${attributeNames[dotted] ?? dotted}=${readText(value)}`;
    })
    .reverse()
    .join(', ');
}

function decodeExtension(extension: Der): DecodedExtension {
  const parts = children(extension);
  const oid = readOid(at(parts, 0).content);
  const critical = parts[1]?.tag === 0x01 && parts[1].content[0] === 0xff;
  const value = at(parts, parts.length - 1).content;
  const known = extensionDecoders[oid];
  let values: string[];
  try {
    values = known?.[1](readDer(value)) ?? [hex(value)];
  } catch {
    values = [hex(value)];
  }
  return { oid, name: known?.[0] ?? oid, critical, values };
}

const keyUsages = [
  'digital signature',
  'non-repudiation',
  'key encipherment',
  'data encipherment',
  'key agreement',
  'certificate signing',
  'CRL signing',
  'encipher only',
  'decipher only',
];

const extensionDecoders: Record<string, readonly [string, (value: Der) => string[]]> = {
  '2.5.29.14': ['Subject key identifier', (value) => [hex(value.content)]],
  '2.5.29.15': [
    'Key usage',
    (value) => keyUsages.filter((_, bit) => ((value.content[1 + (bit >> 3)] ?? 0) & (0x80 >> (bit & 7))) !== 0),
  ],
  '2.5.29.17': ['Subject alternative names', generalNames],
  '2.5.29.19': [
    'Basic constraints',
    (value) => {
      const parts = children(value);
      const authority = parts[0]?.tag === 0x01 && parts[0].content[0] === 0xff;
      const depth = parts.find((part) => part.tag === 0x02)?.content[0];
      return [authority ? 'an authority' : 'an end entity', ...(depth === undefined ? [] : [`path length ${depth}`])];
    },
  ],
  '2.5.29.30': ['Name constraints', (value) => children(value).flatMap(constraint)],
  '2.5.29.31': [
    'CRL distribution points',
    (value) =>
      children(value).flatMap((point) => children(point).flatMap((part) => children(part).flatMap(generalNames))),
  ],
  '2.5.29.32': [
    'Certificate policies',
    (value) =>
      children(value).flatMap((policy) => {
        const [id, qualifiers] = children(policy);
        return [policyName(readOid(id?.content ?? new Uint8Array())), ...statements(qualifiers)];
      }),
  ],
  '2.5.29.35': [
    'Authority key identifier',
    (value) => children(value).flatMap((part) => (part.tag === 0x80 ? [hex(part.content)] : [])),
  ],
  '2.5.29.37': ['Extended key usage', (value) => children(value).map((purpose) => nameOf(readOid(purpose.content)))],
  '1.3.6.1.5.5.7.1.1': [
    'Authority information access',
    (value) =>
      children(value).map((access) => {
        const [method, location] = children(access);
        return `${nameOf(readOid(method?.content ?? new Uint8Array()))}: ${location === undefined ? '' : generalName(location)}`;
      }),
  ],
  '1.2.840.113549.1.9.15': [
    'S/MIME capabilities',
    (value) => children(value).map((capability) => nameOf(readOid(at(children(capability), 0).content))),
  ],
  '1.3.6.1.5.5.7.48.1.5': ['OCSP no check', () => ['the responder vouches for itself']],
};

function constraint(subtrees: Der): string[] {
  const word = subtrees.tag === 0xa0 ? 'permitted' : 'excluded';
  return children(subtrees).map((subtree) => `${word} ${generalName(at(children(subtree), 0))}`);
}

function generalNames(names: Der): string[] {
  return children(names).map(generalName);
}

function generalName(name: Der): string {
  const text = () => new TextDecoder().decode(name.content);
  if (name.tag === 0x81) return `e-mail ${text()}`;
  if (name.tag === 0x82) return `DNS ${text()}`;
  if (name.tag === 0x86) return text();
  if (name.tag === 0xa4) return decodeName(at(children(name), 0));
  if (name.tag === 0xa0) {
    const [type, value] = children(name);
    const inner = value === undefined ? undefined : children(value)[0];
    return `${nameOf(readOid(type?.content ?? new Uint8Array()))} ${inner === undefined ? '' : readText(inner)}`;
  }
  return hex(name.content);
}

const algorithmOid = (algorithm: Der) => readOid(at(children(algorithm), 0).content);
const nameOf = (oid: string) => oidNames[oid] ?? oid;

function at(elements: readonly Der[], index: number): Der {
  const element = elements[index];
  if (element === undefined) throw new RangeError('A certificate that ends too early');
  return element;
}

/** The addresses of practice statements; other qualifiers are left out. */
function statements(qualifiers: Der | undefined): string[] {
  return (qualifiers === undefined ? [] : children(qualifiers)).flatMap((qualifier) => {
    const [id, value] = children(qualifier);
    return id !== undefined && value !== undefined && readOid(id.content) === '1.3.6.1.5.5.7.2.1'
      ? [readText(value)]
      : [];
  });
}

/** The reserved policies of the CA/Browser Forum's S/MIME Baseline Requirements, section 7.1.6.1. */
function policyName(oid: string): string {
  const [, validation, generation] = /^2\.23\.140\.1\.5\.([1-4])\.([1-3])$/.exec(oid) ?? [];
  if (validation === undefined || generation === undefined) return oid;
  const who = ['mailbox', 'organization', 'sponsor', 'individual'][Number(validation) - 1];
  return `${who}-validated, ${['legacy', 'multipurpose', 'strict'][Number(generation) - 1]} (${oid})`;
}

const attributeNames: Record<string, string> = {
  '2.5.4.3': 'CN',
  '2.5.4.4': 'SN',
  '2.5.4.5': 'serialNumber',
  '2.5.4.6': 'C',
  '2.5.4.7': 'L',
  '2.5.4.8': 'ST',
  '2.5.4.10': 'O',
  '2.5.4.11': 'OU',
  '2.5.4.12': 'title',
  '2.5.4.42': 'GN',
  '2.5.4.65': 'pseudonym',
  '2.5.4.97': 'organizationIdentifier',
  '1.2.840.113549.1.9.1': 'emailAddress',
};

const oidNames: Record<string, string> = {
  '1.2.840.113549.1.1.1': 'RSA',
  '1.2.840.113549.1.1.10': 'RSA-PSS',
  '1.2.840.113549.1.1.11': 'RSA with SHA-256',
  '1.2.840.113549.1.1.12': 'RSA with SHA-384',
  '1.2.840.113549.1.1.13': 'RSA with SHA-512',
  '1.2.840.10045.2.1': 'ECDSA',
  '1.2.840.10045.3.1.7': 'P-256',
  '1.3.132.0.34': 'P-384',
  '1.3.132.0.35': 'P-521',
  '1.2.840.10045.4.3.2': 'ECDSA with SHA-256',
  '1.2.840.10045.4.3.3': 'ECDSA with SHA-384',
  '1.2.840.10045.4.3.4': 'ECDSA with SHA-512',
  '1.3.101.112': 'Ed25519',
  '1.3.6.1.5.5.7.3.1': 'TLS server',
  '1.3.6.1.5.5.7.3.2': 'TLS client',
  '1.3.6.1.5.5.7.3.4': 'e-mail protection',
  '1.3.6.1.5.5.7.3.9': 'OCSP signing',
  '1.3.6.1.5.5.7.48.1': 'OCSP',
  '1.3.6.1.5.5.7.48.2': 'issuer certificate',
  '1.3.6.1.5.5.7.8.9': 'internationalised e-mail',
  '1.3.6.1.4.1.311.20.2.3': 'user principal name',
  '2.16.840.1.101.3.4.1.2': 'AES-128-CBC',
  '2.16.840.1.101.3.4.1.6': 'AES-128-GCM',
  '2.16.840.1.101.3.4.1.42': 'AES-256-CBC',
  '2.16.840.1.101.3.4.1.46': 'AES-256-GCM',
};
