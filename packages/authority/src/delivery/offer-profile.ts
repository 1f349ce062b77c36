/** An Apple profile with these keys, under the office's seal, where the person's device picks it up. */
import { parseCertificate } from '@chancery/smime';
import { publicUrlOf } from '../config.ts';
import { listAuthorities, ownAndOutside, trustAnchors } from '../store/authorities.ts';
import type { Transaction } from '../store/database.ts';
import { requireOffice } from '../store/office.ts';
import type { World } from '../world.ts';
import { appleProfile } from './apple-profile.ts';
import type { CollectedKeys } from './collected-keys.ts';
import { offerPickUp, type PickUp } from './pick-up.ts';
import { seal } from './seal.ts';

/** The caller has made sure of the seal (`ensureSeal`). `profile` is what the audit trail says of it. */
export async function offerAppleProfile(
  tx: Transaction,
  world: World,
  { person, certificates, pack }: CollectedKeys,
  { password, challenge }: { readonly password: string; readonly challenge?: string | undefined },
): Promise<{ pickUp: PickUp; profile: Record<string, unknown> }> {
  const keys: { certificate: ReturnType<typeof parseCertificate>; pkcs12: Uint8Array }[] = [];
  for (const [only, der] of certificates.entries()) {
    // Which systems read which form is a table of its own (`api/devices.ts`): Apple's do not all read the modern one.
    const pkcs12 = await pack({ password, profile: 'compat', only });
    keys.push({ certificate: parseCertificate(der), pkcs12 });
  }
  const roots = await trustAnchors(tx);
  const isRoot = (der: Uint8Array) => roots.some((root) => Buffer.compare(root, der) === 0);
  const others = (await listAuthorities(tx)).flatMap(ownAndOutside).filter((der) => !isRoot(der));
  const plist = appleProfile({
    organisation: (await requireOffice(tx)).organisation,
    publicUrl: publicUrlOf(world.config),
    person,
    roots: roots.map((der) => parseCertificate(der)),
    intermediates: others.map((der) => parseCertificate(der)),
    keys,
    devices: world.config.devices,
    scep: challenge === undefined ? undefined : { url: `${publicUrlOf(world.config)}/scep`, challenge },
  });
  const pickUp = await offerPickUp(tx, world, person.id, {
    fileName: `${person.address.replace(/[^\w.@+-]/g, '_')}.mobileconfig`,
    mediaType: 'application/x-apple-aspen-config',
    data: await seal(world, tx, plist),
  });
  return {
    pickUp,
    profile: { as: 'apple-profile', scep: challenge !== undefined, expiresAt: pickUp.expiresAt.toISOString() },
  };
}
