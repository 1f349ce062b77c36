/**
 * Keys of DKIM that the gateway makes itself, in its key store: files or a token. One is used from when the DNS shows its other half: a signature
 * that nobody can check is worse than none.
 */
import { createPublicKey } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { type KeyStore, parseKeyReference } from '@chancery/keystore';
import type { Signer } from '@chancery/smime';
import { z } from 'zod';
import type { Resolve } from './authenticity.ts';
import type { GatewayConfig } from './config.ts';
import type { DkimKey } from './config-smtp.ts';
import { openDkimFile } from './dkim.ts';
import { GatewayError, reasonOf } from './errors.ts';
import type { Log } from './log.ts';
import { readIfThere, writeDurably } from './spool/durable-file.ts';

const MadeKey = z.object({
  key: z.string(),
  /** DER SubjectPublicKeyInfo in base64. */
  spki: z.base64(),
  /** The DNS has shown it. */
  published: z.boolean(),
});
type MadeKey = z.output<typeof MadeKey>;

export interface MadeDkimKeys {
  /**
   * Undefined until the key is made and its record stands in the DNS.
   * @throws KeyStoreError where it is in use and cannot be had just now: mail waits, since receivers expect its signature
   */
  signerFor(key: DkimKey): Promise<Signer | undefined>;
  /** Waits for what is being made or looked up. */
  settle(): Promise<void>;
}

/** Milliseconds between two looks into the DNS. */
const lookAgainAfter = 60_000;

/** @throws GatewayError `state-damaged` */
export async function openMadeDkimKeys({
  folder,
  dkim,
  keys,
  resolve,
  now,
  log,
}: {
  /** The gateway's data folder. */
  readonly folder: string;
  /** Those of the configuration, whoever makes them. */
  readonly dkim: readonly DkimKey[];
  readonly keys: Pick<KeyStore, 'generate' | 'publicKey' | 'signer'>;
  readonly resolve: Resolve;
  readonly now: () => number;
  readonly log: Log;
}): Promise<MadeDkimKeys> {
  const known = new Map<string, MadeKey>();
  for (const key of dkim) {
    const made = 'generate' in key.key ? await readMade(folder, key) : undefined;
    if (made !== undefined) known.set(nameOf(key), made);
  }
  const looking = new Map<string, { at: number; work: Promise<void> }>();

  async function keep(key: DkimKey, made: MadeKey): Promise<void> {
    await mkdir(path.dirname(fileOf(folder, key)), { recursive: true, mode: 0o700 });
    await writeDurably(fileOf(folder, key), [JSON.stringify(made)]);
    known.set(nameOf(key), made);
  }

  async function prepare(key: DkimKey): Promise<void> {
    const name = nameOf(key);
    try {
      let made = known.get(name);
      if (made === undefined && 'generate' in key.key) {
        const reference = await keys.generate(key.key.generate, `DKIM ${name}`);
        made = {
          key: reference,
          spki: Buffer.from(await keys.publicKey(reference)).toString('base64'),
          published: false,
        };
        await keep(key, made);
      }
      if (made === undefined || made.published) return;
      const text = recordOf(made.spki);
      if (await shows(name, text)) {
        await keep(key, { ...made, published: true });
        log.info('dkim.in-use', { name });
      } else log.warn('dkim.not-published', { name, text, advice: 'Put this TXT record into the DNS' });
    } catch (error) {
      log.warn('dkim.not-ready', { name, reason: reasonOf(error) });
    }
  }

  async function shows(name: string, text: string): Promise<boolean> {
    const found = await resolve(name, 'TXT').catch(() => []);
    const key = (record: string) => /(?:^|;)\s*p=([^;]*)/.exec(record)?.[1]?.replace(/\s/g, '');
    return found.some((parts) => key([parts].flat().join('')) === key(text));
  }

  return {
    async signerFor(key) {
      const name = nameOf(key);
      const made = known.get(name);
      if (made?.published === true) return keys.signer(parseKeyReference(made.key));
      const last = looking.get(name);
      if (last === undefined || now() - last.at >= lookAgainAfter) looking.set(name, { at: now(), work: prepare(key) });
      return undefined;
    },
    async settle() {
      await Promise.all([...looking.values()].map(({ work }) => work));
    },
  };
}

/** What is to stand in the DNS. */
export interface DkimRecord {
  readonly name: string;
  /** Undefined: the gateway has not made the key yet. */
  readonly text: string | undefined;
  /** False where the gateway waits for the record. */
  readonly used: boolean;
}

/** Of all keys of a configuration, beside a gateway that runs or not. @throws GatewayError `configuration` */
export async function dkimRecords(
  config: Pick<GatewayConfig, 'dkim' | 'data' | 'baseDirectory'>,
): Promise<DkimRecord[]> {
  return Promise.all(
    config.dkim.map(async (key) => {
      const name = nameOf(key);
      if (!('generate' in key.key)) {
        const publicKey = createPublicKey(openDkimFile(key, config.baseDirectory));
        const spki = publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
        return { name, text: recordOf(spki), used: true };
      }
      const made = await readMade(config.data, key);
      return { name, text: made && recordOf(made.spki), used: made?.published === true };
    }),
  );
}

/** RFC 6376 section 3.6.1; RFC 8463 section 4: of Ed25519 the bare key. */
function recordOf(spki: string): string {
  const der = Buffer.from(spki, 'base64');
  const ed25519 = createPublicKey({ key: der, format: 'der', type: 'spki' }).asymmetricKeyType === 'ed25519';
  return ed25519 ? `v=DKIM1; k=ed25519; p=${der.subarray(-32).toString('base64')}` : `v=DKIM1; k=rsa; p=${spki}`;
}

async function readMade(folder: string, key: DkimKey): Promise<MadeKey | undefined> {
  const octets = await readIfThere(fileOf(folder, key));
  if (octets === undefined) return undefined;
  try {
    return MadeKey.parse(JSON.parse(octets.toString('utf8')));
  } catch (error) {
    // Another key under the same name would make signatures that the record does not fit.
    throw new GatewayError(
      'state-damaged',
      `${fileOf(folder, key)}, which says where a DKIM key is, cannot be read. Put it back, or choose another selector and remove it.`,
      error,
    );
  }
}

function nameOf({ domain, selector }: DkimKey): string {
  return `${selector}._domainkey.${domain}`;
}

function fileOf(folder: string, key: DkimKey): string {
  return path.join(folder, 'dkim', `${nameOf(key)}.json`);
}
