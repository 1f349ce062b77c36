/** What every key store does. A new store's test calls `describeKeyStore` with a way to open it, and adds only what is its own. */
import {
  constants,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  publicEncrypt,
  randomBytes,
  verify,
} from 'node:crypto';
import type { Signer } from '@chancery/smime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type KeyReference, type KeySpec, type KeyStore, type MlDsa, parseKeyReference } from './key-store.ts';

export interface KeyStoreUnderTest {
  /** Opens the same store again, as after a restart, or as another process would. */
  open(): Promise<KeyStore>;
  remove(): Promise<void>;
  /** A reference of the right form that names no key. */
  readonly unknown: string;
  /** Whether the store takes keys from outside. */
  readonly imports: boolean;
  /** Whether it makes ML-DSA keys. */
  readonly mlDsa: boolean;
  /** The OAEP hashes that it can do; tokens differ. */
  readonly oaepHashes: readonly HashName[];
  /** Whether a signer that somebody holds outlives the key: only a store whose keys are in this process may let it. */
  readonly keysLiveInMemory: boolean;
}

type HashName = Parameters<Signer['sign']>[1];

export function describeKeyStore(name: string, make: () => Promise<KeyStoreUnderTest>): void {
  describe(`${name}: the key store contract`, () => {
    let subject: KeyStoreUnderTest;
    let store: KeyStore;
    let shared: Promise<KeyReference> | undefined;
    /** One for all who only use it: making one takes long. */
    const rsa2048 = () => {
      shared ??= store.generate('rsa-2048', 'shared');
      return shared;
    };
    beforeAll(async () => {
      subject = await make();
      store = await subject.open();
    });
    afterAll(async () => {
      await store.close();
      await subject.remove();
    });

    describe.each(SPECS)('%s', (spec) => {
      let reference: KeyReference;
      beforeAll(async () => {
        reference = await store.generate(spec, `test ${spec}`);
      });

      it('signs so that the public key verifies, before and after a restart', async () => {
        const again = await subject.open();
        for (const opened of [store, again]) {
          const signer = await opened.signer(reference);
          expect(signer.kind).toBe(spec.startsWith('rsa') ? 'rsa' : spec);
          expect(Buffer.from(signer.spki)).toEqual(Buffer.from(await store.publicKey(reference)));
          const data = randomBytes(1000);
          const signature = await signer.sign(data, 'sha384');
          const key = publicKeyOf(signer.spki);
          const hash = spec === 'ed25519' ? null : 'sha384';
          expect(verify(hash, data, key, signature)).toBe(true);
          data[500] = (data[500] ?? 0) ^ 1;
          expect(verify(hash, data, key, signature)).toBe(false);
        }
        await again.close();
      });

      it('makes a public key of that very kind', async () => {
        const key = publicKeyOf(await store.publicKey(reference));
        const { namedCurve, modulusLength } = key.asymmetricKeyDetails ?? {};
        expect(namedCurve ?? modulusLength ?? key.asymmetricKeyType).toBe(EXPECTED[spec]);
      });

      it('never makes the same key twice', async () => {
        if (spec === 'rsa-4096' || spec === 'rsa-3072') return;
        const other = await store.generate(spec, `test ${spec}`);
        expect(other).not.toBe(reference);
        expect(Buffer.from(await store.publicKey(other))).not.toEqual(Buffer.from(await store.publicKey(reference)));
        await store.destroy(other);
      });
    });

    it.each(['ml-dsa-44', 'ml-dsa-65', 'ml-dsa-87'] as const)(
      'signs with %s before and after a restart, and decrypts nothing with it; or says that it makes no such key',
      async (spec) => {
        if (!subject.mlDsa) {
          const refused = { code: 'unsupported-key', message: expect.stringContaining(spec.toUpperCase()) };
          const before = (await store.list()).length;
          await expect(store.generate(spec, 'post-quantum')).rejects.toMatchObject(refused);
          expect(await store.list()).toHaveLength(before);
          return;
        }
        const reference = await store.generate(spec, 'post-quantum');
        const again = await subject.open();
        for (const opened of [store, again]) {
          const signer = await opened.signer(reference);
          expect(signer.kind).toBe(spec);
          const data = randomBytes(1000);
          const signature = await signer.sign(data, 'sha512');
          const key = publicKeyOf(signer.spki);
          expect(key.asymmetricKeyType).toBe(spec);
          expect(verify(null, data, key, signature)).toBe(true);
          data[500] = (data[500] ?? 0) ^ 1;
          expect(verify(null, data, key, signature)).toBe(false);
          await expect(opened.decrypter(reference)).rejects.toMatchObject({ code: 'wrong-key-type' });
        }
        expect((await again.list()).find((one) => one.reference === reference)?.type).toBe(spec);
        await again.close();
      },
    );

    it('unwraps what RSA key transport wrapped', async () => {
      const decrypter = await store.decrypter(await rsa2048());
      const key = publicKeyOf(decrypter.spki);
      const secret = randomBytes(32);
      const pkcs1 = publicEncrypt({ key, padding: constants.RSA_PKCS1_PADDING }, secret);
      expect(Buffer.from(await decrypter.unwrapRsa(pkcs1, { padding: 'pkcs1' }))).toEqual(secret);
      for (const hash of subject.oaepHashes) {
        const oaep = publicEncrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: hash }, secret);
        expect(Buffer.from(await decrypter.unwrapRsa(oaep, { padding: 'oaep', hash, mgf1Hash: hash }))).toEqual(secret);
      }
    });

    it('answers a bad PKCS#1 padding with octets that tell nothing, as implicit rejection demands', async () => {
      const decrypter = await store.decrypter(await rsa2048());
      for (let index = 0; index < 8; index += 1) {
        const forged = Buffer.concat([Buffer.alloc(1), randomBytes(255)]);
        const answer = await decrypter.unwrapRsa(forged, { padding: 'pkcs1' });
        expect(answer).toBeInstanceOf(Uint8Array);
        // What is always the same for one ciphertext looks like a padding that was good.
        expect(Buffer.from(await decrypter.unwrapRsa(forged, { padding: 'pkcs1' }))).toEqual(Buffer.from(answer));
      }
    });

    it('opens no OAEP that was altered, or has another label', async () => {
      const decrypter = await store.decrypter(await rsa2048());
      const key = publicKeyOf(decrypter.spki);
      const secret = randomBytes(32);
      for (const hash of subject.oaepHashes) {
        const label = Buffer.from('label');
        const padded = { key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: hash, oaepLabel: label };
        const oaep = publicEncrypt(padded, secret);
        const scheme = { padding: 'oaep', hash, mgf1Hash: hash } as const;
        expect(Buffer.from(await decrypter.unwrapRsa(oaep, { ...scheme, label }))).toEqual(secret);
        await expect(decrypter.unwrapRsa(oaep, scheme)).rejects.toThrow();
        oaep[100] = (oaep[100] ?? 0) ^ 1;
        await expect(decrypter.unwrapRsa(oaep, { ...scheme, label })).rejects.toThrow();
      }
    });

    it('signs with PSS, and with every hash', async () => {
      const signer = await store.signer(await rsa2048());
      const data = randomBytes(100);
      const key = publicKeyOf(signer.spki);
      for (const [hash, saltLength] of [
        ['sha256', 32],
        ['sha384', 48],
        ['sha512', 64],
      ] as const) {
        const pss = { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength };
        expect(verify(hash, data, pss, await signer.sign(data, hash, 'pss'))).toBe(true);
        expect(verify(hash, data, key, await signer.sign(data, hash))).toBe(true);
      }
    });

    it.each(['p256', 'p384', 'p521'] as const)('signs with every hash, longer than %s or shorter', async (spec) => {
      const signer = await store.signer(await store.generate(spec, 'hashes'));
      const data = randomBytes(100);
      for (const hash of ['sha256', 'sha384', 'sha512'] as const)
        expect(verify(hash, data, publicKeyOf(signer.spki), await signer.sign(data, hash))).toBe(true);
    });

    it('agrees with no key of another curve, nor with a point beside its own', async () => {
      const decrypter = await store.decrypter(await store.generate('p256', 'agreement'));
      const other = generateKeyPairSync('ec', { namedCurve: 'secp384r1' });
      await expect(decrypter.agree(other.publicKey.export({ type: 'spki', format: 'der' }))).rejects.toThrow();
      const own = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
      const beside = own.publicKey.export({ type: 'spki', format: 'der' });
      const last = beside.length - 1;
      beside[last] = (beside[last] ?? 0) ^ 1;
      await expect(decrypter.agree(beside)).rejects.toThrow();
      await expect(decrypter.unwrapRsa(Buffer.alloc(256), { padding: 'pkcs1' })).rejects.toThrow();
    });

    it('destroys under the hands of those who hold a signer', async () => {
      const key = await store.generate('p256', 'short-lived');
      const signer = await store.signer(key);
      const again = await subject.open();
      await again.destroy(key);
      await again.close();
      await expect(store.signer(key)).rejects.toMatchObject({ code: 'key-not-found' });
      await expect(store.publicKey(key)).rejects.toMatchObject({ code: 'key-not-found' });
      if (subject.keysLiveInMemory) return;
      await expect(signer.sign(Buffer.from('late'), 'sha256')).rejects.toMatchObject({ code: 'key-not-found' });
    });

    it('says how it is', async () => {
      const [health, ...others] = await store.health();
      expect(health).toMatchObject({
        state: 'available',
        name: expect.stringMatching(/^(\w+ )?(software|kms|pkcs11:)/),
      });
      expect(health?.since.getTime()).toBeLessThanOrEqual(Date.now());
      for (const one of others) expect(one.state).toBe('available');
    });

    it.each(['p256', 'p384', 'p521'] as const)('agrees on a secret over %s', async (spec) => {
      const decrypter = await store.decrypter(await store.generate(spec, 'agreement'));
      const peer = generateKeyPairSync('ec', { namedCurve: String(EXPECTED[spec]) });
      const agreed = await decrypter.agree(peer.publicKey.export({ type: 'spki', format: 'der' }));
      const theirs = diffieHellman({ privateKey: peer.privateKey, publicKey: publicKeyOf(decrypter.spki) });
      expect(Buffer.from(agreed)).toEqual(theirs);
    });

    it.each(['rsa-2048', 'p256', 'ed25519'] as const)(
      'signs forty things at once with one %s key, and answers each with its own signature',
      async (spec) => {
        const signer = await store.signer(spec === 'rsa-2048' ? await rsa2048() : await store.generate(spec, 'busy'));
        const messages = Array.from({ length: 40 }, () => randomBytes(64));
        const signatures = await Promise.all(messages.map((message) => signer.sign(message, 'sha256')));
        const key = publicKeyOf(signer.spki);
        const hash = spec === 'ed25519' ? null : 'sha256';
        const good = messages.map((message, index) => verify(hash, message, key, signatures[index] ?? Buffer.alloc(0)));
        expect(good).toEqual(messages.map(() => true));
      },
    );

    it('works with many keys at once, in every way', async () => {
      const aad = Buffer.from('busy');
      const [pair, rsa, kek] = await Promise.all([
        store.generate('p256', 'busy'),
        rsa2048(),
        store.generateKek('busy'),
      ]);
      const rsaKey = publicKeyOf(await store.publicKey(rsa));
      const peer = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
      const agreed = diffieHellman({
        privateKey: peer.privateKey,
        publicKey: publicKeyOf(await store.publicKey(pair)),
      });
      const round = async (): Promise<boolean> => {
        const secret = randomBytes(32);
        const transported = publicEncrypt({ key: rsaKey, padding: constants.RSA_PKCS1_PADDING }, secret);
        const [signature, opened, shared, unwrapped] = await Promise.all([
          store.signer(rsa).then((signer) => signer.sign(secret, 'sha256', 'pss')),
          store.decrypter(rsa).then((decrypter) => decrypter.unwrapRsa(transported, { padding: 'pkcs1' })),
          store
            .decrypter(pair)
            .then((decrypter) => decrypter.agree(peer.publicKey.export({ type: 'spki', format: 'der' }))),
          store.wrap(kek, secret, aad).then((wrapped) => store.unwrap(kek, wrapped, aad)),
        ]);
        const pss = { key: rsaKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
        return (
          verify('sha256', secret, pss, signature) &&
          secret.equals(opened) &&
          agreed.equals(shared) &&
          secret.equals(unwrapped)
        );
      };
      expect(await Promise.all(Array.from({ length: 10 }, round))).toEqual(Array(10).fill(true));
    });

    describe('key-encryption keys', () => {
      const aad = Buffer.from('record 7');
      let kek: KeyReference;
      beforeAll(async () => {
        kek = await store.generateKek('kek');
      });

      it.each([0, 1, 32, 4096])('opens %i octets that it wrapped, before and after a restart', async (length) => {
        const plaintext = randomBytes(length);
        const wrapped = await store.wrap(kek, plaintext, aad);
        const again = await subject.open();
        for (const opened of [store, again])
          expect(Buffer.from(await opened.unwrap(kek, wrapped, aad))).toEqual(plaintext);
        await again.close();
      });

      it('never wraps the same way twice', async () => {
        const plaintext = randomBytes(32);
        const [one, other] = [await store.wrap(kek, plaintext, aad), await store.wrap(kek, plaintext, aad)];
        expect(Buffer.from(one)).not.toEqual(Buffer.from(other));
      });

      it('refuses a change of any octet, any truncation, another purpose and another key, with one code', async () => {
        const wrapped = await store.wrap(kek, randomBytes(32), aad);
        const refused = { code: 'unwrap-failed' };
        for (let index = 0; index < wrapped.length; index += 1) {
          const altered = Uint8Array.from(wrapped);
          altered[index] = (altered[index] ?? 0) ^ 0x01;
          await expect(store.unwrap(kek, altered, aad)).rejects.toMatchObject(refused);
          await expect(store.unwrap(kek, wrapped.subarray(0, index), aad)).rejects.toMatchObject(refused);
        }
        await expect(store.unwrap(kek, Buffer.concat([wrapped, Buffer.alloc(1)]), aad)).rejects.toMatchObject(refused);
        await expect(store.unwrap(kek, wrapped, Buffer.from('record 8'))).rejects.toMatchObject(refused);
        await expect(store.unwrap(await store.generateKek('other'), wrapped, aad)).rejects.toMatchObject(refused);
      });
    });

    it('keeps private keys and key-encryption keys apart', async () => {
      const refused = { code: 'wrong-key-type' };
      const kek = await store.generateKek('kek');
      await expect(store.signer(kek)).rejects.toMatchObject(refused);
      await expect(store.decrypter(kek)).rejects.toMatchObject(refused);
      await expect(store.publicKey(kek)).rejects.toMatchObject(refused);
      const pair = await store.generate('p256', 'pair');
      await expect(store.wrap(pair, Buffer.alloc(8), Buffer.alloc(0))).rejects.toMatchObject(refused);
      await expect(store.unwrap(pair, Buffer.alloc(60), Buffer.alloc(0))).rejects.toMatchObject(refused);
      const ed25519 = await store.generate('ed25519', 'signs only');
      await expect(store.decrypter(ed25519)).rejects.toMatchObject(refused);
    });

    it('lists what it holds, oldest first, and forgets for good what it destroys', async () => {
      const before = await store.list();
      const key = await store.generate('p256', 'Ada Lovelace <ada@example.com>');
      const kek = await store.generateKek('vault');
      const again = await subject.open();
      const added = (await again.list()).slice(before.length);
      expect(added.map(({ reference, label, type }) => ({ reference, label, type }))).toEqual(
        expect.arrayContaining([
          { reference: key, label: 'Ada Lovelace <ada@example.com>', type: 'p256' },
          { reference: kek, label: 'vault', type: 'aes-256' },
        ]),
      );
      expect(added).toHaveLength(2);
      expect(added.every(({ createdAt }) => createdAt.getTime() <= Date.now())).toBe(true);
      // Through one, seen by the other, although both have used the key.
      await again.signer(key);
      await store.signer(key);
      await store.destroy(key);
      for (const opened of [store, again]) {
        await expect(opened.signer(key)).rejects.toMatchObject({ code: 'key-not-found' });
        await expect(opened.destroy(key)).rejects.toMatchObject({ code: 'key-not-found' });
        expect((await opened.list()).map(({ reference }) => reference)).not.toContain(key);
      }
      await again.close();
    });

    it('says which key is unknown', async () => {
      for (const text of [subject.unknown, '', '../../etc/passwd', 'software:../../etc/passwd']) {
        const unknown = parseKeyReference(text);
        const missing = { code: 'key-not-found', message: expect.stringContaining(text) };
        await expect(store.signer(unknown)).rejects.toMatchObject(missing);
        await expect(store.decrypter(unknown)).rejects.toMatchObject(missing);
        await expect(store.publicKey(unknown)).rejects.toMatchObject(missing);
        await expect(store.wrap(unknown, Buffer.alloc(1), Buffer.alloc(0))).rejects.toMatchObject(missing);
        await expect(store.unwrap(unknown, Buffer.alloc(60), Buffer.alloc(0))).rejects.toMatchObject(missing);
        await expect(store.destroy(unknown)).rejects.toMatchObject(missing);
      }
    });

    it('imports a key, or says that it takes none', async () => {
      const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
      const pkcs8 = privateKey.export({ type: 'pkcs8', format: 'der' });
      if (!subject.imports) {
        await expect(store.importKey(pkcs8, 'theirs')).rejects.toMatchObject({ code: 'unsupported-key' });
        return;
      }
      const reference = await store.importKey(pkcs8, 'theirs');
      const spki = publicKey.export({ type: 'spki', format: 'der' });
      expect(Buffer.from(await store.publicKey(reference))).toEqual(spki);
      const signature = await (await store.signer(reference)).sign(Buffer.from('x'), 'sha256');
      expect(verify('sha256', Buffer.from('x'), publicKey, signature)).toBe(true);
    });

    it('does nothing more once it is closed', async () => {
      const closing = await subject.open();
      const key = await closing.generate('p256', 'last');
      await closing.signer(key);
      await closing.close();
      await closing.close();
      const closed = { code: 'closed' };
      await expect(closing.signer(key)).rejects.toMatchObject(closed);
      await expect(closing.generate('p256', 'more')).rejects.toMatchObject(closed);
      await expect(closing.generateKek('more')).rejects.toMatchObject(closed);
      await expect(closing.list()).rejects.toMatchObject(closed);
      await expect(closing.destroy(key)).rejects.toMatchObject(closed);
      await expect(closing.health()).rejects.toMatchObject(closed);
      expect(await store.publicKey(key)).toBeInstanceOf(Uint8Array);
    });
  });
}

const SPECS: readonly Exclude<KeySpec, MlDsa>[] = [
  'p256',
  'p384',
  'p521',
  'rsa-2048',
  'rsa-3072',
  'rsa-4096',
  'ed25519',
];

const EXPECTED: Record<Exclude<KeySpec, MlDsa>, string | number> = {
  p256: 'prime256v1',
  p384: 'secp384r1',
  p521: 'secp521r1',
  'rsa-2048': 2048,
  'rsa-3072': 3072,
  'rsa-4096': 4096,
  ed25519: 'ed25519',
};

function publicKeyOf(spki: Uint8Array): ReturnType<typeof createPublicKey> {
  return createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' });
}
