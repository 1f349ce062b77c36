/**
 * PKCS#12 both ways: every profile of ours in every program that reads PKCS#12 here, and everything these programs write in ours.
 * `CHANCERY_WRITE_DOCS=1` makes docs/protocols/pkcs12.md of it anew.
 */
import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { createPkcs12, derToPem, readPkcs12 } from '@chancery/smime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { issue } from '../packages/smime/test/test-authority.ts';
import { isPresent, missing } from './peers.ts';
import { password, programs, Scratch } from './pkcs12/programs.ts';
import { type Material, type Writer, writers } from './pkcs12/writers.ts';

const scratch = new Scratch();
const all = programs(scratch);
const profiles = ['modern', 'pbmac1', 'compat'] as const;
const kinds = ['RSA', 'P-256'] as const;

/** Who does not open what, and why. Each is tried nevertheless, and fails here once it succeeds. */
const refusals: Readonly<Record<string, string>> = {
  'openssl pbmac1 RSA': 'no PBMAC1 before OpenSSL 3.4',
  'openssl pbmac1 P-256': 'no PBMAC1 before OpenSSL 3.4',
  'nss pbmac1 RSA': 'no PBMAC1 yet',
  'nss pbmac1 P-256': 'no PBMAC1 yet',
  'java pbmac1 RSA': 'no PBMAC1 yet',
  'java pbmac1 P-256': 'no PBMAC1 yet',
  'gnutls pbmac1 RSA': 'no PBMAC1 yet',
  'gnutls pbmac1 P-256': 'no PBMAC1 yet',
  'gpgsm modern RSA': 'PBES2 only with the HMAC of SHA-1',
  'gpgsm modern P-256': 'PBES2 only with the HMAC of SHA-1',
  'gpgsm pbmac1 RSA': 'PBES2 only with the HMAC of SHA-1',
  'gpgsm pbmac1 P-256': 'PBES2 only with the HMAC of SHA-1',
  'gpgsm compat P-256': 'no elliptic curves in PKCS#12',
};

interface Party {
  readonly key: KeyObject;
  readonly certificate: Uint8Array;
  readonly material: Material;
}
const parties = new Map<string, Party>();
const files = new Map<string, Uint8Array>();
let ca: Uint8Array;

beforeAll(async () => {
  const authority = await issue({ name: 'CA' });
  ca = authority.certificate.der;
  for (const kind of kinds) {
    const { privateKey: key } =
      kind === 'RSA'
        ? generateKeyPairSync('rsa', { modulusLength: 2048 })
        : generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const { certificate } = await issue(
      { name: 'Anna', email: 'anna@example.com', of: { ...authority, key } },
      authority,
    );
    const privateKey = key.export({ format: 'der', type: 'pkcs8' });
    for (const profile of profiles)
      files.set(
        `${profile} ${kind}`,
        await createPkcs12({
          privateKey,
          certificate: certificate.der,
          friendlyName: 'Anna',
          chain: [ca],
          password,
          profile,
        }),
      );
    parties.set(kind, {
      key,
      certificate: certificate.der,
      material: {
        kind,
        key: scratch.file(key.export({ format: 'pem', type: 'pkcs8' }), '.pem'),
        certificate: scratch.file(derToPem(certificate.der, 'CERTIFICATE'), '.pem'),
        ca: scratch.file(derToPem(ca, 'CERTIFICATE'), '.pem'),
        bundle: scratch.file(files.get(`compat ${kind}`) ?? '', '.p12'),
      },
    });
  }
});
afterAll(() => scratch.dispose());

const party = (kind: string): Party => parties.get(kind) as Party;

for (const [name, program] of Object.entries(all)) {
  describe.skipIf(program.needs.some(missing))(`${program.title} opens what we write`, () => {
    it.each(profiles.flatMap((profile) => kinds.map((kind) => [profile, kind] as const)))('%s, %s', (profile, kind) => {
      const der = files.get(`${profile} ${kind}`) as Uint8Array;
      const opened = program.open(der, password);
      if (`${name} ${profile} ${kind}` in refusals) {
        expect(opened).toHaveProperty('refused');
        return;
      }
      expect(opened).toHaveProperty('keys');
      if ('keys' in opened && !program.mute) {
        expect(opened.keys.length).toBe(1);
        expect(opened.keys[0]?.equals(party(kind).key)).toBe(true);
      }
      expect(program.open(der, 'wrong')).toHaveProperty('refused');
    });
  });
}

describe.each(kinds)('we open what others write, %s', (kind) => {
  for (const writer of writers.filter(({ only }) => only === undefined || only === kind)) {
    it.skipIf(writer.needs.some(missing))(`${all[writer.program]?.title}: ${writer.options}`, async () => {
      const { key, certificate, material } = party(kind);
      const der = writer.write(material, scratch);
      const secret = writer.password ?? password;
      if (writer.unsupported !== undefined) {
        await expect(readPkcs12(der, secret)).rejects.toMatchObject({
          code: 'unsupported',
          message: expect.stringContaining(writer.unsupported),
        });
        return;
      }
      const { keys } = await readPkcs12(der, secret);
      const [found] = keys;
      expect(keys.length).toBe(1);
      const privateKey = Buffer.from(found?.privateKey ?? []);
      expect(createPrivateKey({ key: privateKey, format: 'der', type: 'pkcs8' }).equals(key)).toBe(true);
      if (!writer.keyAlone) expect(Buffer.from(found?.certificate ?? []).equals(certificate)).toBe(true);
      if (!/NONE/.test(writer.options))
        await expect(readPkcs12(der, `${secret}x`)).rejects.toMatchObject({ code: 'wrong-password' });
    });
  }
});

/** docs/protocols/pkcs12.md: the two tables above, which the tests have just confirmed. */
function page(): string {
  const version = (name: string): string => {
    const program = all[name];
    return `${program?.title} ${/^[0-9]+(\.[0-9]+)?/.exec(program?.version() ?? '')?.[0] ?? '?'}`;
  };
  const cell = (name: string, profile: string, kind: string): string => refusals[`${name} ${profile} ${kind}`] ?? 'yes';
  const answer = ({ unsupported, only }: Writer, kind: string): string =>
    only !== undefined && only !== kind ? 'not written' : unsupported === undefined ? 'yes' : 'no: `unsupported`';
  return [
    '# PKCS#12 and other programs',
    '',
    'Made by `CHANCERY_WRITE_DOCS=1 npm run test:interop -- pkcs12`, which tries each row and fails where one is no longer so.',
    '',
    '## What we write, and who opens it',
    '',
    `| program | ${profiles.flatMap((profile) => kinds.map((kind) => `${profile}, ${kind}`)).join(' | ')} |`,
    `| --- |${' --- |'.repeat(profiles.length * kinds.length)}`,
    ...Object.keys(all).map(
      (name) =>
        `| ${version(name)} | ${profiles.flatMap((profile) => kinds.map((kind) => cell(name, profile, kind))).join(' | ')} |`,
    ),
    '',
    'Each opens it with the right password and not with a wrong one, and hands out the same key; OpenSSL in Node.js hands out none.',
    '',
    '## What others write, and whether we open it',
    '',
    'Windows and Apple systems are not at hand: their attributes, their BER and their ciphers are tried piece by piece in',
    '`packages/smime/src/pkcs12/read.test.ts`.',
    '',
    '| program | asked for | RSA | P-256 |',
    '| --- | --- | --- | --- |',
    ...writers.map(
      (writer) =>
        `| ${version(writer.program)} | ${writer.options.replace(/(^| )(-[^ ].*)$/, '$1`$2`')} | ${answer(writer, 'RSA')} | ${answer(writer, 'P-256')} |`,
    ),
    '',
  ].join('\n');
}

describe.skipIf(!Object.values(all).every(({ needs }) => needs.every(isPresent)))('docs/protocols/pkcs12.md', () => {
  it('says what the tests have shown', () => {
    const file = new URL('../docs/protocols/pkcs12.md', import.meta.url);
    if (process.env.CHANCERY_WRITE_DOCS === '1') writeFileSync(file, page());
    expect(readFileSync(file, 'utf8')).toBe(page());
  });
});
