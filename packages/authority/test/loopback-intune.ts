/** Microsoft's sign-in, Graph and Intune, in the shapes that they are documented in, on loopback. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

export interface Call {
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: unknown;
}

export class LoopbackIntune {
  readonly calls: Call[] = [];
  /** What is said of the next requests. */
  code = 'Success';
  revocations: { requestContext: string; serialNumber: string }[] = [];
  /** How the next calls of Intune's own services end, in their order. */
  readonly mishaps: ('throttled' | 'expired' | 'gone')[] = [];
  #tokens = 0;
  readonly #server: Server = createServer((request, response) => void this.#answer(request, response));

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return this.url;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** Bodies of the calls to that path. */
  bodies(path: string): unknown[] {
    return this.calls.filter((call) => call.path.endsWith(path)).map(({ body }) => body);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? '';
    const sent = await text(request);
    const isForm = request.headers['content-type']?.startsWith('application/x-www-form-urlencoded') === true;
    const body = isForm ? Object.fromEntries(new URLSearchParams(sent)) : sent === '' ? undefined : JSON.parse(sent);
    this.calls.push({ path, headers: request.headers, body });
    const say = (status: number, answer: unknown, headers: Record<string, string> = {}) =>
      response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(answer));
    if (path.endsWith('/oauth2/v2.0/token'))
      return void say(200, { token_type: 'Bearer', expires_in: 3599, access_token: `token-${++this.#tokens}` });
    if (path.endsWith('/endpoints'))
      return void say(200, {
        value: [
          { providerName: 'ScepRequestValidationFEService', uri: `${this.url}/TrafficGateway/Scep` },
          { providerName: 'PkiConnectorFEService', uri: `${this.url}/TrafficGateway/Pki/` },
          { providerName: 'SomethingElse', uri: `${this.url}/else` },
        ],
      });
    switch (this.mishaps.shift()) {
      case 'throttled':
        return void say(429, { error: { code: 'TooManyRequests' } }, { 'retry-after': '120' });
      case 'expired':
        return void say(401, { error: { code: 'InvalidAuthenticationToken' } });
      case 'gone':
        return void request.socket.destroy();
      case undefined:
        break;
    }
    if (path.includes('/ScepActions/')) return void say(200, { code: this.code, errorDescription: `${this.code}.` });
    if (path.endsWith('/downloadRevocationRequests')) return void say(200, { value: this.revocations });
    if (path.endsWith('/uploadRevocationResults')) return void say(200, { value: true });
    say(404, {});
  }
}
