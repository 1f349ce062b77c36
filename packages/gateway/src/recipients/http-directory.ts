/**
 * A partner's directory over HTTPS: `GET` an address that is put into a URL, and be answered with certificates (docs/operations/recipients.md).
 * The server is the one that the configuration names: the address goes nowhere but into the path and the query, and a redirection is
 * not followed.
 */
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { reasonOf } from '../errors.ts';
import { candidatesIn } from './certificates-in.ts';
import type { HttpSourceConfig } from './recipients-config.ts';
import { mostOctets, type RecipientSource, type SourceAnswer, servesAny } from './source.ts';

/** @param token sent as `Authorization: Bearer`, where there is one */
export function openHttpDirectory(config: HttpSourceConfig, token: string | undefined): RecipientSource {
  const ca = config.ca === undefined ? undefined : readFileSync(config.ca);
  return {
    name: config.name,
    serves: servesAny(config.domains),
    async find(address, signal) {
      const url = config.url.replaceAll('{address}', () => encodeURIComponent(address));
      try {
        const { status, headers, body } = await get(url, ca, token, signal);
        return readAnswer(status, headers, body);
      } catch (error) {
        return {
          said: 'unknown',
          reason: `the directory does not answer: ${signal.aborted ? 'no answer in time' : reasonOf(error)}`,
        };
      }
    },
  };
}

function readAnswer(status: number, headers: IncomingMessage['headers'], body: Buffer): SourceAnswer {
  const lifetime = lifetimeOf(headers['cache-control']);
  const kept = lifetime === undefined ? {} : { lifetime };
  if (status === 404 || status === 410) return { said: 'nothing', ...kept };
  if (status !== 200 && status !== 204) {
    const where = status >= 300 && status < 400 ? ', which leads elsewhere and is not followed' : '';
    return { said: 'unknown', reason: `the directory answers with ${status}${where}` };
  }
  const candidates = candidatesIn([body]);
  if (candidates.length > 0) return { said: 'found', candidates, ...kept };
  return {
    said: 'nothing',
    ...(body.length > 0 && { remark: 'an answer without a certificate that can be read' }),
    ...kept,
  };
}

interface Fetched {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

function get(url: string, ca: Buffer | undefined, token: string | undefined, signal: AbortSignal): Promise<Fetched> {
  return new Promise((resolve, reject) => {
    const headers = {
      accept: 'application/pkix-cert, application/x-pem-file, application/pkcs7-mime',
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    };
    const sent = request(url, { method: 'GET', headers, signal, ...(ca !== undefined && { ca }) }, (answer) => {
      const chunks: Buffer[] = [];
      let octets = 0;
      answer.on('error', reject);
      answer.on('data', (chunk: Buffer) => {
        octets += chunk.length;
        if (octets > mostOctets) sent.destroy(new Error(`more than ${mostOctets} octets`));
        else chunks.push(chunk);
      });
      answer.on('end', () =>
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(chunks) }),
      );
    });
    sent.on('error', reject);
    sent.end();
  });
}

/** RFC 9111 section 5.2.2, in milliseconds. */
function lifetimeOf(cacheControl: string | undefined): number | undefined {
  if (cacheControl === undefined) return undefined;
  if (/(^|[\s,])no-(store|cache)\b/i.test(cacheControl)) return 0;
  const seconds = /(?:^|[\s,])max-age="?(\d{1,9})/i.exec(cacheControl)?.[1];
  return seconds === undefined ? undefined : Number(seconds) * 1000;
}
