/** The algorithm that the authority signed with (RFC 5280 4.1.1.2, S/MIME BR 7.1.3.2). */
import { DerReader, defaultHash, oids, SmimeError, signatureAlgorithmFor, tag } from '@chancery/smime';
import { rfc8550, smimeBr, smimeBrPostQuantum } from './editions.ts';
import { everyCertificate, isOfficeIssued, type Lint, type LintSubject } from './lint.ts';

export const signatureAlgorithmLints: readonly Lint[] = [
  {
    id: 'signature-parameters',
    clause: 'RFC 4055 5, RFC 5758 3.2, RFC 8410 3, RFC 9881 2',
    severity: 'error',
    binds: 'any',
    demand:
      'the parameters of the signature are those of its algorithm: NULL for RSA, none for ECDSA, EdDSA and ML-DSA',
    applies: everyCertificate,
    check({ certificate }) {
      const { id, parameters } = identifierOf(certificate.outerAlgorithm);
      if (id === undefined) return ['the signature algorithm cannot be read'];
      if (WITH_NULL.has(id) && parameters !== tag.null) return ['the parameters of the RSA signature are not NULL'];
      if (WITH_NONE.has(id) && parameters !== -1) return ['the signature has parameters, which its algorithm has not'];
      return id === oids.rsaPss && parameters !== tag.sequence ? ['the RSA-PSS signature has no parameters'] : [];
    },
  },
  {
    id: 'weak-signature',
    clause: 'RFC 8550 4.3',
    severity: 'warning',
    binds: 'any',
    since: rfc8550,
    demand: 'the signature is made with neither MD5, SHA-1 nor DSA',
    applies: ({ isUnderBr }) => !isUnderBr,
    check({ certificate }) {
      const name = WEAK.get(identifierOf(certificate.outerAlgorithm).id ?? '');
      return name === undefined ? [] : [`the certificate is signed with ${name}`];
    },
  },
  {
    id: 'signature-algorithm-classical',
    clause: 'S/MIME BR 7.1.3.2',
    severity: 'error',
    binds: 'smime-br',
    since: smimeBr,
    until: smimeBrPostQuantum,
    demand: 'the signature is RSA, RSA-PSS, ECDSA with SHA-2 or EdDSA, octet for octet as the clause writes it',
    applies: ({ isUnderBr }) => isUnderBr,
    check: (subject) => strangeAlgorithm(subject, CLASSICAL),
  },
  {
    id: 'signature-algorithm-allowed',
    clause: 'S/MIME BR 7.1.3.2',
    severity: 'error',
    binds: 'smime-br',
    since: smimeBrPostQuantum,
    demand: 'the signature is RSA, RSA-PSS, ECDSA with SHA-2, EdDSA or ML-DSA, octet for octet as the clause writes it',
    applies: ({ isUnderBr }) => isUnderBr,
    check: (subject) => strangeAlgorithm(subject, WITH_POST_QUANTUM),
  },
  {
    id: 'signature-algorithm',
    clause: 'S/MIME BR 7.1.3.2',
    severity: 'error',
    binds: 'office',
    demand: "the signature algorithm is the one of the authority's key",
    applies: isOfficeIssued,
    check({ certificate, issuer }) {
      const key = issuer?.key.value;
      const kind = key === undefined ? undefined : KINDS.get(key.curve ?? key.id);
      return kind !== undefined && certificate.outerAlgorithm.equals(signatureAlgorithmFor(kind, defaultHash(kind)))
        ? []
        : ["the signature algorithm is not the one of the authority's key"];
    },
  },
  {
    id: 'issuer-name',
    clause: 'S/MIME BR 7.1.4.1, RFC 5280 4.1.2.4',
    severity: 'error',
    binds: 'any',
    demand: "the issuer is octet for octet the subject of the authority's certificate, where that is given",
    applies: ({ issuer }) => issuer !== undefined,
    check: ({ certificate, issuer }) =>
      certificate.issuer.value !== undefined &&
      issuer?.subject.value !== undefined &&
      certificate.issuer.value.der.equals(issuer.subject.value.der)
        ? []
        : ['the issuer is not octet for octet the subject of the authority'],
  },
];

const KINDS = new Map<string, Parameters<typeof defaultHash>[0]>([
  [oids.rsaEncryption, 'rsa'],
  [oids.prime256v1, 'p256'],
  [oids.secp384r1, 'p384'],
  [oids.secp521r1, 'p521'],
  [oids.ed25519, 'ed25519'],
  [oids.mlDsa44, 'ml-dsa-44'],
  [oids.mlDsa65, 'ml-dsa-65'],
  [oids.mlDsa87, 'ml-dsa-87'],
]);

const WITH_NULL = new Set<string>([
  oids.md5WithRsa,
  oids.sha1WithRsa,
  oids.sha224WithRsa,
  oids.sha256WithRsa,
  oids.sha384WithRsa,
  oids.sha512WithRsa,
]);
const WITH_NONE = new Set<string>([
  oids.ecdsaWithSha1,
  oids.ecdsaWithSha224,
  oids.ecdsaWithSha256,
  oids.ecdsaWithSha384,
  oids.ecdsaWithSha512,
  oids.ed25519,
  oids.ed448,
  oids.mlDsa44,
  oids.mlDsa65,
  oids.mlDsa87,
]);
const WEAK = new Map<string, string>([
  [oids.md5WithRsa, 'RSA and MD5'],
  [oids.sha1WithRsa, 'RSA and SHA-1'],
  [oids.ecdsaWithSha1, 'ECDSA and SHA-1'],
  [oids.sha1WithDsa, 'DSA and SHA-1'],
  [oids.sha256WithDsa, 'DSA'],
]);

const pss = (hash: string, salt: string): string =>
  `304106092a864886f70d01010a3034a00f300d06096086480165030402${hash}0500a11c301a06092a864886f70d010108300d06096086480165030402${hash}0500a2030201${salt}`;

/** The AlgorithmIdentifiers that clause 7.1.3.2 writes out in hex. */
const CLASSICAL = new Set([
  '300d06092a864886f70d01010b0500',
  '300d06092a864886f70d01010c0500',
  '300d06092a864886f70d01010d0500',
  pss('01', '20'),
  pss('02', '30'),
  pss('03', '40'),
  '300a06082a8648ce3d040302',
  '300a06082a8648ce3d040303',
  '300a06082a8648ce3d040304',
  '300506032b6570',
  '300506032b6571',
]);
const WITH_POST_QUANTUM = new Set([
  ...CLASSICAL,
  '300b0609608648016503040311',
  '300b0609608648016503040312',
  '300b0609608648016503040313',
]);

function strangeAlgorithm({ certificate }: LintSubject, allowed: ReadonlySet<string>): string[] {
  const { outerAlgorithm } = certificate;
  return allowed.has(outerAlgorithm.toString('hex'))
    ? []
    : [
        `the signature algorithm ${identifierOf(outerAlgorithm).id ?? ''}, or how it is written, is none of those allowed`,
      ];
}

/** The parameters by their identifier octet, -1 where there are none. */
function identifierOf(algorithm: Buffer): { id: string | undefined; parameters: number } {
  try {
    const reader = new DerReader(algorithm).enter();
    return { id: reader.oid(), parameters: reader.peek() };
  } catch (error) {
    if (error instanceof SmimeError) return { id: undefined, parameters: -1 };
    throw error;
  }
}
