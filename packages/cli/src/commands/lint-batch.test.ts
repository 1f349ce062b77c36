import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  assembleSigned,
  buildName,
  buildTbsCertificate,
  derToPem,
  type Extension,
  extendedKeyUsage,
  localSigner,
  oids,
  signatureAlgorithmFor,
  subjectAltName,
} from '@chancery/smime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BatchCase } from '../batch.ts';
import { lintCase } from './lint-batch.ts';

let folder: string;
let der: Buffer;

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'chancery-lint-'));
  der = Buffer.from(
    await certificate([extendedKeyUsage([oids.emailProtection]), subjectAltName({ emails: ['ada@example.com'] })]),
  );
  writeFileSync(path.join(folder, 'ada.der'), der);
  writeFileSync(path.join(folder, 'ada.pem'), `Ada\n${derToPem(der, 'CERTIFICATE')}`);
});
afterAll(() => rmSync(folder, { recursive: true }));

async function certificate(extensions: readonly Extension[]): Promise<Uint8Array> {
  const signer = localSigner(
    createPrivateKey(
      generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'pem', type: 'pkcs8' }),
    ),
  );
  const algorithm = signatureAlgorithmFor('p256', 'sha256');
  const name = buildName([{ type: 'commonName', value: 'ada@example.com' }]);
  const tbs = buildTbsCertificate({
    serialNumber: '4102030405060708090a0b0c0d0e0f10',
    signatureAlgorithm: algorithm,
    issuer: name,
    subject: name,
    notBefore: new Date('2026-03-01T00:00:00Z'),
    notAfter: new Date('2028-02-28T23:59:59Z'),
    spki: signer.spki,
    extensions,
  });
  return assembleSigned(tbs, algorithm, await signer.sign(tbs, 'sha256'));
}

const answer = (fields: object) =>
  lintCase(new BatchCase(fields)) as { errors: number; warnings: number; findings: { lint: string }[] };
const ids = (fields: object) => answer(fields).findings.map(({ lint }) => lint);

describe('a case of lint --batch', () => {
  it('names its certificate by a path, in base64 of DER or as PEM', () => {
    const expected = answer({ certificate: path.join(folder, 'ada.der') });
    expect(expected).toEqual({
      errors: 1,
      warnings: 1,
      findings: [
        {
          lint: 'policy-reserved',
          severity: 'error',
          clause: 'S/MIME BR 7.1.2.3 (a), 7.1.6.4',
          edition: 'S/MIME BR 1.0.0',
          message: 'it has none of the reserved policies 2.23.140.1.5',
        },
        {
          lint: 'subject-key-identifier-present',
          severity: 'warning',
          clause: 'RFC 5280 4.2.1.2, S/MIME BR 7.1.2.3 (n)',
          edition: 'RFC 5280',
          message: 'subjectKeyIdentifier is missing',
        },
      ],
    });
    for (const source of [path.join(folder, 'ada.pem'), der.toString('base64'), derToPem(der, 'CERTIFICATE')])
      expect(answer({ certificate: source })).toEqual(expected);
  });

  it('may ask for a profile, an instant and an issuer', () => {
    const source = der.toString('base64');
    expect(ids({ certificate: source, profile: 'rfc' })).toEqual(['subject-key-identifier-present']);
    expect(ids({ certificate: source, profile: 'smime-br' })).toContain('key-usage-present');
    expect(ids({ certificate: source, profile: 'smime-br', at: '2020-01-01T00:00:00Z' })).not.toContain(
      'key-usage-present',
    );
    expect(ids({ certificate: source, issuer: source })).not.toContain('issuer-name');
  });

  it.each([
    ['without a certificate', {}, '"certificate" must be given.'],
    ['with a number for one', { certificate: 5 }, '"certificate" must be a string.'],
    ['with a path to nothing', { certificate: '/nowhere/ada.pem' }, '/nowhere/ada.pem cannot be read'],
    ['with a folder', { certificate: tmpdir() }, 'it is no regular file'],
    ['with base64 of something else', { certificate: 'aGVsbG8gd29ybGQ=' }, 'the certificate is no certificate'],
    ['with base64 of half a certificate', { certificate: 'MIIB'.repeat(40) }, 'the certificate cannot be read: '],
    [
      'with PEM that has no end',
      { certificate: '-----BEGIN CERTIFICATE-----\nMIIB' },
      'the certificate cannot be read: ',
    ],
    [
      'with a profile that does not exist',
      { certificate: 'x', profile: 'tls' },
      '"profile" must be one of auto, smime-br, rfc.',
    ],
    ['with another instant than ISO 8601', { certificate: 'x', at: 'yesterday' }, '"at" must be an instant'],
  ])('is refused %s', (_what, fields, problem) => {
    const given =
      'certificate' in fields && fields.certificate === 'DER'
        ? { ...fields, certificate: der.toString('base64') }
        : fields;
    expect(() => answer(given)).toThrow(problem);
  });
});
