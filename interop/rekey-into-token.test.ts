/**
 * An office that began in software is re-keyed into a token, as docs/operations/hsm.md says: a new root and issuing authority
 * whose keys are made in the token, cross-certificates between the roots, and the old ones go on from software.
 */
import { spawnSync } from 'node:child_process';
import { appendFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { derToPem, parseCertificate, validatePath } from '@chancery/smime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../e2e/support/mail.ts';
import { OfficeProcess } from '../e2e/support/office-process.ts';
import { type SignedIn, setUpOffice } from '../e2e/support/operators.ts';
import { missing } from './peers.ts';
import { run } from './run-program.ts';
import { makeToken, SOFTHSM, type TestToken } from './softhsm.ts';

const chancery = fileURLToPath(new URL('../packages/cli/bin/chancery.js', import.meta.url));

describe.skipIf(missing('softhsm') || missing('openssl'))(
  'an office re-keyed into a token',
  { timeout: 600_000 },
  () => {
    let token: TestToken;
    let office: OfficeProcess;
    let ada: SignedIn;
    beforeAll(async () => {
      token = makeToken();
      office = await OfficeProcess.prepare();
      await office.start();
      ada = await setUpOffice(office.url, await office.setupToken(), { caAlgorithm: 'ecdsa' });
    }, 180_000);
    afterAll(async () => {
      await office?.dispose();
      token?.remove();
    });

    const file = (name: string) => path.join(office.home, name);
    const command = (...args: string[]) => {
      const { status, stdout, stderr } = spawnSync(process.execPath, [chancery, ...args], {
        env: { ...process.env, CHANCERY_HOME: office.home },
        encoding: 'utf8',
      });
      if (status !== 0) throw new Error(`chancery ${args.join(' ')}: ${status}\n${stdout}${stderr}`);
      return stdout;
    };
    /** The person's signing certificate, once it is there; also as NAME.pem. */
    const issue = async (name: string) => {
      const address = `${name}@example.com`;
      command('people', 'add', '--address', address, '--name', name, '--gateway-signs');
      const found = await eventually('certificates', async () => {
        const { items } = await ada.client.certificates({ query: { limit: 100 } });
        return items.find((one) => one.address === address && one.use === 'signing');
      });
      const detail = await ada.client.certificate({ params: { serialNumber: found.serialNumber } });
      const certificate = parseCertificate(Buffer.from(detail.der, 'base64'));
      writeFileSync(file(`${name}.pem`), derToPem(certificate.der, 'CERTIFICATE'));
      return { ...detail, certificate };
    };
    /** Fetched from where relying parties fetch it, and kept as PEM. */
    const fetched = async (at: string, name: string, kind: 'crl' | 'x509' | 'pkcs7') => {
      const answer = await fetch(`${office.url}/${at}`);
      expect(answer.status, at).toBe(200);
      writeFileSync(file(name), Buffer.from(await answer.arrayBuffer()));
      const { code, text } = run('openssl', [
        ...[kind, '-inform', 'DER', '-in', file(name), '-out', file(`${name}.pem`)],
        ...(kind === 'pkcs7' ? ['-print_certs'] : []),
      ]);
      expect(code, text).toBe(0);
      return file(`${name}.pem`);
    };
    const verify = async (name: string, trusted: string, issuing: string) => {
      const lists = [];
      for (const slug of ['root', 'root-ca-2', 'issuing', 's-mime-issuing-ca-2'])
        lists.push('-CRLfile', await fetched(`crl/${slug}.crl`, `${slug}.crl`, 'crl'));
      return run('openssl', [
        ...['verify', '-CAfile', await fetched(`ca/${trusted}.cer`, `${trusted}.cer`, 'x509')],
        ...['-untrusted', await fetched(`ca/${issuing}.p7c`, `${issuing}.p7c`, 'pkcs7')],
        ...['-crl_check_all', ...lists, file(`${name}.pem`)],
      ]).text;
    };
    const ocsp = async (name: string, issuing: string) =>
      run('openssl', [
        ...[
          'ocsp',
          '-issuer',
          await fetched(`ca/${issuing}.cer`, `${issuing}.cer`, 'x509'),
          '-cert',
          file(`${name}.pem`),
        ],
        ...['-CAfile', await fetched('ca/root.cer', 'root.cer', 'x509'), '-url', `${office.url}/ocsp`],
        ...['-verify_other', file(`${issuing}.cer.pem`)],
      ]).text;

    it('issues from the token, and what was issued before stays valid, under either root', async () => {
      const before = await issue('anna');
      await office.stop();
      writeFileSync(file('token.pin'), token.pin, { mode: 0o600 });
      appendFileSync(
        file('authority.toml'),
        `
[keys]
store = "pkcs11"
[keys.pkcs11]
module = "${SOFTHSM}"
token = "${token.label}"
pin = { file = "token.pin" }
timeoutSeconds = 60
`,
      );
      expect(command('keys', 'health')).toMatch(/pkcs11:.* available/);
      await office.start();
      // In the token no ML-DSA key can be made: said so, and nothing is half there.
      expect(() => command('authorities', 'create', '--title', 'PQ', '--key', 'ml-dsa-65')).toThrow(
        /ML-DSA-65.*Nothing was/s,
      );

      command('authorities', 'create-root', '--title', 'Root CA 2', '--key', 'p384');
      command('authorities', 'cross', 'sign', '--root', 'root', '--authority', 'root-ca-2');
      command('authorities', 'cross', 'sign', '--root', 'root-ca-2', '--authority', 'root');
      command('authorities', 'create', '--title', 'S/MIME Issuing CA 2', '--root', 'root-ca-2', '--key', 'p256');
      command('authorities', 'retire', 'issuing');
      command('authorities', 'retire', 'root');

      const { items } = await ada.client.authorities();
      const where = Object.fromEntries(items.map(({ slug, state, keyPlace }) => [slug, [state, keyPlace]]));
      expect(where).toEqual({
        root: ['retired', 'software'],
        issuing: ['retired', 'software'],
        'root-ca-2': ['root', 'token'],
        's-mime-issuing-ca-2': ['issuing', 'token'],
      });
      command('certificates', 'issue', 'scep-ra', '--key', 'rsa-2048');
      expect(command('keys', 'list')).toMatch(/rsa-2048 +pkcs11:\S+ +SCEP registration authority/);
      const after = await issue('bert');
      expect(after.issuer).toContain('S/MIME Issuing CA 2');
      expect(before.issuer).not.toBe(after.issuer);

      for (const trusted of ['root', 'root-ca-2']) {
        expect(await verify('anna', trusted, 'issuing')).toContain(': OK');
        expect(await verify('bert', trusted, 's-mime-issuing-ca-2')).toContain(': OK');
      }
      const { items: crossed } = await ada.client.crossCertificates();
      const der = (base64: string) => parseCertificate(Buffer.from(base64, 'base64'));
      const pool = [...items, ...crossed].map(({ certificate }) => der(certificate));
      for (const leaf of [before, after]) {
        for (const slug of ['root', 'root-ca-2']) {
          const anchor = items.find((one) => one.slug === slug);
          const verdict = await validatePath({
            leaf: leaf.certificate,
            intermediates: pool,
            anchors: [der(anchor?.certificate ?? '')],
            at: new Date(),
            purpose: 'email-signing',
            revocation: 'none',
          });
          expect(verdict).toMatchObject({ valid: true });
        }
      }
    });

    it('answers for what the old authority signed: OCSP and CRL from its key in software', async () => {
      expect(await ocsp('anna', 'issuing')).toContain('anna.pem: good');
      const { items } = await ada.client.certificates({ query: { limit: 100 } });
      const anna = items.find((one) => one.address === 'anna@example.com' && one.use === 'signing');
      command('certificates', 'revoke', anna?.serialNumber ?? '', '--reason', 'keyCompromise');
      expect(await ocsp('anna', 'issuing')).toContain('anna.pem: revoked');
      await eventually('the next CRL', async () =>
        (await verify('anna', 'root', 'issuing')).includes('certificate revoked') ? true : undefined,
      );
      expect(await ada.client.verifyAudit()).toMatchObject({ intact: true });
    });
  },
);
