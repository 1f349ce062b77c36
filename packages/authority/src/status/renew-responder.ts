/** A fresh key and certificate for an authority's OCSP responder: the authority's own work, never that of `chancery status`. */
import { parseKeyReference } from '@chancery/keystore';
import { keyKindOf } from '@chancery/smime';
import { prepareCertificate } from '../ca/prepare.ts';
import { signCertificate } from '../ca/sign.ts';
import { perform } from '../operation.ts';
import { system } from '../principal.ts';
import type { AuthorityRow } from '../store/authorities.ts';
import { endedResponderKeys } from '../store/certificates.ts';
import type { World } from '../world.ts';
import { dueForRenewal } from './responders.ts';

/** For the scheduler: long before a certificate ends, and before anybody asks. One that fails stops no other. */
export async function renewDueResponders(world: World): Promise<void> {
  for (const authority of await world.database.snapshot((snapshot) => dueForRenewal(world, snapshot))) {
    await renewResponder(world, authority).catch((error: Error) =>
      world.log.error('ocsp.not-renewed', { authority: authority.slug, error: error.message }),
    );
  }
}

/** Keys whose certificates ended are destroyed. Two nodes may renew at once: both certificates are good. */
export async function renewResponder(world: World, authority: AuthorityRow): Promise<void> {
  const spec = keyKindOf(authority.certificate.spki) === 'rsa' ? 'rsa-2048' : 'p256';
  const keyReference = await (world.responderKeys ?? world.keyStore).generate(spec, 'OCSP responder');
  const intent = await perform(world, prepareCertificate, system, {
    use: 'ocsp',
    keyReference,
    authorityId: authority.id,
  });
  await perform(world, signCertificate, system, intent);
  await destroyEndedKeys(world);
}

async function destroyEndedKeys(world: World): Promise<void> {
  const ended = await world.database.snapshot((snapshot) => endedResponderKeys(snapshot, world.clock()));
  const present = new Set((await world.keyStore.list()).map(({ reference }) => reference as string));
  for (const reference of ended) {
    if (present.has(reference)) await world.keyStore.destroy(parseKeyReference(reference));
  }
}
