/** A root on a machine of its own: made, asked, its transcripts held against tampering. No office is running. */
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  buildName,
  buildRequest,
  derToPem,
  localSigner,
  parseCertificate,
  parseCrl,
  pemToDer,
  verifyCertificateSignature,
  verifyCrlSignature,
} from '@chancery/smime';
import { afterAll, describe, expect, it } from 'vitest';
import { runChancery } from './support/office-process.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'chancery-ceremony-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const file = (name: string) => path.join(folder, name);
const env = { CHANCERY_CEREMONY_SECRET: 'a passphrase of the root' };
const ceremony = (step: string, ...args: string[]) =>
  runChancery(['ceremony', step, ...(step === 'verify' ? [] : ['--store', file('store'), '--yes']), ...args], { env });
const certificate = (name: string) => parseCertificate(pemToDer(readFileSync(file(name), 'utf8'), 'CERTIFICATE'));

describe('a key ceremony', () => {
  it('makes a root, signs a request with it, and leaves transcripts that its key signed', async () => {
    const made = ceremony(
      'root',
      ...['--organisation', 'Example Corp', '--witness', 'Ada', 'Ben'],
      ...['--out', file('root.pem'), '--transcript', file('root.txt')],
    );
    expect(made).toMatchObject({ code: 0, stderr: '' });
    expect(made.stdout).toContain('present: Ben');
    const root = certificate('root.pem');
    expect(root).toMatchObject({ keyKind: 'p384', basicConstraints: { ca: true } });

    const signer = localSigner(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
    const subject = buildName([{ type: 'commonName', value: 'Example Corp Issuing CA' }]);
    writeFileSync(file('request.pem'), derToPem(await buildRequest({ subject, signer }), 'CERTIFICATE REQUEST'));
    const signed = ceremony(
      'sign',
      ...['--root', file('root.pem'), '--request', file('request.pem'), '--crl-url', 'http://pki.example.com/root.crl'],
      ...['--out', file('issuing.pem'), '--transcript', file('sign.txt')],
    );
    expect(signed).toMatchObject({ code: 0, stderr: '' });
    const issuing = certificate('issuing.pem');
    expect(verifyCertificateSignature(issuing, root)).toBe(true);
    expect(Buffer.from(issuing.spki)).toEqual(Buffer.from(signer.spki));
    expect(issuing.basicConstraints).toMatchObject({ ca: true, pathLength: 0 });

    expect(ceremony('verify', file('sign.txt'), '--root', file('root.pem')).code).toBe(0);
    writeFileSync(file('forged.txt'), readFileSync(file('root.txt'), 'utf8').replace('present: Ben', 'present: Eve'));
    expect(ceremony('verify', file('forged.txt'), '--root', file('root.pem')).code).toBe(1);
  });

  it('signs the CRL of the root with what it takes back, and cross-certificates for another root', async () => {
    writeFileSync(
      file('revoked.txt'),
      '# root: the last CRL here has the number 6\n4a5b cACompromise 2026-11-25T12:00:00.000Z # Issuing CA\n\n',
    );
    const list = (name: string, ...more: string[]) =>
      ceremony(
        'crl',
        ...['--root', file('root.pem'), '--number', '7', ...more],
        ...['--out', file(`${name}.pem`), '--transcript', file(`${name}.txt`)],
      );
    const signed = list('crl', '--revoked', file('revoked.txt'), '--days', '90');
    expect(signed).toMatchObject({ code: 0, stderr: '' });
    expect(signed.stdout).toContain('revoked: 4a5b, cACompromise');
    const crl = parseCrl(pemToDer(readFileSync(file('crl.pem'), 'utf8'), 'X509 CRL'));
    expect(verifyCrlSignature(crl, certificate('root.pem'))).toBe(true);
    expect(crl).toMatchObject({ crlNumber: '07', entryCount: 1, issuingDistributionPoint: undefined });
    expect(crl.find('4a5b')).toMatchObject({ reason: 'cACompromise' });
    expect((crl.nextUpdate?.getTime() ?? 0) - crl.thisUpdate.getTime()).toBe(90 * 86_400_000);
    expect(ceremony('verify', file('crl.txt'), '--root', file('root.pem')).code).toBe(0);
    writeFileSync(file('bad.txt'), '4a5b perhaps 2026-11-25T12:00:00.000Z\n');
    expect(list('none', '--revoked', file('bad.txt'))).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('line 1'),
    });

    const cross = ceremony(
      'sign',
      ...['--cross', '--root', file('root.pem'), '--request', file('request.pem')],
      ...['--out', file('cross.pem'), '--transcript', file('cross.txt')],
    );
    expect(cross).toMatchObject({ code: 0, stderr: '' });
    expect(certificate('cross.pem').basicConstraints).toEqual({ ca: true });
    expect(verifyCertificateSignature(certificate('cross.pem'), certificate('root.pem'))).toBe(true);
  });

  it('overwrites nothing, and signs nothing for a root whose key is elsewhere or a request without proof', () => {
    const again = ceremony('root', '--organisation', 'X', '--out', file('root.pem'), '--transcript', file('new.txt'));
    expect(again.code).toBe(2);
    const other = runChancery(
      [
        ...['ceremony', 'sign', '--store', file('empty'), '--yes', '--root', file('root.pem')],
        ...['--request', file('request.pem'), '--out', file('no.pem'), '--transcript', file('no.txt')],
      ],
      { env },
    );
    expect(other).toMatchObject({ code: 2, stderr: expect.stringContaining('not in that folder') });
    const der = pemToDer(readFileSync(file('request.pem'), 'utf8'), 'CERTIFICATE REQUEST');
    der[der.length - 1] = (der.at(-1) ?? 0) ^ 1;
    writeFileSync(file('forged.pem'), derToPem(der, 'CERTIFICATE REQUEST'));
    const forged = ceremony(
      'sign',
      ...['--root', file('root.pem'), '--request', file('forged.pem'), '--out', file('no.pem')],
      ...['--transcript', file('no.txt')],
    );
    expect(forged.code).toBe(2);
  });
});
