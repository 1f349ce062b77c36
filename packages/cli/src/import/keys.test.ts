import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  assembleSigned,
  buildName,
  buildTbsCertificate,
  createPkcs12,
  derToPem,
  keyUsage,
  localSigner,
  signatureAlgorithmFor,
} from '@chancery/smime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keysIn } from './keys.ts';
import { readPasswords } from './passwords.ts';
import { walk } from './walk.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'chancery-import-'));
const at = (...names: string[]) => path.join(folder, ...names);
const file = (...names: string[]) => ({ path: at(...names), name: names.join('/') });
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let key: KeyObject;
let certificate: Uint8Array;
const SECRET = 'the password that nobody may read';
beforeAll(async () => {
  key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const signer = localSigner(key);
  const algorithm = signatureAlgorithmFor(signer.kind, 'sha256');
  const name = buildName([{ type: 'commonName', value: 'Ada' }]);
  const tbs = buildTbsCertificate({
    serialNumber: '4711',
    signatureAlgorithm: algorithm,
    issuer: name,
    subject: name,
    notBefore: new Date('2024-01-01T00:00:00Z'),
    notAfter: new Date('2034-01-01T00:00:00Z'),
    spki: signer.spki,
    extensions: [keyUsage(['keyAgreement'])],
  });
  certificate = assembleSigned(tbs, algorithm, await signer.sign(tbs, 'sha256'));
});

const pkcs8 = () => key.export({ format: 'der', type: 'pkcs8' });
const pkcs12 = (profile: 'modern' | 'compat' = 'modern') =>
  createPkcs12({ privateKey: pkcs8(), certificate, password: SECRET, profile });
const pem = (passphrase?: string) =>
  key.export({
    format: 'pem',
    type: 'pkcs8',
    ...(passphrase === undefined ? {} : { cipher: 'aes-256-cbc', passphrase }),
  }) as string;
const why = (promise: Promise<unknown>) =>
  promise.then(
    () => 'opened',
    (error: Error) => error.message,
  );

describe('keys in a file', () => {
  it('are read from PKCS#12 of either age, with the first password that opens it', async () => {
    for (const profile of ['modern', 'compat'] as const) {
      writeFileSync(at('a.p12'), await pkcs12(profile));
      const [found] = (await keysIn(file('a.p12'), ['wrong', SECRET], true)) ?? [];
      expect(Buffer.from(found?.pkcs8 ?? [])).toEqual(pkcs8());
      expect(Buffer.from(found?.certificate ?? [])).toEqual(Buffer.from(certificate));
    }
    expect(await why(keysIn(file('a.p12'), ['wrong'], true))).toBe('the password does not open it');
    expect(await why(keysIn(file('a.p12'), ['wrong', 'too'], true))).toBe('none of the passwords opens it');
  });

  it('are read from PEM, with the certificate in it or beside it, encrypted or not', async () => {
    writeFileSync(at('both.pem'), pem() + derToPem(certificate, 'CERTIFICATE'));
    expect(await keysIn(file('both.pem'), [], true)).toHaveLength(1);
    writeFileSync(at('split.key'), pem(SECRET));
    expect(await why(keysIn(file('split.key'), [SECRET], true))).toMatch(/^no certificate of its key/);
    writeFileSync(at('split.crt'), certificate);
    expect(await keysIn(file('split.key'), [SECRET], true)).toHaveLength(1);
    expect(await why(keysIn(file('split.key'), ['wrong'], true))).toMatch(/that the password does not open$/);
  });

  it('are not looked for in what is none, and what it is instead is said', async () => {
    writeFileSync(at('note.txt'), 'PRIVATE KEY? No.');
    writeFileSync(at('a.cer'), certificate);
    writeFileSync(at('empty'), '');
    for (const name of ['note.txt', 'a.cer', 'empty']) expect(await keysIn(file(name), [], true)).toBeUndefined();
    writeFileSync(at('a.jks'), Buffer.from('feedfeed00000002', 'hex'));
    expect(await why(keysIn(file('a.jks'), [], true))).toMatch(/keytool -importkeystore/);
    writeFileSync(at('a.blob'), Buffer.from('308205a006092a864886f70d010703a0820591', 'hex'));
    expect(await why(keysIn(file('a.blob'), [], true))).toMatch(/certutil -recoverkey/);
  });

  it('cost what a person’s file costs, however many rounds it asks for and however large it is', async () => {
    const der = Buffer.from(await pkcs12());
    // 100,000 rounds become 8,388,607, where they stand; the MAC over them is what fails first, and costs little.
    for (let where = der.indexOf('02030186a0', 0, 'hex'); where >= 0; where = der.indexOf('02030186a0', where, 'hex'))
      der.write('02037fffff', where, 'hex');
    writeFileSync(at('rounds.p12'), der);
    const started = performance.now();
    expect(await why(keysIn(file('rounds.p12'), [SECRET], true))).toBe('the password does not open it');
    expect(performance.now() - started).toBeLessThan(5_000);
    writeFileSync(at('huge.p12'), Buffer.from('3082', 'hex'));
    truncateSync(at('huge.p12'), 1_000_000_000);
    expect(await why(keysIn(file('huge.p12'), [SECRET], true))).toMatch(/larger than 16 MB/);
    writeFileSync(at('zeros.bin'), '');
    truncateSync(at('zeros.bin'), 1_000_000_000);
    expect(await keysIn(file('zeros.bin'), [SECRET], true)).toBeUndefined();
  }, 60_000);

  it('are damaged without a word of what is in them', async () => {
    const der = Buffer.from(await pkcs12());
    for (let length = 1; length < der.length; length += 97) {
      writeFileSync(at('cut.p12'), der.subarray(0, length));
      const said = await keysIn(file('cut.p12'), [SECRET], true).catch((error: Error) => error.message);
      expect(String(said)).not.toContain(SECRET);
    }
    writeFileSync(at('cut.pem'), pem().slice(0, 150));
    const said = await why(keysIn(file('cut.pem'), [], true));
    expect(said).toBe('a private key in PEM that is cut off');
  });

  it('behind a symbolic link are read only where the link was named', async () => {
    writeFileSync(at('real.p12'), await pkcs12());
    symlinkSync(at('real.p12'), at('link.p12'));
    expect(await keysIn(file('link.p12'), [SECRET], true)).toHaveLength(1);
    expect(await why(keysIn(file('link.p12'), [SECRET], false))).toMatch(/ELOOP/);
  });
});

describe('a walk through folders', () => {
  it('reads regular files, says what it leaves, and follows no link out of them', async () => {
    mkdirSync(at('tree', 'deep'), { recursive: true });
    writeFileSync(at('tree', 'one'), '');
    writeFileSync(at('tree', 'deep', 'two'), '');
    symlinkSync('/etc', at('tree', 'etc'));
    symlinkSync(at('tree'), at('tree', 'deep', 'circle'));
    const skipped: string[] = [];
    const names: string[] = [];
    for await (const { name } of walk([at('tree')], (one) => skipped.push(one.name))) names.push(name);
    expect(names.sort()).toEqual(['tree/deep/two', 'tree/one']);
    expect(skipped.sort()).toEqual(['tree/deep/circle', 'tree/etc']);
  });

  it('says of what is not there that it is not', async () => {
    await expect(walk([at('nowhere')], () => {}).next()).rejects.toThrow(/nowhere cannot be read/);
  });

  it('holds no list of a folder of many', async () => {
    mkdirSync(at('many'));
    for (let n = 0; n < 1_000; n++) writeFileSync(at('many', `${n}`), '');
    let seen = 0;
    for await (const one of walk([at('many')], () => {})) if (one.name !== '') seen += 1;
    expect(seen).toBe(1_000);
  });
});

describe('passwords', () => {
  const write = (name: string, text: string) => {
    writeFileSync(at(name), text);
    return at(name);
  };
  it('of a table go to the file that it names, by its place or alone, and to none outside', async () => {
    const table = write(
      'table.csv',
      '\ufefffile,password\r\nada.p12,"with, comma and ""quotes"""\r\ndeep\\ben.p12, spaces \r\n../../etc/shadow,x\r\n',
    );
    const passwords = await readPasswords({ passwords: table });
    expect(passwords({ path: '/x/p12/ada.p12', name: 'p12/ada.p12' })).toEqual(['with, comma and "quotes"']);
    expect(passwords({ path: '/x/p12/deep/ben.p12', name: 'p12/deep/ben.p12' })).toEqual([' spaces ']);
    expect(passwords({ path: '/x/p12/ben.p12', name: 'p12/ben.p12' })).toEqual(['']);
  });

  it('of a file are its lines, as they are', async () => {
    const lines = write('lines', ' first \nsecond\n');
    expect((await readPasswords({ passwordFile: lines }))(file('x'))).toEqual([' first ', 'second']);
    await expect(readPasswords({ passwordFile: write('none', '') })).rejects.toThrow(/holds no password/);
    await expect(readPasswords({ passwordFile: write('lots', 'x\n'.repeat(11)) })).rejects.toThrow(/at most 10/);
  });

  it('are not quoted by the error of a table that is none', async () => {
    for (const text of [`a,${SECRET},c\n`, `a,"${SECRET}\n`, `${SECRET}\n`]) {
      const said = await why(readPasswords({ passwords: write('bad.csv', text) }));
      expect(said).toMatch(/file and password/);
      expect(said).not.toContain(SECRET);
    }
  });
});
