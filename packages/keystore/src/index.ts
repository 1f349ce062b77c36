export { composeKeyStores } from './composite.ts';
export { KeyStoreError, type KeyStoreErrorCode } from './errors.ts';
export {
  type KeyInfo,
  type KeyReference,
  type KeySpec,
  type KeyStore,
  type KeyStoreHealth,
  parseKeyReference,
} from './key-store.ts';
export { forgetRefusedPin } from './pkcs11/login-guard.ts';
export { openPkcs11KeyStore } from './pkcs11.ts';
export { Pkcs11Token } from './pkcs11-config.ts';
export { prefixKeyStore } from './prefixed.ts';
export { openOrCreateSecretFile, type SecretFile } from './secret-file.ts';
export { readSecret, SecretReference } from './secret-reference.ts';
export { openSoftwareKeyStore } from './software.ts';
