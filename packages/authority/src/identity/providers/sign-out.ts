/** Signing out at the provider as well (OpenID Connect RP-Initiated Logout 1.0). */
import { findToken } from '../../store/tokens.ts';
import type { World } from '../../world.ts';
import { signOutAddress } from './provider.ts';
import { openProviderSecrets, ProviderData } from './provider-session.ts';

/**
 * Where the browser goes next; null for a session that no provider began, or one that offers nothing.
 * @param backTo where the provider sends it afterwards: registered there
 */
export async function signOutAtProvider(
  world: World,
  kind: 'session' | 'person-session',
  token: string,
  backTo: string,
): Promise<string | null> {
  const vouched = await world.database.snapshot(async (snapshot) => {
    const found = await findToken(snapshot, kind, token, world.clock());
    const { data, success } = ProviderData.safeParse(found?.data);
    if (!success) return undefined;
    const provider = world.config.identity.oidc[data.provider];
    if (provider?.signOutThere !== true) return undefined;
    return { provider, ...(await openProviderSecrets(world, snapshot, data)) };
  });
  if (vouched === undefined) return null;
  return (await signOutAddress(world, vouched.provider, vouched.idToken, backTo)) ?? null;
}
