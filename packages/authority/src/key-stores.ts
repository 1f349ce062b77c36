/** The key stores that the configuration names, as one. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import {
  composeKeyStores,
  type KeyStore,
  type KeyStoreHealth,
  openOrCreateSecretFile,
  openPkcs11KeyStore,
  openSoftwareKeyStore,
} from '@chancery/keystore';
import { type AuthorityConfig, readSecret } from './config.ts';
import type { Log } from './world.ts';

/**
 * Opens what holds keys of the office. A token is only reached for at its first use: one that is absent stops nobody from starting.
 * @throws KeyStoreError for a wrong secret, ConfigError for a secret that is not there
 */
export async function openKeyStores(config: AuthorityConfig, log: Log): Promise<KeyStore> {
  const { store, pkcs11, secret } = config.keys;
  const directory = path.join(config.home, 'keys');
  const token = pkcs11 && (await openToken(config, pkcs11, log));
  // An office that began with a token has no software keys, and needs no secret for them.
  const onlyToken = store === 'pkcs11' && secret === undefined && !existsSync(directory);
  const software = onlyToken ? undefined : await openSoftware(config, directory, log);
  if (token === undefined && software !== undefined) return software;
  if (store === 'software' && software !== undefined)
    return composeKeyStores({ prefix: 'software', store: software }, token ? { pkcs11: token } : {});
  if (token === undefined) throw new Error('no key store is configured');
  return composeKeyStores({ prefix: 'pkcs11', store: token }, software ? { software } : {});
}

/** Asks every store how it is, and logs what is not well. Never throws. */
export async function reportKeyStores(keyStore: KeyStore, log: Log): Promise<void> {
  // Only a store that is closed meanwhile refuses to answer.
  const found = await keyStore.health().catch(() => []);
  for (const { name, state, lastError } of found) {
    if (state === 'unavailable')
      log.error('keys.unavailable', { store: name, error: lastError?.message ?? 'it does not answer' });
  }
}

/** How the token of the configuration is; undefined where none is named. Opens nothing else. */
export async function checkToken(config: AuthorityConfig, log: Log): Promise<KeyStoreHealth | undefined> {
  if (config.keys.pkcs11 === undefined) return undefined;
  const token = await openToken(config, config.keys.pkcs11, log);
  try {
    return (await token.health())[0];
  } finally {
    await token.close();
  }
}

/** Its presence says that a token refused the PIN, and that nobody tries again until a person says so. */
export function pinRefusalFile(config: AuthorityConfig): string {
  return path.join(config.home, 'keys.pin-refused');
}

function openToken(
  config: AuthorityConfig,
  settings: NonNullable<AuthorityConfig['keys']['pkcs11']>,
  log: Log,
): Promise<KeyStore> {
  const { module, token, pin, sessions, timeoutSeconds } = settings;
  return openPkcs11KeyStore({
    module,
    token,
    sessions,
    timeoutSeconds,
    pin: () => readSecret(pin, config.home),
    refusalFile: pinRefusalFile(config),
    notify: (event, detail) => {
      if (event === 'lost') log.error('keys.token-lost', { token, detail });
      else log.info('keys.token-open', { token });
    },
  });
}

async function openSoftware(config: AuthorityConfig, directory: string, log: Log): Promise<KeyStore> {
  if (config.keys.secret !== undefined) {
    return openSoftwareKeyStore({ directory, secret: readSecret(config.keys.secret, config.home) });
  }
  const file = path.join(config.home, 'keys.secret');
  if (existsSync(directory) && !existsSync(file)) {
    log.warn('keys.secret-missing', { directory, file });
  }
  const { secret, path: where, created } = await openOrCreateSecretFile(file);
  if (created) {
    log.warn('keys.secret-made', {
      file: where,
      advice:
        'Whoever has this file and the keys folder has the keys of the office: back both up, apart from each other.',
    });
  }
  return openSoftwareKeyStore({ directory, secret });
}
