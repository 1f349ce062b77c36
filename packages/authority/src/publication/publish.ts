/**
 * Publication: what every directory should hold of one person, and the job that makes it so. The plan commits first, then
 * each directory is asked on its own: one that is down delays no other, and is asked again by the queue.
 */
import { z } from 'zod';
import { operation, perform } from '../operation.ts';
import { system } from '../principal.ts';
import { certificateState, certificatesOfPerson } from '../store/certificates.ts';
import type { Snapshot } from '../store/database.ts';
import { usableKeys } from '../store/escrow.ts';
import { personById } from '../store/people.ts';
import {
  certificatesEverIssued,
  publicationsOfPeople,
  recordPublication,
  wantPublications,
} from '../store/publications.ts';
import type { World } from '../world.ts';
import type { Directory } from './directory.ts';
import { ldapDirectory } from './ldap.ts';

/** @throws Error when a directory could not be brought in line: the queue tries again */
export async function publishPerson(world: World, personId: string): Promise<void> {
  const directories = directoriesOf(world);
  if (directories.length === 0) return;
  await perform(world, planPublication, system, { personId, targets: directories.map(({ name }) => name) });
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
      const error = await directory
        .reconcile(address, [...derOf.values()], wanted)
        .then(() => null)
        .catch((reason: Error) => reason.message || reason.name);
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
    const wanted = new Set(await publishable(tx, personId, world.clock()));
    const rows = await publicationsOfPeople(tx, [personId]);
    const plan = targets.flatMap((target) => {
      const known = rows.filter((row) => row.target === target);
      const news = [...wanted].filter((serial) => !known.some((row) => row.serial_number === serial && row.wanted));
      const gone = known.filter((row) => row.wanted && !wanted.has(row.serial_number)).map((row) => row.serial_number);
      return [
        ...news.map((serialNumber) => ({ target, serialNumber, wanted: true })),
        ...gone.map((serialNumber) => ({ target, serialNumber, wanted: false })),
      ];
    });
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

/** Encryption certificates that senders should find: good, of somebody who is here, and whose key is in use. */
async function publishable(snapshot: Snapshot, personId: string, now: Date): Promise<string[]> {
  const person = await personById(snapshot, personId);
  if (person?.state !== 'active') return [];
  const good = (await certificatesOfPerson(snapshot, personId)).filter(
    (one) => one.use === 'encryption' && ['valid', 'expiring'].includes(certificateState(one, now)),
  );
  const usable = await usableKeys(
    snapshot,
    good.flatMap((one) => one.escrowed_key_id ?? []),
  );
  return good
    .filter((one) => one.escrowed_key_id !== null && usable.has(one.escrowed_key_id))
    .map((one) => one.serial_number);
}

function directoriesOf(world: World): Directory[] {
  return Object.entries(world.config.publication.ldap).map(([name, target]) =>
    ldapDirectory(name, target, world.config.home),
  );
}
