/**
 * Directories that the office follows: one pass reads, judges and then presents to `sources/`, which decides what becomes of people.
 * Nothing is done before everything was read; a pass that is cut off is made again from where the last whole one ended.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { AuthorityError } from '../../errors.ts';
import { tell } from '../../notices/tell.ts';
import { operation, perform } from '../../operation.ts';
import { actorOf, type Principal, system } from '../../principal.ts';
import type { Snapshot } from '../../store/database.ts';
import { directorySync, lockDirectorySync, putDirectorySync } from '../../store/directory-syncs.ts';
import { findOffice, requireOffice } from '../../store/office.ts';
import { groupsOfSource, presentedBy } from '../../store/sources.ts';
import type { World } from '../../world.ts';
import { noteContact, presentPeople, type Report, type Source, withdrawPeople } from '../sources/present.ts';
import { presentGroups, withdrawGroups } from '../sources/present-groups.ts';
import { DirectoryUnread, withDirectory } from './connection.ts';
import type { DirectoryConfig } from './directory-config.ts';
import { Drop, judgeDrop, type KnownPerson, type Loss, lossesOf, type Verdict } from './judge-drop.ts';
import { confirmGone, Position, type Reading, readDirectory } from './read-directory.ts';

/** Every directory whose time has come, each by a job of its own. */
export async function beginDuePasses(world: World): Promise<void> {
  const names = Object.keys(world.config.identity.ldap);
  if (names.length === 0 || (await world.database.snapshot(findOffice)) === undefined) return;
  for (const name of names) {
    const state = await world.database.snapshot((snapshot) => directorySync(snapshot, name));
    const at = world.clock().getTime();
    const { everyMinutes, alarmAfterHours } = requireDirectory(world, name);
    const lastTry = Math.max(state?.begun_at?.getTime() ?? 0, state?.ended_at?.getTime() ?? 0);
    if (at - lastTry >= everyMinutes * 60_000) await perform(world, beginPass, system, { name });
    const silentSince = state?.alarmed_at === null ? state.failing_since : null;
    if (silentSince !== null && at - silentSince.getTime() >= alarmAfterHours * 3_600_000) {
      await perform(world, raiseAlarm, system, { name });
    }
  }
}

/** What a pass is doing now, on this node. */
interface Progress {
  readonly phase: 'listing' | 'reading' | 'groups' | 'presenting';
  readonly count: number;
}

const running = new Map<string, Progress>();

export function progressOf(name: string): Progress | undefined {
  return running.get(name);
}

/** The job. What goes wrong with a directory is no failure of it: the next pass begins in its own time. */
export async function runPass(world: World, name: string): Promise<void> {
  if (!Object.hasOwn(world.config.identity.ldap, name) || running.has(name)) return;
  const source: Source = { name, kind: 'ldap' };
  running.set(name, { phase: 'listing', count: 0 });
  try {
    const pass = await readAndPresent(world, source);
    await perform(world, endPass, system, { name, ...pass });
    await noteContact(world, source, pass.problem);
  } catch (error) {
    const told = error instanceof DirectoryUnread || error instanceof AuthorityError;
    if (!told)
      world.log.error('directory.failed', { name, error: error instanceof Error ? error.stack : String(error) });
    const problem = told ? error.message : 'An unexpected error; the server log has it. Nothing more was changed.';
    await perform(world, endPass, system, { name, outcome: 'failed', problem });
    // A name that is another kind's has nobody to be noted for.
    if (!(error instanceof AuthorityError)) await noteContact(world, source, problem);
  } finally {
    running.delete(name);
  }
}

const Counts = z.record(z.string(), z.int());
const PassEnd = z.strictObject({
  name: z.string(),
  outcome: z.enum(['done', 'failed', 'asking']),
  problem: z.string().max(1000).nullable(),
  counts: Counts.default({}),
  complete: z.boolean().default(false),
  position: Position.optional(),
  digest: z.string().optional(),
  drop: Drop.nullable().optional(),
});

export const beginPass = operation({
  action: 'directory.begin-pass',
  permission: 'person:write',
  input: z.strictObject({ name: z.string() }),
  subject: ({ name }) => `source:${name}`,
  async run(tx, { name }, _by, world) {
    await requireOffice(tx);
    requireDirectory(world, name);
    await putDirectorySync(tx, name, { begun_at: world.clock() });
    await world.jobs.enqueue(tx, 'sync-directory', { name });
    return { result: undefined, audit: {} };
  },
});

export const endPass = operation({
  action: 'directory.end-pass',
  permission: 'system',
  input: PassEnd,
  subject: ({ name }) => `source:${name}`,
  async run(tx, input, _by, world) {
    const at = world.clock();
    const before = await lockDirectorySync(tx, input.name);
    const bad = input.outcome !== 'done';
    await putDirectorySync(tx, input.name, {
      ended_at: at,
      outcome: input.outcome,
      problem: input.problem,
      failing_since: bad ? (before?.failing_since ?? at) : null,
      ...(!bad && { alarmed_at: null, done_at: at, counts: input.counts }),
      ...(input.position && { position: input.position, digest: input.digest ?? null }),
      ...(input.complete && !bad && { complete_at: at }),
      ...(input.drop !== undefined && { question: input.drop }),
    });
    const { outcome, problem, counts, complete } = input;
    return { result: undefined, audit: { outcome, complete, ...counts, ...(problem !== null && { problem }) } };
  },
});

/** Somebody looked at who would leave: they leave, or they stay whatever the directory says. */
export const answerDrop = operation({
  action: 'directory.answer-drop',
  permission: 'person:write',
  input: z.strictObject({
    name: z.string(),
    answer: z.enum(['confirmed', 'dismissed']),
    /** Of the question that was looked at: another one may have come since. */
    askedAt: z.string(),
  }),
  subject: ({ name }) => `source:${name}`,
  async run(tx, { name, answer, askedAt }, by, world) {
    requireDirectory(world, name);
    const state = await lockDirectorySync(tx, name);
    const drop = Drop.nullable().parse(state?.question ?? null);
    if (drop === null || drop.askedAt !== askedAt) {
      throw new AuthorityError(
        'wrong-state',
        'That is not asked any more: the directory was read again meanwhile. Nothing was changed. Look again.',
      );
    }
    const at = world.clock();
    const answered: Drop = { ...drop, answer: { kind: answer, by: actorOf(by), at: at.toISOString() } };
    // Everybody is read anew: what was held back is not among what changes from now on.
    await putDirectorySync(tx, name, { question: answered, complete_at: null, begun_at: at });
    await world.jobs.enqueue(tx, 'sync-directory', { name });
    return { result: undefined, audit: { answer, people: drop.losses.length, known: drop.known } };
  },
});

/** The administrators are told, once, that nobody hears from a directory any more. */
export const raiseAlarm = operation({
  action: 'directory.alarm',
  permission: 'system',
  input: z.strictObject({ name: z.string() }),
  subject: ({ name }) => `source:${name}`,
  async run(tx, { name }, _by, world) {
    const state = await lockDirectorySync(tx, name);
    const since = state?.failing_since ?? null;
    // It was read meanwhile.
    if (since === null) return { result: undefined, audit: { since, told: 0 } };
    const told = await tell(tx, world, [
      {
        event: 'directory-silent',
        key: `directory-silent ${name} ${since.toISOString()}`,
        about: `source:${name}`,
        facts: { source: name, since, detail: state?.problem ?? '' },
      },
    ]);
    await putDirectorySync(tx, name, { alarmed_at: world.clock() });
    return { result: undefined, audit: { since: since.toISOString(), told } };
  },
});

/** Somebody is shown everybody in a directory. */
export const showDirectory = operation({
  action: 'directory.preview',
  permission: 'person:write',
  input: z.strictObject({ name: z.string() }),
  subject: ({ name }) => `source:${name}`,
  async run(_tx, { name }, _by, world) {
    requireDirectory(world, name);
    return { result: undefined, audit: {} };
  },
});

/** What a pass would do, and nothing of it done. @throws AuthorityError `not-found`, `forbidden`, `unavailable` */
export async function previewDirectory(world: World, by: Principal, name: string): Promise<Preview> {
  // On record first: reading takes a while, and may be cut off.
  await perform(world, showDirectory, by, { name });
  const config = requireDirectory(world, name);
  try {
    const { reading, known, losses, verdict } = await read(world, name, config, { complete: true });
    const stood = new Map(known.map((one) => [one.key, one]));
    const changed = reading.people.filter(({ key, name: now, address, active }) => {
      const before = stood.get(key);
      return (
        before !== undefined && (before.name !== now.trim() || before.address !== address || before.active !== active)
      );
    });
    return {
      people: reading.people,
      joining: reading.people.filter(({ key }) => !stood.has(key)),
      changed,
      losses,
      asks: verdict.ask,
      groups: reading.groups?.read ?? [],
    };
  } catch (error) {
    if (!(error instanceof DirectoryUnread)) throw error;
    throw new AuthorityError('unavailable', error.message, { cause: error });
  }
}

export interface Preview {
  readonly people: Reading['people'];
  readonly joining: Reading['people'];
  /** By name, primary address or being active. */
  readonly changed: Reading['people'];
  readonly losses: readonly Loss[];
  /** A pass would stop and ask. */
  readonly asks: boolean;
  readonly groups: NonNullable<Reading['groups']>['read'];
}

/** @throws AuthorityError `not-found` */
function requireDirectory(world: Pick<World, 'config'>, name: string): DirectoryConfig {
  const { ldap } = world.config.identity;
  const config = Object.hasOwn(ldap, name) ? ldap[name] : undefined;
  if (config !== undefined) return config;
  throw new AuthorityError('not-found', `The configuration has no directory ${name}. Nothing was changed.`);
}

type Ended = Omit<z.input<typeof PassEnd>, 'name'> & { readonly problem: string | null };

async function readAndPresent(world: World, source: Source): Promise<Ended> {
  const config = requireDirectory(world, source.name);
  const { reading, known, verdict, digest } = await read(world, source.name, config, { complete: false });
  if (verdict.ask) {
    const { losses = [], known: of = 0 } = verdict.drop ?? {};
    const problem = `${losses.length} of ${of} people would leave at once. Nothing was changed. Look who they are, and confirm or dismiss it.`;
    return { outcome: 'asking', problem, drop: verdict.drop };
  }
  const { kept } = verdict;
  const gone = known.map(({ key }) => key).filter((key) => !reading.listed.has(key) && !kept.has(key));
  const report = await withdrawPeople(world, source, gone);
  const present = reading.people.filter(({ key }) => !kept.has(key));
  for (let start = 0; start < present.length; start += GROUP) {
    running.set(source.name, { phase: 'presenting', count: start });
    add(report, await presentPeople(world, source, present.slice(start, start + GROUP)));
  }
  const groups = await followGroups(world, source, reading);
  return {
    outcome: 'done',
    problem: null,
    complete: reading.complete,
    position: reading.position,
    digest,
    drop: verdict.drop,
    counts: { listed: reading.listed.size, read: reading.people.length, ...report, ...groups },
  };
}

const GROUP = 500;

/** Everything that a pass needs to know, from the directory and from here. @throws DirectoryUnread */
async function read(
  world: World,
  name: string,
  config: DirectoryConfig,
  { complete }: { readonly complete: boolean },
): Promise<{ reading: Reading; known: KnownPerson[]; losses: Loss[]; verdict: Verdict; digest: string }> {
  const state = await world.database.snapshot((snapshot) => directorySync(snapshot, name));
  const known = await world.database.snapshot((snapshot) => knownPeople(snapshot, name));
  const at = world.clock();
  const digest = digestOf(config);
  const fresh = at.getTime() - (state?.complete_at?.getTime() ?? 0) < config.completeEveryHours * 3_600_000;
  const continued = !complete && fresh && state?.digest === digest && state.position !== null;
  const keys = new Set(known.map(({ key }) => key));
  return withDirectory(config, world.config.home, async (connection) => {
    const reading = await readDirectory(connection, config, {
      since: continued ? Position.parse(state.position) : undefined,
      known: keys,
      at,
      progress: (phase, count) => {
        if (!complete) running.set(name, { phase, count });
      },
    });
    const losses = lossesOf(known, reading);
    const verdict = judgeDrop(config, known, losses, Drop.nullable().parse(state?.question ?? null), at);
    const gone = known.map(({ key }) => key).filter((key) => !reading.listed.has(key));
    if (!verdict.ask) await confirmGone(connection, config, gone);
    return { reading, known, losses, verdict, digest };
  });
}

async function knownPeople(snapshot: Snapshot, source: string): Promise<KnownPerson[]> {
  return (await presentedBy(snapshot, source)).map(({ key, active, presented }) => ({
    key,
    active,
    name: presented.name ?? '',
    address: presented.address ?? null,
  }));
}

async function followGroups(world: World, source: Source, { groups }: Reading): Promise<Record<string, number>> {
  if (groups === undefined) return {};
  const stood = await world.database.snapshot((snapshot) => groupsOfSource(snapshot, source.name));
  const gone = [...stood.keys()].filter((key) => !groups.listed.has(key));
  await withdrawGroups(world, source, gone);
  const { changed } = await presentGroups(world, source, groups.read);
  return { groups: groups.listed.size, groupsChanged: changed, groupsGone: gone.length };
}

/** Of what decides who and what is read: another filter is not another change of the same people. */
function digestOf({ kind, url, baseDn, filter, groups, attributes, inactive }: DirectoryConfig): string {
  const text = JSON.stringify([kind, url, baseDn, filter, groups, attributes, inactive]);
  return createHash('sha256').update(text).digest('hex');
}

function add(report: Report, more: Report): void {
  for (const what of Object.keys(report) as (keyof Report)[]) report[what] += more[what];
}
