/** From what sources present to the people of the office: matched, decided, settled, within the transaction that notes it. */
import { randomUUID } from 'node:crypto';
import { describeChanges } from '../../ra/describe-changes.ts';
import { type Change, settle, type WantedPerson } from '../../ra/end-entity.ts';
import { leave } from '../../ra/leave.ts';
import type { AccessChange } from '../../ra/operator-access.ts';
import { bringBack, suspend } from '../../ra/suspend.ts';
import type { Transaction } from '../../store/database.ts';
import { addressKey, lockPeople, lockPeopleNamed, type PersonRow, peopleByIds } from '../../store/people.ts';
import type { SourceConflict } from '../../store/schema.ts';
import {
  forgetGone,
  groupsOfRecords,
  listSources,
  type RecordRow,
  recordsByIds,
  recordsInConflict,
  recordsOfPeople,
  type SourceRow,
  settleRecords,
} from '../../store/sources.ts';
import type { World } from '../../world.ts';
import type { RoleLoss } from '../providers/source-groups.ts';
import { type Allotment, allotAddresses } from './allot-addresses.ts';
import { type Decision, decide, groupsMatter, isInScope, isUsable, type KnownRecord } from './decide.ts';
import { matchRecord } from './match.ts';

type Became = 'joined' | 'changed' | 'left' | 'came-back' | 'suspended' | 'returned' | 'unchanged' | 'nobody';

/** What became of a record. */
export interface Outcome {
  readonly personId: string | null;
  readonly became: Became;
  /** In words. */
  readonly changes: readonly string[];
  readonly conflict: SourceConflict | null;
  /** Why they are away, or nobody. */
  readonly why: Decision['why'];
  /** Serial numbers of certificates that were revoked, put on hold or released for it. */
  readonly certificates: readonly string[];
  /** What became of their own access as an operator. */
  readonly access?: readonly AccessChange[];
  /** What they lost as an operator. */
  readonly operator?: RoleLoss | undefined;
}

/**
 * Brings the people whom these records are about in line with all their sources, and then whoever waited for an address that
 * has become free. The caller holds the lock of `lockSources`.
 * @param returning records by which somebody who has left comes back, as they are new or active again
 */
export async function reconcile(
  tx: Transaction,
  world: World,
  recordIds: readonly string[],
  returning: ReadonlySet<string> = new Set(),
): Promise<Map<string, Outcome>> {
  const outcomes = new Map<string, Outcome>();
  // Two who exchange addresses, one after the other: the first waits for the second, and both are to be seen together.
  const linked = (await recordsByIds(tx, recordIds)).flatMap(({ person_id }) => person_id ?? []);
  const theirs = (await peopleByIds(tx, linked)).flatMap(({ address, aliases }) =>
    [address, ...aliases].map(addressKey),
  );
  const ids = new Set([...recordIds, ...(await waitingFor(tx, new Set(theirs)))]);
  let freed = await reconcileOnce(tx, world, [...ids], returning, outcomes);
  while (freed.size > 0) {
    const waiting = await waitingFor(tx, freed);
    freed = waiting.length === 0 ? new Set() : await reconcileOnce(tx, world, waiting, new Set(), outcomes);
  }
  return outcomes;
}

/** Records in conflict that want one of these addresses. */
async function waitingFor(tx: Transaction, keys: ReadonlySet<string>): Promise<string[]> {
  if (keys.size === 0) return [];
  return (await recordsInConflict(tx, MOST_WAITING))
    .filter(({ presented }) =>
      [presented.address, ...(presented.aliases ?? [])].some((one) => one != null && keys.has(addressKey(one))),
    )
    .map(({ id }) => id);
}

/** More than this many records in conflict are looked at another time. */
const MOST_WAITING = 1_000;

/** @returns keys of the addresses that are nobody's any more */
async function reconcileOnce(
  tx: Transaction,
  world: World,
  recordIds: readonly string[],
  returning: ReadonlySet<string>,
  outcomes: Map<string, Outcome>,
): Promise<Set<string>> {
  const { identity: config } = world.config;
  const sources = new Map((await listSources(tx)).map(({ name, kind }, made) => [name, { kind, made }]));
  const touched = await known(tx, config, sources, await recordsByIds(tx, recordIds));
  const owners = await match(tx, config, touched);

  // Everybody concerned, with all that any source says of them.
  const personIds = [...new Set([...owners.values()].flatMap((one) => one.personId ?? []))];
  const before = await lockPeople(tx, personIds);
  const touchedIds = new Set(touched.map(({ id }) => id));
  const others = (await recordsOfPeople(tx, personIds)).filter(({ id }) => !touchedIds.has(id));
  const records = [...touched, ...(await known(tx, config, sources, others))];
  const recordsOf = new Map<string, KnownRecord[]>(personIds.map((id) => [id, []]));
  for (const one of records) {
    const personId = touchedIds.has(one.id) ? owners.get(one.id)?.personId : one.personId;
    if (personId != null) recordsOf.get(personId)?.push(one);
  }
  const comingBack = personIds.filter((id) => recordsOf.get(id)?.some((one) => returning.has(one.id)));
  await forgetGone(tx, comingBack);
  for (const id of comingBack) {
    recordsOf.set(
      id,
      (recordsOf.get(id) ?? []).filter(({ gone_at }) => gone_at === null),
    );
  }

  const decisions = new Map(
    personIds.map((id) => {
      const decision = decide(config, recordsOf.get(id) ?? [], before.get(id));
      // Nobody joins or comes back by being switched off.
      const isAway = decision.standing === 'suspended' && (before.get(id)?.state ?? 'left') === 'left';
      return [id, isAway ? { ...decision, standing: 'away' as const } : decision] as const;
    }),
  );
  const allotted = await allot(tx, decisions, before);
  const changes: Change[] = [];
  const leaving: PersonRow[] = [];
  const suspending: { row: PersonRow; source: string | null }[] = [];
  const reappearing: PersonRow[] = [];
  const ofPerson = new Map<string, Omit<Outcome, 'personId' | 'certificates'>>();
  const nobody = new Set<string>();
  for (const [id, { standing, why, wanted, decidedBy }] of decisions) {
    const row = before.get(id);
    if (standing === 'away') {
      const leaves = row !== undefined && row.state !== 'left';
      if (leaves) leaving.push(row);
      if (row === undefined) nobody.add(id);
      const became = leaves ? 'left' : row === undefined ? 'nobody' : 'unchanged';
      ofPerson.set(id, { became, changes: [], conflict: null, why });
      continue;
    }
    const moved = standingOf(standing, row);
    if (moved === 'suspended' && row !== undefined) suspending.push({ row, source: decidedBy });
    if (moved === 'returned' && row !== undefined) reappearing.push(row);
    const { got, conflict } = allotted.get(id) ?? { got: undefined, conflict: null };
    if (wanted === undefined || got === undefined) {
      if (row === undefined) nobody.add(id);
      const became = row === undefined ? 'nobody' : (moved ?? 'unchanged');
      ofPerson.set(id, { became, changes: [], conflict, why });
      continue;
    }
    const person: WantedPerson = { id, ...wanted, ...got };
    const words = row === undefined ? [] : describeChanges(row, person);
    const back = row?.state === 'left';
    if (row === undefined || back || words.length > 0) changes.push({ before: row, wanted: person });
    const changed = words.length > 0 ? 'changed' : 'unchanged';
    const became = row === undefined ? 'joined' : back ? 'came-back' : (moved ?? changed);
    ofPerson.set(id, { became, changes: words, conflict, why });
  }
  const free = freedBy(changes);
  await settle(tx, world, await withFreeExternalIds(tx, changes));
  const movedPeople = await move(tx, world, { leaving, suspending, reappearing });

  await settleRecords(
    tx,
    touched.map(({ id }) => {
      const owner = owners.get(id);
      const personId = owner?.personId ?? null;
      const conflict = owner?.conflict ?? (personId === null ? null : (ofPerson.get(personId)?.conflict ?? null));
      return { id, personId: personId === null || nobody.has(personId) ? null : personId, conflict };
    }),
  );
  for (const { id } of touched) {
    const { personId = null, conflict = null, why = null } = owners.get(id) ?? {};
    const what = personId === null ? undefined : ofPerson.get(personId);
    outcomes.set(id, {
      ...(what ?? { became: 'nobody' as const, changes: [], why, conflict }),
      personId: personId === null || nobody.has(personId) ? null : personId,
      certificates: movedPeople.get(personId ?? '')?.certificates ?? [],
      access: movedPeople.get(personId ?? '')?.access ?? [],
    });
  }
  return free;
}

/** What is to change of whether they are here; whom somebody in the office suspended, no source has return. */
function standingOf(standing: Decision['standing'], row: PersonRow | undefined): 'suspended' | 'returned' | undefined {
  if (standing === 'suspended' && row?.state === 'active') return 'suspended';
  if (standing === 'here' && row?.state === 'suspended' && row.suspended_by !== null) return 'returned';
  return undefined;
}

interface Moved {
  readonly certificates: readonly string[];
  readonly access: readonly AccessChange[];
}

/** @returns by person, what was changed for it */
async function move(
  tx: Transaction,
  world: World,
  {
    leaving,
    suspending,
    reappearing,
  }: {
    readonly leaving: readonly PersonRow[];
    readonly suspending: readonly { readonly row: PersonRow; readonly source: string | null }[];
    readonly reappearing: readonly PersonRow[];
  },
): Promise<Map<string, Moved>> {
  const moved = new Map<string, Moved>();
  for (const row of leaving) {
    const { revoked, operators } = await leave(tx, world, row);
    moved.set(row.id, { certificates: revoked, access: operators });
  }
  for (const { row, source } of suspending) {
    const { held, operators } = await suspend(tx, world, row, source);
    moved.set(row.id, { certificates: held, access: operators });
  }
  // As they are now: what changed while they were away decides what they need.
  for (const row of (
    await lockPeople(
      tx,
      reappearing.map(({ id }) => id),
    )
  ).values()) {
    const { released, operators } = await bringBack(tx, world, row);
    moved.set(row.id, { certificates: released, access: operators });
  }
  return moved;
}

type Known = KnownRecord & { readonly personId: string | null };

async function known(
  tx: Transaction,
  config: World['config']['identity'],
  sources: ReadonlyMap<string, Pick<SourceRow, 'kind'> & { readonly made: number }>,
  rows: readonly RecordRow[],
): Promise<Known[]> {
  const groups = groupsMatter(config)
    ? await groupsOfRecords(
        tx,
        rows.map(({ id }) => id),
      )
    : new Map();
  return rows.map((row) => ({
    ...row,
    kind: sources.get(row.source)?.kind ?? 'hand',
    made: sources.get(row.source)?.made ?? 0,
    groups: groups.get(row.id) ?? [],
    personId: row.person_id,
  }));
}

interface Owner {
  readonly personId: string | null;
  readonly conflict: SourceConflict | null;
  readonly why: Decision['why'];
}

/** Whose each record is; somebody new has an id already. */
async function match(
  tx: Transaction,
  config: World['config']['identity'],
  touched: readonly Known[],
): Promise<Map<string, Owner>> {
  const owners = new Map<string, Owner>();
  const unmatched: (Known & { readonly address: string })[] = [];
  for (const one of touched) {
    const { address } = one.presented;
    const unusable = address == null || isUsable(address) ? null : unusableAddress(one.source, address);
    if (one.personId !== null) owners.set(one.id, { personId: one.personId, conflict: unusable, why: null });
    else if (one.gone_at !== null) owners.set(one.id, { personId: null, conflict: null, why: 'gone' });
    else if (address == null || !isInScope(config, one)) {
      owners.set(one.id, { personId: null, conflict: null, why: 'out-of-scope' });
    } else if (unusable !== null) owners.set(one.id, { personId: null, conflict: unusable, why: null });
    else unmatched.push({ ...one, address });
  }
  if (unmatched.length === 0) return owners;
  const people = await lockPeopleNamed(tx, {
    keys: unmatched.map(({ address }) => addressKey(address)),
    externalIds: [],
  });
  const recordsOf = new Map<string, RecordRow[]>();
  for (const row of await recordsOfPeople(
    tx,
    people.map(({ id }) => id),
  )) {
    recordsOf.set(row.person_id ?? '', [...(recordsOf.get(row.person_id ?? '') ?? []), row]);
  }
  const context = {
    byPrimary: new Map(people.map((row) => [addressKey(row.address), row])),
    byAddress: new Map(people.flatMap((row) => [row.address, ...row.aliases].map((one) => [addressKey(one), row]))),
    recordsOf: (personId: string) => recordsOf.get(personId) ?? [],
  };
  /** Of this batch: who is to have which address. */
  const taken = new Map<string, Known>();
  for (const one of unmatched) {
    const key = addressKey(one.address);
    const twin = taken.get(key);
    if (twin !== undefined && twin.source !== one.source) {
      owners.set(one.id, owners.get(twin.id) ?? { personId: null, conflict: null, why: null });
      continue;
    }
    if (twin !== undefined) {
      const message = `${one.address} is the address of ${twin.presented.name ?? twin.key} too, as ${one.source} presents them. Give one of the two another address there.`;
      owners.set(one.id, { personId: null, conflict: { code: 'address-taken', message, personId: null }, why: null });
      continue;
    }
    taken.set(key, one);
    const found = matchRecord(one, context);
    if (found.is === 'doubtful') owners.set(one.id, { personId: null, conflict: found.conflict, why: null });
    // Who is inactive when they are first seen has nothing to be issued.
    else if (found.is === 'new' && !one.active)
      owners.set(one.id, { personId: null, conflict: null, why: 'deactivated' });
    else {
      const personId = found.is === 'known' ? found.person.id : randomUUID();
      owners.set(one.id, { personId, conflict: null, why: null });
    }
  }
  return owners;
}

function unusableAddress(source: string, address: string): SourceConflict {
  const message = `${address.slice(0, 254)} is no address that a certificate may have. Correct it at ${source}.`;
  return { code: 'unusable', message, personId: null };
}

async function allot(
  tx: Transaction,
  decisions: ReadonlyMap<string, Decision>,
  before: ReadonlyMap<string, PersonRow>,
): Promise<Map<string, Allotment>> {
  const claims = [...decisions].flatMap(([personId, { standing, wanted }]) =>
    standing === 'away' || wanted === undefined
      ? []
      : [
          {
            personId,
            name: wanted.name,
            address: wanted.address,
            aliases: wanted.aliases,
            before: before.get(personId),
          },
        ],
  );
  const keys = claims.flatMap(({ address, aliases }) => [address, ...aliases].map(addressKey));
  const claiming = new Set(claims.map(({ personId }) => personId));
  const outsiders = (await lockPeopleNamed(tx, { keys, externalIds: [] })).filter(({ id }) => !claiming.has(id));
  return allotAddresses(
    claims,
    new Map(outsiders.flatMap((row) => [row.address, ...row.aliases].map((one) => [addressKey(one), row] as const))),
  );
}

/** One id of an identity provider names one person; where two have it, whoever has it keeps it. */
async function withFreeExternalIds(tx: Transaction, changes: readonly Change[]): Promise<Change[]> {
  const externalIds = changes.flatMap(({ wanted }) => wanted.externalId ?? []);
  const held = await lockPeopleNamed(tx, { keys: [], externalIds });
  const changing = new Map(changes.map(({ wanted }) => [wanted.id, wanted]));
  const taken = new Map<string, string>();
  for (const { id, external_id } of held) {
    const wanted = changing.get(id);
    if (external_id !== null && (wanted === undefined || wanted.externalId === external_id)) taken.set(external_id, id);
  }
  return changes.map(({ before, wanted }) => {
    const { externalId } = wanted;
    if (externalId === null) return { before, wanted };
    const owner = taken.get(externalId) ?? wanted.id;
    taken.set(externalId, owner);
    return owner === wanted.id ? { before, wanted } : { before, wanted: { ...wanted, externalId: null } };
  });
}

function freedBy(changes: readonly Change[]): Set<string> {
  const kept = new Set(changes.flatMap(({ wanted }) => [wanted.address, ...wanted.aliases].map(addressKey)));
  const had = changes.flatMap(({ before }) => (before ? [before.address, ...before.aliases].map(addressKey) : []));
  return new Set(had.filter((key) => !kept.has(key)));
}
