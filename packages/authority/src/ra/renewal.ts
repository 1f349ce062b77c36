/**
 * Renewal: before a certificate ends, another takes its place, and the old one stays good until it ends. Whose turn comes when is
 * decided by the profile's window and by the holder, the same every time; a day has a ceiling, and what is near its end waits for
 * none. The office renews keys of its own making, tells gateways which of theirs to replace, and asks owners for the rest.
 */
import { z } from 'zod';
import { requireSoundKey } from '../ca/check-key.ts';
import { AuthorityError } from '../errors.ts';
import { writeLetter } from '../notices/letters.ts';
import { operation, perform } from '../operation.ts';
import { system } from '../principal.ts';
import { type CertificateRow, certificateBySerial, certificatesOfPeople } from '../store/certificates.ts';
import { offerClaim } from '../store/claim-offers.ts';
import type { Snapshot, Transaction } from '../store/database.ts';
import { type EscrowedKeyRow, escrowedKeysByIds } from '../store/escrow.ts';
import { type EndEntity, holdEndEntities } from '../store/intents.ts';
import { findOffice } from '../store/office.ts';
import { personById, whyAway } from '../store/people.ts';
import { profileForUse, type VersionedProfile } from '../store/profiles.ts';
import {
  begunSince,
  type DueCertificate,
  dueRenewals,
  holdDue,
  noteRenewals,
  type RenewalRow,
  renewalsBegun,
} from '../store/renewals.ts';
import { lockRollover } from '../store/rollovers.ts';
import type { World } from '../world.ts';
import { enrol } from './end-entity.ts';

/** Renewals that one transaction begins. */
export const GROUP = 200;
/** Groups of one round: the scheduler comes again in a minute. */
const ROUNDS = 10;
const DAY = 86_400_000;

/** For the scheduler: begins what is due, what ends first before the rest. */
export async function renewDue(world: World): Promise<void> {
  const { perDay, spread } = world.config.renewal;
  const at = world.clock();
  if ((await world.database.snapshot(findOffice)) === undefined) return;
  for (let round = 0; round < ROUNDS; round++) {
    const due = await world.database.snapshot(async (snapshot) => {
      const urgent = await dueRenewals(snapshot, { at, spread, urgent: true, limit: GROUP });
      const left = Math.max(0, perDay - (await begunSince(snapshot, null, startOfDay(at))));
      const limit = Math.min(GROUP - urgent.length, left);
      return limit === 0 ? urgent : [...urgent, ...(await dueRenewals(snapshot, { at, spread, urgent: false, limit }))];
    });
    if (due.length === 0) return;
    await perform(world, beginRenewals, system, {
      serialNumbers: due.map(({ serialNumber }) => serialNumber),
      rolloverId: null,
    });
  }
}

/**
 * Begins renewals, or goes on with those that came to nothing. What was renewed meanwhile, or whose holder left, is passed over; so
 * that whoever is told of the same certificates twice does nothing the second time.
 */
export const beginRenewals = operation({
  action: 'renewal.begin',
  permission: 'system',
  input: z.strictObject({ serialNumbers: z.array(z.string()).min(1).max(GROUP), rolloverId: z.uuid().nullable() }),
  subject: ({ rolloverId }) => (rolloverId === null ? null : `rollover:${rolloverId}`),
  async run(tx, { serialNumbers, rolloverId }, _by, world) {
    const at = world.clock();
    const rollover = rolloverId === null ? undefined : await lockRollover(tx, rolloverId);
    // Paused or ended since its certificates were looked up.
    const stopped = rolloverId !== null && rollover?.state !== 'running';
    const due = stopped
      ? []
      : await holdDue(tx, serialNumbers, at, rollover === undefined ? null : { authorityId: rollover.authority_id });
    const plans = await planAll(tx, due, rolloverId, at);
    await enrol(
      tx,
      world,
      plans.flatMap((plan) =>
        plan.way === 'office' && plan.acts
          ? [
              {
                personId: plan.personId,
                use: 'encryption' as const,
                ...(plan.fresh || plan.escrowedKeyId === null ? {} : { escrowedKeyId: plan.escrowedKeyId }),
              },
            ]
          : [],
      ),
    );
    for (const plan of plans) if (plan.acts) await tellOwner(tx, world, plan);
    await noteRenewals(
      tx,
      plans.map((plan) => ({
        serial_number: plan.serialNumber,
        way: plan.way,
        fresh: plan.fresh,
        rollover_id: rolloverId,
        next_at: plan.nextAt,
      })),
      at,
    );
    return {
      result: plans.length,
      audit: {
        renewals: plans.map(({ serialNumber, way, fresh, acts }) => ({ serialNumber, way, fresh, again: !acts })),
      },
    };
  },
});

/**
 * May whoever proves to have its key have another certificate in its place now? For endpoints: the proof is theirs to check.
 * @param serialNumber of a certificate of ours, as its own holder presents it
 * @param days before its end from which on it may be, where that is earlier than its profile says
 */
export async function mayRenew(
  snapshot: Snapshot,
  serialNumber: string,
  now: Date,
  days = 0,
): Promise<
  { readonly may: true; readonly certificate: CertificateRow } | { readonly may: false; readonly why: string }
> {
  const certificate = await certificateBySerial(snapshot, serialNumber);
  if (certificate === undefined) return { may: false, why: 'No certificate of this office has that serial number.' };
  const why = await whyNotInForce(snapshot, certificate, now);
  if (why !== undefined) return { may: false, why };
  const from = new Date(Math.min(certificate.renew_at.getTime(), certificate.not_after.getTime() - days * DAY));
  if (from <= now || (await renewalsBegun(snapshot, [serialNumber])).size > 0) return { may: true, certificate };
  return { may: false, why: `This certificate is not to be renewed before ${from.toISOString()}.` };
}

/** Why nothing is proven by a signature with its key, in a sentence; undefined where it is good and its holder is here. */
export async function whyNotInForce(
  snapshot: Snapshot,
  certificate: CertificateRow,
  now: Date,
): Promise<string | undefined> {
  if (certificate.revoked_at !== null) {
    return certificate.revocation_reason === 'certificateHold'
      ? 'This certificate is on hold.'
      : `This certificate was revoked (${certificate.revocation_reason}).`;
  }
  if (certificate.not_after <= now) return 'This certificate has ended: enrol anew.';
  if (certificate.not_before > now) return 'This certificate is not good yet.';
  if (certificate.person_id === null) return undefined;
  const person = await personById(snapshot, certificate.person_id);
  if (person?.state === 'active') return undefined;
  return `${person === undefined ? 'Its holder has left' : whyAway(person)}.`;
}

interface Plan extends DueCertificate {
  readonly personId: string;
  readonly person: EndEntity | undefined;
  readonly way: RenewalRow['way'];
  readonly fresh: boolean;
  /** Something is to be done now, and not only to be looked at later. */
  readonly acts: boolean;
  readonly nextAt: Date | null;
}

async function planAll(
  tx: Transaction,
  due: readonly DueCertificate[],
  rolloverId: string | null,
  at: Date,
): Promise<Plan[]> {
  const ids = [...new Set(due.flatMap(({ personId }) => personId ?? []))];
  const people = await holdEndEntities(tx, ids);
  const encryption = await profileForUse(tx, 'encryption');
  const keys = new Map(
    (
      await escrowedKeysByIds(
        tx,
        due.flatMap(({ escrowedKeyId }) => escrowedKeyId ?? []),
      )
    ).map((key) => [key.id, key]),
  );
  const present = await certificatesOfPeople(tx, ids);
  return due.flatMap((one): Plan[] => {
    const person = one.personId === null ? undefined : people.get(one.personId);
    if (one.personId !== null && person?.state !== 'active') return [];
    // It has borne fruit already, and the fruit does not last longer: an authority that ends itself soon gives no more.
    const answered = present.some(
      ({ person_id, use, issued_at }) =>
        one.begunAt !== null && person_id === one.personId && use === one.use && issued_at > one.begunAt,
    );
    const again = { ...one, personId: one.personId ?? '', person };
    if (one.way === 'office' && one.fresh === false && answered && rolloverId === null)
      return [{ ...again, way: one.way, fresh: false, acts: false, nextAt: null }];
    const key = keys.get(one.escrowedKeyId ?? '');
    return [{ ...again, ...wayFor(one, { key, profile: encryption, rolloverId, at }), acts: true }];
  });
}

function wayFor(
  one: DueCertificate,
  {
    key,
    profile,
    rolloverId,
    at,
  }: { key: EscrowedKeyRow | undefined; profile: VersionedProfile; rolloverId: string | null; at: Date },
): Pick<Plan, 'way' | 'fresh' | 'nextAt'> {
  if (one.use === 'gateway' || one.keyOrigin === 'gateway') return { way: 'gateway', fresh: true, nextAt: null };
  const late = at >= partOfWindow(one, LATE);
  const reminders = REMINDERS.map((part) => partOfWindow(one, part)).filter((instant) => instant > at);
  const byOwner = { way: 'owner', fresh: true, nextAt: reminders[0] ?? null } as const;
  if (one.use === 'signing' || key === undefined) return byOwner;
  const canStay = key.destroyed_at === null && key.origin !== 'imported' && isSound(key, profile);
  const officeMakes = profile.document.keyOrigins.includes('kra');
  const keep = { way: 'office', fresh: false, nextAt: new Date(at.getTime() + DAY) } as const;
  // Who wants a fresh key and has not fetched it late in the window is not left without one.
  if (canStay && (rolloverId !== null || late)) return keep;
  if (key.origin === 'device') return officeMakes && !canStay ? fresh(one, at) : byOwner;
  if (canStay && profile.document.renewalKey === 'same') return keep;
  return officeMakes ? fresh(one, at) : byOwner;
}

const fresh = (one: DueCertificate, at: Date) => {
  const late = partOfWindow(one, LATE);
  return { way: 'office', fresh: true, nextAt: late > at ? late : new Date(at.getTime() + DAY) } as const;
};

/** Part of the window from which on anything is better than nothing. */
const LATE = 2 / 3;
/** Parts of the window at which owners are asked again. */
const REMINDERS = [1 / 3, LATE, 0.9];

const partOfWindow = ({ renewAt, notAfter }: Pick<DueCertificate, 'renewAt' | 'notAfter'>, part: number): Date =>
  new Date(renewAt.getTime() + (notAfter.getTime() - renewAt.getTime()) * part);

/** As the profile of today wants keys. */
function isSound(key: EscrowedKeyRow, { document }: VersionedProfile): boolean {
  try {
    requireSoundKey(key.spki, document);
    return true;
  } catch (error) {
    if (error instanceof AuthorityError) return false;
    throw error;
  }
}

/**
 * Whoever is needed is asked, and nobody else is: by a link with which they make or fetch the key, or by a word where their own device
 * is what renews. What the office has done by itself is told once it is done (`certificate-renewed`).
 */
async function tellOwner(tx: Transaction, world: World, plan: Plan): Promise<void> {
  const { person, way, use, keyOrigin, serialNumber } = plan;
  if (person === undefined || way === 'gateway') return;
  const at = world.clock();
  if (use === 'signing' && keyOrigin !== 'gateway') return offerClaim(tx, person.id, 'renewal', at);
  if (way === 'office') return plan.fresh ? offerClaim(tx, person.id, 'renewal', at) : undefined;
  const [address] = person.addresses;
  if (world.mail === undefined || address === undefined) return;
  await writeLetter(tx, world, {
    letter: 'renewal-on-device',
    key: `renewal-on-device ${serialNumber} ${plan.tries}`,
    to: { id: person.id, name: person.name, address },
    facts: { address, until: plan.notAfter },
    about: `certificate:${serialNumber}`,
    expiresAt: plan.notAfter,
  });
}

const startOfDay = (at: Date): Date => new Date(Math.floor(at.getTime() / DAY) * DAY);
