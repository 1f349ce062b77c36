import type { KeyStore } from './key-store.ts';
import type { Pkcs11Options } from './pkcs11/store.ts';

/** As `openTokenKeyStore`, whose code only an office with a token has to load: every start counts its milliseconds. */
export async function openPkcs11KeyStore(options: Pkcs11Options): Promise<KeyStore> {
  const { openTokenKeyStore } = await import('./pkcs11/store.ts');
  return openTokenKeyStore(options);
}
