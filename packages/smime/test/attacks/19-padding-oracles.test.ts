import { constants, createPublicKey, privateDecrypt, publicEncrypt, randomBytes } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { readAuthEnvelopedData } from '../../src/cms/auth-enveloped-data.ts';
import { readContentInfo } from '../../src/cms/content-info.ts';
import { readEnvelopedData } from '../../src/cms/enveloped-data.ts';
import {
  type Decrypter,
  decryptContent,
  encryptContent,
  type OpeningKey,
  type RecipientInput,
  type RsaScheme,
} from '../../src/index.ts';
import { type Holder, issue } from '../office.ts';
import { openStepByStep } from './naive.ts';

describe('attack 19: padding oracles', () => {
  let bob: Holder;
  let der: Buffer;
  let encryptedKey: Buffer;
  beforeAll(async () => {
    bob = await issue({ email: 'bob@example.org', kind: 'rsa' }, await issue({ ca: true }));
    der = Buffer.from(await encryptContent({ content: Buffer.from('secret'), recipients: [bob.certificate] }));
    let seen = Buffer.alloc(0);
    await decryptContent({
      der,
      keys: [
        { certificate: bob.certificate, decrypter: watching(bob.key.decrypter, (key) => (seen = Buffer.from(key))) },
      ],
    });
    encryptedKey = seen;
  });

  const watching = (decrypter: Decrypter, see: (encryptedKey: Uint8Array) => void): Decrypter => ({
    ...decrypter,
    unwrapRsa: (key: Uint8Array, scheme: RsaScheme) => {
      see(key);
      return decrypter.unwrapRsa(key, scheme);
    },
  });
  const withKey = (replacement: Uint8Array): Buffer => {
    const at = der.indexOf(encryptedKey);
    const forged = Buffer.from(der);
    forged.set(replacement, at);
    return forged;
  };
  const raw = (block: Buffer): Buffer =>
    publicEncrypt({ key: createPublicKey(bob.privateKey), padding: constants.RSA_NO_PADDING }, block);
  const padded = (prefix: number[], filler: number, key: Buffer): Buffer => {
    const block = Buffer.alloc(256, filler);
    block.set(prefix, 0);
    block[256 - key.length - 1] = 0;
    block.set(key, 256 - key.length);
    return block;
  };

  it('every wrong key block gives one and the same error', async () => {
    const right = privateDecrypt({ key: bob.privateKey, padding: constants.RSA_PKCS1_PADDING }, encryptedKey);
    expect(right).toHaveLength(32);
    const blocks: [string, Buffer][] = [
      ['first octet not zero', padded([1, 2], 0xff, right)],
      ['block type 1', padded([0, 1], 0xff, right)],
      ['no separator', Buffer.concat([Buffer.from([0, 2]), Buffer.alloc(254, 0xff)])],
      ['separator too early', Buffer.concat([Buffer.from([0, 2, 1, 0]), Buffer.alloc(252, 0xff)])],
      ['a key too short', padded([0, 2], 0xff, right.subarray(0, 16))],
      ['a key too long', padded([0, 2], 0xff, Buffer.concat([right, right]))],
      ['an empty key', padded([0, 2], 0xff, Buffer.alloc(0))],
      ['another key', padded([0, 2], 0xff, randomBytes(32))],
    ];
    const outcomes = new Set<string>();
    for (const [, block] of blocks) {
      const error = await decryptContent({ der: withKey(raw(block)), keys: [bob.key] }).catch(
        (caught: unknown) => caught,
      );
      // A random key opens CBC padding once in 256: then it is garbage and not the text, which tells an attacker nothing.
      outcomes.add(error instanceof Error ? `${error.name}: ${error.message}: ${String(error.cause)}` : 'garbage');
    }
    outcomes.delete('garbage');
    expect([...outcomes]).toEqual(['SmimeError: the message could not be decrypted: undefined']);
  });

  /** What an opener says of an object: its error with code and text, or that it opened. */
  async function answerOf(open: () => unknown): Promise<string> {
    try {
      await open();
      return 'opened';
    } catch (error) {
      return `${(error as { code?: string }).code}: ${(error as Error).message}`;
    }
  }
  const ours = (object: Uint8Array) => answerOf(() => decryptContent({ der: object, keys: [bob.key] }));
  const naive = (object: Uint8Array) => answerOf(() => openStepByStep(object, bob));

  it('an opener that says at which step it failed tells four things apart, ours what can be seen without the key', async () => {
    const gcm = Buffer.from(
      await encryptContent({ content: Buffer.from('secret'), recipients: [bob.certificate], cipher: 'aes-256-gcm' }),
    );
    const stranger = await encryptContent({
      content: Buffer.from('secret'),
      recipients: [(await issue({ kind: 'rsa' }, await issue({ ca: true, name: 'Elsewhere' }))).certificate],
    });
    const tagged = Buffer.from(gcm);
    tagged[gcm.length - 1] = (gcm[gcm.length - 1] as number) ^ 1;
    // The last octet of the block before the last decides over the padding, and its first bit makes it more than 16.
    const blocked = Buffer.from(await encryptContent({ content: Buffer.alloc(40), recipients: [bob.certificate] }));
    blocked[blocked.length - 17] = (blocked[blocked.length - 17] as number) ^ 0x80;
    const objects = [
      withKey(raw(padded([0, 1], 0xff, randomBytes(32)))),
      withKey(raw(padded([0, 2], 0xff, randomBytes(16)))),
      blocked,
      tagged,
    ];
    const told = await Promise.all([...objects, stranger].map(naive));
    expect(told.map((answer) => answer.split(': ')[1])).toEqual([
      'bad padding',
      'bad key',
      'bad block',
      'bad tag',
      'unknown recipient',
    ]);
    for (const object of objects)
      expect(await ours(object)).toBe('decryption-failed: the message could not be decrypted');
    // Whom a message is for stands in it for everybody to read: that it is somebody else is known before a key is used.
    expect(await ours(stranger)).toMatch(/^no-matching-recipient: /);
  });

  it('a decrypter that throws, for whatever reason, gives the same error without its reason', async () => {
    let calls = 0;
    const throwing: Decrypter = {
      ...bob.key.decrypter,
      unwrapRsa: () => {
        calls++;
        return Promise.reject(new Error('padding check failed'));
      },
    };
    const error = await decryptContent({ der, keys: [{ certificate: bob.certificate, decrypter: throwing }] }).catch(
      (caught: unknown) => caught,
    );
    expect(String(error)).toBe('SmimeError: the message could not be decrypted');
    expect((error as Error).cause).toBeUndefined();
    expect(calls).toBe(1);
  });

  it('CBC padding that is wrong gives the same error as a wrong key', async () => {
    const forged = Buffer.from(der);
    const outcomes = new Set<string>();
    for (let value = 1; value < 256; value++) {
      forged[der.length - 1] = (der[der.length - 1] as number) ^ value;
      const error = await decryptContent({ der: forged, keys: [bob.key] }).catch((caught: unknown) => caught);
      if (error instanceof Error) outcomes.add(`${error.name}: ${error.message}: ${String(error.cause)}`);
    }
    expect([...outcomes]).toEqual(['SmimeError: the message could not be decrypted: undefined']);
  });

  it('damage anywhere in the object is one error, but for what can be told without any key', async () => {
    const beforehand = ['no-matching-recipient', 'unsupported', 'legacy-algorithm'];
    const outcomes = new Set<string>();
    for (let p = 0; p < der.length; p += 5) {
      const forged = Buffer.from(der);
      forged[p] = (forged[p] as number) ^ 0x15;
      let calls = 0;
      const keys = [{ certificate: bob.certificate, decrypter: watching(bob.key.decrypter, () => calls++) }];
      const error = await decryptContent({ der: forged, keys }).catch((caught: unknown) => caught);
      if (!(error instanceof Error)) continue;
      const code = (error as Error & { code?: string }).code ?? error.stack ?? error.message;
      outcomes.add(code);
      if (beforehand.includes(code)) expect(calls).toBe(0);
    }
    for (const code of outcomes) expect(['decryption-failed', ...beforehand]).toContain(code);
  });

  it('whoever the recipient is, a key that does not unwrap and a content that does not decrypt are the same error', async () => {
    const root = await issue({ ca: true });
    const shared = { keyEncryptionKey: randomBytes(32), identifier: Buffer.from('list') };
    const password = { password: 'between us', iterations: 1_000 };
    const holders = await Promise.all(
      (['rsa', 'p256', 'x25519', 'ml-kem-768'] as const).map((kind) => issue({ kind, email: 'bob@example.org' }, root)),
    );
    const ways: [RecipientInput, OpeningKey][] = [
      ...holders.map(({ certificate, key }): [RecipientInput, OpeningKey] => [certificate, key]),
      [{ certificate: bob.certificate, keyTransport: 'oaep' }, bob.key],
      [shared, shared],
      [password, password],
    ];
    const outcomes = new Set<string>();
    for (const [recipient, key] of ways)
      for (const cipher of ['aes-128-cbc', 'aes-256-gcm'] as const) {
        const good = Buffer.from(
          await encryptContent({ content: Buffer.from('secret'), recipients: [recipient], cipher }),
        );
        const envelope = readContentInfo(good).content;
        const [entry] = (cipher === 'aes-128-cbc' ? readEnvelopedData : readAuthEnvelopedData)(envelope).recipients;
        if (entry === undefined || !('encryptedKey' in entry)) throw new Error('an entry without a key');
        const at = good.indexOf(entry.encryptedKey);
        // The first and the last octet of the wrapped key, and the last of the ciphertext or of its tag.
        for (const where of [at, at + entry.encryptedKey.length - 1, good.length - 1]) {
          const forged = Buffer.from(good);
          forged[where] = (forged[where] as number) ^ 0x80;
          const error = await decryptContent({ der: forged, keys: [key] }).catch((caught: unknown) => caught);
          if (error instanceof Error) outcomes.add(`${error.name}: ${error.message}: ${String(error.cause)}`);
        }
      }
    expect([...outcomes]).toEqual(['SmimeError: the message could not be decrypted: undefined']);
  });

  describe('Bleichenbacher’s question: does this number, decrypted, begin with 00 02?', () => {
    // Sixteen numbers of which the attacker wants to know; those that do begin so are a secret of the key’s owner.
    const secret = [1, 0, 0, 1, 1, 1, 0, 1, 0, 1, 1, 0, 0, 0, 1, 0].map((bit) => bit === 1);
    let queries: Buffer[];
    beforeAll(async () => {
      // Long enough to be noticed where somebody leaves its decryption out, and GCM, so that no garbage ever opens.
      der = Buffer.from(
        await encryptContent({
          content: Buffer.alloc(4_000_000),
          recipients: [bob.certificate],
          cipher: 'aes-256-gcm',
        }),
      );
      encryptedKey = keyIn(der);
      queries = secret.map((conforms) => withKey(raw(padded([0, conforms ? 2 : 3], 0x77, randomBytes(32)))));
    });

    it('one query each reads the secret from the answers of a naive opener, and nothing from ours', async () => {
      const told = await Promise.all(queries.map(naive));
      expect(told.map((answer) => !answer.endsWith('bad padding'))).toEqual(secret);
      const answers = await Promise.all(queries.map(ours));
      expect(new Set(answers)).toEqual(new Set(['decryption-failed: the message could not be decrypted']));
    });

    it('processor time tells it of one that stops at the padding, and not of ours', async () => {
      const cost = async (ask: (object: Uint8Array) => Promise<string>): Promise<number> => {
        const times: Record<'yes' | 'no', number[]> = { yes: [], no: [] };
        for (let round = 0; round < 4; round++)
          for (const [at, object] of queries.entries()) {
            const before = process.cpuUsage();
            await ask(object);
            const { user, system } = process.cpuUsage(before);
            times[secret[at] ? 'yes' : 'no'].push(user + system);
          }
        return median(times.yes) / median(times.no);
      };
      // What leaks, leaks every time; what else the machine does only disturbs one measurement.
      const ever = async (ask: (object: Uint8Array) => Promise<string>, holds: (ratio: number) => boolean) => {
        for (let attempt = 0; attempt < 5; attempt++) if (holds(await cost(ask))) return true;
        return false;
      };
      expect(await ever(naive, (ratio) => ratio > 2)).toBe(true);
      expect(await ever(ours, (ratio) => ratio > 1 / 1.5 && ratio < 1.5)).toBe(true);
    });
  });
});

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] as number;

/** The encrypted content key of the only recipient. */
function keyIn(object: Uint8Array): Buffer {
  const [entry] = readAuthEnvelopedData(readContentInfo(object).content).recipients;
  if (entry?.kind !== 'key-transport') throw new Error('a recipient of another kind');
  return entry.encryptedKey;
}
