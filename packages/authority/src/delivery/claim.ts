/** What a claim link offers the person who opens it, whom its secret proves them to be, and how they collect their keys. */
import { FileFormat } from '@chancery/api';
import { z } from 'zod';
import { AuthorityError } from '../errors.ts';
import { endClaim } from '../kra/claim-link.ts';
import { packClaimed } from '../kra/release.ts';
import { operation, perform } from '../operation.ts';
import { type Principal, system } from '../principal.ts';
import { listAuthorities, ownAndOutside } from '../store/authorities.ts';
import { type CertificateEntry, certificateState, certificatesOfPerson } from '../store/certificates.ts';
import { type ClaimRow, claimByHash, expiredClaims, lockClaim, markClaimed } from '../store/claims.ts';
import type { Snapshot, Transaction } from '../store/database.ts';
import { waitingEnrollments } from '../store/enrollments.ts';
import { keysLockedTo, markDelivered, usableKeys } from '../store/escrow.ts';
import { requireOffice } from '../store/office.ts';
import { personById } from '../store/people.ts';
import { renewalsBegun } from '../store/renewals.ts';
import { hashToken } from '../store/tokens.ts';
import type { World } from '../world.ts';
import type { CollectedKeys } from './collected-keys.ts';
import { offerAppleProfile } from './offer-profile.ts';

export interface OpenedClaim {
  readonly organisation: string;
  readonly name: string;
  readonly address: string;
  readonly expiresAt: Date;
  readonly signing: 'needed' | 'done' | 'gateway';
  readonly encryption: 'ready' | 'delivered' | 'none' | 'kept';
  /** DER. */
  readonly caCertificates: readonly Uint8Array[];
}

/** The person that the secret proves. @throws AuthorityError `not-found`, `wrong-state` (spent or lapsed) */
export async function claimant(world: World, secret: string): Promise<Extract<Principal, { kind: 'person' }>> {
  return world.database.snapshot(async (snapshot) => {
    const claim = await openClaimOf(snapshot, secret, world.clock());
    const person = await personById(snapshot, claim.person_id);
    if (person === undefined) throw new Error(`The claim ${claim.id} is for nobody`);
    return { kind: 'person', id: person.id, name: person.name };
  });
}

/** Same errors. */
export async function openClaim(world: World, secret: string): Promise<OpenedClaim> {
  return world.database.snapshot(async (snapshot) => {
    const now = world.clock();
    const claim = await openClaimOf(snapshot, secret, now);
    const person = await personById(snapshot, claim.person_id);
    if (person === undefined) throw new Error(`The claim ${claim.id} is for nobody`);
    const certificates = await certificatesOfPerson(snapshot, person.id);
    // One that ends soon is renewed with this link.
    const good = certificates.filter((one) => one.use === 'signing' && certificateState(one, now) === 'valid');
    const replaced = await renewalsBegun(
      snapshot,
      good.map(({ serial_number }) => serial_number),
    );
    // Where one waits, what they have does not say their name or address any more.
    const waits = (await waitingEnrollments(snapshot, [person.id])).some((one) => one.use === 'signing');
    const signs = !waits && good.some(({ serial_number }) => !replaced.has(serial_number));
    const locked = await keysLockedTo(snapshot, { kind: 'claim', holder: claim.id, personId: person.id });
    return {
      organisation: (await requireOffice(snapshot)).organisation,
      name: person.name,
      address: person.address,
      expiresAt: claim.expires_at,
      signing: person.signing_key === 'gateway' ? 'gateway' : signs ? 'done' : 'needed',
      encryption:
        locked.length > 0
          ? claim.claimed_at === null
            ? 'ready'
            : 'delivered'
          : (await holdsKey(snapshot, person.id, certificates, now))
            ? 'kept'
            : 'none',
      caCertificates: (await listAuthorities(snapshot)).flatMap(ownAndOutside),
    };
  });
}

/** Do they have one that they can use, and is none on its way? */
async function holdsKey(
  snapshot: Snapshot,
  personId: string,
  certificates: readonly CertificateEntry[],
  now: Date,
): Promise<boolean> {
  const waiting = await waitingEnrollments(snapshot, [personId]);
  if (waiting.some(({ use }) => use === 'encryption')) return false;
  const good = certificates.filter((one) => ['valid', 'expiring'].includes(certificateState(one, now)));
  const usable = await usableKeys(
    snapshot,
    good.flatMap(({ escrowed_key_id }) => escrowed_key_id ?? []),
  );
  return usable.size > 0;
}

const withClaimSecret = { guard: (by: Principal) => by.kind === 'person', description: 'the claim link' };

/**
 * The encryption keys that a claim link opens, as PKCS#12 under the owner's password. It may be asked for again until
 * the claim is finished: a browser that lost the answer loses no key.
 * @throws AuthorityError `not-found`, `wrong-state` (finished, lapsed, not ready), `wrong-credentials`
 */
export const collectKey = operation({
  action: 'claim.collect-key',
  permission: withClaimSecret,
  irreversible: true,
  input: z.object({ secret: z.string(), profile: FileFormat, password: z.string() }),
  subject: () => null,
  async run(tx, { secret, profile, password }, by, world) {
    const { person, pack, audit } = await collectClaimed(tx, world, by, secret);
    return {
      result: { fileName: `${person.address}.encryption.p12`, data: await pack({ password, profile }) },
      audit: { ...audit, profile },
    };
  },
});

/** The same keys as a profile for an iPhone, iPad or Mac, which waits for the device to pick it up. Same errors. */
export const collectAppleProfile = operation({
  action: 'claim.collect-profile',
  permission: withClaimSecret,
  irreversible: true,
  input: z.strictObject({ secret: z.string(), password: z.string(), challenge: z.string().optional() }),
  subject: () => null,
  async run(tx, { secret, ...how }, by, world) {
    const { audit, ...keys } = await collectClaimed(tx, world, by, secret);
    const { pickUp, profile } = await offerAppleProfile(tx, world, keys, how);
    return { result: pickUp, audit: { ...audit, ...profile } };
  },
});

/** What the link opens, marked as fetched. */
async function collectClaimed(
  tx: Transaction,
  world: World,
  by: Principal,
  secret: string,
): Promise<CollectedKeys & { readonly audit: Record<string, unknown> }> {
  const at = world.clock();
  const claim = await holdClaim(tx, secret, by, at);
  const keys = await keysLockedTo(tx, { kind: 'claim', holder: claim.id, personId: by.id });
  const person = await personById(tx, by.id);
  if (keys.length === 0 || person === undefined) {
    throw new AuthorityError(
      'wrong-state',
      'Your encryption key is not ready yet. Nothing was lost. Try again in a minute.',
    );
  }
  await markClaimed(tx, claim.id, at);
  const ids = keys.map(({ key }) => key.id);
  await markDelivered(tx, ids, at);
  await world.jobs.enqueue(tx, 'publish-person', { personId: by.id });
  const friendlyName = `${person.name} <${person.address}>`;
  return {
    person,
    certificates: keys.map(({ certificate }) => certificate),
    keyIds: ids,
    pack: ({ only, ...how }) =>
      packClaimed(tx, { secret, keys: only === undefined ? keys : keys.slice(only, only + 1), friendlyName, ...how }),
    audit: { personId: by.id, claimId: claim.id, escrowedKeyIds: ids },
  };
}

/** The keys are safe with their owner: the link opens nothing any more. */
export const finishClaim = operation({
  action: 'claim.finish',
  permission: withClaimSecret,
  input: z.object({ secret: z.string() }),
  subject: () => null,
  async run(tx, { secret }, by, world) {
    const claim = await holdClaim(tx, secret, by, world.clock());
    const keys = await keysLockedTo(tx, { kind: 'claim', holder: claim.id, personId: by.id });
    if (keys.some(({ key }) => key.delivered_at === null)) {
      throw new AuthorityError(
        'wrong-state',
        'The encryption key was not fetched yet, and nobody could fetch it after this. Nothing was changed. Fetch it, then finish.',
      );
    }
    await endClaim(tx, claim.id, world.clock());
    return { result: undefined, audit: { personId: by.id, claimId: claim.id } };
  },
});

/** A link past its time opens nothing: its locks go. */
export const expireClaim = operation({
  action: 'claim.expire',
  permission: 'system',
  input: z.object({ claimId: z.uuid() }),
  subject: ({ claimId }) => `claim:${claimId}`,
  async run(tx, { claimId }, _by, world) {
    await endClaim(tx, claimId, world.clock());
    return { result: undefined, audit: {} };
  },
});

export async function expireClaims(world: World): Promise<void> {
  const lapsed = await world.database.snapshot((snapshot) => expiredClaims(snapshot, world.clock()));
  for (const { id } of lapsed) await perform(world, expireClaim, system, { claimId: id });
}

async function holdClaim(tx: Transaction, secret: string, by: Principal, at: Date): Promise<ClaimRow> {
  const claim = await openClaimOf(tx, secret, at);
  const held = await lockClaim(tx, claim.id);
  if (held === undefined || held.closed_at !== null || held.person_id !== by.id) throw claimGone();
  return held;
}

/** The claim that a secret opens. @throws AuthorityError `not-found`, `wrong-state` */
async function openClaimOf(snapshot: Snapshot, secret: string, at: Date): Promise<ClaimRow> {
  const claim = await claimByHash(snapshot, hashToken(secret));
  if (claim === undefined) {
    throw new AuthorityError('not-found', 'This claim link is not known here. Ask your administrator for a new one.');
  }
  if (claim.closed_at !== null || claim.expires_at <= at) throw claimGone();
  // Whoever is suspended collects nothing until they return.
  if ((await personById(snapshot, claim.person_id))?.state !== 'active') throw claimGone();
  return claim;
}

function claimGone(): AuthorityError {
  return new AuthorityError(
    'wrong-state',
    'This claim link was used already, or has expired. Keys that you saved work as before. Ask your administrator for a new link.',
  );
}
