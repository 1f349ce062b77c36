/**
 * Publication: what every directory should hold of one person, and the job that makes it so. The plan commits first, then
 * each directory is asked on its own: one that is down delays no other, and is asked again by the queue.
 */
import type { ProfileDocument } from '@chancery/api';
import { z } from 'zod';
import { operation, perform } from '../operation.ts';
import { system } from '../principal.ts';
import { certificateState, certificatesOfPerson } from '../store/certificates.ts';
import type { Snapshot } from '../store/database.ts';
import { usableKeys } from '../store/escrow.ts';
import { personById } from '../store/people.ts';
import { publicationByProfile } from '../store/profiles.ts';
import {
  certificatesEverIssued,
  publicationsOfPeople,
  recordPublication,
  wantPublications,
} from '../store/publications.ts';
import type { World } from '../world.ts';
import { type Directory, DirectoryDown } from './directory.ts';
import { ldapDirectory } from './ldap.ts';

/** @throws Error when a directory could not be brought in line: the queue tries again */
export async function publishPerson(world: World, personId: string): Promise<void> {
  const directories = directoriesOf(world);
  if (directories.length === 0) return;
  const targets = directories.map(({ name }) => name);
  // The plan is looked at first: a person for whom nothing changes leaves no record.
  const plan = await world.database.snapshot((snapshot) => planFor(snapshot, personId, targets, world.clock()));
  if (plan.length > 0) await perform(world, planPublication, system, { personId, targets });
  const { address, ours, rows } = await world.database.snapshot(async (snapshot) => ({
    address: (await personById(snapshot, personId))?.address,
    ours: await certificatesEverIssued(snapshot, personId),
    rows: await publicationsOfPeople(snapshot, [personId]),
  }));
  if (address === undefined) return;
  const derOf = new Map(ours.map(({ serialNumber, der }) => [serialNumber, der]));
  const failures = await Promise.all(
    directories.map(async (directory) => {
      const planned = rows.filter((row) => row.target === directory.name);
      const open = planned.filter((row) => row.state === 'pending' || row.state === 'failed');
      if (open.length === 0) return undefined;
      const wanted = planned.filter((row) => row.wanted).flatMap((row) => derOf.get(row.serial_number) ?? []);
      const error = await unlessResting(world, directory.name, () =>
        directory.reconcile(address, [...derOf.values()], wanted),
      );
      await perform(world, notePublication, system, {
        personId,
        target: directory.name,
        serialNumbers: open.map((row) => row.serial_number),
        error,
      });
      return error === null ? undefined : `${directory.name}: ${error}`;
    }),
  );
  const failed = failures.filter((one) => one !== undefined);
  if (failed.length > 0) throw new Error(failed.join('; '));
}

/** Writes down what should stand where, before any directory is asked. */
export const planPublication = operation({
  action: 'publication.plan',
  permission: 'system',
  input: z.object({ personId: z.uuid(), targets: z.array(z.string()) }),
  subject: ({ personId }) => `person:${personId}`,
  async run(tx, { personId, targets }, _by, world) {
    const plan = await planFor(tx, personId, targets, world.clock());
    await wantPublications(tx, plan, world.clock());
    return { result: undefined, audit: { plan } };
  },
});

export const notePublication = operation({
  action: 'publication.note',
  permission: 'system',
  input: z.object({
    personId: z.uuid(),
    target: z.string(),
    serialNumbers: z.array(z.string()),
    error: z.string().nullable(),
  }),
  subject: ({ personId }) => `person:${personId}`,
  async run(tx, { target, serialNumbers, error }, _by, world) {
    await recordPublication(tx, { target, serialNumbers, error }, world.clock());
    return { result: undefined, audit: { target, serialNumbers, error } };
  },
});

/** What must change in those targets so that they hold what they should. */
async function planFor(snapshot: Snapshot, personId: string, targets: readonly string[], now: Date) {
  const wanted = await publishable(snapshot, personId, now);
  const rows = await publicationsOfPeople(snapshot, [personId]);
  return targets.flatMap((target) => {
    const here = new Set(
      wanted.filter((one) => isFor(one.publication, target)).map(({ serialNumber }) => serialNumber),
    );
    const known = rows.filter((row) => row.target === target);
    const news = [...here].filter((serial) => !known.some((row) => row.serial_number === serial && row.wanted));
    const gone = known.filter((row) => row.wanted && !here.has(row.serial_number)).map((row) => row.serial_number);
    return [
      ...news.map((serialNumber) => ({ target, serialNumber, wanted: true })),
      ...gone.map((serialNumber) => ({ target, serialNumber, wanted: false })),
    ];
  });
}

type Publication = ProfileDocument['publication'];

const isFor = (publication: Publication, target: string): boolean =>
  publication === 'everywhere' || (publication !== 'nowhere' && publication.includes(target));

/**
 * Certificates that senders should find, each where the version of its profile wants it: good, of somebody who is here,
 * and for encryption only once the key is in use.
 */
async function publishable(
  snapshot: Snapshot,
  personId: string,
  now: Date,
): Promise<{ serialNumber: string; publication: Publication }[]> {
  const person = await personById(snapshot, personId);
  if (person?.state !== 'active') return [];
  const good = (await certificatesOfPerson(snapshot, personId)).filter((one) =>
    ['valid', 'expiring'].includes(certificateState(one, now)),
  );
  const usable = await usableKeys(
    snapshot,
    good.flatMap((one) => one.escrowed_key_id ?? []),
  );
  const ready = good.filter((one) => one.use === 'signing' || usable.has(one.escrowed_key_id ?? ''));
  const publications = await publicationByProfile(
    snapshot,
    ready.map((one) => one.profile),
  );
  return ready.map((one) => ({
    serialNumber: one.serial_number,
    // Issued by another office before it came here: senders find it as they find ours.
    publication:
      publications.get(`${one.profile}/${one.profile_version}`) ??
      (one.use === 'encryption' ? 'everywhere' : 'nowhere'),
  }));
}

function directoriesOf(world: World): Directory[] {
  return Object.entries(world.config.publication.ldap).map(([name, target]) =>
    ldapDirectory(name, target, world.config.home),
  );
}

/** Milliseconds that a directory which does not answer is left alone. */
const REST = 15_000;
const resting = new WeakMap<World, Map<string, { until: number; why: string }>>();

/**
 * Runs the work and returns its error as a sentence, or null. While a directory is down nobody waits for it: one timeout
 * for each of five thousand people would keep the directories that are up waiting for hours.
 */
async function unlessResting(world: World, target: string, work: () => Promise<void>): Promise<string | null> {
  const rests = resting.get(world) ?? new Map<string, { until: number; why: string }>();
  resting.set(world, rests);
  const rest = rests.get(target);
  if (rest !== undefined && rest.until > world.clock().getTime()) return rest.why;
  try {
    await work();
    rests.delete(target);
    return null;
  } catch (error) {
    const why = error instanceof Error ? error.message || error.name : String(error);
    if (error instanceof DirectoryDown) rests.set(target, { until: world.clock().getTime() + REST, why });
    return why;
  }
}
