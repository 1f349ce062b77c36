/** Profiles and kits for people's devices. Whose they are, the claim link or the session says. */
import { claimant, collectAppleProfile } from '../../delivery/claim.ts';
import { deliverAppleProfile } from '../../delivery/deliver-keyset.ts';
import { type Kit, organisationKit, personKit } from '../../delivery/kit.ts';
import type { PickUp } from '../../delivery/pick-up.ts';
import { ensureSeal } from '../../delivery/seal.ts';
import { consult, perform } from '../../operation.ts';
import type { Handlers } from './handler.ts';
import { toBase64 } from './issued.ts';

export const deviceHandlers: Handlers<
  'claimAppleProfile' | 'myAppleProfile' | 'claimKit' | 'myKit' | 'organisationKit'
> = {
  async claimAppleProfile({ world }, { body }) {
    const by = await claimant(world, body.secret);
    await ensureSeal(world);
    return pickUpOf(await perform(world, collectAppleProfile, by, body));
  },
  async myAppleProfile({ world, by }, { body }) {
    await ensureSeal(world);
    return pickUpOf(await perform(world, deliverAppleProfile, by, { ...body, personId: by.id }));
  },
  async claimKit({ world }, { body: { secret, kind } }) {
    const { id } = await claimant(world, secret);
    return kitOf(await world.database.snapshot((snapshot) => personKit(world, snapshot, id, kind)));
  },
  async myKit({ world, by }, { query: { kind } }) {
    return kitOf(await consult(world, 'self:read', by, (snapshot) => personKit(world, snapshot, by.id, kind)));
  },
  async organisationKit({ world, by }, { query: { kind } }) {
    const { fileName, data } = await consult(world, 'office:read', by, (snapshot) =>
      organisationKit(world, snapshot, kind),
    );
    return { fileName, data: toBase64(data) };
  },
};

const kitOf = ({ fileName, files }: Kit) => ({
  fileName,
  files: files.map(({ name, data }) => ({ name, data: toBase64(data) })),
});

const pickUpOf = ({ expiresAt, ...pickUp }: PickUp) => ({ ...pickUp, expiresAt: expiresAt.toISOString() });
