/** What a person does with a claim link. Its secret is the credential: it says who they are. */
import { claimant, collectKey, finishClaim, openClaim } from '../../delivery/claim.ts';
import { enrolPersonPasskey, offerPersonPasskey } from '../../identity/person-passkeys.ts';
import { addOwnerLocks } from '../../kra/owner-locks.ts';
import { perform } from '../../operation.ts';
import { issueSigning } from '../../ra/enrollment.ts';
import type { Handlers } from './handler.ts';
import { issued, toBase64 } from './issued.ts';

export const claimHandlers: Handlers<
  | 'openClaim'
  | 'claimSigning'
  | 'claimEncryption'
  | 'finishClaim'
  | 'claimPasskeyOptions'
  | 'claimPasskey'
  | 'claimOwnerLocks'
> = {
  async openClaim({ world }, { body }) {
    const claim = await openClaim(world, body.secret);
    return {
      ...claim,
      expiresAt: claim.expiresAt.toISOString(),
      caCertificates: claim.caCertificates.map(toBase64),
    };
  },
  async claimSigning({ world }, { body }) {
    const { secret, csr, keyOrigin } = body;
    const by = await claimant(world, secret);
    return issued(await issueSigning(world, by, { personId: by.id, csr, keyOrigin }));
  },
  async claimEncryption({ world }, { body }) {
    const { fileName, data } = await perform(world, collectKey, await claimant(world, body.secret), body);
    return { fileName, data: toBase64(data) };
  },
  async claimPasskeyOptions({ world, origin }, { body }) {
    const { id } = await claimant(world, body.secret);
    return world.database.snapshot((snapshot) => offerPersonPasskey(world, snapshot, id, origin));
  },
  async claimPasskey({ world, origin }, { body }) {
    const { secret, ...passkey } = body;
    const by = await claimant(world, secret);
    return perform(world, enrolPersonPasskey, by, { ...passkey, personId: by.id, origin, shown: null });
  },
  async claimOwnerLocks({ world }, { body }) {
    const { secret, credentialId } = body;
    const by = await claimant(world, secret);
    return perform(world, addOwnerLocks, by, { personId: by.id, credentialId, from: { kind: 'claim', secret } });
  },
  async finishClaim({ world }, { body }) {
    await perform(world, finishClaim, await claimant(world, body.secret), body);
    return { done: true };
  },
};
