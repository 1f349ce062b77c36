/** Certificates of correspondents, taken from their signed mail. The first good one is pinned; another never replaces it silently. */
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { reasonOf } from '../errors.ts';
import type { Log } from '../log.ts';
import { writeDurably } from '../spool/durable-file.ts';

const Entry = z.object({
  address: z.string(),
  /** DER in base64. */
  pinned: z.string(),
  /** The CA certificates between it and a trust anchor: they came with the message and nowhere else. */
  chain: z.array(z.string()),
  pinnedAt: z.iso.datetime(),
  /** Others that came later, newest last. */
  offered: z.array(z.object({ certificate: z.string(), at: z.iso.datetime() })),
});
type Entry = z.infer<typeof Entry>;

export interface Harvested {
  pinnedFor(address: string): Pinned | undefined;
  /**
   * Offers the certificate of a signer whose chain, address and From have been judged good.
   * @param pinnedIsSpent the pinned one is past its end or revoked: only then does another take its place
   */
  offer(address: string, offered: Pinned, pinnedIsSpent: (pinned: Pinned) => boolean): Promise<Harvest>;
}

/** DER. */
export interface Pinned {
  readonly certificate: Uint8Array;
  readonly chain: readonly Uint8Array[];
}

type Harvest =
  | 'pinned'
  | 'known'
  /** Kept beside the pinned one, for a person to decide. */
  | 'offered'
  /** The pinned one was spent, and this is now pinned. */
  | 'replaced';

const keptOffers = 5;

export async function openHarvested(folder: string, now: () => Date, log: Log): Promise<Harvested> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const entries = new Map<string, Entry>();
  for (const name of await readdir(folder)) {
    if (!name.endsWith('.json')) continue;
    const file = path.join(folder, name);
    try {
      const entry = Entry.parse(JSON.parse(await readFile(file, 'utf8')));
      entries.set(entry.address, entry);
    } catch (error) {
      log.error('harvested.damaged', { file, reason: reasonOf(error) });
    }
  }

  async function keep(entry: Entry): Promise<void> {
    const name = createHash('sha256').update(entry.address).digest('hex').slice(0, 32);
    await writeDurably(path.join(folder, `${name}.json`), [JSON.stringify(entry)]);
    entries.set(entry.address, entry);
  }

  return {
    pinnedFor(address) {
      const entry = entries.get(address.toLowerCase());
      return entry === undefined ? undefined : pinnedOf(entry);
    },
    async offer(given, offer, pinnedIsSpent) {
      const address = given.toLowerCase();
      const certificate = Buffer.from(offer.certificate).toString('base64');
      const chain = offer.chain.map((der) => Buffer.from(der).toString('base64'));
      const at = now().toISOString();
      const entry = entries.get(address);
      if (entry === undefined) {
        await keep({ address, pinned: certificate, chain, pinnedAt: at, offered: [] });
        return 'pinned';
      }
      if (entry.pinned === certificate) return 'known';
      if (pinnedIsSpent(pinnedOf(entry))) {
        const offered = entry.offered.filter((one) => one.certificate !== certificate);
        await keep({ address, pinned: certificate, chain, pinnedAt: at, offered });
        return 'replaced';
      }
      if (!entry.offered.some((one) => one.certificate === certificate)) {
        await keep({ ...entry, offered: [...entry.offered, { certificate, at }].slice(-keptOffers) });
      }
      return 'offered';
    },
  };
}

function pinnedOf(entry: Entry): Pinned {
  return {
    certificate: Buffer.from(entry.pinned, 'base64'),
    chain: entry.chain.map((one) => Buffer.from(one, 'base64')),
  };
}
