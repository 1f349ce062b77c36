/**
 * A sign-in that was begun: what the browser keeps in a cookie until the provider sends it back, sealed for nobody but us. Nothing is
 * stored here: whoever begins a million of them fills no table.
 */
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { AuthorityError } from '../../errors.ts';
import type { World } from '../../world.ts';
import { openSecret, sealSecret } from '../sealing.ts';
import type { Attempt } from './provider.ts';

const Flow = z.strictObject({
  provider: z.string(),
  as: z.enum(['operator', 'person']),
  state: z.string(),
  nonce: z.string(),
  verifier: z.string(),
  redirectUri: z.string(),
  /** A path of the console, to which one goes on. */
  back: z.string(),
  /** Milliseconds. */
  expires: z.number(),
});
export type Flow = z.output<typeof Flow>;

/** @param origin of the page that begins it, checked to be ours */
export function newFlow(
  world: Pick<World, 'clock'>,
  begun: { readonly provider: string; readonly as: Flow['as']; readonly back: string; readonly origin: string },
): Flow {
  const { provider, as, back, origin } = begun;
  const random = () => randomBytes(32).toString('base64url');
  return {
    provider,
    as,
    state: random(),
    nonce: random(),
    verifier: random(),
    // A provider of its own address: what one provider answers is no answer of another.
    redirectUri: `${origin}/sign-in/with/${provider}`,
    back: isOwnPath(back) ? back : '/',
    expires: world.clock().getTime() + FLOW_MS,
  };
}

export function attemptOf({ state, nonce, verifier, redirectUri }: Flow): Attempt {
  return { state, nonce, verifier, redirectUri };
}

export async function sealFlow(world: World, flow: Flow): Promise<{ sealed: string; expiresAt: Date }> {
  const octets = Buffer.from(JSON.stringify(flow));
  const sealed = await world.database.snapshot((snapshot) => sealSecret(world, snapshot, PURPOSE, octets));
  return { sealed: Buffer.from(sealed).toString('base64url'), expiresAt: new Date(flow.expires) };
}

/**
 * The flow that this browser began with that provider.
 * @throws AuthorityError `wrong-credentials` where there is none, or it is over
 */
export async function openFlow(world: World, sealed: string | undefined, provider: string): Promise<Flow> {
  const flow = sealed === undefined ? undefined : await opened(world, sealed);
  if (flow === undefined || flow.provider !== provider || flow.expires <= world.clock().getTime()) {
    throw new AuthorityError(
      'wrong-credentials',
      'This sign-in was not begun in this browser, or took longer than ten minutes. Nobody was signed in. Begin again.',
    );
  }
  return flow;
}

/** Long enough to find one's phone. */
const FLOW_MS = 10 * 60_000;
const PURPOSE = 'chancery:provider-flow';

/** A path of this office and of no other: no scheme, no host, no second slash, no backslash. */
function isOwnPath(back: string): boolean {
  return /^\/(?![/\\])[\x21-\x5b\x5d-\x7e]*$/.test(back);
}

async function opened(world: World, sealed: string): Promise<Flow | undefined> {
  try {
    const octets = await world.database.snapshot((snapshot) =>
      openSecret(world, snapshot, PURPOSE, Buffer.from(sealed, 'base64url')),
    );
    return Flow.parse(JSON.parse(Buffer.from(octets).toString()));
  } catch (error) {
    if (error instanceof AuthorityError) throw error;
    return undefined;
  }
}
