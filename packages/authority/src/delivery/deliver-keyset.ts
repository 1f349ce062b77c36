/** A person's whole keyset to another device of theirs: their browser has opened the owner locks, and sends what they held. */
import { FileFormat } from '@chancery/api';
import { z } from 'zod';
import { AuthorityError } from '../errors.ts';
import { packOwned } from '../kra/release.ts';
import { operation } from '../operation.ts';
import { type Principal, requireSelf } from '../principal.ts';
import type { Transaction } from '../store/database.ts';
import { everyCertificateOfKeys, keysLockedTo, markDelivered } from '../store/escrow.ts';
import { personById } from '../store/people.ts';
import type { World } from '../world.ts';
import type { CollectedKeys } from './collected-keys.ts';
import { offerAppleProfile } from './offer-profile.ts';
import { sealForPhone } from './phone-keys.ts';

/** What a passkey of the person's opened in their browser. A data key opens the record that it belongs to, and no other. */
const Opened = z.strictObject({
  personId: z.uuid(),
  credentialId: z.string().max(2000),
  /** Data keys of 32 octets, base64url, as the browser opened them. */
  keys: z
    .array(z.strictObject({ id: z.uuid(), dek: z.string().regex(/^[A-Za-z0-9_-]{43}$/) }))
    .min(1)
    .max(1000),
  password: z.string(),
  /** What its owner calls the device. */
  device: z.string().trim().max(60),
});

/**
 * Every encryption key that the passkey opens, each with every certificate that it ever had, as PKCS#12 under the owner's
 * password.
 * @throws AuthorityError `not-found`, `wrong-credentials`, `wrong-state` (the person left)
 */
export const deliverKeyset = operation({
  action: 'key.deliver',
  permission: 'self:write',
  irreversible: true,
  input: Opened.extend({ profile: FileFormat }),
  subject: ({ personId }) => `person:${personId}`,
  run: (tx, { profile, ...opened }, by, world) =>
    withOwned(tx, world, by, opened, async ({ person, pack, audit }) => ({
      result: {
        fileName: `${person.address}.encryption.p12`,
        data: await pack({ password: opened.password, profile }),
      },
      audit: { ...audit, profile },
    })),
});

/** The same keys as a profile for an iPhone, iPad or Mac, which waits for the device to pick it up. Same errors. */
export const deliverAppleProfile = operation({
  action: 'key.deliver-profile',
  permission: 'self:write',
  irreversible: true,
  input: Opened.extend({ challenge: z.string().optional() }),
  subject: ({ personId }) => `person:${personId}`,
  run: (tx, { challenge, ...opened }, by, world) =>
    withOwned(tx, world, by, opened, async ({ audit, ...keys }) => {
      const { pickUp, profile } = await offerAppleProfile(tx, world, keys, { password: opened.password, challenge });
      return { result: pickUp, audit: { ...audit, ...profile } };
    }),
});

/**
 * The same keys sealed to the connector of Intune, which brings them to the person's managed phones. Nothing is left of them here
 * that the office could open. Same errors, and `wrong-state` where the office has not allowed it.
 */
export const sealMyPhoneKeys = operation({
  action: 'phone.seal',
  permission: 'self:write',
  irreversible: true,
  input: Opened.omit({ password: true, device: true }),
  subject: ({ personId }) => `person:${personId}`,
  run: (tx, opened, by, world) =>
    withOwned(tx, world, by, { ...opened, password: '', device: '' }, async ({ audit, ...keys }) => {
      const sealed = await sealForPhone(tx, world, keys);
      return { result: { sealed: sealed.sealed.length }, audit: { ...audit, ...sealed } };
    }),
});

type Owned = CollectedKeys & { readonly audit: Record<string, unknown> };

/** Has the keys packed while their data keys are here; those are zeroed then. */
async function withOwned<T>(
  tx: Transaction,
  world: World,
  by: Principal,
  { personId, credentialId, keys: opened, device }: z.output<typeof Opened>,
  use: (owned: Owned) => Promise<T>,
): Promise<T> {
  requireSelf(by, personId);
  const person = await personById(tx, personId);
  if (person?.state !== 'active') throw new AuthorityError('wrong-state', 'You have left. Nothing was delivered.');
  const locked = await keysLockedTo(tx, { kind: 'owner', holder: credentialId, personId });
  const ids = opened.map(({ id }) => id);
  const certificates = await everyCertificateOfKeys(tx, ids);
  const deks = new Map(opened.map(({ id, dek }) => [id, Buffer.from(dek, 'base64url')]));
  try {
    const keys = [...deks].flatMap(([id, dek]) => {
      const lock = locked.find(({ key }) => key.id === id);
      if (lock === undefined) {
        throw new AuthorityError('not-found', 'This passkey opens no such key of yours. Nothing was delivered.');
      }
      const own = certificates.filter(({ escrowedKeyId }) => escrowedKeyId === id).toReversed();
      return own.map(({ certificate, authorityId }) => ({ key: lock.key, dek, certificate, authorityId }));
    });
    const friendlyName = `${person.name} <${person.address}>`;
    const done = await use({
      person,
      certificates: keys.map(({ certificate }) => certificate),
      keyIds: keys.map(({ key }) => key.id),
      pack: ({ only, ...how }) =>
        packOwned(tx, { keys: only === undefined ? keys : keys.slice(only, only + 1), friendlyName, ...how }),
      audit: { credentialId, escrowedKeyIds: ids, device },
    });
    await markDelivered(tx, ids, world.clock());
    await world.jobs.enqueue(tx, 'publish-person', { personId });
    return done;
  } finally {
    for (const dek of deks.values()) dek.fill(0);
  }
}
