import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { describeConfig, loadAuthorityConfig, parseAuthorityConfig, publicUrlOf, readSecret } from './config.ts';

const home = mkdtempSync(path.join(tmpdir(), 'chancery-config-'));
afterAll(() => rmSync(home, { recursive: true }));

describe('the configuration', () => {
  it('needs no file', () => {
    const config = loadAuthorityConfig(home);
    expect(config.server).toEqual({ host: '127.0.0.1', port: 8080 });
    expect(config.escrow.threshold).toBe(2);
    expect(config.home).toBe(home);
    expect(Object.isFrozen(config)).toBe(true);
  });

  it('names the file and every field that cannot be used', () => {
    const toml = '[server]\nport = "eighty"\n[escrow]\nthreshold = 1\n[sever]\n';
    expect(() => parseAuthorityConfig(toml, home, 'x/authority.toml')).toThrow(
      /x\/authority\.toml[\s\S]*server\.port[\s\S]*escrow\.threshold[\s\S]*sever/,
    );
    expect(() => parseAuthorityConfig('[server', home, 'x/authority.toml')).toThrow(/x\/authority\.toml is not TOML/);
  });

  it('is printed without a secret', () => {
    const printed = (toml: string) => JSON.stringify(describeConfig(parseAuthorityConfig(toml, home)));
    const url = printed('[database]\nurl = "postgres://ada:hunter2@db/chancery?sslmode=require"\n');
    expect(url).toContain('db/chancery?sslmode=require');
    expect(url).not.toContain('hunter2');
    expect(printed('[database]\nurl = "postgres://db/chancery?password=hunter2"\n')).not.toContain('hunter2');
    expect(printed('[database]\nurl = "host=db password=hunter2"\n')).not.toContain('hunter2');
    expect(printed('[keys]\nsecret = { env = "HSM_PIN" }\n')).toContain('HSM_PIN');
  });

  it('names a token whole or not at all', () => {
    const token =
      '[keys.pkcs11]\nmodule = "/usr/lib/softhsm/libsofthsm2.so"\ntoken = "office"\npin = { env = "TOKEN_PIN" }\n';
    expect(parseAuthorityConfig('', home).keys).toEqual({ store: 'software' });
    expect(parseAuthorityConfig(`[keys]\nstore = "pkcs11"\n${token}`, home).keys).toMatchObject({
      store: 'pkcs11',
      pkcs11: { token: 'office', sessions: 4, timeoutSeconds: 10 },
    });
    expect(() => parseAuthorityConfig('[keys]\nstore = "pkcs11"\n', home)).toThrow(/keys\.pkcs11/);
    expect(() => parseAuthorityConfig(token.replace('/usr/lib/softhsm/', ''), home)).toThrow(/absolute/);
    expect(() => parseAuthorityConfig(token.replace('{ env = "TOKEN_PIN" }', '"1234"'), home)).toThrow(/pin/);
  });

  it('knows where the office is reached', () => {
    const url = (toml: string) => publicUrlOf(parseAuthorityConfig(toml, home));
    expect(url('')).toBe('http://127.0.0.1:8080');
    expect(url('[server]\nhost = "::1"\nport = 81\n')).toBe('http://[::1]:81');
    expect(url('[server]\npublicUrl = "https://pki.example.com/"\n')).toBe('https://pki.example.com');
  });

  it('reads secrets from files and the environment, and says which one is missing', () => {
    writeFileSync(path.join(home, 'secret'), 'swordfish\r\n');
    expect(readSecret({ file: 'secret' }, home)).toBe('swordfish');
    expect(() => readSecret({ file: 'nowhere' }, home)).toThrow(/nowhere/);
    expect(() => readSecret({ env: 'CHANCERY_TEST_NOT_SET' }, home)).toThrow(/CHANCERY_TEST_NOT_SET/);
  });
});
