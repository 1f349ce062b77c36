/** An honest identity provider on loopback: oidc-provider, with a form that asks for no more than a name. */
import { generateKeyPairSync } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Provider } from 'oidc-provider';

interface Member {
  readonly name: string;
  readonly email: string;
  readonly email_verified: boolean;
  readonly groups: readonly string[];
}

export interface IdentityProvider {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** By the name that one types. Changes are seen when the provider is asked next. */
  readonly members: Map<string, Member>;
  /** Begins to serve; the addresses that it may send browsers back to. */
  serve(redirectUris: readonly string[], afterSignOut: readonly string[]): void;
  stop(): Promise<void>;
}

export async function identityProvider(): Promise<IdentityProvider> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const members = new Map<string, Member>();
  const clientId = 'chancery';
  const clientSecret = 'known to two alone';
  return {
    issuer,
    clientId,
    clientSecret,
    members,
    serve(redirectUris, afterSignOut) {
      const provider = new Provider(issuer, {
        clients: [
          {
            client_id: clientId,
            client_secret: clientSecret,
            redirect_uris: [...redirectUris],
            post_logout_redirect_uris: [...afterSignOut],
            grant_types: ['authorization_code', 'refresh_token'],
            response_types: ['code'],
            id_token_signed_response_alg: 'ES256',
          },
        ],
        jwks: { keys: [signingKey()] },
        ttl: { AccessToken: 3600, Grant: 3600, IdToken: 3600, Interaction: 600, RefreshToken: 3600, Session: 3600 },
        findAccount: (_context, id) => {
          const member = members.get(id);
          return member && { accountId: id, claims: async () => ({ sub: id, ...member, groups: [...member.groups] }) };
        },
        claims: { openid: ['sub', 'groups', 'amr'], email: ['email', 'email_verified'], profile: ['name'] },
        features: { devInteractions: { enabled: false } },
        interactions: { url: (_context, interaction) => `/interaction/${interaction.uid}` },
        issueRefreshToken: async () => true,
        cookies: { keys: ['of a test'] },
        // Nobody is asked whether the office may know who they are: it is their own organisation's.
        async loadExistingGrant(context) {
          const { client, session } = context.oidc;
          const known = session?.grantIdFor(client?.clientId ?? '');
          if (known !== undefined) return provider.Grant.find(known);
          const grant = new provider.Grant({ clientId, accountId: session?.accountId ?? '' });
          grant.addOIDCScope('openid profile email offline_access');
          await grant.save();
          return grant;
        },
      });
      const answer = provider.callback();
      server.on('request', (request, response) => {
        const form = /^\/interaction\//.test(request.url ?? '');
        void (form ? interact(provider, request, response) : answer(request, response));
      });
    },
    stop: () => closed(server),
  };
}

function signingKey() {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { ...privateKey.export({ format: 'jwk' }), kid: 'of-today', use: 'sig', alg: 'ES256' };
}

/** The page on which one signs in. Who signs in as `NAME weakly` did so without a second factor. */
async function interact(provider: Provider, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method !== 'POST') {
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(
      `<!doctype html><html lang="en"><title>Example Directory</title><h1>Example Directory</h1>
       <form method="post"><label>Name <input name="login" autofocus></label> <button>Continue</button></form></html>`,
    );
    return;
  }
  let body = '';
  for await (const chunk of request) body += String(chunk);
  const [accountId = '', weakly] = (new URLSearchParams(body).get('login') ?? '').split(' ');
  const amr = weakly === undefined ? ['pwd', 'mfa'] : ['pwd'];
  await provider.interactionFinished(request, response, { login: { accountId, amr } });
}

async function closed(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}
