/** A decryption says only that it failed, whatever failed (RFC 3218). Whether the key's store was to be had is told beside it. */
import { KeyStoreError } from '@chancery/keystore';
import type { Decrypter } from '@chancery/smime';
import type { OwnKey } from './enrolment.ts';

/** The same keys, and what their store threw while they were used; undefined while it answers. */
export function noted(keys: readonly OwnKey[]): { keys: OwnKey[]; fault(): KeyStoreError | undefined } {
  let fault: KeyStoreError | undefined;
  async function note<T>(use: Promise<T>): Promise<T> {
    try {
      return await use;
    } catch (error) {
      if (error instanceof KeyStoreError && storeFaults.has(error.code)) fault ??= error;
      throw error;
    }
  }
  const watch = (decrypter: Decrypter): Decrypter => ({
    kind: decrypter.kind,
    spki: decrypter.spki,
    unwrapRsa: (...args) => note(decrypter.unwrapRsa(...args)),
    agree: (...args) => note(decrypter.agree(...args)),
    decapsulate: (...args) => note(decrypter.decapsulate(...args)),
  });
  return { keys: keys.map((key) => ({ ...key, decrypter: watch(key.decrypter) })), fault: () => fault };
}

/** Of the store, and not of what was to be opened. */
const storeFaults: ReadonlySet<string> = new Set(['unavailable', 'pin-refused', 'closed']);
