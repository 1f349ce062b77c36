import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { issue } from '../../test/test-authority.ts';
import { oids } from '../asn1/oids.ts';
import type { KeyUsage } from '../x509/extensions.ts';
import { type PathPurpose, purposeProblems } from './check-purpose.ts';

const root = await issue({ name: 'Root' });
const spkiOf = {
  rsa: generateKeyPairSync('rsa', { modulusLength: 2048 }),
  p256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  ed25519: generateKeyPairSync('ed25519'),
  ed448: generateKeyPairSync('ed448'),
  x25519: generateKeyPairSync('x25519'),
  x448: generateKeyPairSync('x448'),
  'ml-dsa-65': generateKeyPairSync('ml-dsa-65'),
  'ml-kem-768': generateKeyPairSync('ml-kem-768'),
  brainpool: generateKeyPairSync('ec', { namedCurve: 'brainpoolP256r1' }),
};
type Kind = keyof typeof spkiOf;

async function codes(kind: Kind, usage: readonly KeyUsage[] | undefined, purpose: PathPurpose, purposes?: string[]) {
  const spki = spkiOf[kind].publicKey.export({ format: 'der', type: 'spki' });
  const { certificate } = await issue({ name: 'Leaf', spki, usage, ...(purposes && { purposes }) }, root);
  return [...purposeProblems(certificate, purpose)].map(({ code, severity }) => `${severity} ${code}`);
}

describe('the purpose of a leaf', () => {
  it.each<[Kind, readonly KeyUsage[] | undefined, readonly PathPurpose[]]>([
    ['rsa', undefined, ['email-signing', 'email-encryption']],
    ['rsa', ['digitalSignature'], ['email-signing']],
    ['rsa', ['nonRepudiation'], ['email-signing']],
    ['rsa', ['keyEncipherment'], ['email-encryption']],
    ['rsa', ['keyAgreement'], []],
    ['rsa', ['dataEncipherment'], []],
    ['rsa', ['keyCertSign', 'cRLSign'], []],
    ['p256', undefined, ['email-signing', 'email-encryption']],
    ['p256', ['digitalSignature', 'keyAgreement'], ['email-signing', 'email-encryption']],
    ['p256', ['keyAgreement', 'encipherOnly'], ['email-encryption']],
    ['ed25519', ['digitalSignature'], ['email-signing']],
    ['ed448', undefined, ['email-signing']],
    ['x25519', ['keyAgreement'], ['email-encryption']],
    ['x448', ['keyAgreement', 'decipherOnly'], ['email-encryption']],
    ['ml-dsa-65', ['digitalSignature', 'nonRepudiation'], ['email-signing']],
    ['ml-dsa-65', ['cRLSign'], []],
    ['ml-kem-768', ['keyEncipherment'], ['email-encryption']],
    ['ml-kem-768', undefined, ['email-encryption']],
    ['brainpool', ['digitalSignature'], ['email-signing']],
  ])('%s with %j is for %j', async (kind, usage, allowed) => {
    for (const purpose of ['email-signing', 'email-encryption'] as const)
      expect(await codes(kind, usage, purpose)).toEqual(allowed.includes(purpose) ? [] : ['error key-usage']);
    expect(await codes(kind, usage, 'email')).toEqual(allowed.length > 0 ? [] : ['error key-usage']);
    expect(await codes(kind, usage, 'any')).toEqual([]);
  });

  it('needs the extended key usage for e-mail, where there is one', async () => {
    expect(await codes('rsa', undefined, 'email', [oids.emailProtection, oids.clientAuth])).toEqual([]);
    expect(await codes('rsa', undefined, 'email', [oids.anyExtendedKeyUsage])).toEqual([]);
    expect(await codes('rsa', undefined, 'email', [oids.clientAuth])).toEqual(['error extended-key-usage']);
    expect(await codes('rsa', undefined, 'any', [oids.clientAuth])).toEqual([]);
  });

  it.each<[Kind, readonly KeyUsage[], string]>([
    ['p256', ['digitalSignature', 'keyEncipherment'], 'warning key-usage-unfit'],
    ['ed25519', ['digitalSignature', 'keyAgreement'], 'warning key-usage-unfit'],
    ['x25519', ['keyAgreement', 'digitalSignature'], 'warning key-usage-unfit'],
    ['ml-dsa-65', ['digitalSignature', 'keyEncipherment'], 'error key-usage-unfit'],
    ['ml-kem-768', ['keyEncipherment', 'digitalSignature'], 'error key-usage-unfit'],
    ['ml-kem-768', ['keyEncipherment', 'dataEncipherment'], 'error key-usage-unfit'],
  ])('%s with %j: %s', async (kind, usage, expected) => {
    expect(await codes(kind, usage, 'email')).toEqual([expected]);
  });
});
