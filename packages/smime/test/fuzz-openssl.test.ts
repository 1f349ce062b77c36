/** The fuzzing seeds of OpenSSL: garbage that looks like CMS. */
import { generateKeyPairSync } from 'node:crypto';
import { expect, it } from 'vitest';
import {
  decryptContent,
  inspectMessage,
  localDecrypter,
  SmimeError,
  verifyContent,
  verifyMessage,
} from '../src/index.ts';
import { describeCorpus } from './corpora.ts';
import { now } from './office.ts';

describeCorpus('fuzz-openssl', 'fuzzed CMS: errors of our own and no others', (corpus) => {
  it('every seed', async () => {
    const key = { decrypter: localDecrypter(someKey) };
    let read = 0;
    const files = corpus.everyFile().filter((name) => /^(cms|smime)\//.test(name));
    expect(files.length).toBeGreaterThan(1_000);
    for (const name of files) {
      const bytes = corpus.bytes(name);
      await verifyContent({ der: bytes, anchors: [], at: now }).then(() => read++, onlyOurs(name));
      await decryptContent({ der: bytes, keys: [key] }).catch(onlyOurs(name));
      // Never throws at all.
      await inspectMessage({ message: bytes, at: now });
      await verifyMessage({ message: bytes, anchors: [], at: now });
    }
    // Of 747 seeds that begin like SignedData OpenSSL reads about 50; most are cut short or garbled.
    expect(read).toBeGreaterThan(10);
  });
});

const onlyOurs = (name: string) => (error: unknown) => {
  if (!(error instanceof SmimeError)) throw new Error(`${name}: ${String(error)}`, { cause: error });
};

const someKey = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey;
