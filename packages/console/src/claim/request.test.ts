import { createPublicKey, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { children, type Der, hex, readDer, readOid, readText } from '../der/read.ts';
import { certifies, ecdsaSignature, makeSigningKey } from './request.ts';

describe('makeSigningKey', async () => {
  const { keyPair, request } = await makeSigningKey('Ada Lovelace–Ünal');
  const [information, algorithm, signature] = children(readDer(request)) as [Der, Der, Der];
  const [version, subject, publicKey, attributes] = children(information) as [Der, Der, Der, Der];

  it('asks in the shape of RFC 2986, under the given name', () => {
    expect(hex(version.octets)).toBe('020100');
    const attribute = children(children(children(subject)[0] as Der)[0] as Der);
    expect(readOid((attribute[0] as Der).content)).toBe('2.5.4.3');
    expect(readText(attribute[1] as Der)).toBe('Ada Lovelace–Ünal');
    expect(hex(attributes.octets)).toBe('a000');
    expect(readOid((children(algorithm)[0] as Der).content)).toBe('1.2.840.10045.4.3.2');
  });

  it('proves possession: the signature fits the key that it asks for', () => {
    const key = createPublicKey({ key: Buffer.from(publicKey.octets), format: 'der', type: 'spki' });
    expect(verify('sha256', information.octets, key, signature.content.subarray(1))).toBe(true);
    const altered = Uint8Array.from(information.octets, (octet, index) => (index === 20 ? octet ^ 1 : octet));
    expect(verify('sha256', altered, key, signature.content.subarray(1))).toBe(false);
  });

  it('knows a certificate for another key', async () => {
    const other = readFileSync(new URL('../../test/vectors/openssl-leaf.der', import.meta.url));
    expect(await certifies(new Uint8Array(other), keyPair.publicKey)).toBe(false);
    // The request's own information block has the same place for the key as a certificate has.
    expect(await certifies(request, keyPair.publicKey)).toBe(true);
  });
});

describe('ecdsaSignature', () => {
  it('writes each half as the shortest positive integer', () => {
    const raw = new Uint8Array(64);
    raw[0] = 0x80;
    raw[63] = 0x05;
    const [r, s] = children(readDer(ecdsaSignature(raw))) as [Der, Der];
    expect(hex(r.content)).toBe(`0080${'00'.repeat(31)}`);
    expect(hex(s.content)).toBe('05');
  });
});
