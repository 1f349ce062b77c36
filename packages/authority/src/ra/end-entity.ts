/** What every way of joining or changing does: enrolments begun, keys rotated, directories told. */
import type { PersonAttributes } from '@chancery/api';
import { revokeInTransaction } from '../ca/revoke.ts';
import { certificatesOfPeople } from '../store/certificates.ts';
import type { Transaction } from '../store/database.ts';
import { insertEnrollments, withdrawKeyedEnrollments } from '../store/enrollments.ts';
import { dropLocks, newestKeys } from '../store/escrow.ts';
import {
  addressKey,
  insertPeople,
  markActive,
  markChangedWhileSuspended,
  type NewPersonRow,
  type PersonRow,
  releaseExternalIds,
  replaceAddresses,
  updatePeople,
} from '../store/people.ts';
import type { PersonProfiles } from '../store/schema.ts';
import type { World } from '../world.ts';

/** A person as they should be. */
export interface WantedPerson extends NewPersonRow {
  readonly address: string;
  readonly aliases: readonly string[];
}

export interface Change {
  /** Undefined where they join. */
  readonly before: PersonRow | undefined;
  readonly wanted: WantedPerson;
}

/**
 * Makes all of them as wanted, together: an address or external id may pass from one to another. Whoever joins or comes
 * back gets two enrolments; whose addresses, name or attributes change, a certificate anew for the key they have.
 */
export async function settle(tx: Transaction, world: World, people: readonly Change[]): Promise<void> {
  const at = world.clock();
  const joining = people.flatMap(({ before, wanted }) => (before === undefined ? [wanted] : []));
  const changing = people.flatMap(({ before, wanted }) => (before === undefined ? [] : [{ before, wanted }]));
  await releaseExternalIds(
    tx,
    changing.filter(({ before, wanted }) => before.external_id !== wanted.externalId).map(({ wanted }) => wanted.id),
  );
  await insertPeople(tx, joining, at);
  await updatePeople(
    tx,
    changing.map(({ wanted }) => wanted),
  );
  await replaceAddresses(
    tx,
    people.map(({ wanted: { id, address, aliases } }) => ({ personId: id, address, aliases })),
    at,
  );

  const arriving = [
    ...joining,
    ...changing.filter(({ before }) => before.state === 'left').map(({ wanted }) => wanted),
  ];
  await markActive(
    tx,
    arriving.map(({ id }) => id),
  );
  await enrol(
    tx,
    world,
    arriving.flatMap(({ id }) => [
      { personId: id, use: 'signing' as const },
      { personId: id, use: 'encryption' as const },
    ]),
  );
  const staying = changing.filter(({ before }) => before.state === 'active');
  // An existing key is opened by a quorum only: a gateway that may read from now on gets a fresh one.
  const opening = staying.filter(({ before, wanted }) => wanted.gatewayDecrypts && !before.gateway_decrypts);
  await rotate(
    tx,
    world,
    opening.map(({ wanted }) => wanted.id),
  );
  // Whoever is suspended has no certificate made until they return, and loses what is not theirs any more all the same.
  const away = changing.filter(({ before }) => before.state === 'suspended');
  const present = [...staying, ...away];
  for (const { wanted } of present.filter(({ before, wanted }) => !wanted.gatewayDecrypts && before.gateway_decrypts)) {
    await dropLocks(tx, { kind: 'gateway', personId: wanted.id });
  }
  const renamed = staying.filter(({ before, wanted }) => namesOf(before) !== namesOf(wanted));
  const keys = await newestKeys(
    tx,
    renamed.map(({ wanted }) => wanted.id),
  );
  await enrol(
    tx,
    world,
    renamed.flatMap(({ wanted }) => {
      const escrowedKeyId = keys.get(wanted.id);
      return escrowedKeyId === undefined ? [] : [{ personId: wanted.id, use: 'encryption' as const, escrowedKeyId }];
    }),
  );
  // A key for signing is with its owner, who has it certified anew; the certificate that they have is good until then.
  await enrol(
    tx,
    world,
    renamed
      .filter(({ before, wanted }) => before.name !== wanted.name || before.address !== wanted.address)
      .map(({ wanted }) => ({ personId: wanted.id, use: 'signing' as const })),
  );
  await markChangedWhileSuspended(
    tx,
    away.filter(({ before, wanted }) => namesOf(before) !== namesOf(wanted)).map(({ wanted }) => wanted.id),
  );
  await revokeLostAddresses(tx, world, present);
  await world.jobs.enqueueAll(
    tx,
    'publish-person',
    changing.map(({ wanted }) => ({ personId: wanted.id })),
  );
}

/** A fresh encryption key for each; the old ones stay in escrow. */
export async function rotate(tx: Transaction, world: World, personIds: readonly string[]): Promise<void> {
  // One that waits with a key already would certify that key; one that waits for its key gets a fresh one anyway.
  await withdrawKeyedEnrollments(tx, personIds, world.clock());
  await enrol(
    tx,
    world,
    personIds.map((personId) => ({ personId, use: 'encryption' as const })),
  );
}

/** A certificate must not say that somebody has an address which is theirs no more: it may be another's tomorrow. */
async function revokeLostAddresses(
  tx: Transaction,
  world: World,
  people: readonly { before: PersonRow; wanted: WantedPerson }[],
): Promise<void> {
  const lost = new Map(
    people.flatMap(({ before, wanted }) => {
      const kept = new Set([wanted.address, ...wanted.aliases].map(addressKey));
      const gone = [before.address, ...before.aliases].map(addressKey).filter((key) => !kept.has(key));
      return gone.length === 0 ? [] : [[wanted.id, new Set(gone)] as const];
    }),
  );
  const now = world.clock();
  for (const one of await certificatesOfPeople(tx, [...lost.keys()])) {
    const gone = lost.get(one.person_id ?? '');
    const held = one.revocation_reason === 'certificateHold';
    if ((one.revoked_at !== null && !held) || one.not_after < now) continue;
    if (!one.addresses.some((address) => gone?.has(addressKey(address)))) continue;
    await revokeInTransaction(tx, world, {
      serialNumber: one.serial_number,
      reason: one.use === 'encryption' ? 'superseded' : 'affiliationChanged',
    });
  }
}

/** What makes another certificate of it; whom and how the office writes to does not. */
function namesOf(person: {
  name: string;
  address: string;
  aliases: readonly string[];
  attributes: PersonAttributes;
  profiles: PersonProfiles;
}): string {
  return JSON.stringify([
    person.name,
    person.profiles.encryption ?? '',
    Object.entries(person.attributes)
      .filter(([name]) => name !== 'language' && name !== 'manager')
      .sort(([one], [other]) => (one < other ? -1 : 1)),
    person.address,
    ...person.aliases,
  ]);
}

/** Begins enrolments, those for encryption with the job that fulfils them; none where one waits already. */
export async function enrol(
  tx: Transaction,
  world: World,
  wanted: Parameters<typeof insertEnrollments>[1],
): Promise<void> {
  const begun = await insertEnrollments(tx, wanted, world.clock());
  await world.jobs.enqueueAll(
    tx,
    'fulfil-enrollment',
    begun.filter(({ use }) => use === 'encryption').map(({ id }) => ({ enrollmentId: id })),
  );
}
