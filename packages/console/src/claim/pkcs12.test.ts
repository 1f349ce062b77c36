import { createDecipheriv, pbkdf2Sync, timingSafeEqual, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { describe, expect, it } from 'vitest';
import { children, type Der, readDer, readOid, readText } from '../der/read.ts';
import { deriveMacKey, writePkcs12 } from './pkcs12.ts';

const vector = (name: string) => new Uint8Array(readFileSync(new URL(`../../test/vectors/${name}`, import.meta.url)));
const down = (element: Der, ...path: number[]): Der => {
  let here = element;
  for (const index of path) {
    const child = children(here)[index];
    if (child === undefined) throw new Error(`no child ${index}`);
    here = child;
  }
  return here;
};
const number = (element: Der) => element.content.reduce((value, octet) => value * 256 + octet, 0);

/** Whether the MAC over a PKCS#12 fits the password, and how many rounds it took. */
function checkMac(file: Uint8Array, password: string) {
  const pfx = readDer(file);
  const safe = down(pfx, 1, 1, 0).content;
  const iterations = number(down(pfx, 2, 2));
  const key = deriveMacKey(password, down(pfx, 2, 1).content, iterations);
  return { iterations, fits: timingSafeEqual(hmac(sha256, key, safe), down(pfx, 2, 0, 1).content) };
}

/** Undoes PBES2 with Node's own primitives. */
function open(algorithm: Der, sealed: Uint8Array, password: string) {
  expect(readOid(down(algorithm, 0).content)).toBe('1.2.840.113549.1.5.13');
  expect(readOid(down(algorithm, 1, 0, 0).content)).toBe('1.2.840.113549.1.5.12');
  expect(readOid(down(algorithm, 1, 0, 1, 2, 0).content)).toBe('1.2.840.113549.2.9');
  expect(readOid(down(algorithm, 1, 1, 0).content)).toBe('2.16.840.1.101.3.4.1.42');
  const iterations = number(down(algorithm, 1, 0, 1, 1));
  const key = pbkdf2Sync(password, down(algorithm, 1, 0, 1, 0).content, iterations, 32, 'sha256');
  const decipher = createDecipheriv('aes-256-cbc', key, down(algorithm, 1, 1, 1).content);
  return { iterations, plain: new Uint8Array(Buffer.concat([decipher.update(sealed), decipher.final()])) };
}

describe('deriveMacKey', () => {
  it('fits the MAC of a file that OpenSSL wrote, and no other password does', () => {
    const file = vector('openssl-certificate.p12');
    expect(checkMac(file, 'k3fx-9ab2')).toEqual({ iterations: 2048, fits: true });
    expect(checkMac(file, 'k3fx-9ab3').fits).toBe(false);
  });
});

describe('writePkcs12', async () => {
  const keyPair = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
  const privateKey = new Uint8Array(await crypto.subtle.exportKey('pkcs8', keyPair.privateKey));
  const certificates = [vector('openssl-leaf.der'), vector('openssl-issuing.der')];
  const password = 'k3fx-9ab2-ppqr-7xyz-mnop';
  const file = await writePkcs12({ privateKey, certificates, friendlyName: 'Ada Lovelace (signing)', password });
  const contents = children(readDer(down(readDer(file), 1, 1, 0).content));

  it('is guarded by a MAC of at least 100,000 rounds', () => {
    const { iterations, fits } = checkMac(file, password);
    expect(fits).toBe(true);
    expect(iterations).toBeGreaterThanOrEqual(100_000);
    expect(checkMac(file, 'k3fx-9ab2-ppqr-7xyz-mnoq').fits).toBe(false);
  });

  it('holds the certificates, encrypted, the own one first and marked', () => {
    const info = down(contents[0] as Der, 1, 0, 1);
    const { iterations, plain } = open(down(info, 1), down(info, 2).content, password);
    expect(iterations).toBeGreaterThanOrEqual(100_000);
    const bags = children(readDer(plain));
    const found = bags.map((bag) => down(bag, 1, 0, 1, 0).content);
    expect(found).toEqual(certificates);
    expect(bags.map((bag) => children(bag).length)).toEqual([3, 2]);
    expect(new X509Certificate(found[0] as Uint8Array).subject).toContain('Ada Lovelace');
  });

  it('holds the private key, encrypted again, with the name and the id of its certificate', () => {
    const bag = children(readDer(down(contents[1] as Der, 1, 0).content))[0] as Der;
    const shrouded = down(bag, 1, 0);
    const { plain } = open(down(shrouded, 0), down(shrouded, 1).content, password);
    expect(plain).toEqual(privateKey);
    const attributes = children(down(bag, 2));
    const name = attributes.find((attribute) => readOid(down(attribute, 0).content) === '1.2.840.113549.1.9.20');
    expect(readText(down(name as Der, 1, 0))).toBe('Ada Lovelace (signing)');
  });

  it('never shows the key in the clear', () => {
    expect(Buffer.from(file).includes(Buffer.from(privateKey.subarray(36, 68)))).toBe(false);
  });

  it('refuses to be written without a certificate', async () => {
    await expect(writePkcs12({ privateKey, certificates: [], friendlyName: '', password })).rejects.toThrow(RangeError);
  });
});
