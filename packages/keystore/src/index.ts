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
export { prefixKeyStore } from './prefixed.ts';
export { openOrCreateSecretFile, type SecretFile } from './secret-file.ts';
export { openSoftwareKeyStore } from './software.ts';
