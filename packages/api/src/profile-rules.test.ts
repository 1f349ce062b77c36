import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { profileChanges } from './profile-changes.ts';
import { ProfileDocument } from './profile-document.ts';
import { profileProblems } from './profile-rules.ts';

const signing: ProfileDocument = {
  name: 'Signing',
  description: 'Signs mail.',
  use: 'signing',
  baseline: { type: 'sponsor', generation: 'strict' },
  validityDays: 730,
  backdateMinutes: 5,
  renewalDays: 30,
  renewalKey: 'same',
  keys: { algorithms: ['rsa', 'p256'], rsaBits: { minimum: 2048, maximum: 8192 }, generate: null },
  keyOrigins: ['device', 'browser', 'gateway'],
  escrow: 'never',
  retainYears: null,
  approval: 'never',
  subject: [
    { attribute: 'organizationName', value: '{organisation}', optional: false },
    { attribute: 'commonName', value: '{name}', optional: false },
    { attribute: 'serialNumber', value: '{id}', optional: false },
  ],
  alternativeNames: { emails: 'all', international: true, userPrincipalName: null },
  keyUsage: { rsa: ['digitalSignature'], ec: ['digitalSignature'] },
  extendedKeyUsage: ['emailProtection'],
  policies: [{ id: '2.25.1.1', cps: null }],
  crlDistributionPoint: true,
  authorityInfoAccess: { ocsp: true, issuer: true },
  smimeCapabilities: [],
  publication: 'nowhere',
  lints: { edition: '1.0.15', block: 'error', exceptions: [] },
};
const encryption: ProfileDocument = {
  ...signing,
  use: 'encryption',
  keys: { ...signing.keys, generate: 'rsa-3072' },
  keyOrigins: ['kra'],
  escrow: 'must',
  keyUsage: { rsa: ['keyEncipherment'], ec: ['keyAgreement'] },
};
const responder: ProfileDocument = {
  ...signing,
  use: 'ocsp',
  baseline: null,
  validityDays: 14,
  renewalDays: 5,
  keyOrigins: ['authority'],
  subject: [{ attribute: 'commonName', value: 'OCSP responder', optional: false }],
  alternativeNames: { emails: 'none', international: true, userPrincipalName: null },
  extendedKeyUsage: ['ocspSigning'],
  crlDistributionPoint: false,
  authorityInfoAccess: { ocsp: false, issuer: true },
};
const multipurpose = { type: 'sponsor', generation: 'multipurpose' } as const;

describe('the rules of a profile document', () => {
  it('find nothing in documents that are sound', () => {
    for (const document of [signing, encryption, responder]) expect(profileProblems(document)).toEqual([]);
    const more: ProfileDocument = {
      ...signing,
      baseline: multipurpose,
      extendedKeyUsage: ['emailProtection', 'clientAuth'],
      alternativeNames: { ...signing.alternativeNames, userPrincipalName: '{email}' },
    };
    expect(profileProblems(more)).toEqual([]);
  });

  it.each<[string, ProfileDocument, string, RegExp]>([
    ['encryption without escrow', { ...encryption, escrow: 'never' }, 'escrow', /always escrowed/],
    ['escrow of a signing key', { ...signing, escrow: 'must' }, 'escrow', /Only encryption keys/],
    [
      'an encryption key from a gateway',
      { ...encryption, keyOrigins: ['kra', 'gateway'] },
      'keyOrigins',
      /never escrowed/,
    ],
    [
      'a kind of key to make where devices make them',
      { ...encryption, keyOrigins: ['device'] },
      'keys.generate',
      /leave this empty/,
    ],
    ['a fresh key at renewal for others', { ...signing, renewalKey: 'fresh' }, 'renewalKey', /KRA makes/],
    ['how long a signing key is escrowed', { ...signing, retainYears: 10 }, 'retainYears', /Only encryption keys/],
    ['a signing key from the KRA', { ...signing, keyOrigins: ['kra'] }, 'keyOrigins', /KRA makes and escrows/],
    [
      'a signing key that the KRA makes',
      { ...signing, keys: { ...signing.keys, generate: 'p256' } },
      'keys.generate',
      /Only encryption/,
    ],
    [
      'no kind of key to make',
      { ...encryption, keys: { ...encryption.keys, generate: null } },
      'keys.generate',
      /which kind/,
    ],
    [
      'a kind that it refuses',
      { ...encryption, keys: { ...encryption.keys, generate: 'p384' } },
      'keys.generate',
      /does not accept/,
    ],
    [
      'a size that it refuses',
      { ...encryption, keys: { ...encryption.keys, rsaBits: { minimum: 4096, maximum: 8192 } } },
      'keys.generate',
      /outside of/,
    ],
    [
      'sizes the wrong way round',
      { ...signing, keys: { ...signing.keys, rsaBits: { minimum: 4096, maximum: 2048 } } },
      'keys.rsaBits',
      /no RSA key/,
    ],
    [
      'Ed25519 for encryption',
      { ...encryption, keys: { ...encryption.keys, algorithms: ['rsa', 'ed25519'] } },
      'keys.algorithms',
      /cannot encrypt/,
    ],
    [
      'a signing certificate with keyEncipherment',
      { ...signing, keyUsage: { ...signing.keyUsage, rsa: ['digitalSignature', 'keyEncipherment'] } },
      'keyUsage.rsa',
      /never has keyEncipherment/,
    ],
    [
      'an encryption certificate that signs',
      { ...encryption, keyUsage: { ...encryption.keyUsage, ec: ['keyAgreement', 'digitalSignature'] } },
      'keyUsage.ec',
      /never has digitalSignature/,
    ],
    [
      'a signing certificate that does not sign',
      { ...signing, keyUsage: { ...signing.keyUsage, ec: ['nonRepudiation'] } },
      'keyUsage.ec',
      /needs digitalSignature/,
    ],
    [
      'dataEncipherment in the strict generation',
      { ...encryption, keyUsage: { ...encryption.keyUsage, rsa: ['keyEncipherment', 'dataEncipherment'] } },
      'keyUsage.rsa',
      /strict generation/,
    ],
    [
      'mail without emailProtection',
      { ...signing, baseline: multipurpose, extendedKeyUsage: ['clientAuth'] },
      'extendedKeyUsage',
      /needs the purpose/,
    ],
    [
      'a second purpose in the strict generation',
      { ...signing, extendedKeyUsage: ['emailProtection', 'clientAuth'] },
      'extendedKeyUsage',
      /nothing else/,
    ],
    [
      'serverAuth',
      { ...signing, baseline: multipurpose, extendedKeyUsage: ['emailProtection', '1.3.6.1.5.5.7.3.1'] },
      'extendedKeyUsage',
      /serverAuth/,
    ],
    [
      'ocspSigning for a person',
      { ...signing, baseline: multipurpose, extendedKeyUsage: ['emailProtection', 'ocspSigning'] },
      'extendedKeyUsage',
      /responder alone/,
    ],
    ['mail under no requirements', { ...signing, baseline: null }, 'baseline', /which type/],
    ['a responder under them', { ...responder, baseline: multipurpose }, 'baseline', /Only certificates for mail/],
    ['826 days', { ...signing, validityDays: 826 }, 'validityDays', /more than the 825/],
    ['a responder of a year', { ...responder, validityDays: 365 }, 'validityDays', /cannot be revoked/],
    ['renewal without end', { ...signing, renewalDays: 366 }, 'renewalDays', /first half/],
    ['no CRL for mail', { ...signing, crlDistributionPoint: false }, 'crlDistributionPoint', /where its CRL is/],
    [
      'a responder that is asked about itself',
      { ...responder, crlDistributionPoint: true },
      'crlDistributionPoint',
      /Nobody is asked/,
    ],
    ['no policy', { ...signing, policies: [] }, 'policies', /names the policy/],
    ['a reserved policy', { ...signing, policies: [{ id: '2.23.140.1.5.3.3', cps: null }] }, 'policies', /reserved/],
    ['anyPolicy', { ...signing, policies: [{ id: '2.5.29.32.0', cps: null }] }, 'policies', /authorities alone/],
    [
      'an attribute twice',
      { ...signing, subject: [...signing.subject, { attribute: 'commonName', value: 'x', optional: false }] },
      'subject',
      /twice/,
    ],
    [
      'a subject that may be empty',
      { ...signing, subject: [{ attribute: 'serialNumber', value: '{id}', optional: true }] },
      'subject',
      /empty name/,
    ],
    ['a name that recurs', { ...signing, subject: signing.subject.slice(0, 2) }, 'subject', /tells two people/],
    [
      'a person in a responder',
      { ...responder, subject: [{ attribute: 'commonName', value: '{name}', optional: false }] },
      'subject',
      /never has/,
    ],
    [
      'a mailbox with an organisation',
      { ...signing, baseline: { type: 'mailbox', generation: 'strict' } },
      'subject',
      /mailbox-validated certificate has no organizationName/,
    ],
    ['a sponsor without one', { ...signing, subject: signing.subject.slice(1) }, 'subject', /names its organisation/],
    [
      'mail without addresses',
      { ...signing, alternativeNames: { ...signing.alternativeNames, emails: 'none' } },
      'alternativeNames.emails',
      /names the addresses/,
    ],
    [
      'a sign-in name in the strict generation',
      { ...signing, alternativeNames: { ...signing.alternativeNames, userPrincipalName: '{email}' } },
      'alternativeNames.userPrincipalName',
      /multipurpose/,
    ],
    ['a responder in directories', { ...responder, publication: 'everywhere' }, 'publication', /people/],
    [
      'a lint excepted twice',
      {
        ...signing,
        lints: {
          ...signing.lints,
          exceptions: [
            { lint: 'a', reason: 'because of that' },
            { lint: 'a', reason: 'because of this' },
          ],
        },
      },
      'lints.exceptions',
      /twice/,
    ],
  ])('refuse %s', (_what, document, path, sentence) => {
    const problems = profileProblems(document);
    const found = problems.find((one) => one.path === path && sentence.test(one.message));
    expect(found, JSON.stringify(problems)).toBeDefined();
    expect(found?.message).toMatch(/^[A-Z0-9{a-z].*\.$/);
  });
});

describe('a document', () => {
  it('is refused where a placeholder stands for nothing, naming those there are', () => {
    const wrong = { ...signing, subject: [{ attribute: 'commonName', value: '{nmae}', optional: false }] };
    const issue = ProfileDocument.safeParse(wrong).error?.issues[0];
    expect(issue?.path).toEqual(['subject', 0, 'value']);
    expect(issue?.message).toMatch(/has \{nmae\}.*\{name\}/);
    for (const value of ['{', '}', '{}', '{name', 'a{b c}'])
      expect(
        ProfileDocument.safeParse({ ...signing, subject: [{ attribute: 'commonName', value, optional: false }] })
          .success,
      ).toBe(false);
  });

  it('has the schema that the reference publishes', async () => {
    const schema = {
      $id: 'certificate-profile.schema.json',
      title: 'A certificate profile of Chancery',
      ...z.toJSONSchema(ProfileDocument, { io: 'input' }),
    };
    await expect(`${JSON.stringify(schema, null, 2)}\n`).toMatchFileSnapshot(
      '../../../docs/reference/certificate-profile.schema.json',
    );
  });

  it('says in words what differs from another', () => {
    const after: ProfileDocument = {
      ...signing,
      validityDays: 398,
      keyUsage: { ...signing.keyUsage, rsa: ['digitalSignature', 'nonRepudiation'] },
      keys: { ...signing.keys, algorithms: ['p256', 'rsa'] },
      policies: [{ id: '2.25.1.9', cps: 'https://example.com/cps' }],
    };
    expect(profileChanges(signing, after)).toEqual([
      { path: 'validityDays', sentence: 'Valid for: 730 days → 398 days' },
      { path: 'keys.algorithms', sentence: 'Keys: in another order, p256, rsa' },
      { path: 'keyUsage.rsa', sentence: 'Key usage, RSA: gains nonRepudiation' },
      {
        path: 'policies',
        sentence: 'Policies: gains 2.25.1.9 with its statement at https://example.com/cps; loses 2.25.1.1',
      },
    ]);
    expect(profileChanges(signing, signing)).toEqual([]);
  });

  it('has every field in those words: no change goes unsaid', () => {
    const paths = new Set(
      profileChanges(undefined, {
        ...encryption,
        smimeCapabilities: ['aes256Gcm'],
        lints: { ...signing.lints, exceptions: [{ lint: 'x', reason: 'because of that' }] },
      }).map(({ path }) => path),
    );
    const leaves = (value: object, prefix: string): string[] =>
      Object.entries(value).flatMap(([name, inner]) => {
        const path = prefix === '' ? name : `${prefix}.${name}`;
        const isWhole = typeof inner !== 'object' || inner === null || Array.isArray(inner);
        return isWhole || paths.has(path) ? [path] : leaves(inner, path);
      });
    expect(leaves(encryption, '').filter((path) => !paths.has(path))).toEqual([]);
  });
});
