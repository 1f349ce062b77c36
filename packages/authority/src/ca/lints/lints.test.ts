import { generateKeyPairSync } from 'node:crypto';
import {
  authorityInfoAccess,
  authorityKeyIdentifier,
  basicConstraints,
  buildName,
  buildTbsCertificate,
  type Certificate,
  certificatePolicies,
  crlDistributionPoints,
  type Extension,
  extendedKeyUsage,
  keyIdentifier,
  keyUsage,
  localSigner,
  ocspNoCheck,
  oids,
  signatureAlgorithmFor,
  subjectAltName,
  subjectKeyIdentifier,
  type TbsCertificateInput,
} from '@chancery/smime';
import { describe, expect, it } from 'vitest';
import { draftCertificate } from '../authority-key.ts';
import { describeLints, lints } from './catalogue.ts';
import { baselines } from './editions.ts';
import type { OfficeUse } from './lint.ts';
import { lintForIssuance } from './lint-certificate.ts';

const ec = () => localSigner(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey).spki;
const rsa = (modulusLength: number) => localSigner(generateKeyPairSync('rsa', { modulusLength }).privateKey).spki;
const sha256 = signatureAlgorithmFor('p256', 'sha256');
const caKey = ec();
const caName = buildName([{ type: 'commonName', value: 'Issuing' }]);
const leafKey = ec();
const extensions: Record<string, Extension> = {
  aki: authorityKeyIdentifier(keyIdentifier(caKey)),
  ski: subjectKeyIdentifier(keyIdentifier(leafKey)),
  keyUsage: keyUsage(['digitalSignature']),
  policies: certificatePolicies(['2.25.1.1']),
  san: subjectAltName({ emails: ['ada@example.com'] }),
  eku: extendedKeyUsage([oids.emailProtection]),
  cdp: crlDistributionPoints(['http://example.com/a.crl']),
  aia: authorityInfoAccess({ caIssuers: ['http://example.com/a.cer'], ocsp: ['http://example.com/ocsp'] }),
};

const issuer = draft({
  subject: caName,
  issuer: caName,
  spki: caKey,
  notBefore: new Date('2026-01-01T00:00:00Z'),
  notAfter: new Date('2036-01-01T00:00:00Z'),
  extensions: [subjectKeyIdentifier(keyIdentifier(caKey))],
});

function draft(input: Partial<TbsCertificateInput>): Certificate {
  const algorithm = input.signatureAlgorithm ?? sha256;
  const tbs = buildTbsCertificate({
    serialNumber: '4102030405060708090a0b0c0d0e0f10',
    signatureAlgorithm: algorithm,
    issuer: caName,
    subject: buildName([{ type: 'commonName', value: 'Ada' }]),
    notBefore: new Date('2026-03-01T00:00:00Z'),
    notAfter: new Date('2028-02-28T23:59:59Z'),
    spki: leafKey,
    extensions: Object.values(extensions),
    ...input,
  });
  return draftCertificate(tbs, algorithm);
}

/** The ids of the lints that a signing certificate trips, once a change is made to a clean one. */
function tripped(change: Partial<TbsCertificateInput>, replaced: Record<string, Extension | undefined> = {}): string[] {
  const merged = Object.values({ ...extensions, ...replaced }).filter((one) => one !== undefined);
  const certificate = draft({ extensions: merged, ...change });
  return [...new Set(lintForIssuance({ use: 'signing', certificate, issuer }).map(({ lint }) => lint))];
}

describe('the lints', () => {
  it('find nothing wrong with a clean certificate', () => {
    expect(tripped({})).toEqual([]);
  });

  it('have ids, clauses and demands of their own', () => {
    expect(new Set(lints.map(({ id }) => id)).size).toBe(lints.length);
    for (const { id, clause, demand } of lints) {
      expect(id).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/);
      expect(clause).toMatch(/^(S\/MIME BR|RFC) \d/);
      expect(demand).toMatch(/^[a-z].*[^.]$/i);
    }
  });

  it('are what the reference says', async () => {
    await expect(describeLints()).toMatchFileSnapshot('../../../../../docs/reference/lints.md');
  });

  const end = (iso: string) => ({ notAfter: new Date(iso) });
  const subject = (value: string) => ({ subject: buildName([{ type: 'commonName', value }]) });
  it.each<[string, Partial<TbsCertificateInput>, Record<string, Extension | undefined>, string]>([
    ['a small serial number', { serialNumber: '0102' }, {}, 'serial-number-entropy'],
    ['826 days', end('2028-06-04T00:00:00Z'), {}, 'validity-period'],
    ['a life longer than its issuer', { ...end('2036-01-01T00:00:01Z') }, {}, 'within-issuer-validity'],
    [
      'a life that begins before its issuer',
      { notBefore: new Date('2025-12-31T00:00:00Z') },
      {},
      'within-issuer-validity',
    ],
    ['RSA of 1024 bits', { spki: rsa(1024) }, {}, 'public-key'],
    [
      "an algorithm that is not the issuer's",
      { signatureAlgorithm: signatureAlgorithmFor('p384', 'sha384') },
      {},
      'signature-algorithm',
    ],
    [
      "a name that is not the issuer's",
      { issuer: buildName([{ type: 'commonName', value: 'issuing' }]) },
      {},
      'issuer-name',
    ],
    ['a common name of 65 characters', subject('A'.repeat(65)), {}, 'subject-lengths'],
    ['an address in the subject alone', subject('bob@example.com'), {}, 'subject-email-in-alternative-name'],
    ['no alternative name', {}, { san: undefined }, 'subject-alternative-name'],
    ['a host name', {}, { san: subjectAltName({ emails: ['a@b.c'], dns: ['b.c'] }) }, 'subject-alternative-name'],
    ['an address twice', {}, { san: subjectAltName({ emails: ['a@b.c', 'A@b.c'] }) }, 'subject-alternative-name'],
    ['no key usage', {}, { keyUsage: undefined }, 'key-usage'],
    [
      'key usage that is not critical',
      {},
      { keyUsage: { ...keyUsage(['digitalSignature']), critical: false } },
      'key-usage',
    ],
    [
      'key agreement in a signing certificate',
      {},
      { keyUsage: keyUsage(['digitalSignature', 'keyAgreement']) },
      'key-usage',
    ],
    ['no purpose', {}, { eku: undefined }, 'extended-key-usage'],
    ['serverAuth', {}, { eku: extendedKeyUsage([oids.emailProtection, oids.serverAuth]) }, 'extended-key-usage'],
    [
      'any purpose',
      {},
      { eku: extendedKeyUsage([oids.emailProtection, oids.anyExtendedKeyUsage]) },
      'extended-key-usage',
    ],
    ['an authority that is none', {}, { ca: basicConstraints({ ca: true }) }, 'basic-constraints'],
    ['no policy', {}, { policies: undefined }, 'certificate-policies'],
    [
      'a policy of the public authorities',
      {},
      { policies: certificatePolicies(['2.23.140.1.5.1.3']) },
      'certificate-policies',
    ],
    ['no distribution point', {}, { cdp: undefined }, 'crl-distribution-points'],
    [
      'a distribution point by https',
      {},
      { cdp: crlDistributionPoints(['https://example.com/a.crl']) },
      'crl-distribution-points',
    ],
    ['no authority key identifier', {}, { aki: undefined }, 'authority-key-identifier'],
    [
      'the identifier of another authority',
      {},
      { aki: authorityKeyIdentifier(Buffer.alloc(20)) },
      'authority-key-identifier',
    ],
    ['no subject key identifier', {}, { ski: undefined }, 'subject-key-identifier'],
    ['no address of the issuer', {}, { aia: undefined }, 'authority-information-access'],
    ['nocheck in a certificate of a person', {}, { nocheck: ocspNoCheck() }, 'ocsp-no-check'],
    ['a critical alternative name', {}, { san: subjectAltName({ emails: ['a@b.c'] }, true) }, 'critical-extensions'],
  ])('find %s', (_what, change, replaced, id) => {
    expect(tripped(change, replaced)).toContain(id);
  });

  it('hold to the purposes of an authority that names any', () => {
    const granting = draft({
      subject: caName,
      issuer: caName,
      spki: caKey,
      extensions: [subjectKeyIdentifier(keyIdentifier(caKey)), extendedKeyUsage([oids.clientAuth])],
    });
    const certificate = draft({ extensions: [extendedKeyUsage([oids.emailProtection])] });
    const found = (by: Certificate) =>
      lintForIssuance({ use: 'signing', certificate, issuer: by }).map(({ lint }) => lint);
    expect(found(granting)).toContain('extended-key-usage-of-issuer');
    expect(found(issuer)).not.toContain('extended-key-usage-of-issuer');
  });

  it('allow the multipurpose generation what the strict one may not have', () => {
    const found = (generation: 'strict' | 'multipurpose') =>
      lintForIssuance({
        use: 'signing',
        certificate: draft({
          extensions: [
            extendedKeyUsage([oids.emailProtection, oids.clientAuth]),
            subjectAltName({ emails: ['a@b.c'], userPrincipalNames: ['a@corp'] }),
          ],
        }),
        issuer,
        baseline: { claim: { type: 'sponsor', generation }, edition: baselines['1.0.15'] },
      }).map(({ lint }) => lint);
    for (const id of ['extended-key-usage', 'extended-key-usage-strict', 'subject-alternative-name'])
      expect(found('strict')).toContain(id);
    for (const id of ['extended-key-usage', 'extended-key-usage-mail', 'subject-alternative-name'])
      expect(found('multipurpose')).not.toContain(id);
  });

  it('warn of an encryption certificate without capabilities, and of a responder without nocheck', () => {
    const certificate = draft({ extensions: [keyUsage(['keyAgreement'])] });
    const found = (use: OfficeUse) =>
      lintForIssuance({ use, certificate, issuer }).map(({ lint, severity }) => `${lint} ${severity}`);
    expect(found('encryption')).toContain('smime-capabilities warning');
    expect(found('ocsp')).toContain('ocsp-no-check error');
  });

  it('hold authorities to longer keys, a path length and an identifier', () => {
    const certificate = draft({ spki: rsa(2048), extensions: [basicConstraints({ ca: true })] });
    const found = lintForIssuance({ use: 'issuing', certificate, issuer }).map(({ lint }) => lint);
    for (const id of ['public-key', 'basic-constraints', 'key-usage', 'subject-key-identifier-authority'])
      expect(found).toContain(id);
  });
});
