/**
 * Revocation, hold and release (RFC 5280 5.3.1): of one certificate, of a person's, of all that an authority signed. In force for
 * OCSP at the commit, and on the next CRL, which is ordered in the same transaction.
 */
import { RevocationReason } from '@chancery/api';
import { z } from 'zod';
import { AuthorityError } from '../errors.ts';
import { operation } from '../operation.ts';
import { authorityById } from '../store/authorities.ts';
import { type CertificateEntry, certificateBySerial } from '../store/certificates.ts';
import type { Transaction } from '../store/database.ts';
import { type ChangedCertificate, changeStatus, type StatusChange } from '../store/revocations.ts';
import type { World } from '../world.ts';

const Serial = z.string().regex(/^[0-9a-f]{2,40}$/);
const Note = z.string().max(1000).default('');

/** @throws AuthorityError `not-found`, `wrong-state` (already revoked) */
export const revokeCertificate = operation({
  action: 'certificate.revoke',
  permission: 'certificate:revoke',
  input: z.strictObject({ serialNumber: Serial, reason: RevocationReason, note: Note }),
  subject: ({ serialNumber }) => `certificate:${serialNumber}`,
  async run(tx, { serialNumber, reason, note }, _by, world) {
    const revoked = await changeInTransaction(tx, world, serialNumber, { act: 'revoke', reason });
    return { result: revoked, audit: { reason, note, ...described(revoked) } };
  },
});

/** Until it is released, or revoked for good. @throws AuthorityError `not-found`, `wrong-state` (held or revoked already) */
export const holdCertificate = operation({
  action: 'certificate.hold',
  permission: 'certificate:revoke',
  input: z.strictObject({ serialNumber: Serial, note: Note }),
  subject: ({ serialNumber }) => `certificate:${serialNumber}`,
  async run(tx, { serialNumber, note }, _by, world) {
    const held = await changeInTransaction(tx, world, serialNumber, { act: 'hold' });
    return { result: held, audit: { note, ...described(held) } };
  },
});

/** Good again, as though it had never been on hold. @throws AuthorityError `not-found`, `wrong-state` (it is not on hold) */
export const releaseCertificate = operation({
  action: 'certificate.release',
  permission: 'certificate:revoke',
  input: z.strictObject({ serialNumber: Serial, note: Note }),
  subject: ({ serialNumber }) => `certificate:${serialNumber}`,
  async run(tx, { serialNumber, note }, _by, world) {
    const released = await changeInTransaction(tx, world, serialNumber, { act: 'release' });
    return { result: released, audit: { note, ...described(released) } };
  },
});

/** For operations of other rooms that revoke as a part of what they do. Same errors. */
export async function revokeInTransaction(
  tx: Transaction,
  world: World,
  { serialNumber, reason }: { serialNumber: string; reason: RevocationReason },
): Promise<CertificateEntry> {
  return changeInTransaction(tx, world, serialNumber, { act: 'revoke', reason });
}

/** The same for every certificate of a person that has not ended and for which it is a change; for no other cause to fail. */
export async function changePersonInTransaction(
  tx: Transaction,
  world: World,
  personId: string,
  change: StatusChange,
): Promise<ChangedCertificate[]> {
  const now = world.clock();
  const changed = await changeStatus(tx, { personId, now }, change, now);
  await follow(tx, world, changed);
  return changed;
}

/** Of a certificate that may have been revoked by others meanwhile: nothing then. */
export async function changeIfPossible(
  tx: Transaction,
  world: World,
  serialNumber: string,
  change: StatusChange,
): Promise<ChangedCertificate[]> {
  const changed = await changeStatus(tx, { serialNumber }, change, world.clock());
  await follow(tx, world, changed);
  return changed;
}

/** What an operator asks for, for many certificates at once. */
const Change = z.discriminatedUnion('act', [
  z.strictObject({ act: z.literal('revoke'), reason: RevocationReason }),
  z.strictObject({ act: z.literal('hold') }),
  z.strictObject({ act: z.literal('release') }),
]);

/** Every certificate of a person that has not ended and for which it is a change. @throws AuthorityError `not-found` */
export const changePersonCertificates = operation({
  action: 'person.change-certificate-status',
  permission: 'certificate:revoke',
  input: z.strictObject({ personId: z.uuid(), change: Change, note: Note }),
  subject: ({ personId }) => `person:${personId}`,
  async run(tx, { personId, change, note }, _by, world) {
    const person = await tx.selectFrom('people').select('id').where('id', '=', personId).executeTakeFirst();
    if (person === undefined) throw new AuthorityError('not-found', 'There is no such person. Nothing was changed.');
    const changed = await changePersonInTransaction(tx, world, personId, change);
    return { result: changed.length, audit: { ...change, note, ...listed(changed) } };
  },
});

/** Every certificate of an authority that has not ended and for which it is a change. @throws AuthorityError `not-found` */
export const changeAuthorityCertificates = operation({
  action: 'authority.change-certificate-status',
  permission: 'authority:write',
  input: z.strictObject({ authorityId: z.uuid(), change: Change, note: Note }),
  subject: ({ authorityId }) => `authority:${authorityId}`,
  async run(tx, { authorityId, change, note }, _by, world) {
    const authority = await authorityById(tx, authorityId);
    if (authority === undefined)
      throw new AuthorityError('not-found', 'There is no such authority. Nothing was changed.');
    const now = world.clock();
    const changed = await changeStatus(tx, { authorityId, now }, change, now);
    await follow(tx, world, changed);
    return {
      result: changed.length,
      audit: { authority: authority.slug, ...change, note, ...listed(changed) },
    };
  },
});

async function changeInTransaction(
  tx: Transaction,
  world: World,
  serialNumber: string,
  change: StatusChange,
): Promise<CertificateEntry> {
  const changed = await changeStatus(tx, { serialNumber }, change, world.clock());
  const row = await certificateBySerial(tx, serialNumber);
  if (row === undefined)
    throw new AuthorityError('not-found', 'No certificate has that serial number. Nothing was changed.');
  if (changed.length === 0) {
    const held = row.revocation_reason === 'certificateHold';
    const since = `on ${row.revoked_at?.toISOString()}`;
    const state =
      row.revoked_at === null
        ? 'is not on hold'
        : held
          ? `was put on hold already, ${since}`
          : `was revoked already, ${since} (${row.revocation_reason})`;
    throw new AuthorityError('wrong-state', `This certificate ${state}. Nothing was changed.`);
  }
  await follow(tx, world, changed);
  return row;
}

/** Lists and directories follow, once for each authority and person. */
async function follow(tx: Transaction, world: World, changed: readonly ChangedCertificate[]): Promise<void> {
  const authorities = new Set(changed.map(({ authorityId }) => authorityId));
  const people = new Set(changed.flatMap(({ personId }) => personId ?? []));
  await world.jobs.enqueueAll(
    tx,
    'generate-crl',
    [...authorities].map((authorityId) => ({ authorityId })),
  );
  await world.jobs.enqueueAll(
    tx,
    'publish-person',
    [...people].map((personId) => ({ personId })),
  );
}

const described = (row: CertificateEntry) => ({ use: row.use, holder: row.person_id ?? row.gateway_id });

/** Serial numbers on one record; of more, the count tells, and the inventory has them by their instant. */
const MOST_LISTED = 1_000;

const listed = (changed: readonly ChangedCertificate[]) => ({
  changed: changed.length,
  ...(changed.length <= MOST_LISTED && { serialNumbers: changed.map(({ serialNumber }) => serialNumber).sort() }),
});
