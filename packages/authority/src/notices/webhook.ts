/**
 * Webhooks: JSON by POST, signed with a secret that both sides have, as Standard Webhooks has it (headers `webhook-id`,
 * `webhook-timestamp`, `webhook-signature`). The id is that of the notice, the same at each try: whoever has seen it has been told.
 */
import { createHmac } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { isPublicAddress } from '@chancery/smime';
import { readSecret, type WebhookConfig } from '../config.ts';
import type { World } from '../world.ts';
import { MailRefused } from './smtp.ts';

/** @throws MailRefused where there is no such webhook any more, or it is gone for good (410); any other error may be over later */
export async function postToWebhook(
  world: Pick<World, 'config' | 'clock'>,
  { id, name, body }: { readonly id: string; readonly name: string; readonly body: string },
): Promise<void> {
  const webhook = world.config.notices.webhook[name];
  if (webhook === undefined) throw new MailRefused(`There is no webhook ${name} in the configuration`);
  const timestamp = String(Math.floor(world.clock().getTime() / 1000));
  const headers = {
    'content-type': 'application/json; charset=utf-8',
    'content-length': String(Buffer.byteLength(body)),
    'user-agent': 'Chancery',
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': signatureOf(readSecret(webhook.secret, world.config.home), { id, timestamp, body }),
  };
  const status = await post(webhook, headers, body);
  if (status === 410) throw new MailRefused('It answers 410: it wants no more');
  if (status < 200 || status > 299) throw new Error(`It answers ${status}`);
}

/** `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`. */
function signatureOf(
  secret: string,
  { id, timestamp, body }: { readonly id: string; readonly timestamp: string; readonly body: string },
): string {
  return `v1,${createHmac('sha256', keyOf(secret)).update(`${id}.${timestamp}.${body}`).digest('base64')}`;
}

/** `whsec_` is base64 of the octets of the key; anything else is the key as it stands. */
function keyOf(secret: string): Buffer {
  return secret.startsWith('whsec_') ? Buffer.from(secret.slice(6), 'base64') : Buffer.from(secret, 'utf8');
}

/**
 * Connects to addresses that were judged, and to no others: a name that changes its address meanwhile leads nowhere else. A redirect
 * is not followed.
 */
async function post(webhook: WebhookConfig, headers: Record<string, string>, body: string): Promise<number> {
  const url = new URL(webhook.url);
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const addresses = await lookup(host, { all: true });
  if (!webhook.private && !addresses.every(({ address }) => isPublicAddress(address))) {
    throw new Error(`${host} is at an address that is not public; private = true would allow it`);
  }
  const request = url.protocol === 'https:' ? requestHttps : requestHttp;
  return new Promise((resolve, reject) => {
    const call = request(url, {
      method: 'POST',
      headers,
      agent: false,
      signal: AbortSignal.timeout(webhook.timeoutSeconds * 1000),
      lookup: (_name, options, found) => {
        const [first] = addresses;
        if (options.all === true) found(null, addresses);
        else if (first !== undefined) found(null, first.address, first.family);
      },
    });
    call.on('error', (error) => reject(new Error(`It cannot be reached: ${error.message}`, { cause: error })));
    call.on('response', (response) => {
      // What it says is of no interest; that it says so without end is.
      response.destroy();
      resolve(response.statusCode ?? 0);
    });
    call.end(body);
  });
}
