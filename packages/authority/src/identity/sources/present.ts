/**
 * The door for sources of people: SCIM clients, directories. What a source presents is kept as it presents it; the people of the
 * office follow from what all sources say (`reconcile.ts`, `decide.ts`).
 *
 * How a directory is synchronised upon this:
 *
 *   const source = { name: 'hq', kind: 'ldap' } as const;        // the name as in [identity] of the configuration
 *   await presentPeople(world, source, people, { complete: true });   // a full pass: whoever is not among them is gone
 *   await presentPeople(world, source, changed);                 // an incremental one: those who changed, and no others
 *   await withdrawPeople(world, source, keysOfTheDeleted);
 *   await presentGroups(world, source, groups, { complete: true });
 *   await noteContact(world, source, null);                      // or what went wrong, for the administrator
 *
 * - `key` is what tells people apart there for ever: objectGUID, entryUUID; never a DN or an address. Members of groups and managers
 *   are named by such keys too, in any order: who or what is not there yet counts once it is.
 * - A field that is left out means that the source does not know; null, that there is none. `aliases` left out: the person keeps those
 *   they have, and a former primary address becomes one; given, they are all of them.
 * - Everything is idempotent: who is presented as before costs a comparison, and leaves no record.
 * - A drop in the number of people is the caller's to stop at, before it presents a complete pass: `presentedKeys` has who was there.
 * - It may be called with ten thousand; each five hundred are a transaction, and a call that was cut off is simply made again.
 */
import { randomUUID } from 'node:crypto';
import { NewPerson, PersonAttributes } from '@chancery/api';
import { z } from 'zod';
import { AuthorityError } from '../../errors.ts';
import { bulkOperation, operation, perform, performAll } from '../../operation.ts';
import { system } from '../../principal.ts';
import { asciiAddress } from '../../ra/ascii-address.ts';
import type { Transaction } from '../../store/database.ts';
import { requireOffice } from '../../store/office.ts';
import type { Presented } from '../../store/schema.ts';
import {
  establishSource,
  lockSources,
  type NewRecord,
  presentedBy,
  recordsByKeys,
  removeFromGroups,
  setContact,
  sourceNamed,
  upsertRecords,
} from '../../store/sources.ts';
import type { World } from '../../world.ts';
import { withdrawRolesOf } from '../providers/source-groups.ts';
import { type Outcome, reconcile } from './reconcile.ts';

export interface Source {
  readonly name: string;
  readonly kind: 'scim' | 'ldap';
}

export interface PresentedPerson {
  readonly key: string;
  readonly active: boolean;
  readonly name: string;
  /** The primary address; null where the source has none: then it is nobody of ours. */
  readonly address: string | null;
  readonly aliases?: readonly string[] | undefined;
  /** As the identity provider calls them. */
  readonly externalId?: string | null | undefined;
  readonly attributes?: Presented['attributes'];
  /** Key of the manager. */
  readonly manager?: string | null | undefined;
}

export interface Report {
  joined: number;
  changed: number;
  left: number;
  cameBack: number;
  /** Switched off, at a source that means by it that they may be back. */
  suspended: number;
  returned: number;
  /** Presented anew, and nothing of it concerns the office. */
  unchanged: number;
  /** Out of scope, without an address, inactive from the first. */
  nobody: number;
  /** Waiting for an administrator; they are among the others too. */
  conflicts: number;
}

/** People as a source has them now. @throws AuthorityError `not-set-up`, `conflict` (the source's name is another kind's) */
export async function presentPeople(
  world: World,
  source: Source,
  people: readonly PresentedPerson[],
  { complete = false }: { readonly complete?: boolean } = {},
): Promise<Report> {
  const byKey = new Map(people.map((one) => [one.key, one]));
  const known = await world.database.snapshot((snapshot) =>
    presentedBy(snapshot, source.name, complete ? undefined : [...byKey.keys()]),
  );
  const stood = new Map(known.map((row) => [row.key, row]));
  const report = emptyReport();
  if (complete) {
    const gone = known.map(({ key }) => key).filter((key) => !byKey.has(key));
    add(report, await withdrawPeople(world, source, gone));
  }
  const moved = [...byKey.values()].filter((one) => {
    const before = stood.get(one.key);
    if (before === undefined || before.active !== one.active) return true;
    return canonical(before.presented) !== canonical(presentedOf(one));
  });
  const inputs = moved.map(({ key, active, ...person }) => ({
    source,
    key,
    person: { active, ...presentedOf(person) },
  }));
  add(report, await presentAll(world, inputs));
  report.unchanged += byKey.size - moved.length;
  return report;
}

/** Who is not there any more. Who never was is passed over. */
export async function withdrawPeople(world: World, source: Source, keys: readonly string[]): Promise<Report> {
  return presentAll(
    world,
    [...new Set(keys)].map((key) => ({ source, key, person: null })),
  );
}

/** Of everybody whom the source presented last. */
export async function presentedKeys(world: World, source: Source): Promise<string[]> {
  return (await world.database.snapshot((snapshot) => presentedBy(snapshot, source.name))).map(({ key }) => key);
}

/** That the source was asked and had nothing new, or what went wrong; told at most every quarter of an hour. */
export async function noteContact(world: World, source: Source, problem: string | null): Promise<void> {
  const row = await world.database.snapshot((snapshot) => sourceNamed(snapshot, source.name));
  const since = world.clock().getTime() - (row?.last_contact_at?.getTime() ?? 0);
  if (row?.problem === problem && since < CONTACT_MS) return;
  await perform(world, contactSource, system, { source, problem });
}

const CONTACT_MS = 15 * 60_000;
/** People in one transaction: one that fails for a reason of its own is told apart, whatever the number. */
const GROUP = 500;

export const SourceInput = z.strictObject({
  name: z.string().regex(/^[a-z0-9-]{1,40}$/),
  kind: z.enum(['scim', 'ldap']),
});
const attribute = z.string().nullable().optional();
const PersonInput = z.strictObject({
  active: z.boolean(),
  name: z.string().max(1000).optional(),
  address: z.string().max(1000).nullable().optional(),
  aliases: z.array(z.string().max(1000)).readonly().optional(),
  externalId: z.string().max(200).nullable().optional(),
  attributes: z
    .strictObject({
      givenName: attribute,
      surname: attribute,
      title: attribute,
      department: attribute,
      employeeId: attribute,
      country: attribute,
      language: attribute,
      manager: attribute,
    })
    .optional(),
  manager: z.string().max(512).nullable().optional(),
});

/** What a source presents of one person; null: they are gone from it. */
export const presentPerson = bulkOperation({
  action: 'source.present-person',
  permission: 'system',
  input: z.strictObject({ source: SourceInput, key: z.string().min(1).max(512), person: PersonInput.nullable() }),
  subject: ({ source, key }) => `source:${source.name}:${key}`,
  async runAll(tx, inputs, _by, world) {
    const done: ({ result: Outcome; audit: Record<string, unknown> } | AuthorityError)[] = [];
    // One caller presents for one source; several are taken apart all the same.
    const bySource = Map.groupBy(inputs, ({ source }) => `${source.kind} ${source.name}`);
    const outcomes = new Map<string, Map<string, Outcome>>();
    for (const [label, some] of bySource) {
      const [first] = some;
      if (first === undefined) continue;
      outcomes.set(label, await presentInTransaction(tx, world, first.source, some));
    }
    for (const { source, key, person } of inputs) {
      const outcome = outcomes.get(`${source.kind} ${source.name}`)?.get(key);
      done.push(
        outcome === undefined
          ? new AuthorityError('not-found', `${source.name} never presented ${key}. Nothing was changed.`)
          : { result: outcome, audit: describeOutcome(outcome, person) },
      );
    }
    return done;
  },
});

/** It was reached, or not: what an administrator should know. */
export const contactSource = operation({
  action: 'source.contact',
  permission: 'system',
  input: z.strictObject({ source: SourceInput, problem: z.string().max(1000).nullable() }),
  subject: ({ source }) => `source:${source.name}`,
  async run(tx, { source, problem }, _by, world) {
    await requireSource(tx, world, source);
    await setContact(tx, source.name, world.clock(), problem);
    return { result: undefined, audit: { problem } };
  },
});

/**
 * Notes what the source presents, each by a key of its own, and has the people follow.
 * @returns by key; one that is withdrawn and was not there is absent
 */
export async function presentInTransaction(
  tx: Transaction,
  world: World,
  source: Source,
  entries: readonly {
    readonly key: string;
    /** Of the record, where it is new and its id is its key. */
    readonly id?: string;
    readonly person: (Presented & { readonly active: boolean }) | null;
    readonly resource?: Record<string, unknown>;
  }[],
): Promise<Map<string, Outcome>> {
  await lockSources(tx);
  await requireSource(tx, world, source);
  const at = world.clock();
  await setContact(tx, source.name, at, null);
  const last = new Map(entries.map((one) => [one.key, one]));
  const before = new Map((await recordsByKeys(tx, source.name, [...last.keys()])).map((row) => [row.key, row]));
  const returning = new Set<string>();
  const records = [...last.values()].flatMap(({ key, id = randomUUID(), person, resource }): NewRecord[] => {
    const row = before.get(key);
    if (person === null) return row === undefined || row.gone_at !== null ? [] : [{ ...row, gone_at: at }];
    const { active, ...presented } = person;
    const recordId = row?.id ?? id;
    if (active && (row === undefined || !row.active || row.gone_at !== null)) returning.add(recordId);
    return [
      {
        id: recordId,
        source: source.name,
        key,
        person_id: row?.person_id ?? null,
        active,
        gone_at: null,
        presented: presentedOf(presented),
        resource: resource ?? row?.resource ?? null,
        conflict: row?.conflict ?? null,
      },
    ];
  });
  await upsertRecords(tx, records, at);
  await removeFromGroups(
    tx,
    source.name,
    records.filter(({ gone_at }) => gone_at !== null).map(({ key }) => key),
  );
  const outcomes = await reconcile(
    tx,
    world,
    records.map(({ id }) => id),
    returning,
  );
  const lost = new Map((await withdrawRolesOf(tx, world, source.name)).map((one) => [one.personId, one]));
  return new Map(
    records.flatMap(({ id, key }) => {
      const outcome = outcomes.get(id);
      const operator = lost.get(outcome?.personId ?? '');
      return outcome === undefined ? [] : [[key, operator === undefined ? outcome : { ...outcome, operator }] as const];
    }),
  );
}

/** For the audit trail. */
export function describeOutcome(outcome: Outcome, person: (Presented & { readonly active: boolean }) | null) {
  const { personId, became, changes, conflict, why, certificates, access = [], operator } = outcome;
  return {
    ...(personId !== null && { personId }),
    became,
    ...(became === 'joined' && { name: person?.name ?? null, address: person?.address ?? null }),
    ...(changes.length > 0 && { changes: [...changes] }),
    ...(why !== null && { why }),
    ...(certificates.length > 0 && { certificates: [...certificates] }),
    ...(access.length > 0 && { operators: [...access] }),
    ...(operator !== undefined && { operator }),
    ...(conflict !== null && { conflict: conflict.message }),
  };
}

/** @throws AuthorityError `not-set-up`, `conflict` */
export async function requireSource(tx: Transaction, world: World, { name, kind }: Source): Promise<void> {
  await requireOffice(tx);
  if (await establishSource(tx, { name, kind, at: world.clock() })) return;
  throw new AuthorityError(
    'conflict',
    `The source ${name} is of another kind. Nothing was changed. Give this one another name.`,
  );
}

async function presentAll(world: World, inputs: readonly z.input<typeof presentPerson.input>[]): Promise<Report> {
  const report = emptyReport();
  for (let start = 0; start < inputs.length; start += GROUP) {
    const results = await performAll(world, presentPerson, system, inputs.slice(start, start + GROUP));
    for (const one of results) {
      if (one instanceof AuthorityError) {
        if (one.code !== 'not-found') throw one;
        continue;
      }
      report[one.became === 'came-back' ? 'cameBack' : one.became] += 1;
      if (one.conflict !== null) report.conflicts += 1;
    }
  }
  return report;
}

/** In the form that is kept and compared. What no certificate could have is left out. */
function presentedOf(person: Presented): Presented {
  const { name, address, aliases, externalId, attributes, manager } = person;
  const primary = address == null ? address : asciiAddress(address.trim()).slice(0, 254);
  return {
    ...(name !== undefined && name.trim() !== '' && { name: name.trim().slice(0, 200) }),
    ...(primary !== undefined && { address: primary === '' ? null : primary }),
    ...(aliases !== undefined && {
      aliases: [...new Set(aliases.map((one) => asciiAddress(one.trim())))]
        .filter((one) => NewPerson.shape.address.safeParse(one).success)
        .sort()
        .slice(0, 50),
    }),
    ...(externalId !== undefined && { externalId }),
    ...(attributes !== undefined && { attributes: attributesOf(attributes) }),
    ...(manager !== undefined && { manager }),
  };
}

function attributesOf(given: NonNullable<Presented['attributes']>): NonNullable<Presented['attributes']> {
  return Object.fromEntries(
    Object.entries(given).flatMap(([name, value]) => {
      if (value === undefined) return [];
      const text = value?.trim().slice(0, 64) ?? null;
      const schema = PersonAttributes.shape[name as keyof PersonAttributes];
      return [[name, text === null || !schema.safeParse(text).success ? null : text]];
    }),
  );
}

/** The same text for the same facts: the database keeps the members of an object in an order of its own. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, one: unknown) =>
    typeof one === 'object' && one !== null && !Array.isArray(one)
      ? Object.fromEntries(Object.entries(one).sort(([a], [b]) => (a < b ? -1 : 1)))
      : one,
  );
}

const emptyReport = (): Report => ({
  joined: 0,
  changed: 0,
  left: 0,
  cameBack: 0,
  suspended: 0,
  returned: 0,
  unchanged: 0,
  nobody: 0,
  conflicts: 0,
});

function add(report: Report, more: Report): void {
  for (const what of Object.keys(report) as (keyof Report)[]) report[what] += more[what];
}
