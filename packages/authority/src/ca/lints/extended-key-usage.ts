/** extKeyUsage (RFC 5280 4.2.1.12, S/MIME BR 7.1.2.2 (g), 7.1.2.3 (f)). */
import { oids } from '@chancery/smime';
import { rfc5280, smimeBr } from './editions.ts';
import { labelOf } from './labels.ts';
import {
  everyCertificate,
  isBrAuthority,
  isBrSubscriber,
  isOfficeMultipurpose,
  isOfficeNonRoot,
  isOfGeneration,
  type Lint,
  type LintSubject,
  type OfficeUse,
} from './lint.ts';

const br = { severity: 'error', binds: 'smime-br', since: smimeBr } as const;

const purposesOf = ({ certificate }: LintSubject): readonly string[] | undefined =>
  certificate.content(oids.extendedKeyUsage);

export const extendedKeyUsageLints: readonly Lint[] = [
  {
    id: 'extended-key-usage-list',
    clause: 'RFC 5280 4.2.1.12',
    severity: 'error',
    binds: 'any',
    since: rfc5280,
    demand: 'extKeyUsage names at least one purpose',
    applies: everyCertificate,
    check: (subject) => (purposesOf(subject)?.length === 0 ? ['extKeyUsage names no purpose'] : []),
  },
  {
    id: 'extended-key-usage-any-critical',
    clause: 'RFC 5280 4.2.1.12',
    severity: 'warning',
    binds: 'any',
    since: rfc5280,
    demand: 'extKeyUsage is not critical where it has anyExtendedKeyUsage, and names no purpose twice',
    applies: everyCertificate,
    check(subject) {
      const purposes = purposesOf(subject) ?? [];
      const wrong: string[] = [];
      if (purposes.includes(oids.anyExtendedKeyUsage) && subject.certificate.extension(oids.extendedKeyUsage)?.critical)
        wrong.push('extKeyUsage is critical and has anyExtendedKeyUsage');
      if (new Set(purposes).size < purposes.length) wrong.push('extKeyUsage names a purpose twice');
      return wrong;
    },
  },
  {
    ...br,
    id: 'extended-key-usage-present',
    clause: 'S/MIME BR 7.1.2.3 (f)',
    demand: 'a subscriber certificate of no claimed generation has emailProtection',
    applies: (subject) => isBrSubscriber(subject) && subject.claims.length === 0,
    check: (subject) => lacks(subject, [oids.emailProtection]),
  },
  {
    ...br,
    id: 'extended-key-usage-mail',
    clause: 'S/MIME BR 7.1.2.3 (f)',
    demand:
      'a legacy or multipurpose certificate has emailProtection, and neither serverAuth, codeSigning, timeStamping nor any',
    zlint: ['e_smime_legacy_multipurpose_eku_check'],
    applies: isOfGeneration('legacy', 'multipurpose'),
    check: (subject) => [...lacks(subject, [oids.emailProtection]), ...forbidden(subject)],
  },
  {
    ...br,
    id: 'extended-key-usage-strict',
    clause: 'S/MIME BR 7.1.2.3 (f)',
    demand: 'a certificate of the strict generation has emailProtection and nothing else',
    zlint: ['e_smime_strict_eku_check'],
    applies: isOfGeneration('strict'),
    check: (subject) => [
      ...lacks(subject, [oids.emailProtection]),
      ...(purposesOf(subject) ?? [])
        .filter((id) => id !== oids.emailProtection)
        .map((id) => `extKeyUsage has ${labelOf(id)}, which a strict certificate may not have`),
    ],
  },
  {
    ...br,
    id: 'extended-key-usage-authority',
    clause: 'S/MIME BR 7.1.2.1 (d), 7.1.2.2 (g)',
    demand:
      'a subordinate authority has emailProtection and neither serverAuth, codeSigning, timeStamping nor any; a root has none',
    applies: isBrAuthority,
    check(subject) {
      const isPresent = subject.certificate.extension(oids.extendedKeyUsage) !== undefined;
      if (subject.certificate.isSelfIssued) return isPresent ? ['a root has extKeyUsage'] : [];
      if (!isPresent) return ['extKeyUsage is missing'];
      return [...lacks(subject, [oids.emailProtection]), ...forbidden(subject)];
    },
  },
  {
    id: 'extended-key-usage',
    clause: 'S/MIME BR 7.1.2.3 (f)',
    severity: 'error',
    binds: 'office',
    demand: 'extKeyUsage is what the use needs, and nothing else but in the multipurpose generation',
    applies: isOfficeNonRoot,
    check(subject) {
      const { use } = subject;
      if (use === undefined) return [];
      const wanted = WANTED[use];
      return [
        ...lacks(subject, wanted),
        ...forbidden(subject),
        ...(purposesOf(subject) ?? [])
          .filter((id) => !wanted.includes(id) && !FORBIDDEN.has(id) && !isOfficeMultipurpose(subject))
          .map((id) => `extKeyUsage has ${labelOf(id)}, which a ${use} certificate may not have`),
      ];
    },
  },
  {
    id: 'extended-key-usage-of-issuer',
    clause: 'S/MIME BR 7.1.2.2 (g)',
    severity: 'error',
    binds: 'office',
    demand: 'every purpose is one of the authority that signs, where that names any',
    applies: ({ use, issuer }) => use !== undefined && issuer !== undefined,
    check(subject) {
      const granted = subject.issuer?.content(oids.extendedKeyUsage);
      if (granted === undefined || granted.includes(oids.anyExtendedKeyUsage)) return [];
      return (purposesOf(subject) ?? [])
        .filter((id) => !granted.includes(id))
        .map((id) => `extKeyUsage has ${labelOf(id)}, which the authority that signs may not give`);
    },
  },
];

const WANTED: Readonly<Record<OfficeUse, readonly string[]>> = {
  root: [],
  // An authority's purposes bound those of everything below it.
  issuing: [oids.emailProtection, oids.clientAuth, oids.ocspSigning],
  signing: [oids.emailProtection],
  encryption: [oids.emailProtection],
  gateway: [oids.clientAuth],
  ocsp: [oids.ocspSigning],
  'scep-ra': [],
  admin: [oids.clientAuth],
  seal: [],
  partner: [oids.emailProtection],
};

const FORBIDDEN: ReadonlySet<string> = new Set([
  oids.serverAuth,
  oids.codeSigning,
  oids.timeStamping,
  oids.anyExtendedKeyUsage,
]);

/** An extension that cannot be read lacks nothing that anybody knows of: that it is malformed is another lint's finding. */
function lacks(subject: LintSubject, wanted: readonly string[]): string[] {
  if (subject.certificate.extensionProblem(oids.extendedKeyUsage) !== undefined) return [];
  return wanted
    .filter((id) => purposesOf(subject)?.includes(id) !== true)
    .map((id) => `extKeyUsage lacks ${labelOf(id)}`);
}

const forbidden = (subject: LintSubject): string[] =>
  (purposesOf(subject) ?? [])
    .filter((id) => FORBIDDEN.has(id))
    .map((id) => `extKeyUsage has ${labelOf(id)}, which no certificate for mail may have`);
