import { constants, createHash, generateKeyPairSync, publicEncrypt, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { SmimeError } from '../errors.ts';
import {
  defaultHash,
  keyKindOf,
  parseSignatureAlgorithm,
  publicKeyOf,
  signatureAlgorithmFor,
  verifySignature,
} from './algorithms.ts';
import { localDecrypter, localSigner } from './local.ts';

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const keys = {
  rsa,
  p256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  p384: generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  p521: generateKeyPairSync('ec', { namedCurve: 'P-521' }),
  ed25519: generateKeyPairSync('ed25519'),
};

describe('localSigner', () => {
  for (const [kind, { privateKey }] of Object.entries(keys)) {
    it(`signs with ${kind}, and only over what was signed`, async () => {
      const signer = localSigner(privateKey);
      expect(signer.kind).toBe(kind);
      expect(keyKindOf(signer.spki)).toBe(kind);
      const hash = defaultHash(signer.kind);
      const data = randomBytes(50);
      const signature = await signer.sign(data, hash);
      const algorithm = parseSignatureAlgorithm(signatureAlgorithmFor(signer.kind, hash));
      const key = publicKeyOf(signer.spki);
      expect(verifySignature(algorithm, key, data, signature)).toBe(true);
      expect(verifySignature(algorithm, key, randomBytes(50), signature)).toBe(false);
      expect(verifySignature(algorithm, key, data, signature.subarray(1))).toBe(false);
      for (const [other, { publicKey }] of Object.entries(keys))
        if (other !== kind) expect(verifySignature(algorithm, publicKey, data, signature)).toBe(false);
    });
  }

  it('refuses keys it cannot sign with', () => {
    expect(() => localSigner(rsa.publicKey)).toThrow(SmimeError);
    expect(() => localSigner(generateKeyPairSync('x25519').privateKey)).toThrow(
      expect.objectContaining({ code: 'unsupported' }),
    );
    expect(() => localSigner(generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey)).toThrow(
      expect.objectContaining({ code: 'unsupported' }),
    );
  });
});

describe('localDecrypter', () => {
  const secret = randomBytes(32);

  it('opens PKCS#1 v1.5', async () => {
    const encrypted = publicEncrypt({ key: rsa.publicKey, padding: constants.RSA_PKCS1_PADDING }, secret);
    expect(Buffer.from(await localDecrypter(rsa.privateKey).unwrapRsa(encrypted, { padding: 'pkcs1' }))).toEqual(
      secret,
    );
  });

  it('rejects PKCS#1 v1.5 padding implicitly: bad padding never throws and is the same each time', async () => {
    const decrypter = localDecrypter(rsa.privateKey);
    for (let i = 0; i < 8; i++) {
      // Raw RSA of a random block below the modulus: the padding is wrong with overwhelming probability.
      const block = Buffer.concat([Buffer.from([0, 1]), randomBytes(254)]);
      const bad = publicEncrypt({ key: rsa.publicKey, padding: constants.RSA_NO_PADDING }, block);
      const once = await decrypter.unwrapRsa(bad, { padding: 'pkcs1' });
      expect(Buffer.from(await decrypter.unwrapRsa(bad, { padding: 'pkcs1' }))).toEqual(Buffer.from(once));
    }
  });

  it('opens OAEP, also with SHA-1, a label, and two different hashes', async () => {
    const decrypter = localDecrypter(rsa.privateKey);
    for (const hash of ['sha1', 'sha256', 'sha512'] as const) {
      const label = Buffer.from('label');
      const encrypted = publicEncrypt(
        { key: rsa.publicKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: hash, oaepLabel: label },
        secret,
      );
      expect(
        Buffer.from(await decrypter.unwrapRsa(encrypted, { padding: 'oaep', hash, mgf1Hash: hash, label })),
      ).toEqual(secret);
      await expect(decrypter.unwrapRsa(encrypted, { padding: 'oaep', hash, mgf1Hash: hash })).rejects.toThrow();
    }
    const mixed = encodeOaep(secret, 'sha256', 'sha1');
    expect(
      Buffer.from(await decrypter.unwrapRsa(mixed, { padding: 'oaep', hash: 'sha256', mgf1Hash: 'sha1' })),
    ).toEqual(secret);
    await expect(
      decrypter.unwrapRsa(mixed, { padding: 'oaep', hash: 'sha1', mgf1Hash: 'sha256' }),
    ).rejects.toMatchObject({ code: 'decryption-failed' });
    mixed[100] = (mixed[100] ?? 0) ^ 1;
    await expect(
      decrypter.unwrapRsa(mixed, { padding: 'oaep', hash: 'sha256', mgf1Hash: 'sha1' }),
    ).rejects.toMatchObject({ code: 'decryption-failed' });
  });

  it('agrees on the same secret from both sides', async () => {
    for (const [a, b] of [
      [generateKeyPairSync('ec', { namedCurve: 'P-256' }), keys.p256],
      [generateKeyPairSync('ec', { namedCurve: 'P-521' }), keys.p521],
      [generateKeyPairSync('x25519'), generateKeyPairSync('x25519')],
    ] as const) {
      const left = localDecrypter(a.privateKey);
      const right = localDecrypter(b.privateKey);
      expect(Buffer.from(await left.agree(right.spki))).toEqual(Buffer.from(await right.agree(left.spki)));
    }
  });

  it('refuses the wrong operation and a key on another curve', async () => {
    const p256 = localDecrypter(keys.p256.privateKey);
    await expect(p256.unwrapRsa(secret, { padding: 'pkcs1' })).rejects.toMatchObject({ code: 'invalid-argument' });
    await expect(p256.agree(localDecrypter(keys.p384.privateKey).spki)).rejects.toMatchObject({
      code: 'invalid-argument',
    });
    await expect(localDecrypter(rsa.privateKey).agree(p256.spki)).rejects.toMatchObject({ code: 'invalid-argument' });
  });
});

describe('parseSignatureAlgorithm', () => {
  it('reads RSASSA-PSS and verifies with it', () => {
    // RSASSA-PSS, SHA-256, MGF1 with SHA-256, salt of 32.
    const der = Buffer.from(
      '304106092a864886f70d01010a3034a00f300d06096086480165030402010500a11c301a06092a864886f70d010108300d06096086480165030402010500a203020120',
      'hex',
    );
    const algorithm = parseSignatureAlgorithm(der);
    expect(algorithm).toMatchObject({ digest: 'sha256', pss: { saltLength: 32, mgf1Digest: 'sha256' }, weak: false });
  });

  it('marks MD5 and SHA-1 and refuses the unknown', () => {
    expect(parseSignatureAlgorithm(Buffer.from('300d06092a864886f70d0101050500', 'hex')).weak).toBe(true);
    expect(() => parseSignatureAlgorithm(Buffer.from('300506032a0304', 'hex'))).toThrow(
      expect.objectContaining({ code: 'unsupported' }),
    );
  });
});

/** RFC 8017 7.1.1 with two hashes, which node:crypto cannot make. Raw RSA with the public key is `publicEncrypt` without padding. */
function encodeOaep(message: Uint8Array, hash: string, mask: string): Buffer {
  const size = 256;
  const labelHash = createHash(hash).digest();
  const block = Buffer.concat([
    labelHash,
    Buffer.alloc(size - message.length - 2 * labelHash.length - 2),
    Buffer.of(1),
    message,
  ]);
  const seed = randomBytes(labelHash.length);
  const masked = xor(block, mgf1(seed, block.length, mask));
  const maskedSeed = xor(seed, mgf1(masked, seed.length, mask));
  return publicEncrypt(
    { key: rsa.publicKey, padding: constants.RSA_NO_PADDING },
    Buffer.concat([Buffer.of(0), maskedSeed, masked]),
  );
}

function mgf1(seed: Uint8Array, length: number, hash: string): Buffer {
  const blocks: Buffer[] = [];
  for (let counter = 0; blocks.length * 20 < length; counter++)
    blocks.push(
      createHash(hash)
        .update(seed)
        .update(Buffer.of(0, 0, 0, counter))
        .digest(),
    );
  return Buffer.concat(blocks).subarray(0, length);
}

const xor = (a: Uint8Array, b: Uint8Array): Buffer => Buffer.from(a.map((octet, i) => octet ^ (b[i] ?? 0)));
