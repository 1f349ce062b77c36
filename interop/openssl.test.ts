/** OpenSSL and swaks: mail through the gateway, PKCS#12, CRL and OCSP before and after revocation. */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { derToPem } from '@chancery/smime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { arrived, eventually } from '../e2e/support/mail.ts';
import { type ExampleOffice, openExampleOffice } from './example-office.ts';
import { missing } from './peers.ts';
import { run } from './run-program.ts';

describe.skipIf(missing('openssl')).each(['ecdsa', 'rsa'] as const)('OpenSSL, with an office on %s', (caAlgorithm) => {
  let example: ExampleOffice;
  beforeAll(async () => {
    example = await openExampleOffice({ caAlgorithm });
  });
  afterAll(async () => {
    await example?.office.dispose();
    if (example !== undefined) rmSync(example.scratch, { recursive: true, force: true });
  });
  const at = (name: string) => path.join(example.scratch, name);
  const openssl = (...args: string[]) => run('openssl', args);

  it('verifies the chain of an end entity', () => {
    writeFileSync(at('dora.pem'), derToPem(example.dora.signing.certificate.der, 'CERTIFICATE'));
    const answer = openssl(
      'verify',
      '-x509_strict',
      '-purpose',
      'smimesign',
      '-CAfile',
      example.rootFile,
      '-untrusted',
      example.issuingFile,
      at('dora.pem'),
    );
    expect(answer).toMatchObject({ code: 0 });
  });

  it.skipIf(missing('swaks'))('decrypts and verifies a mail that swaks handed to the gateway', async () => {
    const { office, dora } = example;
    const sent = run('swaks', [
      ...[
        '--server',
        '127.0.0.1',
        '--port',
        String(office.outboundPort),
        '--from',
        'anna@example.com',
        '--to',
        'dora@example.com',
      ],
      ...['--header', 'Subject: from swaks', '--body', 'Grüße aus der Kanzlei'],
    ]);
    expect(sent).toMatchObject({ code: 0 });
    const mail = await arrived(office.mailbox, (message) => message.includes('Subject: from swaks'));
    writeFileSync(at('mail.eml'), mail);
    expect(mail.toString('latin1')).toMatch(/smime-type="?enveloped-data/);

    expect(
      openssl(
        'pkcs12',
        '-in',
        dora.encryption.file,
        '-passin',
        `pass:${dora.password}`,
        '-nodes',
        '-out',
        at('encryption.pem'),
      ),
    ).toMatchObject({ code: 0 });
    expect(
      openssl('cms', '-decrypt', '-in', at('mail.eml'), '-inkey', at('encryption.pem'), '-out', at('signed.eml')),
    ).toMatchObject({ code: 0 });
    const verified = openssl(
      'cms',
      '-verify',
      '-in',
      at('signed.eml'),
      '-CAfile',
      example.rootFile,
      '-purpose',
      'smimesign',
      '-signer',
      at('signer.pem'),
      '-out',
      at('content.txt'),
    );
    expect(verified.text).toContain('successful');
    expect(readFileSync(at('content.txt'), 'latin1')).toMatch(/aus der Kanzlei/);
    expect(openssl('x509', '-in', at('signer.pem'), '-noout', '-email').text.trim()).toBe('anna@example.com');
  });

  it('opens both PKCS#12 files, and no other password does', () => {
    for (const { file } of [example.dora.signing, example.dora.encryption]) {
      const opened = openssl('pkcs12', '-in', file, '-passin', `pass:${example.dora.password}`, '-nodes');
      expect(opened).toMatchObject({ code: 0, text: expect.stringContaining('BEGIN PRIVATE KEY') });
      expect(openssl('pkcs12', '-in', file, '-passin', 'pass:wrong', '-nodes').code).not.toBe(0);
    }
  });

  it('agrees on status before and after revocation, by OCSP and by CRL', async () => {
    const { ada, office, dora } = example;
    const { serialNumber } = dora.signing.certificate;
    const ocsp = (hash: string) =>
      openssl(
        'ocsp',
        '-issuer',
        example.issuingFile,
        `-${hash}`,
        '-cert',
        at('dora.pem'),
        '-url',
        `${office.url}/ocsp`,
        '-CAfile',
        example.rootFile,
        '-timeout',
        '10',
      );
    const crl = async () => {
      const [url] = dora.signing.certificate.crlDistributionPoints;
      writeFileSync(at('issuing.crl'), Buffer.from(await (await fetch(url ?? '')).arrayBuffer()));
      expect(
        openssl('crl', '-inform', 'DER', '-in', at('issuing.crl'), '-CAfile', example.issuingFile, '-noout').text,
      ).toContain('verify OK');
      return openssl('crl', '-inform', 'DER', '-in', at('issuing.crl'), '-noout', '-text').text.toLowerCase();
    };

    for (const hash of ['sha1', 'sha256']) {
      const good = ocsp(hash);
      expect(good.text).toContain('Response verify OK');
      expect(good.text).toContain('dora.pem: good');
    }
    expect(await crl()).not.toContain(serialNumber);

    await ada.client.revokeCertificate({ params: { serialNumber }, body: { reason: 'keyCompromise' } });

    const revoked = ocsp('sha256');
    expect(revoked.text).toContain('dora.pem: revoked');
    expect(revoked.text).toContain('keyCompromise');
    await eventually('the CRL names it', async () => ((await crl()).includes(serialNumber) ? true : undefined));
  });

  it('is told that a serial number never issued is unknown', () => {
    const answer = openssl(
      'ocsp',
      '-issuer',
      example.issuingFile,
      '-serial',
      '0x1234567890',
      '-url',
      `${example.office.url}/ocsp`,
      '-CAfile',
      example.rootFile,
    );
    expect(answer.text).toContain('unknown');
  });

  it.skipIf(missing('nss'))('and NSS opens the PKCS#12 too', () => {
    for (const { file } of [example.dora.signing, example.dora.encryption]) {
      const listed = run('pk12util', ['-l', file, '-W', example.dora.password]);
      expect(listed).toMatchObject({ code: 0, text: expect.stringMatching(/Key\(shrouded\)|Certificate/) });
    }
    expect(existsSync(example.dora.signing.file)).toBe(true);
  });
});
