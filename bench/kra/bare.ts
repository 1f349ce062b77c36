/** What the KRA cannot go below, by itself and by others: keys with nothing else to do, and one HPKE sealing and opening. */
import { spawnSync } from 'node:child_process';
import { generateKeyPair } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { promisify } from 'node:util';
import { newHalf, sealHalf } from '@chancery/vault';
import { Aes256Gcm, CipherSuite, DhkemP256HkdfSha256, HkdfSha256 } from '@hpke/core';

export interface BareKeys {
  /** Keys a second on all cores. */
  readonly rsa: number;
  readonly p256: number;
  /** `openssl genrsa`, one process a core; undefined without it. */
  readonly openssl: number | undefined;
}

/** Milliseconds each. */
export interface BareSeal {
  readonly seal: number;
  readonly open: number;
  readonly ownSeal: number;
}

const generate = promisify(generateKeyPair);
const cores = availableParallelism();

export async function bareKeys(seconds: number): Promise<BareKeys> {
  const DER = {
    publicKeyEncoding: { format: 'der', type: 'spki' },
    privateKeyEncoding: { format: 'der', type: 'pkcs8' },
  } as const;
  return {
    rsa: await rateOf(seconds, () => generate('rsa', { modulusLength: 3072, ...DER })),
    p256: await rateOf(seconds / 2, () => generate('ec', { namedCurve: 'P-256', ...DER })),
    openssl: opensslRate(seconds),
  };
}

/** Half a lock as a vault has it, sealed and opened by another implementation, and sealed by ours. */
export async function bareSeal(seconds: number): Promise<BareSeal> {
  const suite = new CipherSuite({ kem: new DhkemP256HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes256Gcm() });
  const pair = await suite.kem.generateKeyPair();
  const publicKey = new Uint8Array(await suite.kem.serializePublicKey(pair.publicKey));
  const half = newHalf();
  const plain = new Uint8Array(half).buffer;
  const message = await suite.seal({ recipientPublicKey: pair.publicKey }, plain);
  const each = seconds / 3;
  return {
    seal: await timeOf(each, () => suite.seal({ recipientPublicKey: pair.publicKey }, plain)),
    open: await timeOf(each, () => suite.open({ recipientKey: pair, enc: message.enc }, message.ct)),
    ownSeal: await timeOf(each, () => sealHalf(publicKey, half, { recordId: '1', vaultId: '2' })),
  };
}

/** Milliseconds, one after another, after some to warm up. */
export async function timeOf(seconds: number, work: () => Promise<unknown> | unknown): Promise<number> {
  for (let warm = 0; warm < 20; warm++) await work();
  const began = performance.now();
  let done = 0;
  for (; performance.now() - began < seconds * 1000; done++) await work();
  return (performance.now() - began) / done;
}

async function rateOf(seconds: number, work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  let done = 0;
  const worker = async () => {
    while (performance.now() - began < seconds * 1000) {
      await work();
      done += 1;
    }
  };
  await Promise.all(Array.from({ length: cores }, worker));
  return (done * 1000) / (performance.now() - began);
}

function opensslRate(seconds: number): number | undefined {
  const began = performance.now();
  const many = Math.max(2, Math.round(seconds));
  // One process a core, each with its own share.
  const { status } = spawnSync(
    'sh',
    [
      '-c',
      `for core in $(seq ${cores}); do (for n in $(seq ${many}); do openssl genrsa 3072 2>/dev/null >/dev/null || exit 1; done) & done; wait`,
    ],
    { stdio: 'ignore' },
  );
  const there = spawnSync('sh', ['-c', 'command -v openssl']).status === 0;
  return status === 0 && there ? (many * cores * 1000) / (performance.now() - began) : undefined;
}
