import { Aes256Gcm, CipherSuite, DhkemP256HkdfSha256, HkdfSha256 } from '@hpke/core';
import { describe, expect, it } from 'vitest';
import { fromHex, toHex, utf8 } from './encoding.ts';
import { GENERATOR, multiply, Point, randomScalar, readPoint, readScalar, writePoint } from './group.ts';
import { deriveSecretKey, open, openWithPoint, seal } from './hpke.ts';

// RFC 9180 appendix A.3.1: DHKEM(P-256, HKDF-SHA256), HKDF-SHA256, AES-128-GCM, base mode, sequence number 0.
const RFC = {
  info: fromHex('4f6465206f6e2061204772656369616e2055726e'),
  ikmE: fromHex('4270e54ffd08d79d5928020af4686d8f6b7d35dbe470265f1f5aa22816ce860e'),
  skEm: '4995788ef4b9d6132b249ce59a77281493eb39af373d236a1fe415cb0c2d7beb',
  enc: '04a92719c6195d5085104f469a8b9814d5838ff72b60501e2c4466e5e67b325ac98536d7b61a1af4b78e5b7f951c0900be863c403ce65c9bfcb9382657222d18c4',
  ikmR: fromHex('668b37171f1072f3cf12ea8a236a45df23fc13b82af3609ad1e354f6ef817550'),
  skRm: 'f3ce7fdae57e1a310d87f1ebbde6f328be0a99cdbcadf4d6589cf29de4b8ffd2',
  pkRm: fromHex(
    '04fe8c19ce0905191ebc298a9245792531f26f0cece2460639e8bc39cb7f706a826a779b4cf969b8a0e539c7f62fb3d30ad6aa8f80e30f1d128aafd68a2ce72ea0',
  ),
  pt: '4265617574792069732074727574682c20747275746820626561757479',
  aad: fromHex('436f756e742d30'),
  ct: '5ad590bb8baa577f8619db35a36311226a896e7342a6d836d8b7bcd2f20b6c7f9076ac232e3ab2523f39513434',
};

describe('RFC 9180 A.3.1', () => {
  it('derives the keys', () => {
    expect(toHex(deriveSecretKey(RFC.ikmE))).toBe(RFC.skEm);
    expect(toHex(deriveSecretKey(RFC.ikmR))).toBe(RFC.skRm);
  });

  it('seals and opens', async () => {
    const sealed = await seal(RFC.pkRm, fromHex(RFC.pt), RFC, fromHex(RFC.skEm), 'aes-128-gcm');
    expect(toHex(sealed.encapsulation)).toBe(RFC.enc);
    expect(toHex(sealed.ciphertext)).toBe(RFC.ct);
    expect(toHex(await open(fromHex(RFC.skRm), RFC.pkRm, sealed, RFC, 'aes-128-gcm'))).toBe(RFC.pt);
  });
});

describe('beside another implementation', () => {
  const suite = new CipherSuite({ kem: new DhkemP256HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes256Gcm() });
  const context = { info: utf8('what for'), aad: utf8('whose') };

  it('opens what that seals, and the other way round', async () => {
    const pair = await suite.kem.deriveKeyPair(RFC.ikmR.slice().buffer);
    const publicKey = new Uint8Array(await suite.kem.serializePublicKey(pair.publicKey));
    const secretKey = deriveSecretKey(RFC.ikmR);
    const ours = await seal(publicKey, utf8('out'), context);
    const theirs = await suite.createRecipientContext({
      recipientKey: pair.privateKey,
      enc: ours.encapsulation.slice().buffer,
      info: context.info.slice().buffer,
    });
    expect(Buffer.from(await theirs.open(ours.ciphertext.slice().buffer, context.aad.slice().buffer))).toEqual(
      Buffer.from('out'),
    );
    const sender = await suite.createSenderContext({
      recipientPublicKey: pair.publicKey,
      info: context.info.slice().buffer,
    });
    const ciphertext = new Uint8Array(await sender.seal(utf8('in').slice().buffer, context.aad.slice().buffer));
    const message = { encapsulation: new Uint8Array(sender.enc), ciphertext };
    expect(await open(secretKey, publicKey, message, context)).toEqual(utf8('in'));
    const point = multiply(readPoint(message.encapsulation), readScalar(secretKey));
    expect(await openWithPoint(point, publicKey, message, context)).toEqual(utf8('in'));
  });
});

describe('what does not open', () => {
  it.each(['info', 'aad'] as const)('another %s', async (part) => {
    const secretKey = randomScalar();
    const publicKey = writePoint(multiply(GENERATOR, readScalar(secretKey)));
    const context = { info: utf8('a'), aad: utf8('b') };
    const message = await seal(publicKey, utf8('secret'), context);
    await expect(open(secretKey, publicKey, message, { ...context, [part]: utf8('c') })).rejects.toMatchObject({
      code: 'cannot-open',
    });
  });

  it('points that are none: off the curve, the neutral one, compressed, short', async () => {
    const off = writePoint(GENERATOR);
    off[64] = (off[64] ?? 0) ^ 1;
    for (const octets of [off, new Uint8Array(65), Uint8Array.of(0), GENERATOR.toBytes(true), off.subarray(0, 64)]) {
      expect(() => readPoint(octets)).toThrow(expect.objectContaining({ code: 'malformed' }));
    }
    const message = { encapsulation: writePoint(GENERATOR), ciphertext: new Uint8Array(20) };
    const context = { info: utf8('a'), aad: utf8('b') };
    await expect(openWithPoint(Point.ZERO, writePoint(GENERATOR), message, context)).rejects.toMatchObject({
      code: 'malformed',
    });
  });
});
