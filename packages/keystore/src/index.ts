export { KeyStoreError, type KeyStoreErrorCode } from './errors.ts';
export { type KeyInfo, type KeyReference, type KeySpec, type KeyStore, parseKeyReference } from './key-store.ts';
export { openOrCreateSecretFile, type SecretFile } from './secret-file.ts';
export { openSoftwareKeyStore } from './software.ts';
