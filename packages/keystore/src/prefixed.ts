import { KeyStoreError } from './errors.ts';
import type { KeyInfo, KeyReference, KeySpec, KeyStore, KeyStoreHealth } from './key-store.ts';

/**
 * The same store, with `prefix:` before each of its references: so that two of one kind stand side by side in `composeKeyStores`.
 * A reference without it is of a key that is not here.
 * @param prefix without a colon; it stands before the store's name as well, after which comes a space
 */
export function prefixKeyStore(prefix: string, store: KeyStore): KeyStore {
  const outer = (reference: KeyReference) => `${prefix}:${reference}` as KeyReference;
  /** Whoever asked knows the key by its whole reference, and is told of it by that. */
  const at = async <T>(reference: KeyReference, use: (inner: KeyReference) => Promise<T>): Promise<T> => {
    const inner = reference.slice(prefix.length + 1) as KeyReference;
    if (!reference.startsWith(`${prefix}:`) || inner === '')
      throw new KeyStoreError('key-not-found', `There is no key ${reference} in the key store ${prefix}.`);
    try {
      return await use(inner);
    } catch (error) {
      if (!(error instanceof KeyStoreError)) throw error;
      throw new KeyStoreError(error.code, error.message.replaceAll(inner, reference), { cause: error });
    }
  };
  return {
    generate: async (spec: KeySpec, label: string) => outer(await store.generate(spec, label)),
    importKey: async (pkcs8, label) => outer(await store.importKey(pkcs8, label)),
    generateKek: async (label) => outer(await store.generateKek(label)),
    signer: (reference) => at(reference, (inner) => store.signer(inner)),
    decrypter: (reference) => at(reference, (inner) => store.decrypter(inner)),
    publicKey: (reference) => at(reference, (inner) => store.publicKey(inner)),
    wrap: (reference, plaintext, aad) => at(reference, (inner) => store.wrap(inner, plaintext, aad)),
    unwrap: (reference, wrapped, aad) => at(reference, (inner) => store.unwrap(inner, wrapped, aad)),
    destroy: (reference) => at(reference, (inner) => store.destroy(inner)),
    list: async (): Promise<KeyInfo[]> =>
      (await store.list()).map((info) => ({ ...info, reference: outer(info.reference) })),
    health: async (): Promise<KeyStoreHealth[]> =>
      (await store.health()).map((health) => ({ ...health, name: `${prefix} ${health.name}` })),
    close: () => store.close(),
  };
}
