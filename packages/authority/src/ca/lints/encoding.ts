/** That the certificate can be read at all, and is the DER that was signed. */
import { DerReader, oids, SmimeError, tag } from '@chancery/smime';
import { rfc5280 } from './editions.ts';
import { labelOf } from './labels.ts';
import { everyCertificate, type Lint } from './lint.ts';
import type { Part, Specimen } from './specimen.ts';
import { extensionReaders } from './specimen-extensions.ts';

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
    id: 'der-encoding',
    clause: 'RFC 5280 4.1, X.690 8.3.2, 10.1, 11.1',
    severity: 'error',
    binds: 'any',
    demand: 'lengths and integers have no octet more than they need, and a true boolean is FF',
    applies: everyCertificate,
    check: ({ certificate }) => [
      ...looseEncodings(certificate.der, 'the certificate'),
      ...certificate.extensionFields
        .filter(({ id }) => id in extensionReaders)
        .flatMap(({ id, value }) => looseEncodings(value, `the extension ${labelOf(id)}`)),
    ],
  },
  {
    id: 'der-defaults',
    clause: 'RFC 5280 4.1, X.690 11.2, 11.5',
    severity: 'error',
    binds: 'any',
    demand: 'default values and trailing zero bits are left out',
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

function looseEncodings(der: Uint8Array, where: string): string[] {
  const wrong: string[] = [];
  const walk = (reader: DerReader): void => {
    while (!reader.atEnd && wrong.length < ENOUGH) {
      const start = reader.position;
      const identifier = reader.peek();
      const content = reader.content();
      const header = reader.position - start - content.length;
      const say = (what: string): void => void wrong.push(`${what} at octet ${start} of ${where}`);
      if (header > shortestHeader(content.length)) say('the length is longer than it need be');
      if (identifier === tag.boolean && content.length === 1 && content[0] !== 0 && content[0] !== 0xff)
        say('a boolean is neither 00 nor FF');
      if ((identifier === tag.integer || identifier === tag.enumerated) && isPadded(content))
        say('an integer has an octet more than it needs');
      if ((identifier & 0x20) === 0 || content.length === 0) continue;
      reader.position = start;
      walk(reader.enter(identifier));
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

/** A megabyte holds a quarter of a million of them, and nobody reads on. */
const ENOUGH = 1_000;

function isPadded(content: Uint8Array): boolean {
  const [first, second] = content;
  if (first === undefined || second === undefined) return false;
  return (first === 0 && second < 0x80) || (first === 0xff && second >= 0x80);
}

function shortestHeader(length: number): number {
  let octets = 2;
  if (length > 0x7f) for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) octets++;
  return octets;
}
