/** Certificates of correspondents, taken from their signed mail, with the history of each. The first good one is pinned; another never takes its place silently. */
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, unlink } from 'node:fs/promises';
import path from 'node:path';
import { domainOf } from '@chancery/mail-policy';
import type { SmimeCapability } from '@chancery/smime';
import { reasonOf } from '../errors.ts';
import type { Log } from '../log.ts';
import { registeredDomain } from '../signals/look-alike.ts';
import { type Habit, habitual } from '../signals/sender-signals.ts';
import { writeDurably } from '../spool/durable-file.ts';
import { type Capability, type KeptCertificate, KeptCorrespondent } from './kept-correspondent.ts';

export interface Harvested {
  pinnedFor(address: string): Pinned | undefined;
  /**
   * Offers the certificate of a signer whose chain, address and From have been judged good.
   * @param mayReplace another certificate is pinned: whether this one may take its place without anybody being asked
   */
  offer(address: string, offered: Offer, mayReplace: (pinned: Pinned) => boolean): Promise<Harvest>;
  /** Mail that its domain vouches for came from that address without a signature. */
  noteUnsigned(address: string): Promise<void>;
  habitOf(address: string): Habit | undefined;
  /** Registered domains of everybody of whom a certificate is kept. */
  readonly domains: ReadonlySet<string>;
  /** What has changed since it was last told, everything after a start. */
  untold(most: number): readonly KeptCorrespondent[];
  told(entries: readonly KeptCorrespondent[]): void;
  /** Everybody of whom something is kept, each time from the beginning. */
  everybody(): Iterable<KeptCorrespondent>;
  /** Nothing of it has changed, and it is to be told all the same. */
  tellAgain(entry: KeptCorrespondent): void;
  /** An administrator's word. @param sha256 of the certificate, hex. Returns whether there is such a one. */
  accept(address: string, sha256: string, by: string): Promise<boolean>;
  forget(address: string): Promise<boolean>;
}

/** DER. */
export interface Pinned {
  readonly certificate: Uint8Array;
  readonly chain: readonly Uint8Array[];
  /** What their software can read, as their last signed message said; absent where it said nothing. */
  readonly capabilities?: readonly SmimeCapability[];
}

interface Offer extends Pinned {
  /** Message-ID of the message that it came with. */
  readonly message: string | null;
  /** What the signature says of its time, ms since 1970: an old message that comes again changes nothing. */
  readonly signedAt: number | null;
}

type Harvest =
  | 'pinned'
  | 'known'
  /** Kept beside the pinned one, for a person to decide. */
  | 'waiting'
  /** It took the place of the pinned one, as the rule allows. */
  | 'replaced';

const keptCertificates = 12;
const day = 86_400_000;

export async function openHarvested(folder: string, now: () => Date, log: Log): Promise<Harvested> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const entries = new Map<string, KeptCorrespondent>();
  const untold = new Map<string, KeptCorrespondent>();
  const domains = new Set<string>();
  /** One after another for each address: two messages at once must not undo each other's entry. */
  const turns = new Map<string, Promise<unknown>>();
  const fileOf = (address: string) => {
    const name = createHash('sha256').update(address).digest('hex').slice(0, 32);
    return path.join(folder, `${name}.json`);
  };
  const remember = (entry: KeptCorrespondent) => {
    entries.set(entry.address, entry);
    untold.set(entry.address, entry);
    domains.add(registeredDomain(domainOf(entry.address)));
  };

  for (const name of await readdir(folder)) {
    if (!name.endsWith('.json')) continue;
    const file = path.join(folder, name);
    try {
      remember(KeptCorrespondent.parse(JSON.parse(await readFile(file, 'utf8'))));
    } catch (error) {
      log.error('harvested.damaged', { file, reason: reasonOf(error) });
    }
  }

  async function keep(entry: KeptCorrespondent): Promise<void> {
    await writeDurably(fileOf(entry.address), [JSON.stringify(entry)]);
    remember(entry);
  }

  function inTurn<T>(given: string, work: (address: string) => Promise<T>): Promise<T> {
    const address = given.toLowerCase();
    const turn = (turns.get(address) ?? Promise.resolve()).then(() => work(address));
    const settled = turn
      .catch(() => undefined)
      .finally(() => {
        if (turns.get(address) === settled) turns.delete(address);
      });
    turns.set(address, settled);
    return turn;
  }

  return {
    domains,
    pinnedFor(address) {
      const pinned = entries.get(address.toLowerCase())?.certificates.find(isPinned);
      return pinned === undefined ? undefined : pinnedOf(pinned);
    },
    offer: (given, offer, mayReplace) =>
      inTurn(given, async (address) => {
        const at = now().toISOString();
        const fresh = firstKept(offer, at);
        const entry = entries.get(address);
        const pinned = entry?.certificates.find(isPinned);
        if (entry === undefined || pinned === undefined) {
          const first = { ...fresh, state: 'pinned', approved: { how: 'first', by: null, at } } as const;
          await keep({ address, certificates: [first, ...(entry?.certificates ?? [])], signed: 1, unsigned: 0 });
          return 'pinned';
        }
        if (pinned.sha256 === fresh.sha256) {
          const seen = seenAgain(pinned, offer, at);
          const signed = Math.min(habitual, entry.signed + 1);
          const changed = seen !== pinned || signed !== entry.signed || entry.unsigned > 0;
          if (changed) await keep({ ...entry, certificates: replaced(entry, seen), signed, unsigned: 0 });
          return 'known';
        }
        const before = entry.certificates.find(({ sha256 }) => sha256 === fresh.sha256);
        // One that somebody's word has taken out of use comes back by somebody's word alone.
        if (before?.state !== 'replaced' && mayReplace(pinnedOf(pinned))) {
          const next = { ...(before ?? fresh), state: 'pinned', lastSeen: at } as const;
          await keep(inPlaceOf(entry, { ...next, approved: { how: 'same-authority', by: null, at } }));
          return 'replaced';
        }
        if (before === undefined) {
          const certificates = [...entry.certificates, fresh];
          // Those that were pinned are the history; of those that wait, the newest are kept.
          const waiting = certificates.filter(({ state }) => state === 'waiting');
          const dropped = new Set(waiting.slice(0, Math.max(0, certificates.length - keptCertificates)));
          await keep({ ...entry, certificates: certificates.filter((one) => !dropped.has(one)) });
        } else {
          const seen = seenAgain(before, offer, at);
          if (seen !== before) await keep({ ...entry, certificates: replaced(entry, seen) });
        }
        return 'waiting';
      }),
    noteUnsigned: (given) =>
      inTurn(given, async (address) => {
        const entry = entries.get(address);
        if (entry === undefined || entry.unsigned >= habitual) return;
        await keep({ ...entry, unsigned: entry.unsigned + 1 });
      }),
    habitOf: (address) => entries.get(address.toLowerCase()),
    untold: (most) => [...untold.values()].slice(0, most),
    told(sent) {
      for (const entry of sent) if (untold.get(entry.address) === entry) untold.delete(entry.address);
    },
    everybody: () => entries.values(),
    tellAgain: (entry) => void untold.set(entry.address, entry),
    accept: (given, sha256, by) =>
      inTurn(given, async (address) => {
        const entry = entries.get(address);
        const chosen = entry?.certificates.find((one) => one.sha256 === sha256);
        if (entry === undefined || chosen === undefined) return false;
        if (chosen.state !== 'pinned') {
          const approved = { how: 'administrator', by, at: now().toISOString() } as const;
          await keep(inPlaceOf(entry, { ...chosen, state: 'pinned', replacedBy: null, approved }));
        }
        return true;
      }),
    forget: (given) =>
      inTurn(given, async (address) => {
        if (!entries.has(address)) return false;
        await unlink(fileOf(address));
        entries.delete(address);
        untold.delete(address);
        return true;
      }),
  };
}

const isPinned = ({ state }: KeptCertificate): boolean => state === 'pinned';

function firstKept(offer: Offer, at: string): KeptCertificate {
  return {
    certificate: base64(offer.certificate),
    chain: offer.chain.map(base64),
    sha256: createHash('sha256').update(offer.certificate).digest('hex'),
    state: 'waiting',
    firstSeen: at,
    lastSeen: at,
    message: offer.message?.slice(0, 998) ?? null,
    approved: null,
    replacedBy: null,
    capabilities: keptCapabilities(offer),
    capabilitiesAt: offer.signedAt,
  };
}

/** The same object where there is nothing to write: a day is exact enough. */
function seenAgain(known: KeptCertificate, offer: Offer, at: string): KeptCertificate {
  const isNewer = offer.signedAt !== null && offer.signedAt > (known.capabilitiesAt ?? 0);
  const says = keptCapabilities(offer);
  const changed = isNewer && JSON.stringify(says) !== JSON.stringify(known.capabilities);
  if (!changed && Date.parse(at) - Date.parse(known.lastSeen) < day) return known;
  return { ...known, lastSeen: at, ...(isNewer && { capabilities: says, capabilitiesAt: offer.signedAt }) };
}

function replaced(entry: KeptCorrespondent, by: KeptCertificate): KeptCertificate[] {
  return entry.certificates.map((one) => (one.sha256 === by.sha256 ? by : one));
}

function inPlaceOf(entry: KeptCorrespondent, next: KeptCertificate): KeptCorrespondent {
  const others = entry.certificates
    .filter(({ sha256 }) => sha256 !== next.sha256)
    .map((one) => (isPinned(one) ? { ...one, state: 'replaced' as const, replacedBy: next.sha256 } : one));
  return { ...entry, certificates: [next, ...others].slice(0, keptCertificates) };
}

function pinnedOf({ certificate, chain, capabilities }: KeptCertificate): Pinned {
  return {
    certificate: Buffer.from(certificate, 'base64'),
    chain: chain.map((one) => Buffer.from(one, 'base64')),
    ...(capabilities !== null && { capabilities: capabilities.map(readCapability) }),
  };
}

/** What is longer is none that anybody here could use. */
function keptCapabilities({ capabilities }: Offer): Capability[] | null {
  if (capabilities === undefined) return null;
  const short = capabilities.filter(({ parameters }) => (parameters?.length ?? 0) <= 300).slice(0, 50);
  return short.map(({ algorithm, parameters }) => ({
    oid: algorithm,
    parameters: parameters === undefined ? null : base64(parameters),
  }));
}

function readCapability({ oid, parameters }: Capability): SmimeCapability {
  return { algorithm: oid, ...(parameters !== null && { parameters: Buffer.from(parameters, 'base64') }) };
}

const base64 = (octets: Uint8Array): string => Buffer.from(octets).toString('base64');
