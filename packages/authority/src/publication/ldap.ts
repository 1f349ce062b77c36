/**
 * LDAP directories (RFC 4511, 4523) and Active Directory: `userCertificate`, and where it is wanted `userSMIMECertificate`, of the
 * entry with the person's address.
 */
import { Attribute, Change, type Client, type Entry, EqualityFilter, type Filter, ResultCodeError } from 'ldapts';
import { type LdapTarget, ldapSettings } from '../publication-config.ts';
import { driftOf, NO_DRIFT, type OwnValue, ownValues } from './entry-values.ts';
import { connectLdap, ldapReason } from './ldap-connection.ts';
import {
  type Holder,
  type OwnCertificate,
  type Problem,
  type Sight,
  type Target,
  TargetDown,
  wantedOf,
} from './target.ts';

/** @param home the folder that the password's file is relative to */
export function ldapTarget(name: string, config: LdapTarget, home: string): Target {
  return {
    name,
    kind: config.kind,
    where: `${config.url}/${config.baseDn}`,
    async attend(holders, act) {
      const visit = await openVisit(config, home);
      try {
        const sights: Sight[] = [];
        for (let from = 0; from < holders.length; from += WIDTH) {
          const some = holders.slice(from, from + WIDTH);
          sights.push(...(await Promise.all(some.map((holder) => attendOne(visit, holder, act)))));
        }
        return sights;
      } finally {
        await visit.client.unbind().catch(() => {});
      }
    },
  };
}

/** Entries asked for at once, over one connection. */
const WIDTH = 8;

type Settings = ReturnType<typeof ldapSettings>;
interface Visit {
  readonly client: Client;
  readonly settings: Settings;
}

/** @throws TargetDown */
async function openVisit(config: LdapTarget, home: string): Promise<Visit> {
  try {
    return { client: await connectLdap(config, home), settings: ldapSettings(config) };
  } catch (error) {
    throw new TargetDown(
      error instanceof ResultCodeError
        ? `${config.url} does not let us in as ${config.bindDn}: ${ldapReason(error)}`
        : `${config.url} does not answer: ${ldapReason(error)}`,
    );
  }
}

async function attendOne(visit: Visit, holder: Holder, act: 'look' | 'mend', isAgain = false): Promise<Sight> {
  try {
    const { entry, left, ambiguous } = await findEntries(visit, holder);
    const own = left === undefined ? [] : ownValues(visit.settings, left.values, holder);
    const { wanted, dropped, room } = fit(visit.settings, holder, entry);
    const drift = entry === undefined ? NO_DRIFT : driftOf(visit.settings, entry.values, holder, wanted);
    const sight = {
      entry: entry === undefined ? null : { id: entry.id, place: entry.dn },
      missing: drift.add.map(({ serialNumber }) => serialNumber),
      extra: [...drift.remove, ...own].map(({ serialNumber }) => serialNumber),
      others: drift.others,
      dropped: dropped.map(({ serialNumber }) => serialNumber),
    };
    if (act === 'mend') {
      if (left !== undefined) await change(visit, left.dn, [], own);
      if (entry !== undefined) await change(visit, entry.dn, drift.add, drift.remove);
    }
    return { ...sight, problem: problemOf(visit.settings, holder, { entry, ambiguous, dropped, room }) };
  } catch (error) {
    // Another hand of ours, or somebody else, was here since the look: what stands there now is looked at once more.
    if (error instanceof ResultCodeError && CHANGED.has(error.code) && !isAgain)
      return attendOne(visit, holder, act, true);
    if (!(error instanceof ResultCodeError) || BUSY.has(error.code)) {
      if (error instanceof TargetDown) throw error;
      throw new TargetDown(`${visit.settings.url} does not answer: ${ldapReason(error)}`);
    }
    const problem = { kind: 'refused', detail: `${visit.settings.url} refuses: ${ldapReason(error)}` } as const;
    return { entry: null, missing: [], extra: [], others: 0, problem, dropped: [] };
  }
}

/** No such attribute, or value; the value exists (RFC 4511 section 4.6). */
const CHANGED = new Set([16, 20]);
/** Result codes that are not about the entry: busy, unavailable (RFC 4511 section 4.1.9). */
const BUSY = new Set([51, 52]);

function problemOf(
  { baseDn, limit }: Settings,
  { addresses, wanted }: Holder,
  found: { entry: Found | undefined; ambiguous: number; dropped: readonly OwnCertificate[]; room: number },
): Problem | null {
  if (found.ambiguous > 0)
    return { kind: 'ambiguous', detail: `more than one entry under ${baseDn} matches ${addresses[0]}` };
  if (found.entry === undefined) {
    return wanted.size === 0
      ? null
      : { kind: 'not-found', detail: `no entry under ${baseDn} matches ${addresses.join(' or ')}` };
  }
  if (found.dropped.length === 0) return null;
  const detail = `of the ${limit} values that the entry may hold, those of others leave room for ${found.room}`;
  return { kind: 'no-room', detail };
}

interface Found {
  readonly dn: string;
  readonly id: string | null;
  /** By attribute as configured. */
  readonly values: ReadonlyMap<string, readonly Buffer[]>;
}

/**
 * The entry with the primary address, or else with another one of theirs; and the one that we published in before, where that is
 * another now: its address was changed, or given to somebody else.
 */
async function findEntries(
  visit: Visit,
  { addresses, entry: known }: Holder,
): Promise<{ entry: Found | undefined; left: Found | undefined; ambiguous: number }> {
  let ambiguous = 0;
  let entry: Found | undefined;
  for (const address of addresses) {
    const filter = visit.settings.filter.replaceAll('{address}', escapeFilter(address));
    const found = await search(visit, filter);
    if (found.length > 1) ambiguous += 1;
    if (found.length > 0) {
      entry = found.length === 1 ? found[0] : undefined;
      break;
    }
  }
  const moved = known !== null && ambiguous === 0 && entry?.id !== known;
  const [left] = moved ? await search(visit, byId(visit.settings.idAttribute, known)) : [];
  return { entry, left, ambiguous };
}

async function search({ client, settings }: Visit, filter: string | Filter): Promise<Found[]> {
  const { searchEntries } = await client
    .search(settings.baseDn, {
      scope: 'sub',
      filter,
      attributes: [...settings.attributes, settings.idAttribute],
      explicitBufferAttributes: [
        ...settings.attributes,
        ...(settings.idAttribute === 'objectGUID' ? ['objectGUID'] : []),
      ],
      sizeLimit: 2,
    })
    .catch((error: unknown) => {
      if (error instanceof ResultCodeError && error.code === SIZE_LIMIT) return { searchEntries: SEVERAL };
      throw error;
    });
  // A connection that broke is opened anew by the client, without its bind: whoever is not let in sees entries without values.
  if (!client.isBound) throw new TargetDown(`${settings.url} does not answer: the connection broke`);
  return searchEntries.map((entry) => ({
    dn: entry.dn,
    id: idOf(valuesOf(entry, settings.idAttribute)[0]),
    values: new Map(settings.attributes.map((name) => [name, valuesOf(entry, name)])),
  }));
}

const SIZE_LIMIT = 4;
/** What is known of more entries than were asked for. */
const SEVERAL: readonly Entry[] = [{ dn: '' }, { dn: '' }];

/** A directory may answer in its own spelling. */
function valuesOf(entry: Entry, attribute: string): Buffer[] {
  const wanted = attribute.toLowerCase();
  const found = Object.entries(entry).find(([name]) => name.toLowerCase() === wanted)?.[1] ?? [];
  return (Array.isArray(found) ? found : [found]).map((value) =>
    Buffer.isBuffer(value) ? value : Buffer.from(value, 'latin1'),
  );
}

/** An `entryUUID` as it is written, an `objectGUID` in hex. */
function idOf(value: Buffer | undefined): string | null {
  if (value === undefined || value.length === 0) return null;
  return value.length === 16 ? value.toString('hex') : value.toString('latin1');
}

const byId = (attribute: string, id: string) =>
  new EqualityFilter({ attribute, value: /^[0-9a-f]{32}$/.test(id) ? Buffer.from(id, 'hex') : id });

/** What is left of an entry's room once others' values have theirs goes to the newest. */
function fit(
  { attribute, limit }: Settings,
  holder: Holder,
  entry: Found | undefined,
): { wanted: readonly OwnCertificate[]; dropped: readonly OwnCertificate[]; room: number } {
  const wanted = wantedOf(holder);
  if (entry === undefined || limit === undefined) return { wanted, dropped: [], room: wanted.length };
  const others = (entry.values.get(attribute) ?? []).filter(
    (value) => !holder.own.some(({ der }) => der.equals(value)),
  ).length;
  const room = Math.max(0, limit - others);
  return { wanted: wanted.slice(0, room), dropped: wanted.slice(room), room };
}

/**
 * One request: a directory applies it whole or not at all (RFC 4511 section 4.6). Values are named one by one, never replaced: what
 * others write meanwhile stays.
 */
async function change(
  { client, settings }: Visit,
  dn: string,
  add: readonly OwnValue[],
  remove: readonly OwnValue[],
): Promise<void> {
  const changes = settings.attributes.flatMap((type) =>
    [{ operation: 'delete', list: remove } as const, { operation: 'add', list: add } as const].flatMap(
      ({ operation, list }) => {
        const values = list.filter(({ attribute }) => attribute === type).map(({ value }) => value);
        return values.length === 0 ? [] : [new Change({ operation, modification: new Attribute({ type, values }) })];
      },
    ),
  );
  if (changes.length > 0) await client.modify(dn, changes);
}

/** RFC 4515 section 3. */
export function escapeFilter(text: string): string {
  return text.replace(/[\0()*\\]/g, (character) => `\\${character.charCodeAt(0).toString(16).padStart(2, '0')}`);
}
