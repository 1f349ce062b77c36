/** A person's whole keyset to another device of theirs: their browser has opened the owner locks, and sends what they held. */
import { z } from 'zod';
import { AuthorityError } from '../errors.ts';
import { packOwned } from '../kra/release.ts';
import { operation } from '../operation.ts';
import { requireSelf } from '../principal.ts';
import { everyCertificateOfKeys, keysLockedTo, markDelivered } from '../store/escrow.ts';
import { personById } from '../store/people.ts';

/**
 * Every encryption key that the passkey opens, each with every certificate that it ever had, as PKCS#12 under the owner's
 * password. A data key opens the record that it belongs to, and no other.
 * @throws AuthorityError `not-found`, `wrong-credentials`, `wrong-state` (the person left)
 */
export const deliverKeyset = operation({
  action: 'key.deliver',
  permission: 'self:write',
  irreversible: true,
  input: z.strictObject({
    personId: z.uuid(),
    credentialId: z.string().max(2000),
    /** Data keys of 32 octets, base64url, as the browser opened them. */
    keys: z
      .array(z.strictObject({ id: z.uuid(), dek: z.string().regex(/^[A-Za-z0-9_-]{43}$/) }))
      .min(1)
      .max(1000),
    profile: z.enum(['modern', 'compat']),
    password: z.string(),
    /** What its owner calls the device. */
    device: z.string().trim().max(60),
  }),
  subject: ({ personId }) => `person:${personId}`,
  async run(tx, { personId, credentialId, keys: opened, profile, password, device }, by, world) {
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
      const data = await packOwned(tx, { keys, password, profile, friendlyName });
      const at = world.clock();
      await markDelivered(tx, ids, at);
      await world.jobs.enqueue(tx, 'publish-person', { personId });
      return {
        result: { fileName: `${person.address}.encryption.p12`, data },
        audit: { credentialId, escrowedKeyIds: ids, profile, device },
      };
    } finally {
      for (const dek of deks.values()) dek.fill(0);
    }
  },
});
