/** The public key (RFC 5280 4.1.2.7, S/MIME BR 6.1.5, 6.1.6, 7.1.3.1). */
import { DerReader, oids, SmimeError, tag } from '@chancery/smime';
import { brokenModulus, weaknessesOf } from '../key-strength.ts';
import { rfc8550, smimeBr, smimeBrLongAuthorityKeys, smimeBrPostQuantum } from './editions.ts';
import { everyCertificate, isBrAuthority, isOfficeIssued, type Lint, type LintSubject } from './lint.ts';
import { isNistCurve, isOnCurve } from './nist-curves.ts';

const br = { binds: 'smime-br', since: smimeBr } as const;

export const publicKeyLints: readonly Lint[] = [
  {
    id: 'key-parameters',
    clause: 'RFC 3279 2.3.1, RFC 5480 2.1.1, RFC 8410 3, RFC 9881 4, RFC 9935 4',
    severity: 'error',
    binds: 'any',
    demand: 'the parameters of the key are those of its algorithm: NULL for RSA, a named curve, or none',
    applies: everyCertificate,
    check({ certificate }) {
      const key = certificate.key.value;
      if (key === undefined) return [];
      const wanted = PARAMETERS.get(key.id);
      if (wanted === undefined) return [];
      const parameters = parametersOf(key.algorithm);
      const conforms =
        wanted === 'curve' ? parameters === tag.oid : wanted === 'null' ? parameters === tag.null : parameters === -1;
      return conforms ? [] : [`the parameters of the key are not ${wanted === 'curve' ? 'a named curve' : wanted}`];
    },
  },
  {
    id: 'key-length',
    clause: 'RFC 5480 2.2, RFC 8410 4, FIPS 203 8, FIPS 204 4',
    severity: 'error',
    binds: 'any',
    demand: 'the key is whole octets, as many as its algorithm has',
    applies: everyCertificate,
    check({ certificate }) {
      const key = certificate.key.value;
      if (key === undefined) return [];
      if (key.unusedBits !== 0) return ['the key has unused bits'];
      const wanted = LENGTHS.get(key.curve ?? key.id);
      return wanted === undefined || wanted.includes(key.bits.length)
        ? []
        : [`the key has ${key.bits.length} octets, not ${wanted.join(' or ')}`];
    },
  },
  {
    id: 'rsa-key-form',
    clause: 'RFC 3279 2.3.1, RFC 8017 A.1.1',
    severity: 'error',
    binds: 'any',
    demand: 'an RSA key is a positive modulus and a positive exponent',
    applies: isRsa,
    check: (subject) => {
      const key = rsaKeyOf(subject);
      if (typeof key === 'string') return [`the RSA key cannot be read: ${key}`];
      return key !== undefined && (key.modulus <= 0n || key.exponent <= 0n) ? ['the RSA key is not positive'] : [];
    },
  },
  {
    id: 'weak-key',
    clause: 'RFC 8550 4.3',
    severity: 'warning',
    binds: 'any',
    since: rfc8550,
    demand: 'an RSA key has 2048 bits or more, and nobody can factor it; DSA is history',
    // Stricter, and an error, under the S/MIME Baseline Requirements and in this office.
    applies: ({ isUnderBr, use }) => !isUnderBr && use === undefined,
    check(subject) {
      if (subject.certificate.key.value?.id === oids.dsa) return ['DSA keys are history'];
      const key = rsaKeyOf(subject);
      if (key === undefined || typeof key === 'string' || key.modulus <= 0n) return [];
      if (key.bits < 2048) return [`an RSA key of ${key.bits} bits is too short`];
      const broken = brokenModulus(key.modulus);
      return broken === undefined ? [] : [broken];
    },
  },
  {
    ...br,
    until: smimeBrPostQuantum,
    id: 'public-key-algorithm-classical',
    clause: 'S/MIME BR 6.1.5, 7.1.3.1',
    severity: 'error',
    demand: 'the key is RSA, P-256, P-384, P-521, Ed25519 or Ed448, octet for octet as the clause writes it',
    zlint: ['e_invalid_legacy_spki_algoid'],
    applies: ({ isUnderBr, certificate }) => isUnderBr && certificate.key.value !== undefined,
    check: (subject) => strangeAlgorithm(subject, CLASSICAL),
  },
  {
    ...br,
    since: smimeBrPostQuantum,
    id: 'public-key-algorithm',
    clause: 'S/MIME BR 6.1.5, 7.1.3.1',
    severity: 'error',
    demand:
      'the key is RSA, P-256, P-384, P-521, Ed25519, Ed448, ML-DSA or ML-KEM, octet for octet as the clause writes it',
    zlint: ['e_invalid_spki_algoid'],
    applies: ({ isUnderBr, certificate }) => isUnderBr && certificate.key.value !== undefined,
    check: (subject) => strangeAlgorithm(subject, WITH_POST_QUANTUM),
  },
  {
    ...br,
    id: 'rsa-key',
    clause: 'S/MIME BR 6.1.1.3, 6.1.5, 6.1.6',
    severity: 'error',
    demand: 'an RSA key has 2048 bits or more, a multiple of 8, an odd exponent of 3 or more, and nobody can factor it',
    applies: (subject) => subject.isUnderBr && isRsa(subject),
    check(subject) {
      const key = rsaKeyOf(subject);
      if (key === undefined || typeof key === 'string' || key.modulus <= 0n) return [];
      const wrong: string[] = [];
      if (key.bits < 2048) wrong.push(`an RSA key of ${key.bits} bits is too short; 2048 or more are needed`);
      if (key.bits % 8 !== 0) wrong.push(`the length of the RSA key, ${key.bits} bits, is not a multiple of 8`);
      if (key.exponent < 3n || key.exponent % 2n === 0n)
        wrong.push(`the RSA exponent ${key.exponent} is not an odd number of 3 or more`);
      const broken = brokenModulus(key.modulus);
      return broken === undefined ? wrong : [...wrong, broken];
    },
  },
  {
    ...br,
    id: 'rsa-exponent',
    clause: 'S/MIME BR 6.1.6',
    severity: 'warning',
    demand: 'an RSA exponent lies between 2^16 + 1 and 2^256 - 1',
    applies: (subject) => subject.isUnderBr && isRsa(subject),
    check(subject) {
      const key = rsaKeyOf(subject);
      if (key === undefined || typeof key === 'string') return [];
      return key.exponent < 65_537n || key.exponent >= 1n << 256n
        ? [`the RSA exponent does not lie between 2^16 + 1 and 2^256 - 1`]
        : [];
    },
  },
  {
    ...br,
    id: 'ec-point',
    clause: 'S/MIME BR 6.1.5',
    severity: 'error',
    demand: 'an elliptic-curve key is a point of its curve',
    applies: (subject) => subject.isUnderBr && isNistCurve(subject.certificate.key.value?.curve ?? ''),
    check({ certificate }) {
      const key = certificate.key.value;
      return key === undefined || isOnCurve(key.curve ?? '', key.bits, certificate.spki)
        ? []
        : ['the key is no point of its curve'];
    },
  },
  {
    id: 'authority-key-length',
    clause: 'S/MIME BR 6.1.5',
    severity: 'warning',
    binds: 'smime-br',
    since: smimeBrLongAuthorityKeys,
    // A key may be older than its certificate, which does not show it: so no error.
    demand: 'an RSA key of an authority that was made after 15 September 2026 has 4096 bits or more',
    applies: (subject) => isBrAuthority(subject) && isRsa(subject),
    check(subject) {
      const key = rsaKeyOf(subject);
      return key !== undefined && typeof key !== 'string' && key.bits < 4096
        ? [`an RSA key of ${key.bits} bits, made after 15 September 2026, is too short for an authority`]
        : [];
    },
  },
  {
    id: 'public-key',
    clause: 'S/MIME BR 6.1.1.3, 6.1.5, 6.1.6',
    severity: 'error',
    binds: 'office',
    demand: 'the key is sound; an RSA key of an issuing authority has 3072 bits or more, of a root 4096',
    applies: isOfficeIssued,
    check(subject) {
      const weaknesses = [...weaknessesOf(subject.certificate.spki)];
      const key = rsaKeyOf(subject);
      const bits = key === undefined || typeof key === 'string' ? undefined : key.bits;
      const least = subject.use === 'root' ? 4096 : subject.use === 'issuing' ? 3072 : 2048;
      return bits !== undefined && bits >= 2048 && bits < least
        ? [...weaknesses, `an RSA key of ${bits} bits is too short for this authority; ${least} are needed`]
        : weaknesses;
    },
  },
];

/** What the parameters of a key's algorithm have to be. */
const PARAMETERS = new Map<string, 'null' | 'curve' | 'absent'>([
  [oids.rsaEncryption, 'null'],
  [oids.ecPublicKey, 'curve'],
  ...[
    oids.ed25519,
    oids.ed448,
    oids.x25519,
    oids.x448,
    oids.mlDsa44,
    oids.mlDsa65,
    oids.mlDsa87,
    oids.mlKem512,
    oids.mlKem768,
    oids.mlKem1024,
  ].map((id): [string, 'absent'] => [id, 'absent']),
]);

/** Octets: of an elliptic curve compressed and not, of the others the one length that they have. */
const LENGTHS = new Map<string, readonly number[]>([
  [oids.prime256v1, [33, 65]],
  [oids.secp384r1, [49, 97]],
  [oids.secp521r1, [67, 133]],
  [oids.ed25519, [32]],
  [oids.x25519, [32]],
  [oids.ed448, [57]],
  [oids.x448, [56]],
  [oids.mlDsa44, [1312]],
  [oids.mlDsa65, [1952]],
  [oids.mlDsa87, [2592]],
  [oids.mlKem512, [800]],
  [oids.mlKem768, [1184]],
  [oids.mlKem1024, [1568]],
]);

/** The AlgorithmIdentifiers that clause 7.1.3.1 writes out in hex. */
const CLASSICAL = new Set([
  '300d06092a864886f70d0101010500',
  '301306072a8648ce3d020106082a8648ce3d030107',
  '301006072a8648ce3d020106052b81040022',
  '301006072a8648ce3d020106052b81040023',
  '300506032b6570',
  '300506032b6571',
]);
const WITH_POST_QUANTUM = new Set([
  ...CLASSICAL,
  '300b0609608648016503040311',
  '300b0609608648016503040312',
  '300b0609608648016503040313',
  '300b0609608648016503040401',
  '300b0609608648016503040402',
  '300b0609608648016503040403',
]);

function strangeAlgorithm({ certificate }: LintSubject, allowed: ReadonlySet<string>): string[] {
  const key = certificate.key.value;
  return key === undefined || allowed.has(key.algorithm.toString('hex'))
    ? []
    : [`the algorithm ${key.curve ?? key.id} of the key, or how it is written, is none of those allowed`];
}

function isRsa({ certificate }: LintSubject): boolean {
  return certificate.key.value?.id === oids.rsaEncryption;
}

/** Identifier octet of the parameters; -1 where there are none. */
function parametersOf(algorithm: Buffer): number {
  const reader = new DerReader(algorithm).enter();
  reader.oid();
  return reader.peek();
}

interface RsaKey {
  readonly modulus: bigint;
  readonly exponent: bigint;
  readonly bits: number;
}

/** Undefined for other keys; a sentence where it cannot be read. */
function rsaKeyOf(subject: LintSubject): RsaKey | string | undefined {
  if (!isRsa(subject)) return undefined;
  try {
    const reader = new DerReader(subject.certificate.key.value?.bits ?? Buffer.alloc(0)).enter();
    const modulus = reader.integerContent();
    const exponent = reader.integerContent();
    reader.finish('the RSA key');
    const value = integerOf(modulus);
    return { modulus: value, exponent: integerOf(exponent), bits: bitsOf(modulus) };
  } catch (error) {
    if (error instanceof SmimeError) return error.message;
    throw error;
  }
}

const integerOf = (content: Buffer): bigint =>
  BigInt.asIntN(content.length * 8, BigInt(`0x${content.toString('hex')}`));

function bitsOf(content: Buffer): number {
  const first = content.findIndex((octet) => octet !== 0);
  return first < 0 ? 0 : (content.length - first) * 8 - Math.clz32(content[first] as number) + 24;
}
