/** Why an address can or cannot be written to encrypted, asked beside a gateway that runs or of one that does not: it reads, and changes nothing. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { createClient, GatewayConfiguration } from '@chancery/api';
import type { GatewayConfig } from '../config.ts';
import { GatewayError, reasonOf } from '../errors.ts';
import type { Log } from '../log.ts';
import { readTrustAnchors, viewOf } from '../office.ts';
import { readSecret } from '../read-secret.ts';
import { openDirectory } from './directory.ts';
import { openDomainCertificates } from './domain-certificates.ts';
import { openHarvested } from './harvested.ts';
import { type Explanation, openLookup } from './lookup.ts';
import { openSources } from './open-sources.ts';

/** Milliseconds that the authority is waited for. */
const patience = 8_000;

/**
 * Asks every source anew, by the configuration and with what the gateway of that folder has pinned.
 * @throws GatewayError `configuration`, `unavailable` (the authority never answered)
 */
export async function explainRecipient(config: GatewayConfig, address: string, log: Log): Promise<Explanation> {
  const client = createClient({
    baseUrl: config.authority.url.replace(/\/+$/, ''),
    token: readSecret(config.authority.token, config.baseDirectory),
    timeout: patience,
  });
  const lookup = openLookup({
    directory: openDirectory(client, 0, Date.now),
    harvested: await openHarvested(path.join(config.data, 'harvested'), () => new Date(), log),
    domains: openDomainCertificates(config.recipients.domain),
    sources: openSources(config.recipients, config.baseDirectory, Date.now),
    now: Date.now,
  });
  try {
    const configuration = await client.gatewayConfiguration().catch((error: unknown) => lastKnown(config.data, error));
    return await lookup.explain(
      address,
      viewOf(configuration, {
        extraAnchors: await readTrustAnchors(config.trustAnchors),
        ownAnchors: await readTrustAnchors(config.ownTrustAnchors),
      }),
    );
  } finally {
    await lookup.close();
  }
}

async function lastKnown(folder: string, why: unknown): Promise<GatewayConfiguration> {
  try {
    return GatewayConfiguration.parse(JSON.parse(await readFile(path.join(folder, 'office.json'), 'utf8')));
  } catch {
    throw new GatewayError('unavailable', `The authority does not answer: ${reasonOf(why)}`, why);
  }
}
