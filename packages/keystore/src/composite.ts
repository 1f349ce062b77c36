import { KeyStoreError } from './errors.ts';
import type { KeyInfo, KeyReference, KeySpec, KeyStore, KeyStoreHealth } from './key-store.ts';

/**
 * Several stores as one: new keys are made in `preferred`, and each key is used where it is. So an office that began in software moves
 * to a token key by key, and nothing that it issued stops working.
 * @param others by what their references begin with, up to the colon: `software`, `pkcs11`
 */
export function composeKeyStores(
  preferred: { readonly prefix: string; readonly store: KeyStore },
  others: Readonly<Record<string, KeyStore>>,
): KeyStore {
  return new CompositeKeyStore(
    preferred.store,
    new Map([[preferred.prefix, preferred.store], ...Object.entries(others)]),
  );
}

class CompositeKeyStore implements KeyStore {
  readonly #preferred: KeyStore;
  readonly #stores: ReadonlyMap<string, KeyStore>;

  constructor(preferred: KeyStore, stores: ReadonlyMap<string, KeyStore>) {
    this.#preferred = preferred;
    this.#stores = stores;
  }

  generate(spec: KeySpec, label: string): Promise<KeyReference> {
    return this.#preferred.generate(spec, label);
  }

  importKey(pkcs8: Uint8Array, label: string): Promise<KeyReference> {
    return this.#preferred.importKey(pkcs8, label);
  }

  generateKek(label: string): Promise<KeyReference> {
    return this.#preferred.generateKek(label);
  }

  async signer(reference: KeyReference) {
    return this.#holding(reference).signer(reference);
  }

  async decrypter(reference: KeyReference) {
    return this.#holding(reference).decrypter(reference);
  }

  async publicKey(reference: KeyReference): Promise<Uint8Array> {
    return this.#holding(reference).publicKey(reference);
  }

  async wrap(reference: KeyReference, plaintext: Uint8Array, aad: Uint8Array): Promise<Uint8Array> {
    return this.#holding(reference).wrap(reference, plaintext, aad);
  }

  async unwrap(reference: KeyReference, wrapped: Uint8Array, aad: Uint8Array): Promise<Uint8Array> {
    return this.#holding(reference).unwrap(reference, wrapped, aad);
  }

  async destroy(reference: KeyReference): Promise<void> {
    return this.#holding(reference).destroy(reference);
  }

  /** Of all stores. Throws what the first of them throws that cannot tell: half a list would pass for the whole. */
  async list(): Promise<KeyInfo[]> {
    const lists = await Promise.all([...this.#stores.values()].map((store) => store.list()));
    return lists
      .flat()
      .sort((a, b) => a.createdAt.getTime() - b.createdAt.getTime() || (a.reference < b.reference ? -1 : 1));
  }

  async health(): Promise<KeyStoreHealth[]> {
    return (await Promise.all([...this.#stores.values()].map((store) => store.health()))).flat();
  }

  async close(): Promise<void> {
    await Promise.all([...this.#stores.values()].map((store) => store.close()));
  }

  #holding(reference: KeyReference): KeyStore {
    const store = this.#stores.get(reference.split(':', 1)[0] ?? '');
    if (store !== undefined) return store;
    throw new KeyStoreError(
      'key-not-found',
      `There is no key ${reference} in ${[...this.#stores.keys()].join(' or ')}. If another store holds it, name that store under [keys] again.`,
    );
  }
}
