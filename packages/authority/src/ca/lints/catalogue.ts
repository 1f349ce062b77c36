/** Every lint, and the reference page made from them. */
import { alternativeNameLints } from './alternative-name.ts';
import { certificatePolicyLints } from './certificate-policies.ts';
import { constraintLints } from './constraints.ts';
import type { Edition } from './editions.ts';
import { encodingLints } from './encoding.ts';
import { extendedKeyUsageLints } from './extended-key-usage.ts';
import { extensionListLints } from './extension-list.ts';
import { keyIdentifierLints } from './key-identifiers.ts';
import { keyUsageLints } from './key-usage.ts';
import type { Lint } from './lint.ts';
import { nameLints } from './names.ts';
import { organizationIdentifierLints } from './organization-identifier.ts';
import { publicKeyLints } from './public-key.ts';
import { revocationSourceLints } from './revocation-sources.ts';
import { serialNumberLints } from './serial-number.ts';
import { signatureAlgorithmLints } from './signature-algorithm.ts';
import { subjectAttributeLints } from './subject-attributes.ts';
import { validityLints } from './validity.ts';

/** In the order of the fields of a certificate. */
export const lints: readonly Lint[] = [
  ...encodingLints,
  ...serialNumberLints,
  ...signatureAlgorithmLints,
  ...validityLints,
  ...nameLints,
  ...subjectAttributeLints,
  ...organizationIdentifierLints,
  ...publicKeyLints,
  ...extensionListLints,
  ...keyIdentifierLints,
  ...keyUsageLints,
  ...extendedKeyUsageLints,
  ...certificatePolicyLints,
  ...alternativeNameLints,
  ...constraintLints,
  ...revocationSourceLints,
];

/** The reference page, in Markdown. */
export function describeLints(): string {
  const lines = [
    '<!-- Generated from packages/authority/src/ca/lints: npx vitest run packages/authority/src/ca/lints/lints.test.ts -u -->',
    '',
    '# Lints',
    '',
    'What `chancery lint` finds in a certificate, and what this office checks before it signs one. An error breaks a MUST or',
    'SHALL and blocks issuance; a warning breaks a SHOULD and goes on record. A certificate is judged by what held when it was',
    'issued (its `notBefore`); `--at` asks for another day. The clauses are those of RFCs and of the S/MIME Baseline Requirements of',
    'the CA/Browser Forum ("S/MIME BR").',
    '',
    ...(Object.keys(SECTIONS) as Lint['binds'][]).flatMap((binds) => [
      `## ${SECTIONS[binds].title}`,
      '',
      SECTIONS[binds].about,
      '',
      '| lint | demands that | clause | severity | holds | zlint |',
      '| --- | --- | --- | --- | --- | --- |',
      ...lints.filter((lint) => lint.binds === binds).map(rowOf),
      '',
    ]),
  ];
  return lines.join('\n');
}

const SECTIONS: Readonly<Record<Lint['binds'], { title: string; about: string }>> = {
  any: { title: 'Any certificate', about: 'Rules of the RFCs, for every certificate whoever issued it.' },
  'smime-br': {
    title: 'Under the S/MIME Baseline Requirements',
    about:
      'For certificates that claim one of the reserved policies 2.23.140.1.5, and with `--profile smime-br` for every certificate.\n' +
      'A private authority names policies of its own and is not held to them; a certificate for mail that names no policy at all is\n' +
      'held to `policy-reserved` alone. With `--profile rfc` none of them is looked at.',
  },
  office: {
    title: 'Issued by this office',
    about:
      'For what this office is about to sign: narrower than the Baseline Requirements, and by the use of the certificate.',
  },
};

function rowOf({ id, demand, clause, severity, since, until, zlint = [] }: Lint): string {
  const from = [since && `from ${nameOf(since)}`, until && `to ${nameOf(until)}`].filter(Boolean).join(' ');
  return `| \`${id}\` | ${demand} | ${clause} | ${severity} | ${from} | ${zlint.map((name) => `\`${name}\``).join(', ')} |`;
}

const nameOf = ({ document, from }: Edition): string => `${document} (${from.toISOString().slice(0, 10)})`;
