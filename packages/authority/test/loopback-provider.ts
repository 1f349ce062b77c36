/** An identity provider on loopback that answers what a test tells it to, rightly or wrongly: for what an honest one never does. */
import { createHash, createHmac, generateKeyPairSync, type KeyObject, randomUUID, sign } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

const CLIENT = { id: 'chancery', secret: 'a secret of two' };

interface SigningKey {
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

/** What is wrong with a token. */
export interface Forgery {
  /** Stands in the place of the right claim. */
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly alg?: 'none' | 'HS256';
  /** Signed with a key that is not published. */
  readonly otherKey?: boolean;
}

interface Granted {
  readonly claims: Readonly<Record<string, unknown>>;
  readonly nonce: string;
  readonly challenge: string;
  readonly redirectUri: string;
  readonly forgery: Forgery;
}

export class LoopbackProvider {
  /** Answers every request with 503. */
  down = false;
  /** Claims of the userinfo endpoint; with none it is not offered. */
  userinfo: Readonly<Record<string, unknown>> | undefined;
  /** Whether it gives refresh tokens, and what it says when it is asked again; null: it knows the person no more. */
  again: Readonly<Record<string, unknown>> | null | undefined;
  /** `iss` in its answers (RFC 9207). */
  saysIssuer = false;
  readonly issuer: string;
  readonly #server: Server;
  #key: SigningKey = newKey();
  readonly #granted = new Map<string, Granted>();

  private constructor(server: Server) {
    this.#server = server;
    this.issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  static async start(): Promise<LoopbackProvider> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const provider = new LoopbackProvider(server);
    server.on('request', (request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        const url = new URL(request.url ?? '/', provider.issuer);
        const { status, json } = provider.#answer(url.pathname, body, request.headers.authorization ?? '');
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(json));
      });
    });
    return provider;
  }

  /** For `authority.toml`, without its table's heading. */
  get toml(): string {
    process.env.LOOPBACK_CLIENT_SECRET = CLIENT.secret;
    return `issuer = "${this.issuer}"\nclientId = "${CLIENT.id}"\nclientSecret = { env = "LOOPBACK_CLIENT_SECRET" }\n`;
  }

  /** As if somebody had signed in there: the query with which their browser is sent back. */
  signIn(address: string, claims: Readonly<Record<string, unknown>>, forgery: Forgery = {}): string {
    const asked = new URL(address).searchParams;
    const code = randomUUID();
    this.#granted.set(code, {
      claims,
      nonce: asked.get('nonce') ?? '',
      challenge: asked.get('code_challenge') ?? '',
      redirectUri: asked.get('redirect_uri') ?? '',
      forgery,
    });
    const answer = new URLSearchParams({ code, state: asked.get('state') ?? '' });
    if (this.saysIssuer) answer.set('iss', this.issuer);
    return answer.toString();
  }

  rotateKey(): void {
    this.#key = newKey();
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #answer(pathname: string, body: string, authorization: string): { status: number; json: unknown } {
    if (this.down) return { status: 503, json: {} };
    if (pathname === '/.well-known/openid-configuration') return { status: 200, json: this.#metadata() };
    if (pathname === '/jwks') return { status: 200, json: { keys: [publicJwk(this.#key)] } };
    if (pathname === '/userinfo') return { status: 200, json: this.userinfo };
    if (pathname === '/token') return this.#tokens(new URLSearchParams(body), authorization);
    return { status: 404, json: {} };
  }

  #metadata() {
    const at = (path: string) => `${this.issuer}${path}`;
    return {
      issuer: this.issuer,
      authorization_endpoint: at('/authorize'),
      token_endpoint: at('/token'),
      jwks_uri: at('/jwks'),
      end_session_endpoint: at('/out'),
      ...(this.userinfo && { userinfo_endpoint: at('/userinfo') }),
      authorization_response_iss_parameter_supported: this.saysIssuer,
      // It offers what must never be taken.
      id_token_signing_alg_values_supported: ['ES256', 'none', 'HS256'],
      response_types_supported: ['code'],
      subject_types_supported: ['public'],
    };
  }

  #tokens(form: URLSearchParams, authorization: string): { status: number; json: unknown } {
    const basic = Buffer.from(authorization.replace(/^Basic /, ''), 'base64').toString();
    const [id, secret] = basic.split(':').map((part) => decodeURIComponent(part.replaceAll('+', ' ')));
    if (id !== CLIENT.id || secret !== CLIENT.secret) return { status: 401, json: { error: 'invalid_client' } };
    const again = form.get('grant_type') === 'refresh_token';
    const granted = again ? this.#refreshed() : this.#take(form);
    if (granted === undefined) return { status: 400, json: { error: 'invalid_grant' } };
    return {
      status: 200,
      json: {
        access_token: randomUUID(),
        token_type: 'Bearer',
        id_token: this.#idToken(granted),
        ...(this.again !== undefined && { refresh_token: randomUUID() }),
      },
    };
  }

  /** A code is good once, for who has the verifier. */
  #take(form: URLSearchParams): Granted | undefined {
    const code = form.get('code') ?? '';
    const granted = this.#granted.get(code);
    this.#granted.delete(code);
    const challenge = createHash('sha256')
      .update(form.get('code_verifier') ?? '')
      .digest('base64url');
    return granted?.challenge === challenge && granted.redirectUri === form.get('redirect_uri') ? granted : undefined;
  }

  #refreshed(): Granted | undefined {
    const claims = this.again ?? undefined;
    return claims && { claims, nonce: '', challenge: '', redirectUri: '', forgery: {} };
  }

  #idToken({ claims, nonce, forgery }: Granted): string {
    const now = Math.floor(Date.now() / 1000);
    const payload = {
      iss: this.issuer,
      aud: CLIENT.id,
      iat: now,
      exp: now + 3600 * 24 * 7,
      ...(nonce !== '' && { nonce }),
      ...claims,
      ...forgery.claims,
    };
    const key = forgery.otherKey === true ? { ...newKey(), kid: this.#key.kid } : this.#key;
    const header = { alg: forgery.alg ?? 'ES256', ...(forgery.alg === undefined && { kid: key.kid }) };
    const text = [header, payload].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
    return `${text}.${signatureOf(text, forgery.alg ?? 'ES256', key)}`;
  }
}

function signatureOf(text: string, alg: string, { privateKey }: SigningKey): string {
  if (alg === 'none') return '';
  if (alg === 'HS256') return createHmac('sha256', CLIENT.secret).update(text).digest('base64url');
  return sign('sha256', Buffer.from(text), { key: privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url');
}

function newKey(): SigningKey {
  return { kid: randomUUID(), ...generateKeyPairSync('ec', { namedCurve: 'P-256' }) };
}

function publicJwk({ kid, publicKey }: SigningKey) {
  return { ...publicKey.export({ format: 'jwk' }), kid, use: 'sig', alg: 'ES256' };
}
