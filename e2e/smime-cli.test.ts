/** The engine at the command line, as scripts drive it: thousands of cases in one process, whatever stands in them. */
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Certificate, derToPem, encryptMessage, localSigner, signMessage } from '@chancery/smime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { feed, feedAndLeave } from './support/command.ts';
import { createCa, issueFor, type SmallCa } from './support/small-ca.ts';

const scratch = mkdtempSync(path.join(tmpdir(), 'chancery-smime-cli-'));
const at = (name: string): string => path.join(scratch, name);
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

let ca: SmallCa;
let key: KeyObject;
let ada: Certificate;

const text = (body: string): Buffer =>
  Buffer.from(
    [
      'From: Ada <ada@example.com>',
      'To: ben@example.com',
      'Subject: Minutes',
      'Date: Tue, 24 Nov 2026 10:00:00 +0000',
      'MIME-Version: 1.0',
      'Content-Type: text/plain; charset=us-ascii',
      '',
      body,
      '',
    ].join('\r\n'),
  );

const sign = (message: Uint8Array) =>
  signMessage({ message, form: 'clear', signers: [{ signer: localSigner(key), certificate: ada, chain: [] }] });

beforeAll(async () => {
  ca = await createCa('Root', 'ec');
  key = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  ada = await issueFor(ca, key, {
    name: 'Ada',
    email: 'ada@example.com',
    usage: ['digitalSignature', 'keyEncipherment'],
  });
  const signed = Buffer.from(await sign(text('We met.')));
  writeFileSync(at('root.pem'), derToPem(ca.certificate.der, 'CERTIFICATE'));
  writeFileSync(at('ada.pem'), derToPem(ada.der, 'CERTIFICATE'));
  writeFileSync(at('ada.key'), `${key.export({ format: 'pem', type: 'pkcs8' })}${derToPem(ada.der, 'CERTIFICATE')}`);
  writeFileSync(at('signed.eml'), signed);
  writeFileSync(at('altered.eml'), signed.toString('latin1').replace('We met.', 'We paid'), 'latin1');
  writeFileSync(at('encrypted.eml'), await encryptMessage({ message: signed, recipients: [ada] }));
  // No colon: whatever has a header field is a message, however bad.
  writeFileSync(
    at('garbage.bin'),
    randomBytes(65_536).map((octet) => (octet === 0x3a ? 0 : octet)),
  );
  writeFileSync(at('zeros.bin'), Buffer.alloc(65_536));
  writeFileSync(at('empty'), '');
  writeFileSync(at('words.txt'), 'neither a message nor a certificate\n'.repeat(100));
  writeFileSync(at('half.der'), ada.der.subarray(0, 300));
  writeFileSync(at('half.pem'), derToPem(ada.der, 'CERTIFICATE').slice(0, 400));
  mkdirSync(at('folder'));
  execFileSync('mkfifo', [at('pipe')]);
});

/** What every command answers to: files that are no use to it, and lines that are no case. */
const files = ['garbage.bin', 'zeros.bin', 'empty', 'words.txt', 'half.der', 'half.pem'];
const useless = [...files, 'folder', 'pipe', 'missing', 'no\u0000name', `${'long'.repeat(2_000)}.pem`];
const badLines = [
  '{',
  'null',
  '[]',
  '"text"',
  '12',
  '{"id":',
  `{"id":1,"x":${'['.repeat(5_000)}${']'.repeat(5_000)}}`,
  '\u0000',
  '{"id":"a"}{"id":"b"}',
];

interface Command {
  readonly args: readonly string[];
  readonly field: string;
  /** It shows what stands in any file, be it noise. */
  readonly showsAnything?: true;
  /** A case that succeeds, and what its answer holds. */
  readonly good: () => { case: object; answer: object };
}

const validNow = { at: new Date().toISOString() };
const commands: readonly Command[] = [
  {
    args: ['smime', 'verify', '--batch'],
    field: 'message',
    good: () => ({
      case: { message: at('signed.eml'), trust: [at('root.pem')], ...validNow },
      answer: { verdict: 'valid' },
    }),
  },
  {
    args: ['smime', 'decrypt', '--batch'],
    field: 'message',
    good: () => ({
      case: { message: at('encrypted.eml'), keys: [{ path: at('ada.key') }] },
      answer: { decrypted: true },
    }),
  },
  {
    args: ['smime', 'inspect', '--batch'],
    field: 'message',
    showsAnything: true,
    good: () => ({
      case: { message: at('signed.eml'), trust: [at('root.pem')] },
      answer: { tree: expect.objectContaining({ verdict: 'valid' }) },
    }),
  },
  {
    args: ['path', 'validate', '--batch'],
    field: 'leaf',
    good: () => ({
      case: { leaf: at('ada.pem'), anchors: [at('root.pem')], purpose: 'email' },
      answer: { valid: true, problem: null },
    }),
  },
  {
    args: ['lint', '--batch'],
    field: 'certificate',
    good: () => ({ case: { certificate: at('ada.pem'), profile: 'rfc' }, answer: { errors: 0 } }),
  },
];

type Answer = Record<string, unknown>;
const answersOf = (stdout: string): Answer[] => {
  expect(stdout === '' || stdout.endsWith('\n')).toBe(true);
  return stdout
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Answer);
};

describe.each(commands)('chancery $args.0 $args.1 $args.2', ({ args, field, good, showsAnything }) => {
  it('answers three thousand cases in order, good and bad, in one process', async () => {
    const one = good();
    const lines: string[] = [];
    const expected: unknown[] = [];
    for (let n = 0; n < 3_000; n++) {
      const kind = n % 30;
      if (kind === 0) {
        lines.push(JSON.stringify({ id: n, ...one.case }));
        expected.push({ id: n, ...one.answer });
      } else if (kind < 12) {
        lines.push(JSON.stringify({ id: `f${n}`, ...one.case, [field]: nameOf(useless[kind - 1] as string) }));
        const isShown = showsAnything === true && kind <= files.length;
        expected.push({
          id: `f${n}`,
          ...(isShown ? { tree: expect.any(Object) } : { problem: expect.stringMatching(/./) }),
        });
      } else if (kind < 21) {
        lines.push(badLines[kind - 12] as string);
        expected.push({ id: kind === 18 ? 1 : null, problem: expect.stringMatching(/./) });
      } else if (kind < 25) {
        lines.push(JSON.stringify({ id: n, ...one.case, [field]: [null, 7, '', ['x']][kind - 21] }));
        expected.push({ id: n, problem: expect.stringMatching(/./) });
      } else if (kind < 28) lines.push(['', '   ', '\r'][kind - 25] as string);
      else {
        lines.push(JSON.stringify({ id: n, ...one.case, at: 'never' }));
        // Decryption has no use for an instant.
        expected.push(
          args.includes('decrypt') ? { id: n, ...one.answer } : { id: n, problem: expect.stringMatching(/at/) },
        );
      }
    }
    const { code, stdout, stderr } = await feed(
      args,
      lines.map((line, n) => `${n % 2 === 0 ? '' : '\r'}\n${line}`),
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const answers = answersOf(stdout);
    expect(answers).toHaveLength(expected.length);
    for (const [index, answer] of answers.entries()) expect(answer).toMatchObject(expected[index] as object);
  });

  it('ends when nobody reads its answers any more, though the cases never end', async () => {
    const { code, stderr } = await feedAndLeave(args, `${JSON.stringify({ id: 1, ...good().case })}\n`);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });
});

describe('a batch', () => {
  it('says nothing to no cases', async () => {
    expect(await feed(['lint', '--batch'], '')).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  it('survives a line of 70 MB, and one of binary, and goes on', async () => {
    const chunk = Buffer.alloc(1_000_000, 0x61);
    const noise = randomBytes(4_096).map((octet) => (octet === 0x0a ? 0 : octet));
    const line = JSON.stringify({ id: 'Ünïcödé ✓', certificate: at('ada.pem'), profile: 'rfc' });
    const input = ['{"id":1,"x":"', ...Array.from({ length: 70 }, () => chunk), '"}\n', noise, `\n${line}\n`];
    const { code, stdout } = await feed(['lint', '--batch'], input);
    expect(code).toBe(0);
    expect(answersOf(stdout)).toMatchObject([
      { id: null, problem: expect.stringContaining('longer') },
      { id: null, problem: expect.any(String) },
      { id: 'Ünïcödé ✓', errors: 0 },
    ]);
  });
});

const nameOf = (name: string): string => (name.includes('\u0000') ? name : at(name));

describe('a message of 60 MB', () => {
  const line = `${'0123456789'.repeat(7)}\r\n`;
  beforeAll(async () => {
    const body = line.repeat(Math.ceil(60_000_000 / line.length));
    const message = text(body);
    const signed = await sign(message);
    writeFileSync(at('big-signed.eml'), signed);
    writeFileSync(at('big-encrypted.eml'), await encryptMessage({ message, recipients: [ada] }));
    const altered = Buffer.from(signed);
    const middle = altered.indexOf('0123456789', altered.length / 2);
    altered.write('O', middle, 'latin1');
    writeFileSync(at('big-altered.eml'), altered);
    writeFileSync(at('big-garbage.bin'), Buffer.alloc(60_000_000, 0x30));
  });

  it('is verified among the others', async () => {
    const cases = ['big-signed.eml', 'signed.eml', 'big-garbage.bin', 'big-altered.eml', 'altered.eml'].map((file) =>
      JSON.stringify({ id: file, message: at(file), trust: [at('root.pem')] }),
    );
    const { code, stdout } = await feed(['smime', 'verify', '--batch'], `${cases.join('\n')}\n`);
    expect(code).toBe(0);
    const answers = answersOf(stdout);
    expect(answers.map(({ id, verdict }) => [id, verdict])).toEqual([
      ['big-signed.eml', 'valid'],
      ['signed.eml', 'valid'],
      ['big-garbage.bin', undefined],
      ['big-altered.eml', 'invalid'],
      ['altered.eml', 'invalid'],
    ]);
  });

  it('is decrypted among the others', async () => {
    const cases = ['big-encrypted.eml', 'encrypted.eml', 'big-garbage.bin'].map((file) =>
      JSON.stringify({ id: file, message: at(file), keys: [{ path: at('ada.key') }] }),
    );
    const { code, stdout } = await feed(['smime', 'decrypt', '--batch'], `${cases.join('\n')}\n`);
    expect(code).toBe(0);
    const answers = answersOf(stdout);
    expect(answers.map(({ id, decrypted }) => [id, decrypted])).toEqual([
      ['big-encrypted.eml', true],
      ['encrypted.eml', true],
      ['big-garbage.bin', undefined],
    ]);
    const opened = Buffer.from(String(answers[0]?.content), 'base64');
    expect(opened.length).toBeGreaterThan(60_000_000);
    expect(opened.subarray(-line.length - 2).toString()).toContain('0123456789');
  });

  it('is inspected, and is no certificate', async () => {
    const { stdout } = await feed(
      ['smime', 'inspect', '--batch'],
      `${JSON.stringify({ id: 1, message: at('big-signed.eml') })}\n`,
    );
    expect(answersOf(stdout)).toMatchObject([{ id: 1, tree: expect.any(Object) }]);
    for (const [args, field] of [
      [['lint', '--batch'], 'certificate'],
      [['path', 'validate', '--batch'], 'leaf'],
    ] as const) {
      const lines = ['big-garbage.bin', 'big-signed.eml'].map((file) =>
        JSON.stringify({ id: file, [field]: at(file) }),
      );
      const answers = answersOf((await feed(args, `${lines.join('\n')}\n`)).stdout);
      expect(answers).toMatchObject([{ problem: expect.any(String) }, { problem: expect.any(String) }]);
    }
  });
});

describe('one file at a time', () => {
  const signedBy = () => ['--trust', at('root.pem')];
  it.each([
    ['verify', 'signed.eml', 0],
    ['verify', 'altered.eml', 1],
    ['verify', 'garbage.bin', 2],
    ['verify', 'folder', 2],
    ['inspect', 'ada.pem', 0],
    ['inspect', 'missing', 2],
  ])('smime %s %s exits %i, with JSON and no stack', async (verb, file, expected) => {
    const { code, stdout, stderr } = await feed(['smime', verb, at(file), ...signedBy(), '--json'], '');
    expect(code).toBe(expected);
    expect(`${stdout}${stderr}`).not.toMatch(/\n\s+at .*\.ts/);
    if (expected === 2) expect(stdout).toBe('');
    expect(() => JSON.parse(expected === 2 ? stderr : stdout)).not.toThrow();
  });

  it.each([
    [['lint', 'ada.pem', '--profile', 'rfc'], 0],
    [['lint', 'ada.pem', 'root.pem', '--profile', 'smime-br'], 1],
    [['lint', 'garbage.bin', 'ada.pem', 'folder', 'half.pem', 'missing'], 2],
    [['lint', 'pipe'], 2],
    [['path', 'validate', 'ada.pem', '--trust', 'root.pem', '--purpose', 'email'], 0],
    [['path', 'validate', 'ada.pem', '--trust', 'ada.pem', '--at', '2001-01-01T00:00:00Z'], 1],
    [['path', 'validate', 'garbage.bin', '--trust', 'root.pem'], 2],
    [['path', 'validate', 'ada.pem', '--at', 'never'], 2],
    [['smime', 'decrypt', 'encrypted.eml', '--key', 'ada.key', '--cert', 'ada.pem'], 0],
    [['smime', 'decrypt', 'garbage.bin', '--key', 'ada.key', '--cert', 'ada.pem'], 2],
  ] as const)('%j exits %i', async (args, expected) => {
    const { code, stdout, stderr } = await feed(args, '', { cwd: scratch });
    expect(code, stderr).toBe(expected);
    expect(`${stdout}${stderr}`).not.toMatch(/\n\s+at .*\.ts/);
    if (expected === 2) expect(stderr).toMatch(/\S/);
  });

  it('takes standard input for a file, and gives lints with their clauses', async () => {
    const verified = await feed(['smime', 'verify', '-', ...signedBy(), '--json'], readFileSync(at('signed.eml')));
    expect(JSON.parse(verified.stdout)).toMatchObject({ verdict: 'valid' });
    const linted = await feed(['lint', '-', '--json', '--profile', 'rfc'], readFileSync(at('ada.pem')));
    expect(JSON.parse(linted.stdout)).toMatchObject([{ file: '-', number: 1, subject: 'CN=Ada', errors: 0 }]);
    const catalogue = JSON.parse((await feed(['lint', '--list', '--json'], '')).stdout) as {
      id: string;
      clause: string;
    }[];
    expect(catalogue.length).toBeGreaterThan(100);
    expect(catalogue.find(({ id }) => id === 'key-usage-present')).toMatchObject({
      severity: 'error',
      binds: 'smime-br',
      zlint: ['e_key_usage_presence'],
    });
  });
});
