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
  pemToDer,
  verifyCertificateSignature,
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
