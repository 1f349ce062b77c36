/** What a session keeps of the provider that vouched for it: sealed, to ask it again and to sign out there. */
import { z } from 'zod';
import type { Snapshot, Transaction } from '../../store/database.ts';
import type { World } from '../../world.ts';
import { openSecret, sealSecret } from '../sealing.ts';
import type { OidcProvider } from './provider-config.ts';

/** In `tokens.data`. */
export const ProviderData = z.object({
  provider: z.string(),
  issuer: z.string(),
  subject: z.string(),
  /** Base64url. */
  sealed: z.string(),
  /** When the provider is asked again. */
  checkAt: z.iso.datetime().optional(),
});
export type ProviderData = z.output<typeof ProviderData>;

const Secrets = z.strictObject({ idToken: z.string(), refreshToken: z.string().optional() });

interface Vouched {
  readonly identity: { readonly issuer: string; readonly subject: string };
  readonly idToken: string;
}

/** Of an operator whose provider cannot be asked again without them: an hour, then they sign in anew. */
export async function shortSession(snapshot: Snapshot, world: World, provider: string, { identity, idToken }: Vouched) {
  const { issuer, subject } = identity;
  const data: ProviderData = { provider, issuer, subject, sealed: await seal(world, snapshot, { idToken }) };
  return { data, lifetimeMs: SHORT_MS };
}

/** Of one whose provider is asked again and again: as long as any other. */
export async function longSession(
  snapshot: Snapshot,
  world: World,
  provider: string,
  { recheckMinutes }: Pick<OidcProvider, 'recheckMinutes'>,
  { identity, idToken, refreshToken }: Vouched & { readonly refreshToken: string },
) {
  const { issuer, subject } = identity;
  const checkAt = new Date(world.clock().getTime() + recheckMinutes * 60_000).toISOString();
  const data: ProviderData = {
    provider,
    issuer,
    subject,
    sealed: await seal(world, snapshot, { idToken, refreshToken }),
    checkAt,
  };
  return { data };
}

export async function openProviderSecrets(world: World, snapshot: Snapshot, { sealed }: Pick<ProviderData, 'sealed'>) {
  const octets = await openSecret(world, snapshot, PURPOSE, Buffer.from(sealed, 'base64url'));
  return Secrets.parse(JSON.parse(Buffer.from(octets).toString()));
}

const PURPOSE = 'chancery:provider-session';
const SHORT_MS = 60 * 60_000;

async function seal(world: World, snapshot: Snapshot | Transaction, secrets: z.input<typeof Secrets>): Promise<string> {
  const octets = Buffer.from(JSON.stringify(secrets));
  return Buffer.from(await sealSecret(world, snapshot, PURPOSE, octets)).toString('base64url');
}
