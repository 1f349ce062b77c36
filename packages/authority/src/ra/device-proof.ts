/** Whom a device's request proves to be theirs, and what that is good for. */
import { z } from 'zod';
import type { EnrolmentLabel } from '../enrolment-config.ts';
import { AuthorityError } from '../errors.ts';
import type { Principal } from '../principal.ts';
import { certificateBySerial } from '../store/certificates.ts';
import type { Transaction } from '../store/database.ts';
import { type DeviceEnrolmentRow, deviceEnrolmentWith, openEnrolmentOfKey } from '../store/device-enrolments.ts';
import { lockPerson, type PersonRow, whyAway } from '../store/people.ts';
import { profileForUse } from '../store/profiles.ts';
import { takeChallenge } from './challenge.ts';
import { refused, UNDONE } from './judge-request.ts';
import { mayRenew, whyNotInForce } from './renewal.ts';

export const Proof = z.discriminatedUnion('kind', [
  /** A one-time challenge, which is used up. */
  z.strictObject({ kind: z.literal('challenge'), secret: z.string().max(500) }),
  /** The endpoint has compared it: `by` is whom the request names. */
  z.strictObject({ kind: z.literal('static') }),
  /** The endpoint has checked a signature with the key of this certificate: `by` is whose it is. */
  z.strictObject({ kind: z.literal('certificate'), serialNumber: z.string() }),
  /** What Intune said of the request: `by` is whom that names. */
  z.strictObject({ kind: z.literal('intune'), verdict: z.string().max(200) }),
  /** Signed in to their own page. */
  z.strictObject({ kind: z.literal('session') }),
]);

type Proven =
  /** A request that came before, and may come again. */
  | { readonly known: string }
  | {
      readonly person: PersonRow;
      readonly profile?: string;
      readonly challenge?: { readonly id: string; readonly approval: boolean };
      readonly renews?: string;
    };

type Asked = Pick<DeviceEnrolmentRow, 'label' | 'protocol' | 'use'> & { readonly proof: z.output<typeof Proof> };

/**
 * @param by whom the endpoint takes it for; anonymous where nothing says so
 * @param spkiSha256 of the key that the request is for
 * @throws AuthorityError `wrong-credentials`, `forbidden`, `wrong-state`, `not-found`
 */
export async function proofOf(
  tx: Transaction,
  { proof, label, protocol, use }: Asked,
  settings: EnrolmentLabel,
  { by, at, spkiSha256 }: { readonly by: Principal; readonly at: Date; readonly spkiSha256: Buffer },
): Promise<Proven> {
  const mayReturn = (before: DeviceEnrolmentRow): boolean =>
    before.delivered_at === null &&
    before.state !== 'refused' &&
    before.label === label &&
    before.protocol === protocol &&
    before.use === use &&
    before.spki_sha256.equals(spkiSha256);
  if (proof.kind === 'challenge') {
    const challenge = await takeChallenge(tx, proof.secret, by.kind === 'person' ? by.id : undefined, at);
    if (challenge.used_at !== null) {
      const before = await deviceEnrolmentWith(tx, { challengeId: challenge.id });
      if (before !== undefined && mayReturn(before)) return { known: before.id };
      throw refused('wrong-state', 'This challenge was used already, and is good for nothing more');
    }
    return { person: await present(tx, by), profile: challenge.profile, challenge };
  }
  if (proof.kind === 'intune') {
    if (proof.verdict !== 'Success')
      throw refused('wrong-credentials', `Intune does not let this through: ${proof.verdict}`);
    const before = await openEnrolmentOfKey(tx, spkiSha256, label);
    if (before?.proof === 'intune' && mayReturn(before)) return { known: before.id };
  }
  const person = await present(tx, by);
  if (proof.kind !== 'certificate') return { person };
  const own = await certificateBySerial(tx, proof.serialNumber);
  if (own?.person_id !== person.id || own.use !== 'signing')
    throw refused('forbidden', 'This certificate is not for signing, or not of this person');
  const why = await whyNotInForce(tx, own, at);
  if (why !== undefined) throw new AuthorityError('forbidden', `${why} ${UNDONE}`);
  const before = await deviceEnrolmentWith(tx, { renews: own.serial_number, use });
  if (before !== undefined) {
    if (mayReturn(before)) return { known: before.id };
    // An encryption key is made for a device that proves itself by its certificate, once for each.
    throw refused('wrong-state', 'This certificate was renewed already, and renews nothing more');
  }
  // A key for encryption is another one beside it, and takes nothing's place.
  if (use === 'signing') {
    const renewal = await mayRenew(tx, own.serial_number, at, settings.renewalDays);
    if (!renewal.may) throw new AuthorityError('wrong-state', `${renewal.why} ${UNDONE}`);
  }
  return {
    person,
    renews: own.serial_number,
    ...(use === 'signing' ? { profile: own.profile } : await encryption(tx)),
  };
}

async function encryption(tx: Transaction): Promise<{ profile: string }> {
  const { id } = await profileForUse(tx, 'encryption');
  return { profile: id };
}

/** Held until commit. */
async function present(tx: Transaction, by: Principal): Promise<PersonRow> {
  if (by.kind !== 'person') throw refused('wrong-credentials', 'Nothing shows whose request this is');
  const person = await lockPerson(tx, by.id);
  if (person === undefined) throw refused('not-found', 'There is no such person');
  if (person.state !== 'active') throw refused('wrong-state', whyAway(person));
  return person;
}
