/** The contract that others script against: files in, exit codes and JSON out. */
import { execFile } from 'node:child_process';
import { createHash, createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  assembleSigned,
  basicConstraints,
  buildName,
  buildTbsCertificate,
  type Certificate,
  createPkcs12,
  decryptMessage,
  derToPem,
  encryptContent,
  encryptMessage,
  extendedKeyUsage,
  keyUsage,
  localDecrypter,
  localSigner,
  oids,
  parseCertificate,
  pemToDer,
  signatureAlgorithmFor,
  signContent,
  signMessage,
  subjectAltName,
} from '@chancery/smime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { wholeOctets } from '../message-file.ts';

const chancery = fileURLToPath(new URL('../../bin/chancery.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'chancery-smime-'));
const at = '2026-06-15T12:00:00Z';
const now = new Date(at);

/** Each run is a process of its own, and the machine may have other things to do. */
const slow = 120_000;

interface Holder {
  readonly certificate: Certificate;
  readonly privateKey: KeyObject;
}

async function issue(email: string | undefined, issuer?: Holder): Promise<Holder> {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const subject = buildName([{ type: 'commonName', value: email ?? 'Root' }]);
  const signer = localSigner((issuer ?? { privateKey }).privateKey);
  const signatureAlgorithm = signatureAlgorithmFor('p256', 'sha256');
  const tbs = buildTbsCertificate({
    serialNumber: email === undefined ? '01' : '02',
    signatureAlgorithm,
    issuer: issuer?.certificate.subject ?? subject,
    subject,
    notBefore: new Date('2026-01-01T00:00:00Z'),
    notAfter: new Date('2027-01-01T00:00:00Z'),
    spki: localSigner(privateKey).spki,
    extensions:
      email === undefined
        ? [basicConstraints({ ca: true }), keyUsage(['keyCertSign', 'cRLSign'])]
        : [
            keyUsage(['digitalSignature', 'keyAgreement']),
            extendedKeyUsage([oids.emailProtection]),
            subjectAltName({ emails: [email] }),
          ],
  });
  const der = assembleSigned(tbs, signatureAlgorithm, await signer.sign(tbs, 'sha256'));
  return { certificate: parseCertificate(der), privateKey };
}

const message = Buffer.from(
  `From: Alice <alice@example.org>\r\nTo: bob@example.org\r\nSubject: Meeting\r\nDate: ${now.toUTCString()}\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\nOn Friday.\r\n`,
);

const file = (name: string): string => join(folder, name);
const keep = (name: string, bytes: string | Uint8Array): string => {
  writeFileSync(file(name), bytes);
  return file(name);
};

let root: Holder;
beforeAll(async () => {
  root = await issue(undefined);
  const alice = await issue('alice@example.org', root);
  const signing = {
    signers: [{ signer: localSigner(alice.privateKey), certificate: alice.certificate }],
    signingTime: now,
  };
  keep('root.pem', derToPem(root.certificate.der, 'CERTIFICATE'));
  keep('root.der', root.certificate.der);
  const pkcs8 = alice.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
  keep('alice.pem', pkcs8 + derToPem(alice.certificate.der, 'CERTIFICATE'));
  keep('alice.key', alice.privateKey.export({ type: 'pkcs8', format: 'der' }));
  keep('alice.crt', derToPem(alice.certificate.der, 'CERTIFICATE'));
  keep(
    'alice.p12',
    await createPkcs12({
      entries: [
        {
          privateKey: alice.privateKey.export({ type: 'pkcs8', format: 'der' }),
          certificate: alice.certificate.der,
        },
      ],
      password: 'secret',
      profile: 'modern',
    }),
  );
  const signed = keep('signed.eml', await signMessage({ ...signing, message, form: 'clear' }));
  keep('unix.eml', readFileSync(signed, 'latin1').replaceAll('\r\n', '\n'));
  keep('altered.eml', readFileSync(signed, 'latin1').replace('On Friday', 'On Monday'));
  keep('plain.eml', message);
  keep(
    'sealed.eml',
    await encryptMessage({ message: readFileSync(signed), recipients: [alice.certificate], cipher: 'aes-256-gcm' }),
  );
  const content = Buffer.from('any octets');
  const object = await signContent({ ...signing, content });
  keep('object.der', object);
  keep('object.pem', derToPem(object, 'CMS'));
  keep('detached.der', await signContent({ ...signing, content, detached: true }));
  keep('sealed.der', await encryptContent({ content, recipients: [alice.certificate] }));
  keep('garbage', Buffer.from('00ff10aa00', 'hex'));
  keep('cut.der', object.subarray(0, 200));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function run(args: readonly string[], input = '', env: Record<string, string> = {}): Promise<Run> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [chancery, 'smime', ...args],
      { env: { ...process.env, ...env } },
      (error, stdout, stderr) => resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    );
    child.stdin?.end(input);
  });
}

async function batch(verb: string, cases: readonly object[]): Promise<Record<string, unknown>[]> {
  const { code, stdout, stderr } = await run(
    [verb, '--batch'],
    cases.map((one) => `${JSON.stringify(one)}\n`).join(''),
  );
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe('smime verify', () => {
  it(
    'exits with 0 for valid, 1 for anything else, 2 for what cannot be used',
    async () => {
      const verify = async (name: string, ...more: string[]) =>
        (await run(['verify', file(name), '--trust', file('root.pem'), '--at', at, ...more])).code;
      expect(await verify('signed.eml')).toBe(0);
      expect(await verify('altered.eml')).toBe(1);
      expect(await verify('cut.der')).toBe(2);
      expect(await verify('signed.eml', '--crl', file('garbage'))).toBe(2);
      expect((await run(['verify'])).code).toBe(2);
    },
    slow,
  );

  it('reads standard input, decrypts first, and prints JSON', async () => {
    const { code, stdout } = await run(
      ['verify', '-', '--trust', file('root.der'), '--at', at, '--json', '--p12', file('alice.p12')],
      readFileSync(file('sealed.eml'), 'latin1'),
      { CHANCERY_P12_PASSWORD: 'secret' },
    );
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      verdict: 'valid',
      layers: [{ kind: 'auth-enveloped-data', opened: true, cipher: 'aes-256-gcm' }, { kind: 'clear-signed' }],
    });
  });

  it('answers a batch in order, whatever stands in it', async () => {
    const judged = { trust: [file('root.pem')], at };
    const answers = await batch('verify', [
      { id: 'valid', message: file('signed.eml'), ...judged },
      { id: 'unix', message: file('unix.eml'), ...judged },
      { id: 'altered', message: file('altered.eml'), ...judged },
      { id: 'untrusted', message: file('signed.eml'), trust: [], at },
      { id: 'missing', message: file('nothing-here'), ...judged },
      { id: 'plain', message: file('plain.eml'), ...judged },
      { id: 'sealed', message: file('sealed.eml'), ...judged, keys: [{ path: file('alice.p12'), password: 'secret' }] },
      { id: 'closed', message: file('sealed.eml'), ...judged },
      { id: 'wrong', message: file('sealed.eml'), ...judged, keys: [{ path: file('alice.p12'), password: 'wrong' }] },
      { id: 'pem key', message: file('sealed.eml'), ...judged, keys: [{ path: file('alice.pem') }] },
      { id: 'der key', message: file('sealed.eml'), ...judged, keys: [{ path: file('alice.key') }] },
      { id: 'object', message: file('object.der'), ...judged },
      { id: 'pem object', message: file('object.pem'), ...judged },
      { id: 'detached', message: file('detached.der'), ...judged },
      { id: 'garbage', message: file('garbage'), ...judged },
      { id: 'cut', message: file('cut.der'), ...judged },
      { id: 'folder', message: folder, ...judged },
      { id: 'device', message: '/dev/zero', ...judged },
      { id: 'trust', message: file('signed.eml'), trust: [file('garbage')], at },
      { id: 'when', message: file('signed.eml'), trust: [], at: 'soon' },
      { id: 'again', message: file('signed.eml'), ...judged },
    ]);
    expect(Object.fromEntries(answers.map((one) => [one.id, one.verdict ?? 'problem']))).toEqual({
      valid: 'valid',
      unix: 'valid',
      altered: 'invalid',
      untrusted: 'invalid',
      missing: 'problem',
      plain: 'unsigned',
      sealed: 'valid',
      closed: 'unsigned',
      wrong: 'problem',
      'pem key': 'valid',
      'der key': 'valid',
      object: 'valid',
      'pem object': 'valid',
      detached: 'invalid',
      garbage: 'problem',
      cut: 'problem',
      folder: 'problem',
      device: 'problem',
      trust: 'problem',
      when: 'problem',
      again: 'valid',
    });
    expect(answers.filter((one) => one.verdict === undefined).every((one) => typeof one.problem === 'string')).toBe(
      true,
    );
    const [signer] = (answers[0] as { signers: { certificate: string }[] }).signers;
    const alice = parseCertificate(Buffer.from(signer?.certificate ?? '', 'base64'));
    expect(alice.serialNumber).toBe('02');
    expect(answers[0]).toMatchObject({
      layers: [{ kind: 'clear-signed', verdict: 'valid', covers: 'whole' }],
      signers: [{ signature: 'valid', path: 'valid', revocation: 'unknown', identity: 'match' }],
      from: ['alice@example.org'],
      covers: 'whole',
      problems: [],
    });
    expect(answers[2]?.signers).toMatchObject([
      {
        signature: 'invalid',
        problems: expect.arrayContaining([
          expect.objectContaining({ code: 'digest-mismatch', clause: 'RFC 5652 section 5.6', severity: 'error' }),
        ]),
      },
    ]);
    expect(answers[11]?.signers).toMatchObject([{ identity: 'unknown' }]);
    expect(answers[13]?.problems).toMatchObject([{ code: 'content-missing' }]);
  });
});

describe('smime decrypt', () => {
  it(
    'writes the message, or exits with 1',
    async () => {
      const key = ['--key', file('alice.key'), '--cert', file('alice.crt')];
      expect((await run(['decrypt', file('sealed.eml'), ...key])).stdout).toContain('On Friday.');
      expect(await run(['decrypt', file('sealed.der'), ...key])).toMatchObject({ code: 0, stdout: 'any octets' });
      expect(await run(['decrypt', file('plain.eml'), ...key])).toMatchObject({ code: 1, stdout: '' });
    },
    slow,
  );

  it('answers a batch', async () => {
    const keys = [{ path: file('alice.p12'), password: 'secret' }];
    const answers = await batch('decrypt', [
      { id: 1, message: file('sealed.der'), keys },
      { id: 2, message: file('sealed.eml'), keys },
      { id: 3, message: file('sealed.eml'), keys: [] },
      { id: 4, message: file('plain.eml'), keys },
      { id: 5, message: file('cut.der'), keys },
      { id: 6, message: file('garbage'), keys },
    ]);
    expect(answers).toMatchObject([
      {
        id: 1,
        decrypted: true,
        authenticated: false,
        cipher: 'aes-256-cbc',
        content: Buffer.from('any octets').toString('base64'),
      },
      { id: 2, decrypted: true, authenticated: true, cipher: 'aes-256-gcm' },
      { id: 3, decrypted: false, code: 'no-matching-recipient' },
      { id: 4, decrypted: false, code: 'decryption-failed' },
      { id: 5, decrypted: false, code: 'decryption-failed' },
      { id: 6, problem: expect.stringContaining('no message') },
    ]);
    expect(Buffer.from(String(answers[1]?.content), 'base64').toString()).toMatch(/^Content-Type: multipart\/signed/);
  });
});

describe('smime inspect', () => {
  it('answers a batch with trees', async () => {
    const answers = await batch('inspect', [
      { id: 1, message: file('sealed.eml'), keys: [{ path: file('alice.pem') }], trust: [file('root.pem')], at },
      { id: 2, message: file('root.pem') },
      { id: 3, message: file('missing') },
      { id: 4, message: file('garbage') },
    ]);
    expect(answers).toMatchObject([
      { id: 1, tree: { kind: 'mime', children: [{ kind: 'auth-enveloped-data', children: [{ verdict: 'valid' }] }] } },
      { id: 2, tree: { kind: 'certificate' } },
      { id: 3, problem: expect.stringContaining('cannot be read') },
      { id: 4, tree: { kind: 'mime' } },
    ]);
  });
});

describe('messages that are too large to hold', () => {
  const lines = `${'0123456789'.repeat(7)}\r\n`;
  const sha256 = (name: string): string =>
    createHash('sha256')
      .update(readFileSync(file(name)))
      .digest('hex');
  const spools = (): string[] => readdirSync(tmpdir()).filter((name) => /^chancery-\w{6}$/.test(name));
  const trust = ['--trust', file('root.pem'), '--at', at];
  const keys = ['--key', file('alice.pem')];
  const large = (args: readonly string[]) => run([...args, ...(args[0] === 'verify' ? trust : [])]);

  beforeAll(() => {
    const copies = Math.ceil((wholeOctets * 1.1) / lines.length);
    keep('large.eml', Buffer.concat([message, Buffer.from(lines.repeat(copies))]));
    keep('small.eml', Buffer.concat([message, Buffer.from(lines)]));
  });

  it(
    'sign, encrypt, decrypt and verify through files: the same exits and the same JSON as a small one',
    async () => {
      const told: Record<string, unknown>[] = [];
      for (const size of ['small', 'large']) {
        for (const [cipher, form] of [
          ['aes-256-gcm', 'clear'],
          ['aes-256-cbc', 'opaque'],
        ] as const) {
          const [signed, sealed, opened, out] = ['signed', 'sealed', 'opened', 'out'].map((name) =>
            file(`${size}-${name}`),
          );
          const steps = [
            await run(['sign', file(`${size}.eml`), ...keys, '--form', form, '--out', signed as string]),
            await run([
              'encrypt',
              signed as string,
              '--to',
              file('alice.crt'),
              '--cipher',
              cipher,
              '--out',
              sealed as string,
            ]),
            await run(['decrypt', sealed as string, ...keys, '--out', opened as string]),
          ];
          const judged = await run(['verify', sealed as string, ...keys, ...trust, '--json', '--out', out as string]);
          const batched = await batch('verify', [
            { id: 1, message: sealed, trust: [file('root.pem')], at, keys: [{ path: file('alice.pem') }] },
          ]);
          const alter = readFileSync(sealed as string);
          alter[alter.length - 400] = alter[alter.length - 400] === 0x41 ? 0x42 : 0x41;
          writeFileSync(sealed as string, alter);
          const altered = await run(['decrypt', sealed as string, ...keys, '--out', file('never')]);
          told.push({
            codes: [...steps, judged].map(({ code }) => code),
            // Signed as of now, and judged as of an instant of the test.
            report: JSON.parse(judged.stdout.replace(/"signingTime": ".*?"/g, '"signingTime": null')),
            batch: Object.keys(batched[0] ?? {}),
            altered: cipher === 'aes-256-gcm' ? [altered.code, existsSync(file('never'))] : [],
            whole: readFileSync(out as string, 'latin1').includes(lines),
          });
          rmSync(file('never'), { force: true });
          if (form === 'clear') expect(sha256(`${size}-opened`)).toBe(sha256(`${size}-signed`));
        }
      }
      const [clear, opaque, largeClear, largeOpaque] = told;
      expect(largeClear).toEqual(clear);
      expect(largeOpaque).toEqual(opaque);
      expect(clear).toMatchObject({
        codes: [0, 0, 0, 0],
        report: { verdict: 'valid' },
        altered: [1, false],
        whole: true,
      });
    },
    slow,
  );

  it(
    'standard input goes into a file that is gone afterwards; objects in DER and PEM; what is neither ends with 2',
    async () => {
      const before = spools();
      const text = readFileSync(file('large.eml'), 'latin1');
      expect((await run(['sign', '-', ...keys, '--out', file('piped')], text)).code).toBe(0);
      expect((await large(['verify', file('piped')])).code).toBe(0);
      expect(spools()).toEqual(before);

      const content = readFileSync(file('large.eml'));
      const holder = await issue('alice@example.org', root);
      const object = await signContent({
        content,
        signers: [{ signer: localSigner(holder.privateKey), certificate: holder.certificate }],
        signingTime: now,
      });
      keep('large.der', object);
      keep('large.pem', derToPem(object, 'CMS'));
      for (const name of ['large.der', 'large.pem']) {
        const { code, stdout } = await large(['verify', file(name), '--json', '--out', file('large.out')]);
        expect({ name, code, verdict: JSON.parse(stdout).verdict }).toEqual({ name, code: 0, verdict: 'valid' });
        expect(sha256('large.out')).toBe(sha256('large.eml'));
      }
      keep('large.sealed', await encryptContent({ content, recipients: [holder.certificate] }));
      keep('holder.key', holder.privateKey.export({ type: 'pkcs8', format: 'der' }));
      const opened = await run([
        'decrypt',
        file('large.sealed'),
        '--key',
        file('holder.key'),
        '--out',
        file('large.out'),
      ]);
      expect(opened.code).toBe(0);
      expect(sha256('large.out')).toBe(sha256('large.eml'));
      expect((await run(['decrypt', file('large.sealed'), ...keys, '--out', file('never')])).code).toBe(1);
      expect(existsSync(file('never'))).toBe(false);
      keep('large.cut', object.subarray(0, wholeOctets + 100));
      keep('large.zero', Buffer.alloc(wholeOctets + 1));
      expect((await large(['verify', file('large.cut')])).code).toBe(2);
      expect((await large(['verify', file('large.zero')])).code).toBe(2);
    },
    slow,
  );
});

describe('smime compress and expand', () => {
  it(
    'there and back; another message ends with 2',
    async () => {
      const compressed = file('compressed.eml');
      expect(await run(['compress', file('plain.eml'), '--out', compressed])).toMatchObject({ code: 0, stderr: '' });
      expect(readFileSync(compressed, 'latin1')).toContain('smime-type=compressed-data');
      const { code, stdout } = await run(['expand', compressed]);
      expect(code).toBe(0);
      expect(stdout).toMatch(/^Subject: Meeting/m);
      expect((await run(['expand', file('plain.eml')])).code).toBe(2);
    },
    slow,
  );
});

describe('a protected header', () => {
  const alice = ['--key', file('alice.key'), '--cert', file('alice.crt')];
  const subject = (text: string): string | undefined => /^Subject: (.*)$/m.exec(text)?.[1]?.trim();

  it(
    'is put in by sign and encrypt, and shown by decrypt and inspect',
    async () => {
      const policy = ['--header-protection', 'baseline'];
      const signed = await run(['sign', file('plain.eml'), ...alice, ...policy, '--out', file('header-signed.eml')]);
      expect(signed).toMatchObject({ code: 0, stderr: '' });
      const to = ['--to', file('alice.crt')];
      const sealed: string[] = [];
      for (const [name, more] of [
        ['header-signed.eml', []],
        ['plain.eml', [...policy, '--legacy-display']],
      ] as const) {
        const out = file(`sealed-${name}`);
        expect(await run(['encrypt', file(name), ...to, ...more, '--out', out])).toMatchObject({ code: 0, stderr: '' });
        expect(subject(readFileSync(out, 'latin1'))).toBe('[...]');
        sealed.push(out);
      }
      for (const message of sealed) {
        const opened = await run(['decrypt', message, ...alice]);
        expect(opened.code).toBe(0);
        expect(subject(opened.stdout)).toBe('Meeting');
        expect(opened.stdout.match(/^Subject: Meeting/gm)).toHaveLength(message.includes('signed') ? 2 : 1);
        expect(subject((await run(['decrypt', message, ...alice, '--header', 'delivered'])).stdout)).toBe('[...]');
        expect(JSON.parse((await run(['decrypt', message, ...alice, '--json'])).stdout)).toMatchObject({
          decrypted: true,
          header: {
            scheme: 'rfc9788',
            intent: 'cipher',
            restored: ['subject'],
            removed: [],
            differing: [],
            problems: [],
          },
        });
        const { stdout } = await run(['inspect', message, ...alice]);
        expect(stdout).toMatch(/^Meeting /);
        expect(stdout).toContain('Subject, put outside: [...]');
      }
      const twice = await run(['encrypt', file('header-signed.eml'), ...to, ...policy]);
      expect(twice.code).toBe(2);
      const [first = ''] = sealed;
      keep('header-altered.eml', readFileSync(first, 'latin1').replace('Subject: [...]', 'Subject: Pay at once'));
      const altered = await run(['decrypt', file('header-altered.eml'), ...alice]);
      expect(subject(altered.stdout)).toBe('Meeting');
      expect(altered.stderr).toContain(
        'The header was altered on the way: The Subject that was delivered says "Pay at once"',
      );
    },
    slow,
  );

  it(
    'of a message too large to hold: the same octets, the same warning',
    async () => {
      const body = Buffer.from(`${'0123456789'.repeat(7)}\r\n`.repeat(Math.ceil((wholeOctets * 1.1) / 72)));
      keep('large-plain.eml', Buffer.concat([readFileSync(file('plain.eml')), body]));
      const policy = ['--header-protection', 'baseline', '--legacy-display'];
      const out = (name: string): string[] => ['--out', file(name)];
      const to = ['--to', file('alice.crt'), '--cipher', 'aes-256-gcm'];
      const steps = [
        await run(['encrypt', file('large-plain.eml'), ...to, ...policy, ...out('large-only')]),
        await run(['sign', file('large-plain.eml'), ...alice, ...policy, ...out('large-signed')]),
        await run(['encrypt', file('large-signed'), ...to, ...out('large-both')]),
      ];
      expect(steps.map(({ code, stderr }) => [code, stderr])).toEqual(steps.map(() => [0, '']));
      const holder = parseCertificate(pemToDer(readFileSync(file('alice.crt'), 'latin1')));
      const key = createPrivateKey({ key: readFileSync(file('alice.key')), format: 'der', type: 'pkcs8' });
      for (const name of ['large-only', 'large-both']) {
        keep(name, readFileSync(file(name), 'latin1').replace('Subject: [...]', 'Subject: Pay at once'));
        const opened = await run(['decrypt', file(name), ...alice, ...out('large-opened')]);
        expect(opened).toMatchObject({
          code: 0,
          stderr: expect.stringContaining('The header was altered on the way: The Subject that was delivered'),
        });
        const whole = await decryptMessage({
          message: readFileSync(file(name)),
          keys: [{ decrypter: localDecrypter(key), certificate: holder }],
        });
        expect(readFileSync(file('large-opened')).equals(whole.message)).toBe(true);
        expect(subject(Buffer.from(whole.message.subarray(0, 2_000)).toString('latin1'))).toBe('Meeting');
        await run(['decrypt', file(name), ...alice, '--header', 'delivered', ...out('large-opened')]);
        expect(subject(readFileSync(file('large-opened'), 'latin1').slice(0, 2_000))).toBe('Pay at once');
      }
    },
    slow,
  );
});
