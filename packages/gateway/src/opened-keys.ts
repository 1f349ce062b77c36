/** Decryption keys of people whose mail this gateway opens: escrowed records unlocked with the gateway's own key, held in memory for a while. */
import { createDecipheriv, createPrivateKey, createPublicKey } from 'node:crypto';
import { ApiError, type Client } from '@chancery/api';
import { type Certificate, type Decrypter, decryptContent, localDecrypter, parseCertificate } from '@chancery/smime';
import type { OwnKey } from './enrolment.ts';
import { GatewayError, reasonOf } from './errors.ts';
import type { Log } from './log.ts';
import { noted } from './noted-decrypter.ts';

interface OpenedKey {
  readonly decrypter: Decrypter;
  readonly certificate: Certificate;
}

export interface OpenedKeys {
  /**
   * Every key of the address that is locked to this gateway.
   * @throws GatewayError `unavailable` when the authority cannot be asked, or our own key is not certified yet
   */
  keysOf(address: string): Promise<readonly OpenedKey[]>;
  /** As `keysOf`, when none of those opened a message: undefined where the answer was not one from memory. */
  newerKeysOf(address: string): Promise<readonly OpenedKey[] | undefined>;
  /** Forgets every key. */
  close(): void;
}

/** Milliseconds: mail that cannot be opened is no way to have the authority asked for each of it. */
const askedAgainAfter = 5_000;

/** @param lifetime milliseconds that an opened key stays in memory */
export function openKeys({
  client,
  own,
  lifetime,
  now,
  log,
}: {
  readonly client: Pick<Client, 'gatewayKeys'>;
  readonly own: () => Promise<readonly OwnKey[]>;
  readonly lifetime: number;
  readonly now: () => number;
  readonly log: Log;
}): OpenedKeys {
  const opened = new Map<string, { since: number; until: number; keys: readonly OpenedKey[] }>();
  const opening = new Map<string, Promise<readonly OpenedKey[]>>();

  const sweep = setInterval(
    () => {
      for (const [address, { until }] of opened) if (until <= now()) opened.delete(address);
    },
    Math.max(1000, Math.min(lifetime, 60_000)),
  );
  sweep.unref();

  async function ownOrUnavailable(): Promise<readonly OwnKey[]> {
    return own().catch((error: unknown) => {
      throw silent(error);
    });
  }

  async function open(address: string): Promise<readonly OpenedKey[]> {
    const { keys: ownKeys, fault } = noted(await ownOrUnavailable());
    if (ownKeys.length === 0) throw new GatewayError('unavailable', "the gateway's own key is not certified yet");
    const records = await client.gatewayKeys({ query: { address } }).catch((error: unknown) => {
      if (error instanceof ApiError && error.code === 'not-found') return { keys: [] };
      throw new GatewayError('unavailable', `the keys of ${address} cannot be asked for: ${reasonOf(error)}`, error);
    });
    const keys: OpenedKey[] = [];
    for (const record of records.keys) {
      try {
        keys.push(await unlock(record, ownKeys));
      } catch (error) {
        // Not to be had just now is not useless: its owner's mail waits with its sender, and does not arrive shut.
        if (fault() !== undefined) throw silent(fault());
        log.error('keys.unusable', { escrowedKey: record.escrowedKeyId, reason: reasonOf(error) });
      }
    }
    if (lifetime > 0 && keys.length > 0) opened.set(address, { since: now(), until: now() + lifetime, keys });
    return keys;
  }

  function openOnce(address: string): Promise<readonly OpenedKey[]> {
    const under = opening.get(address) ?? open(address).finally(() => opening.delete(address));
    opening.set(address, under);
    return under;
  }

  return {
    async keysOf(given) {
      const address = given.toLowerCase();
      const known = opened.get(address);
      if (known !== undefined && known.until > now()) return known.keys;
      return openOnce(address);
    },
    async newerKeysOf(given) {
      const address = given.toLowerCase();
      const since = opened.get(address)?.since ?? now();
      return now() - since < askedAgainAfter ? undefined : openOnce(address);
    },
    close() {
      clearInterval(sweep);
      opened.clear();
    },
  };
}

function silent(error: unknown): GatewayError {
  return new GatewayError('unavailable', `the gateway's own key is not to be had: ${reasonOf(error)}`, error);
}

/** The lock gives the DEK, the DEK gives the PKCS#8; both are zeroed here, and only OpenSSL's copy of the key remains. */
async function unlock(
  record: { certificate: string; sealed: string; aad: string; lock: string },
  own: readonly OwnKey[],
): Promise<OpenedKey> {
  const { content: dek } = await decryptContent({
    der: Buffer.from(record.lock, 'base64'),
    keys: own,
  });
  let pkcs8: Buffer | undefined;
  try {
    const sealed = Buffer.from(record.sealed, 'base64');
    const decipher = createDecipheriv('aes-256-gcm', dek, sealed.subarray(0, 12), { authTagLength: 16 });
    decipher.setAAD(Buffer.from(record.aad, 'base64'));
    decipher.setAuthTag(sealed.subarray(-16));
    const first = decipher.update(sealed.subarray(12, -16));
    const last = decipher.final();
    pkcs8 = Buffer.concat([first, last]);
    first.fill(0);
    last.fill(0);
    const key = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
    const certificate = parseCertificate(Buffer.from(record.certificate, 'base64'));
    if (!certificate.publicKey.equals(createPublicKey(key))) {
      throw new GatewayError('key-unusable', 'the key does not belong to its certificate');
    }
    return { decrypter: localDecrypter(key), certificate };
  } finally {
    dek.fill(0);
    pkcs8?.fill(0);
  }
}
