/** keyUsage (RFC 5280 4.2.1.3, S/MIME BR 7.1.2.3 (e)): what the key may do, by its algorithm and by the certificate's profile. */
import { type KeyUsage, oids } from '@chancery/smime';
import { rfc5280, smimeBr, smimeBrPostQuantum } from './editions.ts';
import {
  everyCertificate,
  isBrSubscriber,
  isOfficeIssued,
  isOfficeMultipurpose,
  isOfGeneration,
  type Lint,
  type LintSubject,
  type OfficeUse,
} from './lint.ts';
import type { Specimen } from './specimen.ts';

const br = { binds: 'smime-br', since: smimeBr } as const;
const pkix = { severity: 'error', binds: 'any', since: rfc5280 } as const;

const isKey =
  (...ids: string[]) =>
  ({ certificate }: LintSubject): boolean =>
    ids.includes(certificate.key.value?.id ?? '');
const isRsa = isKey(oids.rsaEncryption);
const isEc = isKey(oids.ecPublicKey);
const isEdwards = isKey(oids.ed25519, oids.ed448);
const isMlDsa = isKey(oids.mlDsa44, oids.mlDsa65, oids.mlDsa87);
const isMlKem = isKey(oids.mlKem512, oids.mlKem768, oids.mlKem1024);

/** A subscriber certificate whose keyUsage has at least one of these. */
const hasOneOf =
  (...usages: KeyUsage[]) =>
  (subject: LintSubject): boolean =>
    isBrSubscriber(subject) && usages.some((usage) => usagesOf(subject.certificate)?.has(usage) === true);

export const keyUsageLints: readonly Lint[] = [
  {
    ...pkix,
    id: 'key-usage-empty',
    clause: 'RFC 5280 4.2.1.3',
    demand: 'where keyUsage is present, at least one of its bits is set',
    applies: everyCertificate,
    check: ({ certificate }) => (usagesOf(certificate)?.size === 0 ? ['keyUsage allows nothing'] : []),
  },
  {
    ...pkix,
    id: 'key-usage-certificate-signing',
    clause: 'RFC 5280 4.2.1.3, 4.2.1.9',
    demand: 'keyCertSign is set where cA is, and nowhere else',
    applies: everyCertificate,
    check({ certificate }) {
      const usages = usagesOf(certificate);
      if (certificate.isAuthority) {
        if (usages === undefined)
          return certificate.extension(oids.keyUsage) === undefined ? ['an authority without keyUsage'] : [];
        return usages.has('keyCertSign') ? [] : ['the keyUsage of an authority lacks keyCertSign'];
      }
      return usages?.has('keyCertSign') === true ? ['keyUsage has keyCertSign, and it is no authority'] : [];
    },
  },
  {
    ...pkix,
    id: 'key-usage-one-way',
    clause: 'RFC 5280 4.2.1.3',
    demand: 'encipherOnly and decipherOnly stand beside keyAgreement, not both',
    applies: everyCertificate,
    check({ certificate }) {
      const usages = usagesOf(certificate);
      const encipher = usages?.has('encipherOnly') === true;
      const decipher = usages?.has('decipherOnly') === true;
      if (encipher && decipher) return ['keyUsage has both encipherOnly and decipherOnly'];
      return (encipher || decipher) && usages?.has('keyAgreement') !== true
        ? ['keyUsage has encipherOnly or decipherOnly without keyAgreement']
        : [];
    },
  },
  {
    ...pkix,
    id: 'key-usage-fits-key',
    clause: 'RFC 3279 2.3, RFC 5480 3, RFC 8410 5, RFC 9881 3, RFC 9935 5',
    demand: 'keyUsage has only what a key of its algorithm can do',
    applies: everyCertificate,
    check({ certificate }) {
      const impossible = IMPOSSIBLE.find(({ ids }) => ids.includes(certificate.key.value?.id ?? ''));
      if (impossible === undefined) return [];
      return [...(usagesOf(certificate) ?? [])]
        .filter((usage) => !impossible.allowed.includes(usage))
        .map((usage) => `keyUsage has ${usage}, which ${impossible.name} cannot do`);
    },
  },
  {
    ...br,
    id: 'key-usage-present',
    clause: 'S/MIME BR 7.1.2.3 (e)',
    severity: 'error',
    demand: 'a subscriber certificate has keyUsage',
    zlint: ['e_key_usage_presence'],
    applies: isBrSubscriber,
    check: ({ certificate }) => (certificate.extension(oids.keyUsage) === undefined ? ['keyUsage is missing'] : []),
  },
  {
    ...br,
    id: 'key-usage-criticality',
    clause: 'S/MIME BR 7.1.2.3 (e), RFC 5280 4.2.1.3',
    severity: 'warning',
    demand: 'keyUsage is critical',
    zlint: ['w_key_usage_criticality'],
    applies: isBrSubscriber,
    check: ({ certificate }) =>
      certificate.extension(oids.keyUsage)?.critical === false ? ['keyUsage is not critical'] : [],
  },
  {
    ...br,
    id: 'key-usage-purpose-rsa',
    clause: 'S/MIME BR 7.1.2.3 (e)',
    severity: 'error',
    demand: 'an RSA key is for digitalSignature, keyEncipherment or both',
    zlint: ['e_rsa_other_key_usages'],
    applies: (subject) => isBrSubscriber(subject) && isRsa(subject) && hasUsages(subject),
    check: (subject) => lacksEvery(subject, 'digitalSignature', 'keyEncipherment'),
  },
  {
    ...br,
    id: 'key-usage-purpose-ec',
    clause: 'S/MIME BR 7.1.2.3 (e)',
    severity: 'error',
    demand: 'an elliptic-curve key is for digitalSignature, keyAgreement or both',
    zlint: ['e_ec_other_key_usages'],
    applies: (subject) => isBrSubscriber(subject) && isEc(subject) && hasUsages(subject),
    check: (subject) => lacksEvery(subject, 'digitalSignature', 'keyAgreement'),
  },
  {
    ...br,
    id: 'key-usage-rsa',
    clause: 'S/MIME BR 7.1.2.3 (e)',
    severity: 'error',
    demand:
      'an RSA key that signs may have nonRepudiation, one that is enciphered to may have dataEncipherment; nothing else',
    zlint: ['e_rsa_key_usage_legacy_multipurpose'],
    applies: (subject) =>
      isOfGeneration('legacy', 'multipurpose')(subject) &&
      isRsa(subject) &&
      hasOneOf('digitalSignature', 'keyEncipherment')(subject),
    check: (subject) =>
      strangers(subject, { digitalSignature: ['nonRepudiation'], keyEncipherment: ['dataEncipherment'] }),
  },
  {
    ...br,
    id: 'key-usage-rsa-strict',
    clause: 'S/MIME BR 7.1.2.3 (e)',
    severity: 'error',
    demand: 'in the strict generation an RSA key that signs may have nonRepudiation, and nothing else',
    zlint: ['e_rsa_key_usage_strict'],
    applies: (subject) =>
      isOfGeneration('strict')(subject) && isRsa(subject) && hasOneOf('digitalSignature', 'keyEncipherment')(subject),
    check: (subject) => strangers(subject, { digitalSignature: ['nonRepudiation'], keyEncipherment: [] }),
  },
  {
    ...br,
    id: 'key-usage-ec',
    clause: 'S/MIME BR 7.1.2.3 (e)',
    severity: 'error',
    demand:
      'an elliptic-curve key that signs may have nonRepudiation, one that agrees on keys may have encipherOnly or decipherOnly; nothing else',
    zlint: ['e_ecpublickey_key_usages'],
    applies: (subject) => isEc(subject) && hasOneOf('digitalSignature', 'keyAgreement')(subject),
    check: (subject) =>
      strangers(subject, { digitalSignature: ['nonRepudiation'], keyAgreement: ['encipherOnly', 'decipherOnly'] }),
  },
  {
    ...br,
    id: 'key-usage-edwards',
    clause: 'S/MIME BR 7.1.2.3 (e)',
    severity: 'error',
    demand: 'an Ed25519 or Ed448 key has digitalSignature, may have nonRepudiation, and nothing else',
    zlint: ['e_edwardspublickey_key_usages'],
    applies: (subject) => isBrSubscriber(subject) && isEdwards(subject) && hasUsages(subject),
    check: signsOnly,
  },
  {
    ...br,
    since: smimeBrPostQuantum,
    id: 'key-usage-ml-dsa',
    clause: 'S/MIME BR 7.1.2.3 (e)',
    severity: 'error',
    demand: 'an ML-DSA key has digitalSignature, may have nonRepudiation, and nothing else',
    applies: (subject) => isBrSubscriber(subject) && isMlDsa(subject) && hasUsages(subject),
    check: signsOnly,
  },
  {
    ...br,
    since: smimeBrPostQuantum,
    id: 'key-usage-ml-kem',
    clause: 'S/MIME BR 7.1.2.3 (e)',
    severity: 'error',
    demand: 'an ML-KEM key has keyEncipherment and nothing else',
    applies: (subject) => isBrSubscriber(subject) && isMlKem(subject) && hasUsages(subject),
    check: (subject) => [
      ...lacksEvery(subject, 'keyEncipherment'),
      ...others(subject, ['keyEncipherment']).map((usage) => `keyUsage has ${usage}, which it must not`),
    ],
  },
  {
    id: 'key-usage',
    clause: 'S/MIME BR 7.1.2.3 (e), RFC 5280 4.2.1.3',
    severity: 'error',
    binds: 'office',
    demand: 'keyUsage is present, critical, and what the use needs',
    applies: isOfficeIssued,
    check(subject) {
      const { certificate, use } = subject;
      const present = usagesOf(certificate);
      if (present === undefined || use === undefined) return ['keyUsage is missing'];
      const wrong: string[] = [];
      if (certificate.extension(oids.keyUsage)?.critical !== true) wrong.push('keyUsage is not critical');
      const { needed, allowed } = usagesFor(use, subject);
      if (use === 'partner' && !allowed.slice(0, 2).some((usage) => present.has(usage)))
        wrong.push('keyUsage lets its owner neither sign nor decrypt');
      for (const usage of needed) if (!present.has(usage)) wrong.push(`keyUsage lacks ${usage}`);
      for (const usage of others(subject, [...needed, ...allowed]))
        wrong.push(`keyUsage has ${usage}, which it must not`);
      return wrong;
    },
  },
];

const SIGNING: readonly KeyUsage[] = ['digitalSignature', 'nonRepudiation', 'keyCertSign', 'cRLSign'];
const AGREEMENT: readonly KeyUsage[] = ['keyAgreement', 'encipherOnly', 'decipherOnly'];
const IMPOSSIBLE: readonly { ids: readonly string[]; name: string; allowed: readonly KeyUsage[] }[] = [
  {
    ids: [oids.rsaEncryption],
    name: 'an RSA key',
    allowed: [...SIGNING, 'keyEncipherment', 'dataEncipherment'],
  },
  { ids: [oids.ecPublicKey], name: 'an elliptic-curve key', allowed: [...SIGNING, ...AGREEMENT] },
  { ids: [oids.ed25519, oids.ed448], name: 'an Edwards-curve key', allowed: SIGNING },
  { ids: [oids.x25519, oids.x448], name: 'a Montgomery-curve key', allowed: AGREEMENT },
  { ids: [oids.mlDsa44, oids.mlDsa65, oids.mlDsa87], name: 'an ML-DSA key', allowed: SIGNING },
  { ids: [oids.mlKem512, oids.mlKem768, oids.mlKem1024], name: 'an ML-KEM key', allowed: ['keyEncipherment'] },
];

function usagesOf(certificate: Specimen): ReadonlySet<KeyUsage> | undefined {
  return certificate.content(oids.keyUsage)?.usages;
}

function others({ certificate }: LintSubject, allowed: readonly KeyUsage[]): KeyUsage[] {
  return [...(usagesOf(certificate) ?? [])].filter((usage) => !allowed.includes(usage));
}

/** Only then is there something to say of them: that keyUsage is missing, empty or malformed are findings of their own. */
function hasUsages({ certificate }: LintSubject): boolean {
  return (usagesOf(certificate)?.size ?? 0) > 0;
}

function lacksEvery({ certificate }: LintSubject, ...wanted: KeyUsage[]): string[] {
  const usages = usagesOf(certificate);
  return wanted.some((usage) => usages?.has(usage) === true)
    ? []
    : [`keyUsage has ${wanted.length > 1 ? 'neither ' : 'no '}${wanted.join(' nor ')}`];
}

/** Usages beyond the purposes that are set and what each of them may have beside it. */
function strangers(subject: LintSubject, purposes: Partial<Record<KeyUsage, readonly KeyUsage[]>>): string[] {
  const usages = usagesOf(subject.certificate);
  const allowed = (Object.entries(purposes) as [KeyUsage, readonly KeyUsage[]][]).flatMap(([purpose, beside]) =>
    usages?.has(purpose) === true ? [purpose, ...beside] : [],
  );
  return others(subject, allowed).map((usage) => `keyUsage has ${usage}, which it must not`);
}

function signsOnly(subject: LintSubject): string[] {
  return [
    ...lacksEvery(subject, 'digitalSignature'),
    ...others(subject, ['digitalSignature', 'nonRepudiation']).map(
      (usage) => `keyUsage has ${usage}, which it must not`,
    ),
  ];
}

function usagesFor(use: OfficeUse, subject: LintSubject): { needed: KeyUsage[]; allowed: KeyUsage[] } {
  const isRsa = subject.certificate.key.value?.id === oids.rsaEncryption;
  const establishment: KeyUsage = isRsa ? 'keyEncipherment' : 'keyAgreement';
  switch (use) {
    case 'root':
    case 'issuing':
      return { needed: ['keyCertSign', 'cRLSign'], allowed: ['digitalSignature'] };
    case 'signing':
      return { needed: ['digitalSignature'], allowed: ['nonRepudiation'] };
    case 'encryption':
      // dataEncipherment is allowed to RSA by the multipurpose profile only.
      return { needed: [establishment], allowed: isRsa && isOfficeMultipurpose(subject) ? ['dataEncipherment'] : [] };
    case 'gateway':
      return { needed: [establishment], allowed: ['digitalSignature'] };
    case 'scep-ra':
      // RFC 8894 3.3.1: it opens what clients send, and signs what it answers.
      return { needed: [establishment, 'digitalSignature'], allowed: [] };
    case 'partner':
      // RFC 8823 3: a key for both, or what its owner asked for of that.
      return {
        needed: [],
        allowed: [
          'digitalSignature',
          establishment,
          'nonRepudiation',
          ...(isRsa && isOfficeMultipurpose(subject) ? (['dataEncipherment'] as const) : []),
        ],
      };
    case 'ocsp':
    case 'admin':
    case 'seal':
      return { needed: ['digitalSignature'], allowed: [] };
  }
}
