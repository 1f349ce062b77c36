/** Who is calling, and from which page. */
import { timingSafeEqual } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { publicUrlOf, readSecret } from '../../config.ts';
import { AuthorityError } from '../../errors.ts';
import { principalOfToken } from '../../identity/authenticate.ts';
import { personOfToken } from '../../identity/person-sessions.ts';
import type { Principal } from '../../principal.ts';
import { hashToken, sameSecret } from '../../store/tokens.ts';
import type { World } from '../../world.ts';

export const SESSION_COOKIE = 'chancery_session';
/** Of an employee. It goes to the routes of their own page and to no others. */
export const PERSON_COOKIE = 'chancery_person';
/** Of a browser that is away at an identity provider. */
export const FLOW_COOKIE = 'chancery_sign_in';

const local: Principal = { kind: 'local', id: 'local', name: "the office's own machine" };

/**
 * The principal of a bearer token or session cookie.
 * @throws AuthorityError `unauthenticated`
 */
export async function authenticate(
  world: World,
  localTokenHash: Buffer,
  request: FastifyRequest,
): Promise<{ by: Principal; token: string }> {
  const token = bearerOf(request) ?? request.cookies[SESSION_COOKIE];
  if (token !== undefined && token.length >= 20 && token.length <= 200) {
    if (timingSafeEqual(hashToken(token), localTokenHash)) return { by: local, token };
    const by = await principalOfToken(world, token);
    if (by !== undefined) return { by, token };
    const manager = managerOfToken(world, token);
    if (manager !== undefined) return { by: manager, token };
  }
  throw new AuthorityError(
    'unauthenticated',
    token === undefined
      ? 'Sign in first. Nothing was changed.'
      : 'This session has ended, or the token is not known here. Nothing was changed. Sign in again.',
  );
}

/** A program that manages devices, by the token in the configuration. */
function managerOfToken({ config }: World, token: string): Principal | undefined {
  const names = Object.entries(config.enrolment.manager);
  const found = names.find(([, { token: reference }]) => sameSecret(token, readSecret(reference, config.home)));
  return found && { kind: 'manager', id: found[0], name: `device manager ${found[0]}` };
}

/**
 * The person whose session this is. An operator's token is none here, as a person's is none there.
 * @throws AuthorityError `unauthenticated`
 */
export async function authenticatePerson(
  world: World,
  request: FastifyRequest,
): Promise<{ by: Principal; token: string; sessionEndsAt: Date }> {
  const token = bearerOf(request) ?? request.cookies[PERSON_COOKIE];
  const found = token === undefined || token.length > 200 ? undefined : await personOfToken(world, token);
  if (token !== undefined && found !== undefined) return { by: found.person, token, sessionEndsAt: found.expiresAt };
  throw new AuthorityError(
    'unauthenticated',
    token === undefined
      ? 'Sign in first. Nothing was changed.'
      : 'You are signed out. Nothing was changed. Sign in again.',
  );
}

/**
 * The origin of the page that asks. A page of somebody else must not write with the visitor's cookie, so a write that
 * comes with a cookie has to say that it comes from us.
 * @throws AuthorityError `forbidden`
 */
export function checkedOrigin(world: World, request: FastifyRequest): string {
  const own = publicUrlOf(world.config);
  const { origin } = request.headers;
  const reads = request.method === 'GET' || request.method === 'HEAD';
  if (origin !== undefined && isOurs(world, origin, request.headers.host)) return origin;
  const { cookies } = request;
  const byCookie =
    bearerOf(request) === undefined && (cookies[SESSION_COOKIE] !== undefined || cookies[PERSON_COOKIE] !== undefined);
  if (!reads && (byCookie || (origin !== undefined && bearerOf(request) === undefined))) {
    throw new AuthorityError(
      'forbidden',
      `This request does not come from a page of this office. Nothing was changed. Open ${own}, or set server.publicUrl to the address that you use.`,
    );
  }
  return new URL(own).origin;
}

function bearerOf(request: FastifyRequest): string | undefined {
  return /^Bearer ([\w-]+)$/i.exec(request.headers.authorization ?? '')?.[1];
}

function isOurs(world: World, origin: string, hostHeader: string | undefined): boolean {
  const { host, port, publicUrl } = world.config.server;
  if (publicUrl !== undefined && origin === new URL(publicUrl).origin) return true;
  const names = new Set(['localhost', '127.0.0.1', '[::1]', host.includes(':') ? `[${host}]` : host]);
  for (const name of names) if (origin === new URL(`http://${name}:${port}`).origin) return true;
  // Listening everywhere without a name of its own, the office goes by whatever name it is called.
  const everywhere = host === '0.0.0.0' || host === '::';
  return publicUrl === undefined && everywhere && URL.canParse(origin) && new URL(origin).host === hostHeader;
}
