/**
 * A key that somebody else may have: every certificate for it is revoked, another key takes its place, and directories follow.
 * Its owner reports it on their own page, an operator for them.
 */
import { z } from 'zod';
import { changeIfPossible } from '../ca/revoke.ts';
import { AuthorityError } from '../errors.ts';
import { operation } from '../operation.ts';
import { type Principal, permissionsOf, requireSelf } from '../principal.ts';
import { type CertificateEntry, certificatesOfPerson } from '../store/certificates.ts';
import { offerClaim } from '../store/claim-offers.ts';
import type { Transaction } from '../store/database.ts';
import { lockPerson, type PersonRow } from '../store/people.ts';
import { profileForUse } from '../store/profiles.ts';
import type { World } from '../world.ts';
import { enrol, rotate } from './end-entity.ts';
import { noSuchPerson } from './onboarding.ts';

/** How a key that was given up is replaced. */
type Replacement =
  /** Another certificate of theirs for that use is good. */
  | 'not-needed'
  /** The office makes it. */
  | 'office'
  /** The mail gateway does, as soon as it hears. */
  | 'gateway'
  /** Its owner does, with a claim link or their device. */
  | 'owner'
  /** They are not here: there is none until they return. */
  | 'none';

/**
 * @throws AuthorityError `not-found` (no such certificate of that person), `forbidden` (another's), `wrong-state` (revoked as
 *   compromised before)
 */
export const reportCompromise = operation({
  action: 'person.report-compromise',
  permission: {
    guard: (by: Principal) =>
      (by.kind === 'person' && by.signedIn === true) || permissionsOf(by).has('certificate:revoke'),
    description: 'the permission certificate:revoke, or a key of their own',
  },
  input: z.strictObject({
    personId: z.uuid(),
    /** Of any certificate for the key. */
    serialNumber: z.string().regex(/^[0-9a-f]{2,40}$/),
    note: z.string().trim().max(1000).default(''),
  }),
  subject: ({ personId }) => `person:${personId}`,
  async run(tx, { personId, serialNumber, note }, by, world) {
    if (by.kind === 'person') requireSelf(by, personId);
    const person = await lockPerson(tx, personId);
    if (person === undefined) throw noSuchPerson();
    const all = await certificatesOfPerson(tx, personId);
    const named = all.find((one) => one.serial_number === serialNumber);
    if (named === undefined) {
      throw new AuthorityError(
        'not-found',
        `${person.name} has no such certificate of this office. Nothing was changed.`,
      );
    }
    const ofKey = all.filter((one) => one.spki_sha256.equals(named.spki_sha256));
    const revoked: string[] = [];
    for (const { serial_number } of ofKey) {
      const changed = await changeIfPossible(tx, world, serial_number, { act: 'revoke', reason: 'keyCompromise' });
      revoked.push(...changed.map((one) => one.serialNumber));
    }
    if (revoked.length === 0) {
      throw new AuthorityError(
        'wrong-state',
        `Every certificate of this key was revoked already (${named.revocation_reason}). Nothing was changed.`,
      );
    }
    const replacement = await replace(
      tx,
      world,
      person,
      named,
      all.filter((one) => !ofKey.includes(one)),
    );
    await world.jobs.enqueue(tx, 'publish-person', { personId });
    return {
      result: { revoked: revoked.sort(), replacement },
      audit: {
        personId,
        use: named.use,
        note,
        revoked: revoked.sort(),
        escrowedKeyId: named.escrowed_key_id,
        replacement,
      },
    };
  },
});

async function replace(
  tx: Transaction,
  world: World,
  person: PersonRow,
  { use }: CertificateEntry,
  others: readonly CertificateEntry[],
): Promise<Replacement> {
  const now = world.clock();
  if (person.state !== 'active') return 'none';
  if (others.some((one) => one.use === use && one.revoked_at === null && one.not_after > now)) return 'not-needed';
  if (use === 'signing') {
    await enrol(tx, world, [{ personId: person.id, use }]);
    if (person.signing_key === 'gateway') return 'gateway';
    await offerClaim(tx, person.id, 'compromise', now);
    return 'owner';
  }
  if (!(await profileForUse(tx, 'encryption')).document.keyOrigins.includes('kra')) return 'owner';
  await rotate(tx, world, [person.id]);
  await offerClaim(tx, person.id, 'compromise', now);
  return 'office';
}
