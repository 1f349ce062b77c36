/** What every way of joining or changing does: enrolments begun, keys rotated, directories told. */
import type { Transaction } from '../store/database.ts';
import { insertEnrollments } from '../store/enrollments.ts';
import { dropLocks } from '../store/escrow.ts';
import { insertPeople, type NewPersonRow, type PersonRow, replaceAddresses, updatePerson } from '../store/people.ts';
import type { World } from '../world.ts';

/** A person as they should be. */
export interface WantedPerson extends NewPersonRow {
  readonly address: string;
  readonly aliases: readonly string[];
}

/** Joins them all: two enrolments each, and the encryption key on its way. */
export async function join(tx: Transaction, world: World, people: readonly WantedPerson[]): Promise<void> {
  const at = world.clock();
  await insertPeople(tx, people, at);
  await replaceAddresses(tx, people.map(addressesOf));
  await enrol(
    tx,
    world,
    people.flatMap(({ id }) => [
      { personId: id, use: 'signing' as const },
      { personId: id, use: 'encryption' as const },
    ]),
  );
}

/** Makes one person as wanted, and begins whatever enrolments that calls for. */
export async function change(
  tx: Transaction,
  world: World,
  before: PersonRow,
  wanted: WantedPerson,
  newestKeyId: string | undefined,
): Promise<void> {
  await updatePerson(tx, wanted);
  await replaceAddresses(tx, [addressesOf(wanted)]);
  const returned = before.state === 'left';
  const renamed =
    before.name !== wanted.name ||
    [before.address, ...before.aliases].join() !== [wanted.address, ...wanted.aliases].join();
  if (returned) {
    await enrol(tx, world, [
      { personId: wanted.id, use: 'signing' },
      { personId: wanted.id, use: 'encryption' },
    ]);
  } else if (wanted.gatewayDecrypts && !before.gateway_decrypts) {
    // An existing key is opened by a quorum only: a gateway that may read from now on gets a fresh one.
    await rotate(tx, world, [wanted.id]);
  } else if (renamed && newestKeyId !== undefined) {
    await enrol(tx, world, [{ personId: wanted.id, use: 'encryption', escrowedKeyId: newestKeyId }]);
  }
  if (!wanted.gatewayDecrypts && before.gateway_decrypts) await dropLocks(tx, { kind: 'gateway', personId: wanted.id });
  await world.jobs.enqueue(tx, 'publish-person', { personId: wanted.id });
}

/** A fresh encryption key for each; the old ones stay in escrow. */
export async function rotate(tx: Transaction, world: World, personIds: readonly string[]): Promise<void> {
  await enrol(
    tx,
    world,
    personIds.map((personId) => ({ personId, use: 'encryption' as const })),
  );
}

async function enrol(tx: Transaction, world: World, wanted: Parameters<typeof insertEnrollments>[1]): Promise<void> {
  const begun = await insertEnrollments(tx, wanted, world.clock());
  for (const { id, use } of begun) {
    if (use === 'encryption') await world.jobs.enqueue(tx, 'fulfil-enrollment', { enrollmentId: id });
  }
}

const addressesOf = ({ id, address, aliases }: WantedPerson) => ({ personId: id, address, aliases });
