/** Gmail's side as Google documents it, on loopback: what it is asked octet for octet, what it holds, and its bad days. */
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { InWords } from '../problem.ts';
import { bare, Gmail } from './gmail.ts';

const held = new X509Certificate(readFileSync(new URL('../../test/vectors/openssl-leaf.der', import.meta.url)));

interface Asked {
  readonly line: string;
  readonly authorization: string | undefined;
  readonly body: unknown;
}

let server: Server;
let url: string;
let asked: Asked[];
let waits: number[];
/** What comes next, before anything is done. */
let trouble: [status: number, headers?: Record<string, string>, body?: object][];

beforeEach(async () => {
  [asked, waits, trouble] = [[], [], []];
  server = createServer(async (request, response) => {
    const body = await read(request);
    asked.push({
      line: `${request.method} ${request.url}`,
      authorization: request.headers.authorization,
      body: body === '' ? null : JSON.parse(body),
    });
    const [status, headers = {}, refusal] = trouble.shift() ?? [200];
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    if (status !== 200) return response.end(JSON.stringify(refusal ?? {}));
    if (request.url?.endsWith('/setDefault')) return response.end('{}');
    if (request.method === 'POST') return response.end(JSON.stringify({ id: 'ANe1Bmj', isDefault: false }));
    response.end(JSON.stringify({ smimeInfo: [{ id: 'ANe1Bmi', isDefault: true, pem: held.toString() }] }));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(() => void server.close());

const gmail = () =>
  new Gmail(url, 'dora+mail@example.com', 'ya29.consent', async (ms) => {
    waits.push(ms);
  });
const BELOW = '/gmail/v1/users/me/settings/sendAs/dora%2Bmail%40example.com/smimeInfo';

it('is asked what Google documents, and nothing besides', async () => {
  expect(await gmail().holds()).toEqual(new Map([[bare(held.serialNumber), 'ANe1Bmi']]));
  const id = await gmail().hand('MIIB', 'a password');
  await gmail().prefer(id);
  expect(asked).toEqual(
    [
      { line: `GET ${BELOW}`, body: null },
      { line: `POST ${BELOW}`, body: { pkcs12: 'MIIB', encryptedKeyPassword: 'a password' } },
      { line: `POST ${BELOW}/ANe1Bmj/setDefault`, body: null },
    ].map((one) => ({ ...one, authorization: 'Bearer ya29.consent' })),
  );
});

it('is waited for where it is throttled or out of order, as long as it asks for, and not for ever', async () => {
  trouble = [[429, { 'retry-after': '7' }], [503], [500]];
  expect(await gmail().hand('MIIB', 'x')).toBe('ANe1Bmj');
  expect(waits).toEqual([7000, 4000, 8000]);
  trouble = [[503], [503], [503], [503, {}, { error: { code: 503, message: 'Backend Error' } }]];
  await expect(gmail().hand('MIIB', 'x')).rejects.toThrow(/^Gmail did not take it: Backend Error/);
  server.close();
  server.closeAllConnections();
  await expect(gmail().holds()).rejects.toThrow(/cannot be reached/);
});

it.each([
  [
    401,
    { error: { code: 401, message: 'Invalid Credentials', status: 'UNAUTHENTICATED' } },
    /consent at Google has ended/,
  ],
  [
    403,
    { error: { code: 403, message: 'S/MIME is not enabled.' } },
    /does not let you: S\/MIME is not enabled\. .*Admin console/,
  ],
  [
    400,
    { error: { code: 400, message: 'The issuer is not trusted.' } },
    /^Gmail did not take it: The issuer is not trusted\.$/,
  ],
  [400, {}, /it answers 400/],
])('says what Google says: %i', async (status, body, message) => {
  trouble = [[status, {}, body]];
  const refused = gmail().hand('MIIB', 'x');
  await expect(refused).rejects.toThrow(message);
  await expect(refused).rejects.toBeInstanceOf(InWords);
  // Once: another try would be told the same.
  expect(asked).toHaveLength(1);
});

async function read(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const piece of request) text += piece;
  return text;
}
