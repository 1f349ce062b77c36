/** The office's seal: what devices check when they are handed something in the office's name. */
import { parseKeyReference } from '@chancery/keystore';
import { parseCertificate, signContent } from '@chancery/smime';
import { AuthorityError } from '../errors.ts';
import { issueSeal } from '../ra/service-certificates.ts';
import { chainOf } from '../store/authorities.ts';
import { presentSeal } from '../store/certificates.ts';
import type { Snapshot } from '../store/database.ts';
import type { World } from '../world.ts';

/** Before the first use, and when the last one is to be renewed. Two nodes may do it at once: both certificates are good. */
export async function ensureSeal(world: World): Promise<void> {
  const present = await world.database.snapshot((snapshot) => presentSeal(snapshot, world.clock()));
  if (present === undefined) await issueSeal(world);
}

/** CMS SignedData around the content, with the chain up to the root, DER. @throws AuthorityError `unavailable` */
export async function seal(world: World, snapshot: Snapshot, content: Uint8Array): Promise<Uint8Array> {
  const present = await presentSeal(snapshot, world.clock());
  if (present === undefined) {
    throw new AuthorityError('unavailable', 'The office has no seal yet. Nothing was made. Try again in a minute.');
  }
  const chain = (await chainOf(snapshot, present.authorityId)).map((der) => parseCertificate(der));
  return signContent({
    content,
    signers: [
      {
        signer: await world.keyStore.signer(parseKeyReference(present.keyReference)),
        certificate: parseCertificate(present.certificate),
        chain,
      },
    ],
    signingTime: world.clock(),
  });
}
