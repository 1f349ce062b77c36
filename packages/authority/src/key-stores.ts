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
  prefixKeyStore,
} from '@chancery/keystore';
import { type AuthorityConfig, ConfigError, readSecret } from './config.ts';
import type { Log } from './world.ts';

/** The keys of responders, where they have a store of their own, begin with it. */
const STATUS = 'status';

/**
 * Opens what holds keys of the office. A token is only reached for at its first use: one that is absent stops nobody from starting.
 * @throws KeyStoreError for a wrong secret, ConfigError for a secret that is not there
 */
export async function openKeyStores(config: AuthorityConfig, log: Log): Promise<KeyStore> {
  return (await openOfficeKeys(config, log)).keyStore;
}

/** The same, and in which of them the keys of responders are made. */
export async function openOfficeKeys(
  config: AuthorityConfig,
  log: Log,
): Promise<{ keyStore: KeyStore; responderKeys: Pick<KeyStore, 'generate'> }> {
  const [first, second] = await openOwnStores(config, log);
  if (first === undefined) throw new Error('no key store is configured');
  const status = await openStatusKeyStore(config, log);
  if (second === undefined && status === undefined) return { keyStore: first.store, responderKeys: first.store };
  const others = { ...(second && { [second.prefix]: second.store }), ...(status && { [STATUS]: status }) };
  const keyStore = composeKeyStores(first, others);
  return { keyStore, responderKeys: status ?? keyStore };
}

/** What `chancery status` opens: the store of its own where there is one, else what the office opens. */
export async function openKeyStoresForStatus(config: AuthorityConfig, log: Log): Promise<KeyStore> {
  return (await openStatusKeyStore(config, log)) ?? openKeyStores(config, log);
}

/** Is the key where responders' keys belong now? One that is not goes on until it is replaced. */
export function isResponderKeyInPlace({ status }: Pick<AuthorityConfig, 'status'>, reference: string): boolean {
  return status.keys === undefined || reference.startsWith(`${STATUS}:`);
}

interface Named {
  readonly prefix: 'software' | 'pkcs11';
  readonly store: KeyStore;
}

/** The one for new keys first. */
async function openOwnStores(config: AuthorityConfig, log: Log): Promise<Named[]> {
  const { store, pkcs11, secret } = config.keys;
  const directory = path.join(config.home, 'keys');
  const token = pkcs11 && (await openToken(config, pkcs11, log, pinRefusalFile(config)));
  // An office that began with a token has no software keys, and needs no secret for them.
  const onlyToken = store === 'pkcs11' && secret === undefined && !existsSync(directory);
  const software = onlyToken ? undefined : await openSoftware(config, directory, log);
  const found: Named[] = [];
  if (software !== undefined) found.push({ prefix: 'software', store: software });
  if (token !== undefined) found.push({ prefix: 'pkcs11', store: token });
  return store === 'pkcs11' ? found.reverse() : found;
}

async function openStatusKeyStore(config: AuthorityConfig, log: Log): Promise<KeyStore | undefined> {
  const { keys } = config.status;
  if (keys === undefined) return undefined;
  const open = async () => {
    if (keys.store === 'pkcs11' && keys.pkcs11 !== undefined)
      return openToken(config, keys.pkcs11, log, path.join(config.home, 'status-keys.pin-refused'));
    if (keys.secret === undefined) throw new ConfigError('[status.keys] names no secret');
    const directory = path.resolve(config.home, keys.folder);
    return openSoftwareKeyStore({ directory, secret: readSecret(keys.secret, config.home) });
  };
  return prefixKeyStore(STATUS, await open());
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
  const token = await openToken(config, config.keys.pkcs11, log, pinRefusalFile(config));
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
  refusalFile: string,
): Promise<KeyStore> {
  const { module, token, pin, sessions, timeoutSeconds } = settings;
  return openPkcs11KeyStore({
    module,
    token,
    sessions,
    timeoutSeconds,
    pin: () => readSecret(pin, config.home),
    refusalFile,
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
