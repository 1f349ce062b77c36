/**
 * An encryption key that the office makes for a device: in escrow as every other, then delivered, once. It is a fresh one, or one that
 * nobody has seen yet: a key that its owner has is opened by a quorum alone.
 */
import { createHash } from 'node:crypto';
import { parseCertificate } from '@chancery/smime';
import { z } from 'zod';
import { AuthorityError } from '../errors.ts';
import { endClaim } from '../kra/claim-link.ts';
import { openClaimLock } from '../kra/locks/claim.ts';
import { openKey } from '../kra/release.ts';
import { operation, perform } from '../operation.ts';
import { system } from '../principal.ts';
import { claimByHash, lockClaim, markClaimed } from '../store/claims.ts';
import { changeDeviceEnrolment, deviceEnrolmentById, lockDeviceEnrolment } from '../store/device-enrolments.ts';
import { keysLockedTo, markDelivered } from '../store/escrow.ts';
import { hashToken } from '../store/tokens.ts';
import type { World } from '../world.ts';
import { newClaimLink } from './claim-link.ts';

export interface GeneratedKey {
  /** DER PrivateKeyInfo; the caller zeroes it. */
  readonly pkcs8: Uint8Array;
  /** DER. */
  readonly certificate: Uint8Array;
}

/**
 * For a request that was approved, whose device waits for the answer.
 * @throws AuthorityError `wrong-state` (delivered already, the person left), `unavailable` (the key is still being made)
 */
export async function generateForDevice(world: World, enrolmentId: string): Promise<GeneratedKey> {
  const row = await world.database.snapshot((snapshot) => deviceEnrolmentById(snapshot, enrolmentId));
  if (row === undefined) throw refused('not-found', 'There is no such request');
  // As any key that waits for its owner: behind a link, which the office itself takes here.
  const { url } = await newClaimLink(world, system, row.person_id);
  return perform(world, deliverGeneratedKey, system, { id: enrolmentId, secret: url.slice(url.indexOf('#') + 1) });
}

/** Opens the key that the link holds, for the device, and ends the link. */
export const deliverGeneratedKey = operation({
  action: 'enrolment.deliver-key',
  permission: 'system',
  irreversible: true,
  input: z.strictObject({ id: z.uuid(), secret: z.string() }),
  subject: ({ id }) => `enrolment:${id}`,
  async run(tx, { id, secret }, _by, world): Promise<{ result: GeneratedKey; audit: Record<string, unknown> }> {
    const at = world.clock();
    const enrolment = await lockDeviceEnrolment(tx, id);
    if (enrolment?.state !== 'approved' || enrolment.use !== 'encryption')
      throw refused('wrong-state', 'This request waits for no key');
    const known = await claimByHash(tx, hashToken(secret));
    const claim = known && (await lockClaim(tx, known.id));
    if (claim === undefined || claim.closed_at !== null || claim.person_id !== enrolment.person_id)
      throw refused('wrong-state', 'The key was collected elsewhere meanwhile');
    const [newest] = await keysLockedTo(tx, { kind: 'claim', holder: claim.id, personId: claim.person_id });
    if (newest === undefined) throw refused('unavailable', 'The key is still being made. Ask again in a minute');
    const { key, wrapped, certificate } = newest;
    const { serialNumber } = parseCertificate(certificate);
    await markClaimed(tx, claim.id, at);
    await markDelivered(tx, [key.id], at);
    await endClaim(tx, claim.id, at);
    await changeDeviceEnrolment(tx, id, { state: 'issued', serial_number: serialNumber, delivered_at: at });
    await world.jobs.enqueue(tx, 'publish-person', { personId: claim.person_id });
    const pkcs8 = await openKey({ key, openDek: async () => openClaimLock(key.id, secret, wrapped) });
    return {
      result: { pkcs8, certificate },
      audit: {
        personId: claim.person_id,
        claimId: claim.id,
        escrowedKeyIds: [key.id],
        serialNumber,
        spkiSha256: createHash('sha256').update(key.spki).digest('hex'),
      },
    };
  },
});

function refused(code: AuthorityError['code'], rule: string): AuthorityError {
  return new AuthorityError(code, `${rule}. Nothing was delivered.`);
}
