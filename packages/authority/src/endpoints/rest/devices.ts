/** Profiles and kits for people's devices. Whose they are, the claim link or the session says. */
import { claimant, collectAppleProfile, openClaim } from '../../delivery/claim.ts';
import { deliverAppleProfile, sealMyPhoneKeys } from '../../delivery/deliver-keyset.ts';
import { type Kit, organisationKit, personKit } from '../../delivery/kit.ts';
import { allowPhoneKeys } from '../../delivery/phone-keys.ts';
import type { PickUp } from '../../delivery/pick-up.ts';
import { ensureSeal } from '../../delivery/seal.ts';
import { AuthorityError } from '../../errors.ts';
import { consult, perform } from '../../operation.ts';
import { type Principal, system } from '../../principal.ts';
import { makeChallenge } from '../../ra/challenge.ts';
import { personById } from '../../store/people.ts';
import type { World } from '../../world.ts';
import type { Handlers } from './handler.ts';
import { toBase64 } from './issued.ts';

export const deviceHandlers: Handlers<
  | 'claimAppleProfile'
  | 'myAppleProfile'
  | 'claimKit'
  | 'myKit'
  | 'organisationKit'
  | 'sealMyPhoneKeys'
  | 'allowPhoneKeys'
> = {
  async claimAppleProfile({ world }, { body }) {
    const by = await claimant(world, body.secret);
    await ensureSeal(world);
    const { signing } = await openClaim(world, body.secret);
    // The link itself is the right to one signing certificate, so the challenge that stands for it is the office's.
    const challenge = signing === 'needed' ? await challengeFor(world, system, by.id) : {};
    return pickUpOf(await perform(world, collectAppleProfile, by, { ...body, ...challenge }));
  },
  async myAppleProfile({ world, by }, { body }) {
    await ensureSeal(world);
    const challenge = world.config.enrolment.selfService === 'never' ? {} : await challengeFor(world, by, by.id);
    return pickUpOf(await perform(world, deliverAppleProfile, by, { ...body, ...challenge, personId: by.id }));
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
  async sealMyPhoneKeys({ world, by }, { body }) {
    return perform(world, sealMyPhoneKeys, by, { ...body, personId: by.id });
  },
  async allowPhoneKeys({ world, by }, { params: { id }, body: { allowed } }) {
    await perform(world, allowPhoneKeys, by, { personId: id, allowed });
    return { done: true };
  },
};

/** For a signing key that the device makes itself: where the office answers SCEP, and no gateway signs for that person. */
async function challengeFor(world: World, by: Principal, personId: string): Promise<{ challenge?: string }> {
  const person = await world.database.snapshot((snapshot) => personById(snapshot, personId));
  if (!world.config.enrolment.scep || person?.signing_key !== 'device') return {};
  try {
    return { challenge: (await perform(world, makeChallenge, by, { personId })).challenge };
  } catch (error) {
    // A profile without a signing key is better than none: too many challenges wait, or the profile takes no device's key.
    if (error instanceof AuthorityError) return {};
    throw error;
  }
}

const kitOf = ({ fileName, files }: Kit) => ({
  fileName,
  files: files.map(({ name, data }) => ({ name, data: toBase64(data) })),
});

const pickUpOf = ({ expiresAt, ...pickUp }: PickUp) => ({ ...pickUp, expiresAt: expiresAt.toISOString() });
