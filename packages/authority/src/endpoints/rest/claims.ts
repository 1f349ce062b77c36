/** What a person does with a claim link. Its secret is the credential: it says who they are. */
import { claimant, collectKey, finishClaim, openClaim } from '../../delivery/claim.ts';
import { perform } from '../../operation.ts';
import { issueSigning } from '../../ra/enrollment.ts';
import type { Handlers } from './handler.ts';
import { issued, toBase64 } from './issued.ts';

export const claimHandlers: Handlers<'openClaim' | 'claimSigning' | 'claimEncryption' | 'finishClaim'> = {
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
  async finishClaim({ world }, { body }) {
    await perform(world, finishClaim, await claimant(world, body.secret), body);
    return { done: true };
  },
};
