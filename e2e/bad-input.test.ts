/** What goes wrong at a desk: each a clear message, and nothing lost. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OfficeProcess, runChancery } from './support/office-process.ts';
import { setUpOffice } from './support/operators.ts';

const scratch = mkdtempSync(path.join(tmpdir(), 'chancery-bad-input-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

describe('bad input', () => {
  it('an unknown command, an unknown option: usage, exit 2', () => {
    expect(runChancery(['frobnicate']).code).toBe(2);
    expect(runChancery(['people', 'list', '--frobnicate']).code).toBe(2);
  });

  it('--help of a command: what it takes, exit 0', () => {
    const help = runChancery(['people', '--help']);
    expect(help).toMatchObject({ code: 0, stdout: expect.stringContaining('Usage: chancery people') });
  });

  it('no office: says how to start one, exit 3', () => {
    const answer = runChancery(['people', 'list'], { home: path.join(scratch, 'nobody-home') });
    expect(answer).toMatchObject({ code: 3, stderr: expect.stringContaining('chancery start') });
  });

  it('a configuration with a wrong field: names file and field, exit 2', () => {
    const home = path.join(scratch, 'wrong-config');
    mkdirSync(home);
    writeFileSync(path.join(home, 'authority.toml'), '[server]\nport = "eighty"\n');
    const answer = runChancery(['check-config'], { home });
    expect(answer).toMatchObject({ code: 2, stderr: expect.stringMatching(/authority\.toml[\s\S]*server\.port/) });
  });

  it('truncated DER: a clear error with no stack trace, exit 2', () => {
    const file = path.join(scratch, 'truncated.der');
    writeFileSync(file, Buffer.from('3082039030820278a003020102', 'hex'));
    const answer = runChancery(['smime', 'verify', file, '--trust', file]);
    expect(answer.code).toBe(2);
    expect(answer.stderr).not.toMatch(/\n\s+at /);
  });

  it('a port in use, a passphrase that is wrong: says so, changes nothing, and the right one still opens', async () => {
    const office = await OfficeProcess.prepare({ authorityToml: '[keys]\nsecret = { env = "E2E_PASSPHRASE" }\n' });
    const squatter = createServer();
    try {
      process.env.E2E_PASSPHRASE = 'the right passphrase';
      await office.start();
      const ada = await setUpOffice(office.url, await office.setupToken());
      await office.stop();

      const { port } = new URL(office.url);
      await new Promise<void>((resolve) => squatter.listen(Number(port), '127.0.0.1', resolve));
      const taken = runChancery(['start'], { home: office.home });
      squatter.close();
      expect(taken).toMatchObject({ code: 2, stderr: expect.stringContaining(port) });
      expect(taken.stderr).toMatch(/authority\.toml|server\.port/);

      process.env.E2E_PASSPHRASE = 'the wrong passphrase';
      const answer = runChancery(['start'], { home: office.home });
      expect(answer).toMatchObject({ code: 2, stderr: expect.stringMatching(/passphrase|secret/i) });
      expect(answer.stderr).not.toContain('the wrong passphrase');

      process.env.E2E_PASSPHRASE = 'the right passphrase';
      await office.start();
      expect(await ada.client.office()).toMatchObject({ setUp: true });
    } finally {
      delete process.env.E2E_PASSPHRASE;
      squatter.close();
      await office.dispose();
    }
  });
});

const mayMount = process.getuid?.() === 0 && spawnSync('sh', ['-c', 'command -v mount']).status === 0;

describe.runIf(mayMount)('a full disk', () => {
  const home = path.join(scratch, 'small-disk');
  let mounted = false;
  beforeAll(() => {
    mkdirSync(home);
    mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=24m,mode=755', 'tmpfs', home]).status === 0;
  });
  afterAll(() => {
    if (mounted) spawnSync('umount', ['-l', home]);
  });

  it('says that the disk is full, and what is safe', ({ skip }) => {
    if (!mounted) skip('this machine does not let root mount a tmpfs');
    const answer = runChancery(['start'], { home });
    expect(answer).toMatchObject({ code: 2, stderr: expect.stringMatching(/full/i) });
  });
});
