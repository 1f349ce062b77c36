/** Where the gateway's own keys and those of people whose mail it signs are: sealed files, a token, or both. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import {
  composeKeyStores,
  type KeyStore,
  openOrCreateSecretFile,
  openPkcs11KeyStore,
  openSoftwareKeyStore,
} from '@chancery/keystore';
import type { GatewayConfig } from './config.ts';
import type { Log } from './log.ts';
import { readSecret } from './read-secret.ts';

/**
 * A token is only reached for at its first use: one that is absent keeps nobody from starting, and mail that needs it waits.
 * @throws KeyStoreError for a wrong secret, GatewayError `configuration` for one that is not there
 */
export async function openKeyStores(config: GatewayConfig, log: Log): Promise<KeyStore> {
  const token = config.pkcs11 && (await openToken(config, config.pkcs11, log));
  if (token === undefined) return openSoftware(config, log);
  const preferred = config.keyStore === 'pkcs11';
  // A gateway that began with a token has no software keys, and needs no secret for them.
  if (preferred && config.keySecret === undefined && !existsSync(config.keys)) return token;
  const software = await openSoftware(config, log);
  return preferred
    ? composeKeyStores({ prefix: 'pkcs11', store: token }, { software })
    : composeKeyStores({ prefix: 'software', store: software }, { pkcs11: token });
}

function openToken(
  { data, baseDirectory }: GatewayConfig,
  settings: NonNullable<GatewayConfig['pkcs11']>,
  log: Log,
): Promise<KeyStore> {
  const { pin, ...rest } = settings;
  const { token } = settings;
  return openPkcs11KeyStore({
    ...rest,
    pin: () => readSecret(pin, baseDirectory),
    refusalFile: path.join(data, 'keys.pin-refused'),
    notify: (event, detail) => {
      if (event === 'lost') log.error('keys.token-lost', { token, detail });
      else log.info('keys.token-open', { token });
    },
  });
}

async function openSoftware(config: GatewayConfig, log: Log): Promise<KeyStore> {
  if (config.keySecret !== undefined) {
    return openSoftwareKeyStore({ directory: config.keys, secret: readSecret(config.keySecret, config.baseDirectory) });
  }
  const { secret, path: file, created } = await openOrCreateSecretFile(path.join(config.data, 'key-secret'));
  if (created)
    log.warn('keys.secret-made', { file, advice: 'Whoever loses this file loses the keys; keep it apart from them' });
  return openSoftwareKeyStore({ directory: config.keys, secret });
}
