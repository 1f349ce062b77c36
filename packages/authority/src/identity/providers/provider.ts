/** What is said between us and an identity provider: the authorization code flow of OpenID Connect with PKCE, state and nonce. */
import {
  AuthorizationResponseError,
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  buildEndSessionUrl,
  ClientError,
  ClientSecretBasic,
  ClientSecretPost,
  Configuration,
  calculatePKCECodeChallenge,
  clockSkew,
  clockTolerance,
  discovery,
  enableNonRepudiationChecks,
  fetchUserInfo,
  None,
  ResponseBodyError,
  refreshTokenGrant,
  type ServerMetadata,
} from 'openid-client';
import { readSecret } from '../../config.ts';
import { AuthorityError } from '../../errors.ts';
import type { World } from '../../world.ts';
import { type Identity, isIncomplete, readIdentity } from './claims.ts';
import type { OidcProvider } from './provider-config.ts';

type Asking = Pick<World, 'config' | 'clock' | 'log'>;

/** What only the browser that began a sign-in can bring back, and what only we know of it. */
export interface Attempt {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
  readonly redirectUri: string;
}

export interface Answer {
  readonly identity: Identity;
  readonly idToken: string;
  readonly refreshToken: string | undefined;
}

/** Where the browser goes to sign in. @throws AuthorityError `unavailable` */
export async function signInAddress(
  world: Asking,
  provider: OidcProvider,
  attempt: Attempt,
  acr: readonly string[],
): Promise<string> {
  return asking(world, provider, async () => {
    const url = buildAuthorizationUrl(await configurationOf(world, provider), {
      redirect_uri: attempt.redirectUri,
      scope: provider.scopes.join(' '),
      state: attempt.state,
      nonce: attempt.nonce,
      code_challenge: await calculatePKCECodeChallenge(attempt.verifier),
      code_challenge_method: 'S256',
      ...(acr.length > 0 && { acr_values: acr.join(' ') }),
    });
    return url.href;
  });
}

/**
 * Exchanges what the provider's answer carries, once everything in it has been checked: state, issuer (RFC 9207), and the ID token's
 * signature, issuer, audience, times and nonce.
 * @param query of the address to which the provider sent the browser back
 * @throws AuthorityError `wrong-credentials`, `unavailable`
 */
export async function exchangeAnswer(
  world: Asking,
  provider: OidcProvider,
  attempt: Attempt,
  query: string,
): Promise<Answer> {
  return asking(world, provider, async () => {
    const url = new URL(attempt.redirectUri);
    url.search = query;
    const configuration = await configurationOf(world, provider);
    const tokens = await authorizationCodeGrant(configuration, url, {
      pkceCodeVerifier: attempt.verifier,
      expectedState: attempt.state,
      expectedNonce: attempt.nonce,
      idTokenExpected: true,
    });
    const claims = tokens.claims();
    if (claims === undefined || tokens.id_token === undefined) throw new Error('no ID token');
    const identity = await complete(configuration, provider, claims, tokens.access_token);
    return { identity, idToken: tokens.id_token, refreshToken: tokens.refresh_token };
  });
}

/**
 * What the provider says of somebody now.
 * @param before who signed in
 * @throws AuthorityError `wrong-credentials` where it knows them no more, `unavailable`
 */
export async function askAgain(
  world: Asking,
  provider: OidcProvider,
  refreshToken: string,
  before: { readonly issuer: string; readonly subject: string },
): Promise<Pick<Answer, 'identity' | 'refreshToken'>> {
  return asking(world, provider, async () => {
    const configuration = await configurationOf(world, provider);
    const tokens = await refreshTokenGrant(configuration, refreshToken);
    // OpenID Connect Core 12.2: an ID token may be left out, and is the same person's where there is one.
    const claims = tokens.claims() ?? { iss: before.issuer, sub: before.subject };
    if (claims.iss !== before.issuer || claims.sub !== before.subject) throw new Error('another subject');
    const identity = await complete(configuration, provider, claims, tokens.access_token);
    return { identity, refreshToken: tokens.refresh_token };
  });
}

/** Where the browser goes to sign out at the provider too; undefined where it offers that nowhere, or does not answer. */
export async function signOutAddress(
  world: Asking,
  provider: OidcProvider,
  idToken: string,
  backTo: string,
): Promise<string | undefined> {
  try {
    const configuration = await configurationOf(world, provider);
    if (configuration.serverMetadata().end_session_endpoint === undefined) return undefined;
    return buildEndSessionUrl(configuration, { id_token_hint: idToken, post_logout_redirect_uri: backTo }).href;
  } catch (error) {
    world.log.warn('provider.silent', { issuer: provider.issuer, reason: reasonOf(error) });
    return undefined;
  }
}

/** Minutes that what a provider says of itself is believed. Its keys are fetched anew for every sign-in, so that they may rotate. */
const METADATA_MS = 10 * 60_000;

const known = new WeakMap<OidcProvider, { readonly metadata: ServerMetadata; readonly until: number }>();

async function metadataOf(provider: OidcProvider): Promise<ServerMetadata> {
  const kept = known.get(provider);
  if (kept !== undefined && kept.until > Date.now()) return kept.metadata;
  const found = await discovery(new URL(provider.issuer), provider.clientId, undefined, None(), {
    timeout: provider.timeoutSeconds,
    execute: isPlain(provider) ? [allowInsecureRequests] : [],
  });
  const metadata = { ...found.serverMetadata() };
  known.set(provider, { metadata, until: Date.now() + METADATA_MS });
  return metadata;
}

async function configurationOf(world: Asking, provider: OidcProvider): Promise<Configuration> {
  const metadata = await metadataOf(provider);
  const configuration = new Configuration(
    metadata,
    provider.clientId,
    {
      [clockTolerance]: provider.clockToleranceSeconds,
      // By the office's clock.
      [clockSkew]: Math.round((world.clock().getTime() - Date.now()) / 1000),
    },
    authenticationOf(world, provider, metadata),
  );
  configuration.timeout = provider.timeoutSeconds;
  // Without this a token that comes straight from the provider is believed unsigned (OpenID Connect Core 3.1.3.7, 6).
  enableNonRepudiationChecks(configuration);
  if (isPlain(provider)) allowInsecureRequests(configuration);
  return configuration;
}

function authenticationOf(world: Asking, provider: OidcProvider, metadata: ServerMetadata) {
  if (provider.clientSecret === undefined) return None();
  const secret = readSecret(provider.clientSecret, world.config.home);
  const methods = metadata.token_endpoint_auth_methods_supported ?? ['client_secret_basic'];
  return methods.includes('client_secret_basic') ? ClientSecretBasic(secret) : ClientSecretPost(secret);
}

async function complete(
  configuration: Configuration,
  provider: OidcProvider,
  claims: Readonly<Record<string, unknown>> & { readonly sub: string },
  accessToken: string,
): Promise<Identity> {
  const offered = configuration.serverMetadata().userinfo_endpoint !== undefined;
  const userinfo =
    offered && isIncomplete(provider, claims) ? await fetchUserInfo(configuration, accessToken, claims.sub) : {};
  return readIdentity(provider, claims, userinfo);
}

function isPlain(provider: OidcProvider): boolean {
  return provider.issuer.startsWith('http:');
}

/** Runs it, and says in a person's words what went wrong. What exactly that was is in the log, for an administrator. */
async function asking<T>(world: Asking, provider: OidcProvider, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof AuthorityError) throw error;
    const reason = reasonOf(error);
    world.log.warn('provider.refused', { issuer: provider.issuer, reason });
    throw explain(provider.title, error, reason);
  }
}

function explain(title: string, cause: unknown, reason: string): AuthorityError {
  const said = cause instanceof AuthorizationResponseError || cause instanceof ResponseBodyError ? cause.error : '';
  if (said === 'access_denied') {
    return new AuthorityError(
      'wrong-credentials',
      `${title} did not let you in, or you said no there. Nobody was signed in. Begin again, or ask those who run ${title}.`,
      { cause },
    );
  }
  if (said === 'invalid_grant') {
    return new AuthorityError(
      'wrong-credentials',
      `${title} does not know this sign-in any more: it was used already, or took too long. Nobody was signed in. Begin again.`,
      { cause },
    );
  }
  if (said === 'invalid_client' || said === 'unauthorized_client') {
    return new AuthorityError(
      'unavailable',
      `${title} does not accept this office as its client. Nobody was signed in. An administrator checks clientId and clientSecret of the configuration.`,
      { cause },
    );
  }
  if (isSilent(cause) || said === 'server_error' || said === 'temporarily_unavailable') {
    return new AuthorityError(
      'unavailable',
      `${title} does not answer as it should. Nobody was signed in. Try again in a minute, or sign in another way.`,
      { cause },
    );
  }
  return new AuthorityError(
    'wrong-credentials',
    `What came back from ${title} is no sign-in for this office (${reason}). Nobody was signed in. Begin again; if it happens again, tell an administrator.`,
    { cause },
  );
}

/** Nobody there, an answer that is none, or one that takes too long. */
function isSilent(error: unknown): boolean {
  const silent = ['OAUTH_TIMEOUT', 'OAUTH_ABORT', 'OAUTH_RESPONSE_IS_NOT_CONFORM', 'OAUTH_RESPONSE_IS_NOT_JSON'];
  if (error instanceof ClientError) return error.code !== undefined && silent.includes(error.code);
  return error instanceof TypeError && error.message === 'fetch failed';
}

/** One line that quotes nothing of what came: that may hold anything. */
function reasonOf(error: unknown): string {
  if (error instanceof AuthorizationResponseError || error instanceof ResponseBodyError) {
    return /^[a-z_]{1,60}$/.test(error.error) ? error.error : 'an error without a name';
  }
  if (!(error instanceof Error)) return 'unknown';
  const { cause } = error;
  const inner = cause instanceof Error && cause.message !== error.message ? `: ${cause.message}` : '';
  return `${error.message}${inner}`;
}
