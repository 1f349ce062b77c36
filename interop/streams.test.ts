/** Messages of 20 MB between our streams and `openssl cms -stream`, which writes indefinite lengths. */
import { createHash, createPrivateKey } from 'node:crypto';
import { createReadStream, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  decryptStream,
  encryptStream,
  localDecrypter,
  localSigner,
  parseCertificate,
  pemToDer,
  signStream,
  verifyStream,
} from '@chancery/smime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { missing } from './peers.ts';
import { run } from './run-program.ts';

describe.skipIf(missing('openssl')).each(['rsa', 'ec'] as const)('streams of 20 MB and OpenSSL, %s', (kind) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'chancery-streams-'));
  const at = (name: string): string => path.join(folder, name);
  const openssl = (...args: string[]): void => {
    const { code, text } = run('openssl', args);
    expect(code, text.slice(0, 1_000)).toBe(0);
  };
  const source = (name: string) => () => createReadStream(at(name), { highWaterMark: 100_003 });
  const certificate = (name: string) => parseCertificate(pemToDer(readFileSync(at(name), 'latin1'), 'CERTIFICATE'));
  const digest = (name: string): string =>
    createHash('sha256')
      .update(readFileSync(at(name)))
      .digest('hex');
  const header = 'From: alice@example.org\r\nTo: alice@example.org\r\nSubject: Large\r\nMIME-Version: 1.0\r\n';
  const entity = `Content-Type: text/plain\r\n\r\n${`${'0123456789'.repeat(7)}\r\n`.repeat(291_000)}`;
  const slow = 240_000;

  beforeAll(() => {
    const key = kind === 'rsa' ? ['-newkey', 'rsa:2048'] : ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'];
    openssl(
      'req',
      '-x509',
      ...key,
      '-nodes',
      '-days',
      '30',
      '-subj',
      '/CN=Root',
      '-keyout',
      at('root.key'),
      '-out',
      at('root.pem'),
    );
    openssl('req', ...key, '-nodes', '-subj', '/CN=Alice', '-keyout', at('alice.key'), '-out', at('alice.csr'));
    const usage = kind === 'rsa' ? 'keyEncipherment' : 'keyAgreement';
    writeFileSync(
      at('alice.ext'),
      `subjectAltName=email:alice@example.org\nkeyUsage=digitalSignature,${usage}\nextendedKeyUsage=emailProtection\nbasicConstraints=CA:FALSE\n`,
    );
    const from = ['-CA', at('root.pem'), '-CAkey', at('root.key'), '-extfile', at('alice.ext')];
    openssl('x509', '-req', '-days', '20', '-in', at('alice.csr'), ...from, '-out', at('alice.pem'));
    writeFileSync(at('entity'), entity);
    writeFileSync(at('message.eml'), header + entity);
  }, slow);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const ours = () => {
    const privateKey = createPrivateKey(readFileSync(at('alice.key')));
    const own = certificate('alice.pem');
    return {
      signers: [{ signer: localSigner(privateKey), certificate: own }],
      keys: [{ decrypter: localDecrypter(privateKey), certificate: own }],
      anchors: [certificate('root.pem')],
    };
  };

  for (const form of ['clear', 'opaque'] as const) {
    it(
      `${form}: OpenSSL verifies ours`,
      async () => {
        await writeFile(at('signed'), signStream({ source: source('message.eml'), signers: ours().signers, form }));
        openssl('cms', '-verify', '-in', at('signed'), '-CAfile', at('root.pem'), '-out', at('content'));
        expect(digest('content')).toBe(digest('entity'));
      },
      slow,
    );

    it(
      `${form}: ours verifies what OpenSSL streams`,
      async () => {
        const how = form === 'opaque' ? ['-nodetach'] : [];
        openssl(
          ...[
            'cms',
            '-sign',
            '-stream',
            '-crlfeol',
            ...how,
            '-in',
            at('entity'),
            '-signer',
            at('alice.pem'),
            '-inkey',
            at('alice.key'),
          ],
          ...['-from', 'alice@example.org', '-to', 'alice@example.org', '-out', at('theirs')],
        );
        const stream = verifyStream({ source: source('theirs'), anchors: ours().anchors });
        await writeFile(at('content'), stream.unverified);
        const { verdict, problems } = await stream.report();
        expect({ verdict, problems: problems.filter(({ severity }) => severity === 'error') }).toEqual({
          verdict: 'valid',
          problems: [],
        });
        expect(digest('content')).toBe(digest('entity'));
      },
      slow,
    );
  }

  for (const cipher of ['aes-256-cbc', 'aes-128-gcm'] as const) {
    it(
      `${cipher}: OpenSSL opens ours`,
      async () => {
        const recipients = [certificate('alice.pem')];
        await writeFile(at('sealed'), encryptStream({ source: source('message.eml'), recipients, cipher }));
        openssl(
          'cms',
          '-decrypt',
          '-in',
          at('sealed'),
          '-inkey',
          at('alice.key'),
          '-recip',
          at('alice.pem'),
          '-out',
          at('content'),
        );
        expect(digest('content')).toBe(digest('entity'));
      },
      slow,
    );

    it(
      `${cipher}: ours opens what OpenSSL streams`,
      async () => {
        openssl(
          ...['cms', '-encrypt', '-stream', '-binary', `-${cipher}`, '-in', at('entity'), '-from', 'alice@example.org'],
          ...['-out', at('theirs'), at('alice.pem')],
        );
        const opened = await decryptStream({ source: source('theirs'), keys: ours().keys });
        expect(opened.authenticated).toBe(cipher === 'aes-128-gcm');
        await writeFile(at('content'), opened.content);
        expect(digest('content')).toBe(digest('entity'));
      },
      slow,
    );
  }
});
