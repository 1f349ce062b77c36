/** That the certificate can be read at all, and is the DER that was signed. */
import { DerReader, oids, SmimeError } from '@chancery/smime';
import { rfc5280 } from './editions.ts';
import { labelOf } from './labels.ts';
import { everyCertificate, type Lint } from './lint.ts';
import type { Part, Specimen } from './specimen.ts';

export const encodingLints: readonly Lint[] = [
  {
    id: 'malformed-field',
    clause: 'RFC 5280 4.1',
    severity: 'error',
    binds: 'any',
    demand: 'every field has the structure of its type',
    applies: everyCertificate,
    check: ({ certificate }) =>
      fieldsOf(certificate).flatMap(([name, { problem }]) =>
        problem === undefined ? [] : [`${name} cannot be read: ${problem}`],
      ),
  },
  {
    id: 'malformed-extension',
    clause: 'RFC 5280 4.2',
    severity: 'error',
    binds: 'any',
    demand: 'every extension that RFC 5280 defines has the structure of its type',
    applies: everyCertificate,
    check: ({ certificate }) =>
      certificate.extensionFields.flatMap(({ id }) => {
        const problem = certificate.extensionProblem(id);
        return problem === undefined ? [] : [`the extension ${labelOf(id)} cannot be read: ${problem}`];
      }),
  },
  {
    id: 'der-lengths',
    clause: 'RFC 5280 4.1, X.690 10.1',
    severity: 'error',
    binds: 'any',
    demand: 'lengths are encoded in as few octets as DER has them',
    applies: everyCertificate,
    check: ({ certificate }) => longLengths(certificate.der),
  },
  {
    id: 'der-defaults',
    clause: 'RFC 5280 4.1, X.690 11.2, 11.5',
    severity: 'error',
    binds: 'any',
    demand: 'default values and trailing zero bits are left out, integers are as short as they can be',
    applies: everyCertificate,
    check: ({ certificate }) => {
      const wrong = certificate.extensionFields
        .filter(({ defaultEncoded }) => defaultEncoded)
        .map(({ id }) => `the extension ${labelOf(id)} says that it is not critical, which DER leaves out`);
      if (certificate.versionEncoded && certificate.version.value === 1)
        wrong.push('version 1 is written out, which DER leaves out');
      if (certificate.content(oids.basicConstraints)?.defaultEncoded === true)
        wrong.push('basicConstraints says cA FALSE, which DER leaves out');
      if (certificate.content(oids.keyUsage)?.trailingZeros === true)
        wrong.push('keyUsage ends in zero bits, which DER leaves out');
      const [first = 0, second = 0] = certificate.serialNumber;
      if (certificate.serialNumber.length > 1 && ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80)))
        wrong.push('the serial number has an octet more than it needs');
      return wrong;
    },
  },
  {
    id: 'version',
    clause: 'RFC 5280 4.1.2.1, S/MIME BR 7.1.1',
    severity: 'error',
    binds: 'any',
    demand: 'the version is 3 wherever there are extensions, and is 1, 2 or 3',
    applies: everyCertificate,
    check: ({ certificate, isUnderBr }) => {
      const { value: version } = certificate.version;
      if (version === undefined) return [];
      if (version < 1 || version > 3) return [`the version ${version} does not exist`];
      if (version !== 3 && (isUnderBr || certificate.extensions !== undefined))
        return [`the version is ${version}, not 3`];
      if (version === 1 && certificate.uniqueIdentifiers) return ['unique identifiers in a certificate of version 1'];
      return [];
    },
  },
  {
    id: 'signature-algorithms-agree',
    clause: 'RFC 5280 4.1.1.2',
    severity: 'error',
    binds: 'any',
    demand: 'the signature algorithm inside the signature is the one outside',
    applies: everyCertificate,
    check: ({ certificate }) =>
      certificate.innerAlgorithm.equals(certificate.outerAlgorithm)
        ? []
        : ['the certificate names two different signature algorithms'],
  },
  {
    id: 'unique-identifiers',
    clause: 'RFC 5280 4.1.2.8',
    severity: 'error',
    binds: 'any',
    since: rfc5280,
    demand: 'there are no unique identifiers of issuer or subject',
    applies: everyCertificate,
    check: ({ certificate }) =>
      certificate.uniqueIdentifiers ? ['it has a unique identifier of its issuer or subject'] : [],
  },
];

const fieldsOf = (certificate: Specimen): [string, Part<unknown>][] => [
  ['the version', certificate.version],
  ['the issuer', certificate.issuer],
  ['the subject', certificate.subject],
  ['the beginning of the validity', certificate.notBefore],
  ['the end of the validity', certificate.notAfter],
  ['the public key', certificate.key],
  ['the list of extensions', certificate.extensions ?? { value: undefined }],
];

function longLengths(der: Uint8Array): string[] {
  const wrong: string[] = [];
  const walk = (reader: DerReader): void => {
    while (!reader.atEnd) {
      const start = reader.position;
      const isConstructed = (reader.peek() & 0x20) !== 0;
      const { length } = reader.content();
      const header = reader.position - start - length;
      if (header > shortestHeader(length)) wrong.push(`the length at octet ${start} is longer than it need be`);
      if (!isConstructed || length === 0) continue;
      reader.position = start;
      walk(reader.enter(reader.peek()));
    }
  };
  try {
    walk(new DerReader(der));
  } catch (error) {
    // What cannot be read is the matter of other lints.
    if (!(error instanceof SmimeError)) throw error;
  }
  return wrong;
}

function shortestHeader(length: number): number {
  let octets = 2;
  if (length > 0x7f) for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) octets++;
  return octets;
}
