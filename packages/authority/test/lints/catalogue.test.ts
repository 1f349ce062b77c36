/** Each lint of the catalogue, tripped by a certificate that breaks its rule. (Those of the office are in src/ca/lints.) */
import { generateKeyPairSync } from 'node:crypto';
import { oids } from '@chancery/smime';
import { describe, expect, it } from 'vitest';
import { lints } from '../../src/ca/lints/catalogue.ts';
import { type LintOptions, lintCertificate } from '../../src/ca/lints/lint-certificate.ts';
import {
  access,
  authority,
  bits,
  der,
  type ForgedAttribute,
  type Forgery,
  forge,
  forgedExtension,
  generalizedTime,
  hex,
  host,
  hostName,
  ia5,
  individual,
  legacy,
  mailbox,
  mailboxName,
  name,
  oid,
  organization,
  otherName,
  p256Point,
  plainKey,
  points,
  policies,
  printable,
  purposes,
  rsaKey,
  sequence,
  spki,
  sponsor,
  truth,
  uriName,
  usage,
  utcTime,
  utf8,
} from './forge.ts';

const jwk = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ format: 'jwk' });
const modulus = BigInt(`0x${Buffer.from(jwk.n ?? '', 'base64url').toString('hex')}`);
const rsa = rsaKey(modulus, 65_537n);
const weakRsa = rsaKey((1n << 1023n) + 1n, 65_537n);
const keyEncipherment = usage('20', 5);
const nothing = Buffer.alloc(0);

const tripped = (certificate: Uint8Array, options?: LintOptions): string[] =>
  lintCertificate(certificate, options).map(({ lint }) => lint);

describe('certificates that keep every rule have no findings', () => {
  it.each(Object.entries({ mailbox, organization, sponsor, individual, legacy, authority, host }))(
    'one of the profile %s',
    (_name, base) => expect(lintCertificate(forge({}, base))).toEqual([]),
  );

  it('a root, a responder, and one for mail with an RSA key or without a subject', () => {
    const subject = name(['countryName', 'DE'], ['organizationName', 'Trust'], ['commonName', 'Root']);
    const rootExtensions = {
      certificatePolicies: undefined,
      extendedKeyUsage: undefined,
      authorityKeyIdentifier: undefined,
      crlDistributionPoints: undefined,
      authorityInfoAccess: undefined,
    };
    const root = forge({ issuer: subject, subject, extensions: rootExtensions }, authority);
    expect(lintCertificate(root)).toEqual([]);
    expect(lintCertificate(root, { profile: 'smime-br' })).toEqual([]);
    const responder = {
      extendedKeyUsage: { value: purposes(oids.ocspSigning) },
      ocspNoCheck: { value: hex('0500') },
    };
    expect(lintCertificate(forge({ extensions: responder }, host))).toEqual([]);
    expect(lintCertificate(forge({ spki: rsa }))).toEqual([]);
    const nameless = { subjectAltName: { critical: true, value: sequence(mailboxName('ada@example.com')) } };
    expect(lintCertificate(forge({ subject: sequence(), extensions: nameless }))).toEqual([]);
  });

  it.each([
    ['Ed25519', plainKey(oids.ed25519, 32), 'digitalSignature'],
    ['ML-DSA-65', plainKey(oids.mlDsa65, 1952), 'digitalSignature'],
    ['ML-KEM-768', plainKey(oids.mlKem768, 1184), 'keyEncipherment'],
  ])('one with a key of %s', (_name, key, purpose) => {
    const keyUsage = purpose === 'keyEncipherment' ? keyEncipherment : usage('80', 7);
    expect(lintCertificate(forge({ spki: key, extensions: { keyUsage } }))).toEqual([]);
  });
});

type Case = readonly [lint: string, change: Partial<Forgery>, base?: Forgery, options?: LintOptions];
const notice = (...parts: Uint8Array[]) => ({
  value: sequence(
    sequence(oid('2.23.140.1.5.1.3'), sequence(sequence(oid(oids.qualifierUserNotice), sequence(...parts)))),
  ),
});
const cps = (uri: string) => ({
  value: sequence(sequence(oid('2.23.140.1.5.1.3'), sequence(sequence(oid(oids.qualifierCps), ia5(uri))))),
});
const policy = (...all: string[]) => ({ certificatePolicies: { value: policies(...all) } });
const alternative = (...names: Uint8Array[]) => ({ subjectAltName: { value: sequence(...names) } });
const purpose = (...all: string[]) => ({ extendedKeyUsage: { value: purposes(...all) } });
const subject = (...attributes: ForgedAttribute[]): Partial<Forgery> => ({ subject: name(...attributes) });
const ada = mailboxName('ada@example.com');
const crl = (...uris: string[]) => ({ crlDistributionPoints: { value: points(...uris) } });
const { accessCaIssuers, accessOcsp } = oids;
const aia = (...entries: [string, string][]) => ({ authorityInfoAccess: { value: access(...entries) } });

const anyCertificate: Case[] = [
  ['malformed-field', { subject: sequence(hex('3100')) }],
  ['malformed-field', { notBefore: nothing, notAfter: nothing }],
  ['malformed-field', { spki: sequence(hex('0500')) }],
  ['malformed-field', { extensionField: der(0xa3, hex('0500')) }],
  ['malformed-extension', { extensions: { keyUsage: { critical: true, value: hex('0500') } } }],
  ['malformed-extension', { extensions: { subjectAltName: { value: sequence(hex('9f00')) } } }],
  ['der-encoding', { subject: hex('3081 00'), extensions: {} }],
  ['der-defaults', { furtherExtensions: [sequence(oid('1.2.3.4'), hex('010100'), der(0x04, hex('0500')))] }],
  ['der-defaults', { extensions: { keyUsage: usage('80', 0) } }],
  ['der-defaults', { extensions: { basicConstraints: { value: sequence(hex('010100')) } } }],
  ['der-encoding', { serialNumber: hex('004102030405060708') }],
  ['der-encoding', { extensions: { basicConstraints: { critical: true, value: sequence(hex('010101')) } } }, authority],
  ['der-encoding', { extensions: { keyUsage: { critical: true, value: hex('0381020780') } } }],
  ['version', { version: nothing }],
  ['version', { version: der(0xa0, der(0x02, hex('09'))) }],
  ['signature-algorithms-agree', { innerAlgorithm: sequence(oid(oids.ecdsaWithSha384)) }],
  ['unique-identifiers', { uniqueIdentifiers: der(0x81, hex('0001')) }],
  ['serial-number', { serialNumber: hex('ff') }],
  ['serial-number', { serialNumber: hex('00') }],
  ['serial-number', { serialNumber: hex('') }],
  ['serial-number', { serialNumber: Buffer.alloc(21, 7) }],
  ['signature-parameters', { outerAlgorithm: sequence(oid(oids.ecdsaWithSha256), hex('0500')) }],
  ['signature-parameters', { outerAlgorithm: sequence(oid(oids.sha256WithRsa)) }],
  ['signature-parameters', { outerAlgorithm: sequence(oid(oids.rsaPss)) }],
  ['signature-parameters', { outerAlgorithm: sequence(hex('0500')) }],
  ['weak-signature', { outerAlgorithm: sequence(oid(oids.sha1WithRsa), hex('0500')) }, host],
  ['issuer-name', {}, mailbox, { issuer: forge({}, host) }],
  ['validity-encoding', { notBefore: generalizedTime('20260301000000Z') }],
  ['validity-encoding', { notBefore: utcTime('2603010000Z') }],
  ['validity-encoding', { notBefore: utcTime('260301000000+0100') }],
  ['validity-encoding', { notBefore: utcTime('260231000000Z') }],
  ['validity-encoding', { notBefore: utf8('2026') }],
  ['validity-order', { notAfter: utcTime('260228235959Z') }],
  ['issuer-present', { issuer: sequence() }],
  ['subject-present', { subject: sequence() }],
  ['subject-present', { subject: sequence() }, authority],
  ['subject-lengths', subject(['commonName', 'A'.repeat(65)])],
  ['name-attribute-blank', subject(['commonName', ' '])],
  ['name-string-type', subject(['countryName', utf8('DE')])],
  ['name-string-type', subject(['commonName', printable('ada@example.com')])],
  ['name-string-type', subject(['commonName', ia5('Ada')])],
  ['name-string-type', subject(['emailAddress', utf8('ada@example.com')])],
  ['name-string-type', subject(['commonName', der(0x0c, hex('ff'))])],
  ['name-old-string-type', subject(['commonName', der(0x14, Buffer.from('Ada'))])],
  ['country-code', subject(['countryName', 'de'])],
  [
    'subject-email-without-alternative-name',
    { ...subject(['emailAddress', 'ada@example.com']), extensions: { subjectAltName: undefined } },
  ],
  ['subject-email-single', subject(['emailAddress', 'ada@example.com, bob@example.com'])],
  ['subject-email-single', subject(['emailAddress', 'ada@example.com'], ['emailAddress', 'bob@example.com'])],
  ['key-parameters', { spki: rsaKey(modulus, 65_537n, nothing) }],
  ['key-parameters', { spki: spki(sequence(oid(oids.ecPublicKey), sequence()), p256Point) }],
  ['key-parameters', { spki: spki(sequence(oid(oids.ed25519), hex('0500')), Buffer.alloc(32)) }],
  ['key-length', { spki: plainKey(oids.ed25519, 31) }],
  ['key-length', { spki: sequence(sequence(oid(oids.ed25519)), bits(Buffer.alloc(32), 1)) }],
  ['rsa-key-form', { spki: spki(sequence(oid(oids.rsaEncryption), hex('0500')), hex('0500')) }],
  [
    'rsa-key-form',
    { spki: spki(sequence(oid(oids.rsaEncryption), hex('0500')), sequence(hex('0201ff'), hex('020103'))) },
  ],
  ['weak-key', { spki: weakRsa }, host],
  ['weak-key', { spki: rsaKey(3n << 2047n, 65_537n) }, host],
  ['weak-key', { spki: spki(sequence(oid(oids.dsa)), hex('020101')) }, host],
  ['extensions-empty', { extensionField: der(0xa3, sequence()) }],
  ['extension-twice', { furtherExtensions: [forgedExtension('keyUsage', usage('80', 7))] }],
  [
    'extension-criticality',
    { extensions: { authorityKeyIdentifier: { critical: true, value: sequence(der(0x80, hex('01'))) } } },
  ],
  [
    'extension-criticality',
    { extensions: { nameConstraints: { value: sequence(der(0xa0, sequence(mailboxName('example.com')))) } } },
    authority,
  ],
  [
    'extension-criticality-advice',
    { extensions: { crlDistributionPoints: { critical: true, value: points('http://a.example/') } } },
    host,
  ],
  ['extension-criticality-advice', { extensions: { keyUsage: { value: bits(hex('80'), 7) } } }, host],
  ['smime-capabilities-form', { extensions: { smimeCapabilities: { value: sequence() } } }],
  ['ocsp-no-check', { extensions: { ocspNoCheck: { value: hex('0500') } } }],
  ['authority-key-identifier-present', { extensions: { authorityKeyIdentifier: undefined } }, host],
  ['authority-key-identifier-present', { extensions: { authorityKeyIdentifier: { value: sequence() } } }, host],
  [
    'authority-key-identifier-pair',
    { extensions: { authorityKeyIdentifier: { value: sequence(der(0x80, hex('01')), der(0x82, hex('01'))) } } },
  ],
  ['subject-key-identifier-authority', { extensions: { subjectKeyIdentifier: undefined } }, authority],
  ['subject-key-identifier-present', { extensions: { subjectKeyIdentifier: undefined } }],
  ['subject-key-identifier-value', { extensions: { subjectKeyIdentifier: { value: hex('0400') } } }],
  ['key-usage-empty', { extensions: { keyUsage: usage('', 0) } }],
  ['key-usage-certificate-signing', { extensions: { keyUsage: usage('84', 2) } }],
  ['key-usage-certificate-signing', { extensions: { keyUsage: usage('80', 7) } }, authority],
  ['key-usage-certificate-signing', { extensions: { keyUsage: undefined } }, authority],
  ['key-usage-one-way', { extensions: { keyUsage: usage('81', 0) } }],
  ['key-usage-one-way', { extensions: { keyUsage: usage('0980', 7) } }],
  ['key-usage-fits-key', { extensions: { keyUsage: keyEncipherment } }, host],
  ['key-usage-fits-key', { spki: rsa, extensions: { keyUsage: usage('88', 3) } }, host],
  ['key-usage-fits-key', { spki: plainKey(oids.x25519, 32) }, host],
  ['key-usage-fits-key', { spki: plainKey(oids.mlKem512, 800) }, host],
  ['extended-key-usage-list', { extensions: purpose() }],
  ['extended-key-usage-any-critical', { extensions: purpose(oids.emailProtection, oids.emailProtection) }],
  [
    'extended-key-usage-any-critical',
    { extensions: { extendedKeyUsage: { critical: true, value: purposes(oids.anyExtendedKeyUsage) } } },
    host,
  ],
  ['policy-list', { extensions: policy() }],
  ['policy-list', { extensions: policy('2.23.140.1.5.1.3', '1.2.3', '1.2.3') }],
  ['policy-notice-text', { extensions: { certificatePolicies: notice(ia5('Notice')) } }],
  ['policy-notice-text', { extensions: { certificatePolicies: notice(utf8('é'.repeat(201))) } }],
  ['policy-notice-form', { extensions: { certificatePolicies: notice(der(0x1a, Buffer.from('Notice'))) } }],
  ['alternative-name-empty', { extensions: alternative() }],
  ['alternative-name-empty', { extensions: alternative(ada, mailboxName('')) }],
  ['alternative-name-mailboxes', { extensions: alternative(mailboxName('Ada <ada@example.com>')) }],
  ['alternative-name-mailboxes', { extensions: alternative(mailboxName('ada@example.com bob@example.com')) }],
  ['alternative-name-mailboxes', { extensions: alternative(mailboxName('adaé@example.com')) }],
  ['alternative-name-utf8-mailboxes', { extensions: alternative(ada, otherName(oids.smtpUtf8Mailbox, ia5('ada'))) }],
  ['alternative-name-utf8-mailboxes', { extensions: alternative(ada, otherName(oids.smtpUtf8Mailbox, utf8('adé'))) }],
  [
    'alternative-name-utf8-mailboxes',
    { extensions: alternative(ada, otherName(oids.smtpUtf8Mailbox, utf8('ada@example.com'))) },
  ],
  ['alternative-name-hosts', { extensions: alternative(hostName('a_b.example.com')) }, host],
  ['alternative-name-uris', { extensions: alternative(uriName('/relative')) }, host],
  ['alternative-name-addresses', { extensions: alternative(der(0x87, hex('0102'))) }, host],
  ['issuer-alternative-name', { extensions: { issuerAltName: { value: sequence() } } }],
  ['basic-constraints-authority', { extensions: { basicConstraints: { value: sequence(truth) } } }, authority],
  ['path-length', { extensions: { basicConstraints: { value: sequence(hex('020100')) } } }],
  [
    'path-length',
    { extensions: { basicConstraints: { critical: true, value: sequence(truth, hex('0201ff')) } } },
    authority,
  ],
  [
    'path-length',
    {
      extensions: {
        basicConstraints: { critical: true, value: sequence(truth, hex('020100')) },
        keyUsage: usage('02', 1),
      },
    },
    authority,
  ],
  ['name-constraints', { extensions: { nameConstraints: { critical: true, value: sequence() } } }, authority],
  [
    'name-constraints',
    { extensions: { nameConstraints: { critical: true, value: sequence(der(0xa0, sequence(mailboxName('a.b')))) } } },
  ],
  [
    'name-constraints',
    {
      extensions: {
        nameConstraints: { critical: true, value: sequence(der(0xa0, sequence(mailboxName('a.b'), hex('800101')))) },
      },
    },
    authority,
  ],
  [
    'name-constraints',
    {
      extensions: {
        nameConstraints: { critical: true, value: sequence(der(0xa0, sequence(der(0x87, hex('01020304'))))) },
      },
    },
    authority,
  ],
  ['policy-constraints', { extensions: { policyConstraints: { critical: true, value: sequence() } } }, authority],
  ['policy-constraints', { extensions: { inhibitAnyPolicy: { critical: true, value: hex('0201ff') } } }, authority],
  ['policy-mappings', { extensions: { policyMappings: { critical: true, value: sequence() } } }, authority],
  [
    'policy-mappings',
    {
      extensions: { policyMappings: { critical: true, value: sequence(sequence(oid('1.2.3'), oid(oids.anyPolicy))) } },
    },
    authority,
  ],
  ['distribution-point-form', { extensions: crl() }],
  ['distribution-point-form', { extensions: { freshestCrl: { value: sequence(sequence(hex('81020780'))) } } }],
  ['access-form', { extensions: aia() }],
];

const underBr: Case[] = [
  ['serial-number-entropy', { serialNumber: hex('03') }],
  ['serial-number-entropy', { serialNumber: Buffer.concat([hex('00'), Buffer.alloc(20, 0x80)]) }],
  ['signature-algorithm-classical', { outerAlgorithm: sequence(oid(oids.mlDsa65)) }, legacy],
  ['signature-algorithm-allowed', { outerAlgorithm: sequence(oid(oids.sha1WithRsa), hex('0500')) }],
  ['validity-period', { notAfter: utcTime('280604000000Z') }],
  ['validity-period', { notAfter: utcTime('270601000000Z') }, legacy],
  ['subject-attributes-mailbox', subject(['organizationName', 'Example'])],
  [
    'subject-attributes-organization',
    subject(['organizationName', 'Example'], ['organizationIdentifier', 'GOVDE'], ['surname', 'A']),
    organization,
  ],
  [
    'subject-attributes-sponsor',
    subject(['organizationName', 'Example'], ['organizationIdentifier', 'GOVDE'], ['surname', 'A'], ['userId', 'a']),
    sponsor,
  ],
  ['subject-attributes-individual', subject(['surname', 'A'], ['organizationName', 'Example']), individual],
  ['subject-attributes-individual', subject(['surname', 'A'], ['countryName', 'DE'], ['postalCode', '1']), individual],
  ['subject-organization', subject(['organizationName', 'Example']), organization],
  ['subject-organization', subject(['organizationIdentifier', 'GOVDE']), organization],
  ['subject-person', subject(['commonName', 'Ada']), individual],
  ['subject-pseudonym', subject(['surname', 'A'], ['pseudonym', 'B']), individual],
  ['subject-place', subject(['surname', 'A'], ['localityName', 'Berlin']), individual],
  [
    'subject-place',
    subject(['organizationName', 'E'], ['countryName', 'DE'], ['streetAddress', 'Way 1']),
    organization,
  ],
  ['subject-country', subject(['surname', 'A'], ['countryName', 'ZZ']), individual],
  ['subject-metadata', subject(['surname', '-']), individual],
  ['common-name-mailbox', subject(['commonName', 'Ada'])],
  ['common-name-organization', subject(['organizationName', 'Example'], ['commonName', 'Other']), organization],
  ['subject-email-in-alternative-name', subject(['commonName', 'bob@example.com'])],
  ['authority-subject', subject(['commonName', 'Trust']), authority],
  ['organization-identifier-form', subject(['organizationIdentifier', 'NDE-1']), organization],
  ['organization-identifier-form', subject(['organizationIdentifier', 'ABCDE-1']), organization],
  ['organization-identifier-form', subject(['organizationIdentifier', 'LEIDE-1']), organization],
  ['organization-identifier-form', subject(['organizationIdentifier', 'NTRYY-1']), organization],
  ['organization-identifier-form', subject(['organizationIdentifier', 'NTRDE']), organization],
  [
    'organization-identifier-country',
    subject(['countryName', 'FR'], ['organizationIdentifier', 'NTRDE-1']),
    organization,
  ],
  [
    'organization-identifier-string',
    subject(['organizationIdentifier', der(0x14, Buffer.from('NTRDE-1'))]),
    organization,
  ],
  ['public-key-algorithm-classical', { spki: plainKey(oids.mlDsa65, 1952) }, legacy],
  ['public-key-algorithm', { spki: plainKey('1.2.643.7.1.1.1.1', 64) }],
  ['public-key-algorithm', { spki: spki(sequence(oid(oids.ecPublicKey), oid('1.3.132.0.33')), Buffer.alloc(57, 4)) }],
  ['rsa-key', { spki: weakRsa }],
  ['rsa-key', { spki: rsaKey((modulus >> 1n) | 1n, 65_537n) }],
  ['rsa-key', { spki: rsaKey(modulus, 65_536n) }],
  ['rsa-key', { spki: rsaKey(3n << 2046n, 65_537n) }],
  ['rsa-exponent', { spki: rsaKey(modulus, 3n) }],
  [
    'ec-point',
    {
      spki: spki(
        sequence(oid(oids.ecPublicKey), oid(oids.prime256v1)),
        Buffer.concat([p256Point.subarray(0, 64), hex('00')]),
      ),
    },
  ],
  ['authority-key-length', { spki: rsa, notBefore: utcTime('261001000000Z') }, authority],
  ['adobe-extensions-strict', { extensions: { adobeTimeStamp: { value: hex('0500') } } }],
  [
    'adobe-extensions-criticality',
    { extensions: { adobeArchiveRevInfo: { critical: true, value: hex('0500') } } },
    organization,
  ],
  ['legal-entity-identifier', { extensions: { legalEntityIdentifier: { value: hex('1300') } } }],
  ['legal-entity-identifier', { extensions: { legalEntityRole: { value: hex('1300') } } }, organization],
  [
    'legal-entity-identifier',
    { extensions: { legalEntityIdentifier: { critical: true, value: hex('1300') } } },
    sponsor,
  ],
  ['qualified-statements-criticality', { extensions: { qcStatements: { critical: true, value: sequence() } } }],
  ['subject-directory-attributes', { extensions: { subjectDirectoryAttributes: { value: sequence() } } }],
  [
    'smime-capabilities-criticality',
    { extensions: { smimeCapabilities: { critical: true, value: sequence(sequence(oid(oids.aes256Cbc))) } } },
  ],
  ['authority-key-identifier-only', { extensions: { authorityKeyIdentifier: undefined } }],
  [
    'authority-key-identifier-only',
    {
      extensions: {
        authorityKeyIdentifier: { value: sequence(der(0x80, hex('01')), der(0xa1), der(0x82, hex('01'))) },
      },
    },
  ],
  [
    'subject-key-identifier-criticality',
    { extensions: { subjectKeyIdentifier: { critical: true, value: hex('040101') } } },
  ],
  ['key-usage-present', { extensions: { keyUsage: undefined } }],
  ['key-usage-criticality', { extensions: { keyUsage: { value: bits(hex('80'), 7) } } }],
  ['key-usage-purpose-rsa', { spki: rsa, extensions: { keyUsage: usage('40', 6) } }],
  ['key-usage-purpose-ec', { extensions: { keyUsage: usage('40', 6) } }],
  ['key-usage-rsa', { spki: rsa, extensions: { keyUsage: usage('90', 4) } }, organization],
  ['key-usage-rsa', { spki: rsa, extensions: { keyUsage: usage('60', 5) } }, organization],
  ['key-usage-rsa-strict', { spki: rsa, extensions: { keyUsage: usage('30', 4) } }],
  ['key-usage-ec', { extensions: { keyUsage: usage('48', 3) } }],
  ['key-usage-ec', { extensions: { keyUsage: usage('84', 2) } }],
  ['key-usage-edwards', { spki: plainKey(oids.ed25519, 32), extensions: { keyUsage: usage('88', 3) } }],
  ['key-usage-ml-dsa', { spki: plainKey(oids.mlDsa44, 1312), extensions: { keyUsage: usage('82', 1) } }],
  ['key-usage-ml-kem', { spki: plainKey(oids.mlKem512, 800) }],
  [
    'extended-key-usage-present',
    { extensions: { ...policy('2.25.1'), extendedKeyUsage: undefined } },
    mailbox,
    { profile: 'smime-br' },
  ],
  ['extended-key-usage-mail', { extensions: purpose(oids.emailProtection, oids.serverAuth) }, organization],
  ['extended-key-usage-mail', { extensions: purpose(oids.clientAuth) }, organization],
  ['extended-key-usage-strict', { extensions: purpose(oids.emailProtection, oids.clientAuth) }],
  ['extended-key-usage-strict', { extensions: { extendedKeyUsage: undefined } }],
  ['extended-key-usage-authority', { extensions: purpose(oids.emailProtection, oids.codeSigning) }, authority],
  ['extended-key-usage-authority', { subject: mailbox.issuer }, authority],
  ['policy-reserved', { extensions: policy('2.23.140.1.5.1.3', '2.23.140.1.5.2.3') }],
  ['policy-reserved', { extensions: { certificatePolicies: undefined } }],
  ['policy-legacy', { extensions: policy('2.23.140.1.5.1.1') }],
  ['policy-qualifiers', { extensions: { certificatePolicies: cps('ftp://example.com/') } }],
  ['policy-qualifiers', { extensions: { certificatePolicies: notice() } }],
  ['policy-qualifiers', { extensions: { certificatePolicies: notice(sequence(utf8('A'), sequence()), utf8('B')) } }],
  [
    'policy-criticality',
    { extensions: { certificatePolicies: { critical: true, value: policies('2.23.140.1.5.1.3') } } },
  ],
  ['policy-any', { extensions: policy('2.23.140.1.5.1.3', oids.anyPolicy) }],
  ['policy-authority', { extensions: policy('1.2.3') }, authority, { profile: 'smime-br' }],
  ['policy-root', { subject: mailbox.issuer }, authority],
  ['alternative-name-present', { extensions: { subjectAltName: undefined } }],
  ['alternative-name-has-mailbox', { extensions: alternative(der(0xa4, name(['commonName', 'Ada']))) }],
  ['alternative-name-kinds', { extensions: alternative(ada, hostName('example.com')) }],
  [
    'alternative-name-other-names',
    { extensions: alternative(ada, otherName(oids.userPrincipalName, utf8('ada@corp'))) },
  ],
  ['alternative-name-criticality', { extensions: { subjectAltName: { critical: true, value: sequence(ada) } } }],
  ['basic-constraints-subscriber', { extensions: { basicConstraints: { value: sequence(hex('020100')) } } }],
  ['key-usage-authority', { extensions: { keyUsage: usage('04', 2) } }, authority],
  ['key-usage-authority', { extensions: { keyUsage: { value: bits(hex('06'), 1) } } }, authority],
  ['distribution-points-present', { extensions: { crlDistributionPoints: undefined } }],
  ['distribution-points-http', { extensions: crl('http://a.example/', 'ldap://a.example/') }],
  ['distribution-points-http', { extensions: crl('ldap://a.example/') }, legacy],
  [
    'distribution-points-criticality',
    { extensions: { crlDistributionPoints: { critical: true, value: points('http://a.example/') } } },
  ],
  ['distribution-points-authority', { extensions: crl('ldap://a.example/') }, authority],
  [
    'access-http',
    { extensions: aia([accessCaIssuers, 'http://a.example.com/'], [accessOcsp, 'https://a.example.com/']) },
  ],
  ['access-http-legacy', { extensions: aia([accessCaIssuers, 'ldap://a.example.com/']) }, legacy],
  ['access-issuer', { extensions: { authorityInfoAccess: undefined } }],
  ['access-internal-name', { extensions: aia([accessCaIssuers, 'http://pki/ca.cer']) }],
  ['access-internal-name', { extensions: aia([accessCaIssuers, 'http://ca.corp.internal:8080/ca.cer']) }],
];

describe('a certificate that breaks a rule', () => {
  it.each([...anyCertificate, ...underBr].map((one, index) => [one[0], index, one] as const))(
    '%s (%i)',
    (lint, _index, [, change, base, options]) => {
      const certificate = forge(change, base);
      expect(tripped(certificate, options)).toContain(lint);
      expect(
        tripped(forge({}, base), {
          ...options,
          ...(options?.issuer && { issuer: forge({ subject: mailbox.issuer }, authority) }),
        }),
      ).not.toContain(lint);
    },
  );

  it('exists for every lint but those of the office', () => {
    const tested = new Set([...anyCertificate, ...underBr].map(([lint]) => lint));
    expect(
      lints
        .filter(({ binds }) => binds !== 'office')
        .map(({ id }) => id)
        .filter((id) => !tested.has(id)),
    ).toEqual([]);
  });
});
