import { constants, createHash, generateKeyPairSync, publicEncrypt, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { SmimeError } from '../errors.ts';
import {
  defaultHash,
  keyKindOf,
  parseSignatureAlgorithm,
  publicKeyOf,
  signatureAlgorithmFor,
  signingHash,
  verifySignature,
} from './algorithms.ts';
import { encapsulate } from './kem.ts';
import { localDecrypter, localSigner } from './local.ts';

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const keys = {
  rsa,
  p256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  p384: generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  p521: generateKeyPairSync('ec', { namedCurve: 'P-521' }),
  'rsa-pss': generateKeyPairSync('rsa-pss', { modulusLength: 2048 }),
  ed25519: generateKeyPairSync('ed25519'),
  ed448: generateKeyPairSync('ed448'),
  'ml-dsa-44': generateKeyPairSync('ml-dsa-44'),
  'ml-dsa-65': generateKeyPairSync('ml-dsa-65'),
  'ml-dsa-87': generateKeyPairSync('ml-dsa-87'),
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

  it('signs RSASSA-PSS with every hash when it is asked to, and PKCS#1 v1.5 does not pass for it', async () => {
    const data = randomBytes(50);
    for (const privateKey of [rsa.privateKey, keys['rsa-pss'].privateKey])
      for (const hash of ['sha256', 'sha384', 'sha512'] as const) {
        const signer = localSigner(privateKey);
        const pss = parseSignatureAlgorithm(signatureAlgorithmFor(signer.kind, hash, 'pss'));
        expect(pss).toMatchObject({ digest: hash, pss: { mgf1Digest: hash }, weak: false });
        const signature = await signer.sign(data, hash, 'pss');
        const key = publicKeyOf(signer.spki);
        expect(verifySignature(pss, key, data, signature)).toBe(true);
        expect(verifySignature(pss, key, randomBytes(50), signature)).toBe(false);
        const pkcs1 = parseSignatureAlgorithm(signatureAlgorithmFor('rsa', hash));
        expect(verifySignature(pkcs1, key, data, signature)).toBe(false);
        if (signer.kind === 'rsa')
          expect(verifySignature(pss, key, data, await signer.sign(data, hash, 'pkcs1'))).toBe(false);
      }
  });

  it('keeps to the parameters of an RSASSA-PSS key, and so does whoever verifies', async () => {
    const bound = generateKeyPairSync('rsa-pss', {
      modulusLength: 2048,
      hashAlgorithm: 'sha384',
      mgf1HashAlgorithm: 'sha384',
      // A number; node's types say otherwise.
      saltLength: 48 as unknown as string,
    });
    const signer = localSigner(bound.privateKey);
    expect(signingHash(signer)).toBe('sha384');
    expect(() => signingHash(signer, 'sha256')).toThrow(expect.objectContaining({ code: 'invalid-argument' }));
    const data = randomBytes(50);
    const key = publicKeyOf(signer.spki);
    const signature = await signer.sign(data, 'sha384');
    const right = parseSignatureAlgorithm(signatureAlgorithmFor('rsa-pss', 'sha384'));
    expect(verifySignature(right, key, data, signature)).toBe(true);
    for (const change of [{ digest: 'sha256' }, { mgf1Digest: 'sha256' }, { saltLength: 47 }] as const) {
      const wrong = { ...right, pss: { digest: 'sha384', mgf1Digest: 'sha384', saltLength: 48, ...change } as const };
      expect(verifySignature(wrong, key, data, signature)).toBe(false);
    }
  });

  it('refuses keys it cannot sign with', () => {
    expect(() => localSigner(rsa.publicKey)).toThrow(SmimeError);
    for (const { privateKey } of [
      generateKeyPairSync('x25519'),
      generateKeyPairSync('x448'),
      generateKeyPairSync('ml-kem-768'),
    ])
      expect(() => localSigner(privateKey)).toThrow(expect.objectContaining({ code: 'unsupported' }));
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
      [generateKeyPairSync('x448'), generateKeyPairSync('x448')],
    ] as const) {
      const left = localDecrypter(a.privateKey);
      const right = localDecrypter(b.privateKey);
      expect(Buffer.from(await left.agree(right.spki))).toEqual(Buffer.from(await right.agree(left.spki)));
    }
  });

  it('decapsulates ML-KEM; an altered ciphertext gives another secret and no error', async () => {
    for (const kind of ['ml-kem-512', 'ml-kem-768', 'ml-kem-1024'] as const) {
      const pair = generateKeyPairSync(kind as 'ml-kem-768');
      const decrypter = localDecrypter(pair.privateKey);
      expect(decrypter.kind).toBe(kind);
      const { sharedKey, ciphertext } = encapsulate(pair.publicKey);
      expect(Buffer.from(await decrypter.decapsulate(ciphertext))).toEqual(sharedKey);
      ciphertext[7] = (ciphertext[7] ?? 0) ^ 1;
      const other = await decrypter.decapsulate(ciphertext);
      expect(other).toHaveLength(32);
      expect(Buffer.from(other)).not.toEqual(sharedKey);
      await expect(decrypter.decapsulate(ciphertext.subarray(1))).rejects.toThrow();
      await expect(decrypter.unwrapRsa(ciphertext, { padding: 'pkcs1' })).rejects.toMatchObject({
        code: 'invalid-argument',
      });
    }
  });

  it('refuses the wrong operation and a key on another curve', async () => {
    const p256 = localDecrypter(keys.p256.privateKey);
    await expect(p256.unwrapRsa(secret, { padding: 'pkcs1' })).rejects.toMatchObject({ code: 'invalid-argument' });
    await expect(p256.agree(localDecrypter(keys.p384.privateKey).spki)).rejects.toMatchObject({
      code: 'invalid-argument',
    });
    await expect(localDecrypter(rsa.privateKey).agree(p256.spki)).rejects.toMatchObject({ code: 'invalid-argument' });
    await expect(p256.decapsulate(secret)).rejects.toMatchObject({ code: 'invalid-argument' });
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

  it('refuses parameters where EdDSA and ML-DSA have none', () => {
    for (const kind of ['ed25519', 'ed448', 'ml-dsa-44', 'ml-dsa-65', 'ml-dsa-87'] as const) {
      const der = Buffer.from(signatureAlgorithmFor(kind, 'sha512'));
      expect(parseSignatureAlgorithm(der)).toMatchObject({ weak: false });
      const withNull = Buffer.concat([der, Buffer.from('0500', 'hex')]);
      withNull[1] = (withNull[1] ?? 0) + 2;
      expect(() => parseSignatureAlgorithm(withNull)).toThrow(
        expect.objectContaining({ code: 'unexpected-structure' }),
      );
    }
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
