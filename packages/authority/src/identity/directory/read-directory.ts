/**
 * What a directory says at one moment: who is listed there, and what has changed. All of it is read before anything becomes of it; a
 * directory that stops in the middle has said nothing.
 */
import {
  AndFilter,
  type Entry,
  EqualityFilter,
  type Filter,
  FilterParser,
  GreaterThanEqualsFilter,
  OrFilter,
} from 'ldapts';
import { z } from 'zod';
import type { Member } from '../../store/sources.ts';
import type { PresentedPerson } from '../sources/present.ts';
import type { PresentedGroup } from '../sources/present-groups.ts';
import { type DirectoryConnection, DirectoryUnread } from './connection.ts';
import type { DirectoryConfig } from './directory-config.ts';
import {
  dnKey,
  keyAttribute,
  keyInFilter,
  keyOf,
  personAttributes,
  readPerson,
  textOf,
  valuesOf,
} from './read-entry.ts';

/** Up to where a directory was read: update sequence numbers are of one domain controller, and of one life of it. */
export const Position = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('usn'), invocationId: z.string(), usn: z.string().regex(/^\d{1,20}$/) }),
  z.strictObject({ kind: z.literal('time'), stamp: z.string().regex(/^\d{14}(\.\d+)?Z$/) }),
]);
export type Position = z.output<typeof Position>;

export interface Reading {
  readonly position: Position;
  /** Whether `people` are all, or those who have changed since the position before. */
  readonly complete: boolean;
  /** Keys of everybody whom the filter finds now. */
  readonly listed: ReadonlySet<string>;
  readonly people: readonly PresentedPerson[];
  /** Undefined where the configuration asks for none. */
  readonly groups: { readonly listed: ReadonlySet<string>; readonly read: readonly PresentedGroup[] } | undefined;
}

interface Asked {
  /** Undefined: everybody is read. */
  readonly since: Position | undefined;
  /** Keys that were presented before. */
  readonly known: ReadonlySet<string>;
  readonly at: Date;
  /** Told as it goes on. */
  readonly progress: (phase: 'listing' | 'reading' | 'groups', count: number) => void;
}

/** @throws DirectoryUnread */
export async function readDirectory(
  connection: DirectoryConnection,
  config: DirectoryConfig,
  asked: Asked,
): Promise<Reading> {
  const { progress } = asked;
  // Before anything is read: what changes meanwhile is read again the next time.
  const now = await positionOf(connection, config);
  const since = continues(asked.since, now) ? asked.since : undefined;
  const people = await list(connection, config, config.baseDn, config.filter, (count) => progress('listing', count));
  const listed = new Set(people.values());
  const unread = new Set([...listed].filter((key) => since === undefined || !asked.known.has(key)));
  const found = new Map<string, Entry>();
  const read = async (filter: Filter | string) => {
    for await (const page of connection.search(config.baseDn, filter, personAttributes(config))) {
      for (const entry of page) found.set(requireKey(config, entry), entry);
      progress('reading', found.size);
    }
  };
  if (since === undefined) await read(config.filter);
  else await read(both(config.filter, changedSince(since)));
  // Who has come into view without a change of their own: a filter, a base, a right to read.
  const missing = [...unread].filter((key) => !found.has(key));
  for (const some of batches(missing, ASKED_AT_ONCE)) await read(both(config.filter, anyOf(config, some)));
  const entries = [...found].filter(([key]) => listed.has(key));
  const groups = await readGroups(connection, config, { ...asked, since, people, anew: unread.size > 0 });
  return {
    position: now.kind === 'usn' ? now : { kind: 'time', stamp: latestStamp([...found.values()], asked.since) },
    complete: since === undefined,
    listed,
    people: entries.map(([key, entry]) => readPerson(config, entry, key, people, asked.at)),
    groups,
  };
}

/**
 * Which of these are not there, each asked for by name: a listing that a server cut short shows nobody as gone.
 * @throws DirectoryUnread where one of them is there after all
 */
export async function confirmGone(
  connection: DirectoryConnection,
  config: DirectoryConfig,
  keys: readonly string[],
): Promise<void> {
  for (const some of batches(keys, ASKED_AT_ONCE)) {
    const filter = both(config.filter, anyOf(config, some));
    for await (const page of connection.search(config.baseDn, filter, [keyAttribute(config.kind)])) {
      if (page.length > 0) {
        throw new DirectoryUnread(
          `${config.url} left people out of its list who are there when it is asked for them. Nothing was changed. Look whether it limits how much one account may read.`,
        );
      }
    }
  }
}

const ASKED_AT_ONCE = 50;

async function positionOf(connection: DirectoryConnection, { kind }: DirectoryConfig): Promise<Position> {
  if (kind === 'openldap') return { kind: 'time', stamp: EARLIEST };
  const root = await connection.read('', ['highestCommittedUSN', 'dsServiceName']);
  const usn = root && textOf(root, 'highestCommittedUSN');
  const service = root && textOf(root, 'dsServiceName');
  const settings = service === undefined ? undefined : await connection.read(service, ['invocationId']);
  const invocationId = settings && valuesOf(settings, 'invocationId')[0];
  if (usn === undefined || invocationId === undefined) {
    throw new DirectoryUnread(
      'The directory does not say how far its changes go (highestCommittedUSN, invocationId). Is it an Active Directory? Nothing was changed.',
    );
  }
  const octets = Buffer.isBuffer(invocationId) ? invocationId : Buffer.from(invocationId, 'latin1');
  return { kind: 'usn', invocationId: octets.toString('hex'), usn };
}

/** Another domain controller, or one that was restored from a backup, counts anew (MS-ADTS 3.1.1.1.9): then everybody is read. */
function continues(since: Position | undefined, now: Position): boolean {
  if (since === undefined || since.kind !== now.kind) return false;
  if (since.kind === 'time' || now.kind === 'time') return true;
  return since.invocationId === now.invocationId && BigInt(since.usn) <= BigInt(now.usn);
}

function changedSince(since: Position): Filter {
  if (since.kind === 'usn') {
    return new GreaterThanEqualsFilter({ attribute: 'uSNChanged', value: (BigInt(since.usn) + 1n).toString() });
  }
  return new GreaterThanEqualsFilter({ attribute: 'modifyTimestamp', value: earlier(since.stamp) });
}

/**
 * The directory's own clock, which may be another's than ours. It says seconds, and a replica hears of a change later than it happened:
 * so some are read twice.
 */
function earlier(stamp: string): string {
  const [, year, month, day, hour, minute, second] = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)/.exec(stamp) ?? [];
  const at = Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second));
  return `${new Date(at - OVERLAP_MS).toISOString().replace(/[-:T]/g, '').slice(0, 14)}Z`;
}

const OVERLAP_MS = 5 * 60_000;

function latestStamp(entries: readonly Entry[], before: Position | undefined): string {
  const stamps = entries.flatMap((entry) => textOf(entry, 'modifyTimestamp') ?? []).sort();
  const last = before?.kind === 'time' ? before.stamp : EARLIEST;
  const found = stamps.at(-1) ?? EARLIEST;
  return found > last ? found : last;
}

/** A time that every directory can compare with. */
const EARLIEST = '19900101000000Z';

/** Keys by DNs. */
async function list(
  connection: DirectoryConnection,
  config: DirectoryConfig,
  base: string,
  filter: string,
  progress: (count: number) => void,
): Promise<Map<string, string>> {
  const keys = new Map<string, string>();
  for await (const page of connection.search(base, filter, [keyAttribute(config.kind)])) {
    for (const entry of page) keys.set(dnKey(entry.dn), requireKey(config, entry));
    progress(keys.size);
  }
  return keys;
}

function requireKey({ kind, url }: DirectoryConfig, entry: Entry): string {
  const key = keyOf(kind, entry);
  if (key !== undefined) return key;
  throw new DirectoryUnread(
    `${url} does not show the ${keyAttribute(kind)} of ${entry.dn}, by which people are told apart. Nothing was changed. Allow our account to read it.`,
  );
}

async function readGroups(
  connection: DirectoryConnection,
  config: DirectoryConfig,
  asked: Pick<Asked, 'since' | 'progress'> & { readonly people: ReadonlyMap<string, string>; readonly anew: boolean },
): Promise<Reading['groups']> {
  const { groups } = config;
  if (groups === undefined) return undefined;
  const keys = await list(connection, config, groups.baseDn, groups.filter, () => {});
  // A member who has just come into view was in groups that have not changed: all are read.
  const filter =
    asked.since === undefined || asked.anew ? groups.filter : both(groups.filter, changedSince(asked.since));
  const attributes = [keyAttribute(config.kind), 'cn', ...MEMBER_ATTRIBUTES];
  const read: PresentedGroup[] = [];
  for await (const page of connection.search(groups.baseDn, filter, attributes)) {
    for (const entry of page) {
      const members = await membersOf(connection, entry);
      read.push({
        key: requireKey(config, entry),
        name: textOf(entry, 'cn') ?? entry.dn,
        members: members.flatMap((dn): Member[] => {
          const key = dnKey(dn);
          const [person, group] = [asked.people.get(key), keys.get(key)];
          if (person !== undefined) return [{ key: person, kind: 'person' }];
          return group === undefined ? [] : [{ key: group, kind: 'group' }];
        }),
      });
      asked.progress('groups', read.length);
    }
  }
  return { listed: new Set(keys.values()), read };
}

const MEMBER_ATTRIBUTES = ['member', 'uniqueMember'];

/** Active Directory gives 1,500 members at a time, under a name that says which (MS-ADTS 3.1.1.3.1.3.3). */
async function membersOf(connection: DirectoryConnection, entry: Entry): Promise<string[]> {
  const members = MEMBER_ATTRIBUTES.flatMap((name) => valuesOf(entry, name).map(String));
  for (let part: Entry | undefined = entry; part !== undefined; ) {
    const name = Object.keys(part).find((one) => /^member;range=\d+-/i.test(one));
    if (name === undefined) break;
    members.push(...valuesOf(part, name).map(String));
    const [, last = '*'] = /-(\d+|\*)$/.exec(name) ?? [];
    if (last === '*') break;
    part = await connection.read(entry.dn, [`member;range=${Number(last) + 1}-*`]);
  }
  return members;
}

function both(filter: string, other: Filter): Filter {
  return new AndFilter({ filters: [FilterParser.parseString(filter), other] });
}

function anyOf({ kind }: DirectoryConfig, keys: readonly string[]): Filter {
  const attribute = keyAttribute(kind);
  return new OrFilter({
    filters: keys.map((key) => new EqualityFilter({ attribute, value: keyInFilter(kind, key) })),
  });
}

function* batches<T>(all: readonly T[], size: number): Generator<readonly T[]> {
  for (let start = 0; start < all.length; start += size) yield all.slice(start, start + size);
}
