/**
 * Challenges: what a device shows to be given a certificate without anybody's help. Each is for one person, one profile and one
 * use; only its hash is kept. Static ones, for everybody who knows them, stand in the configuration.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { z } from 'zod';
import { requireOrigin } from '../ca/check-key.ts';
import { readSecret } from '../config.ts';
import { type EnrolmentConfig, labelOf } from '../enrolment-config.ts';
import { AuthorityError } from '../errors.ts';
import { operation } from '../operation.ts';
import { actorOf, anonymous, type Principal, permissionsOf, requireSelf } from '../principal.ts';
import type { Snapshot, Transaction } from '../store/database.ts';
import {
  enrolmentChallengeByHash,
  insertEnrolmentChallenge,
  lockEnrolmentChallenge,
  markEnrolmentChallenge,
  openEnrolmentChallenges,
} from '../store/device-enrolments.ts';
import { lockPerson, personByAddress, personById, whyAway } from '../store/people.ts';
import { latestProfile, profileForUse, profileOfPerson, type VersionedProfile } from '../store/profiles.ts';
import { hashToken, sameSecret } from '../store/tokens.ts';
import type { World } from '../world.ts';

const HOUR = 3_600_000;
/** Of one person at a time: whoever sets up more devices than that does so one after the other. */
const MOST_CHALLENGES = 20;

const forDevices = {
  guard: (by: Principal) => permissionsOf(by).has('challenge:make') || (by.kind === 'person' && by.signedIn === true),
  description: 'the permission challenge:make, or their own page',
};

export interface MadeChallenge {
  readonly id: string;
  /** 32 letters and digits, 160 random bits: it can be typed, and stands in a PrintableString. */
  readonly challenge: string;
  readonly profile: string;
  readonly use: 'signing' | 'encryption';
  /** Whether an operator decides on what is asked for with it. */
  readonly approval: boolean;
  readonly expiresAt: Date;
}

/**
 * Makes a challenge; it is shown once.
 * @throws AuthorityError `not-found`, `forbidden`, `wrong-state` (the person left; no self-service), `unusable-input` (a profile that
 *   devices get nothing by), `rate-limited`
 */
export const makeChallenge = operation({
  action: 'enrolment.make-challenge',
  permission: forDevices,
  input: z.strictObject({
    personId: z.uuid(),
    /** The id of a profile for signing or encryption; without it, the one that the person's signing certificates are issued by. */
    profile: z.string().max(60).optional(),
    expiresAfterHours: z.int().min(1).max(720).optional(),
  }),
  subject: ({ personId }) => `person:${personId}`,
  async run(tx, input, by, world): Promise<{ result: MadeChallenge; audit: Record<string, unknown> }> {
    const { personId } = input;
    const { selfService, challengeHours } = world.config.enrolment;
    const own = by.kind === 'person';
    if (own) {
      requireSelf(by, personId);
      requireSelfService(world.config.enrolment);
    }
    const person = await lockPerson(tx, personId);
    if (person === undefined) throw refused('not-found', 'There is no such person');
    if (person.state !== 'active') throw refused('wrong-state', whyAway(person));
    const profile = await deviceProfile(tx, input.profile ?? (await profileOfPerson(tx, person, 'signing')).id);
    const at = world.clock();
    if ((await openEnrolmentChallenges(tx, personId, at)).length >= MOST_CHALLENGES)
      throw refused('rate-limited', 'This person has twenty challenges that nobody has used. Withdraw some of them');
    const id = randomUUID();
    const challenge = newChallenge();
    const hours = Math.min(input.expiresAfterHours ?? challengeHours, challengeHours);
    const expiresAt = new Date(at.getTime() + hours * HOUR);
    const use = profile.document.use === 'encryption' ? 'encryption' : 'signing';
    const approval = profile.document.approval !== 'never' || (own && selfService === 'approval');
    await insertEnrolmentChallenge(tx, {
      id,
      hash: hashToken(challenge),
      person_id: personId,
      profile: profile.id,
      use,
      approval,
      made_by: actorOf(by),
      created_at: at,
      expires_at: expiresAt,
    });
    return {
      result: { id, challenge, profile: profile.id, use, approval, expiresAt },
      audit: { challengeId: id, profile: profile.id, approval, expiresAt: expiresAt.toISOString() },
    };
  },
});

/** A challenge that was lost, or that nobody needs. @throws AuthorityError `not-found`, `wrong-state`, `forbidden` */
export const withdrawChallenge = operation({
  action: 'enrolment.withdraw-challenge',
  permission: forDevices,
  input: z.strictObject({ id: z.uuid() }),
  subject: ({ id }) => `challenge:${id}`,
  async run(tx, { id }, by, world) {
    const challenge = await lockEnrolmentChallenge(tx, { id });
    if (challenge === undefined) throw refused('not-found', 'There is no such challenge');
    if (by.kind === 'person') requireSelf(by, challenge.person_id);
    if (challenge.used_at !== null || challenge.withdrawn_at !== null)
      throw refused('wrong-state', 'This challenge was used or withdrawn already');
    await markEnrolmentChallenge(tx, id, 'withdrawn_at', world.clock());
    return { result: undefined, audit: { personId: challenge.person_id } };
  },
});

/** @throws AuthorityError `wrong-state` where people set up nothing by themselves */
export function requireSelfService({ selfService }: EnrolmentConfig): void {
  if (selfService === 'never') throw refused('wrong-state', 'Ask your administrator: devices are set up by them here');
}

/**
 * A profile that devices are given certificates by.
 * @throws AuthorityError `not-found`, `unusable-input`
 */
export async function deviceProfile(snapshot: Snapshot, id: string | undefined): Promise<VersionedProfile> {
  const profile = id === undefined ? await profileForUse(snapshot, 'signing') : await latestProfile(snapshot, id);
  if (profile === undefined) throw refused('not-found', `There is no profile "${id}"`);
  const { document } = profile;
  if (document.use === 'signing') requireOrigin(document, 'device');
  else if (document.use !== 'encryption' || (await profileForUse(snapshot, 'encryption')).id !== profile.id)
    throw refused(
      'unusable-input',
      `Devices get certificates for signing, and the office’s own for encryption; "${profile.id}" is neither`,
    );
  else requireOrigin(document, 'kra');
  return profile;
}

/** Whom a one-time challenge was made for; nobody's where it is not known. What it is good for is judged where it is used. */
export async function challengeHolder(world: World, secret: string): Promise<Principal> {
  const person = await world.database.snapshot(async (snapshot) => {
    const challenge = await enrolmentChallengeByHash(snapshot, hashToken(secret));
    return challenge && personById(snapshot, challenge.person_id);
  });
  return person === undefined ? anonymous : { kind: 'person', id: person.id, name: person.name };
}

/** Whether it would be taken from that person now; what it is good for is judged where it is used. */
export async function isOpenChallenge(
  snapshot: Snapshot,
  secret: string,
  personId: string,
  at: Date,
): Promise<boolean> {
  const challenge = await enrolmentChallengeByHash(snapshot, hashToken(secret));
  return (
    challenge?.person_id === personId &&
    challenge.used_at === null &&
    challenge.withdrawn_at === null &&
    challenge.expires_at > at
  );
}

/** How many wrong static challenges a label takes in a minute, on this node; nobody's is taken beyond them. */
const WRONG_TRIES = 20;
const wrongTries = new Map<string, { count: number; since: number }>();

/**
 * Whoever has one of these addresses, where `secret` is the static challenge of the label; undefined where it is not.
 * @throws AuthorityError `rate-limited` where many wrong ones came before
 */
export async function staticHolder(
  world: World,
  labelName: string,
  secret: string,
  addresses: readonly string[],
): Promise<Principal | undefined> {
  const reference = labelOf(world.config.enrolment, labelName)?.staticChallenge;
  if (reference === undefined) return undefined;
  const now = world.clock().getTime();
  const tries = wrongTries.get(labelName);
  const recent = tries !== undefined && now - tries.since < 60_000 ? tries : { count: 0, since: now };
  if (recent.count >= WRONG_TRIES)
    throw refused('rate-limited', 'Too many wrong challenges came here. Try again in a minute');
  if (!sameSecret(secret, readSecret(reference, world.config.home))) {
    wrongTries.set(labelName, { ...recent, count: recent.count + 1 });
    return undefined;
  }
  const people = await world.database.snapshot((snapshot) =>
    Promise.all(addresses.slice(0, 50).map((address) => personByAddress(snapshot, address))),
  );
  const [first, ...others] = people;
  if (first === undefined || others.some((other) => other?.id !== first.id)) return anonymous;
  return { kind: 'person', id: first.id, name: first.name };
}

/** RFC 4648 base32: no letter that a PrintableString lacks, none that a person mistakes for another. */
function newChallenge(): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  return [...randomBytes(32)].map((octet) => alphabet[octet & 31]).join('');
}

/**
 * The challenge that a device shows, held until commit, with what it may be used for.
 * @throws AuthorityError `wrong-credentials` (not known, another person's, withdrawn), `wrong-state` (lapsed)
 */
export async function takeChallenge(tx: Transaction, secret: string, personId: string | undefined, at: Date) {
  const challenge = await lockEnrolmentChallenge(tx, { hash: hashToken(secret) });
  if (challenge === undefined || challenge.person_id !== personId || challenge.withdrawn_at !== null)
    throw refused('wrong-credentials', 'The challenge is not one that this office gave out');
  if (challenge.used_at === null && challenge.expires_at <= at)
    throw refused('wrong-state', 'The challenge has lapsed. Ask for a new one');
  return challenge;
}

function refused(code: AuthorityError['code'], rule: string): AuthorityError {
  return new AuthorityError(code, `${rule}. Nothing was issued.`);
}
