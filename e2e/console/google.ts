/** What a browser meets of Google when its owner hands keys to Gmail, in Google's documented shapes, on loopback. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

interface Handed {
  readonly address: string;
  /** PKCS#12, base64. */
  readonly pkcs12: string;
  readonly encryptedKeyPassword: string;
}

const TOKEN = 'ya29.a0-consent-of-this-test';
const SMIME = /^\/gmail\/v1\/users\/me\/settings\/sendAs\/([^/]+)\/smimeInfo(?:\/(\w+)\/setDefault)?$/;

export class Google {
  /** Keys that came, oldest first. */
  readonly handed: Handed[] = [];
  /** Which of them mail is encrypted with. */
  preferred: string | undefined;
  readonly #server = createServer((request, response) => void this.#answer(request, response));

  static async serve(): Promise<Google> {
    const google = new Google();
    google.#server.listen(0, '127.0.0.1');
    await once(google.#server, 'listening');
    return google;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** For `authority.toml`. */
  get toml(): string {
    return `[devices.gmail]\nclientId = "office.apps.example"\nauthorizationUrl = "${this.url}/o/oauth2/v2/auth"\napiUrl = "${this.url}"\n`;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '', this.url);
    if (url.pathname === '/o/oauth2/v2/auth') return consent(url, response);
    response.setHeader('access-control-allow-origin', request.headers.origin ?? '*');
    response.setHeader('access-control-allow-headers', 'authorization,content-type');
    if (request.method === 'OPTIONS') return void response.writeHead(204).end();
    const [, address = '', id] = SMIME.exec(url.pathname) ?? [];
    if (request.headers.authorization !== `Bearer ${TOKEN}`) return json(response, 401, { error: { code: 401 } });
    if (address === '') return json(response, 404, { error: { code: 404, message: 'Not Found' } });
    if (id !== undefined) {
      this.preferred = id;
      return void response.writeHead(204).end();
    }
    if (request.method === 'GET') return json(response, 200, {});
    let body = '';
    for await (const piece of request) body += piece;
    this.handed.push({ address: decodeURIComponent(address), ...(JSON.parse(body) as Omit<Handed, 'address'>) });
    json(response, 200, { id: `key${this.handed.length}` });
  }
}

function consent({ searchParams: asked }: URL, response: ServerResponse): void {
  const back = new URL(asked.get('redirect_uri') ?? '');
  back.hash = new URLSearchParams({
    state: asked.get('state') ?? '',
    access_token: TOKEN,
    token_type: 'Bearer',
    expires_in: '3599',
    scope: asked.get('scope') ?? '',
  }).toString();
  response
    .setHeader('content-type', 'text/html')
    .end(`<h1>${asked.get('login_hint')}</h1><a href="${back.href.replaceAll('&', '&amp;')}">Allow</a>`);
}

function json(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
