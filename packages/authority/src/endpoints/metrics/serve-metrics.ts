/** `/metrics` on a listener of its own: figures of an office are nobody's business who can reach its certificates. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';
import { type MetricsConfig, readSecret } from '../../config.ts';
import { explainListenError } from '../../listen-address.ts';

export interface RunningMetrics {
  readonly port: number;
  stop(): Promise<void>;
}

/** @throws StartError where the port cannot be had, ConfigError for a token that is not there */
export async function serveMetrics(
  { host, port, token }: MetricsConfig,
  home: string,
  figures: { readonly contentType: string; text(): Promise<string> },
): Promise<RunningMetrics> {
  const expected = token === undefined ? undefined : digestOf(readSecret(token, home));
  const server = createServer({ requestTimeout: 10_000, maxHeaderSize: 8_192 }, (request, reply) => {
    const answer = (status: number, body: string, headers: Record<string, string> = {}) => {
      reply.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store', ...headers });
      reply.end(request.method === 'HEAD' ? undefined : body);
    };
    if (request.method !== 'GET' && request.method !== 'HEAD') return answer(405, 'GET\n', { allow: 'GET, HEAD' });
    if (new URL(request.url ?? '/', 'http://metrics').pathname !== '/metrics') return answer(404, '/metrics\n');
    if (expected !== undefined && !isBearer(request.headers.authorization, expected)) {
      return answer(401, 'A bearer token is needed.\n', { 'www-authenticate': 'Bearer' });
    }
    figures.text().then(
      (body) => answer(200, body, { 'content-type': figures.contentType }),
      () => answer(500, 'The figures could not be read.\n'),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(explainListenError(error, host, port, 'authority.toml, [metrics]')));
    server.listen(port, host, () => resolve());
  });
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function isBearer(header: string | undefined, expected: Buffer): boolean {
  const given = /^Bearer (\S{1,1000})$/i.exec(header ?? '')?.[1];
  return given !== undefined && timingSafeEqual(digestOf(given), expected);
}

const digestOf = (text: string): Buffer => createHash('sha256').update(text).digest();
