/** Setting the office up: its name, its certification authorities, its vault, its first administrator. All or nothing. */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { establishHierarchy } from '../ca/hierarchy.ts';
import { establishProfiles } from '../ca/profile.ts';
import { AuthorityError } from '../errors.ts';
import { acceptCredential, offerCredential } from '../identity/credential.ts';
import { ChosenCredential } from '../identity/operators.ts';
import { establishSecretsKey } from '../identity/sealing.ts';
import { beginSession } from '../identity/sessions.ts';
import { establishVault } from '../kra/vault.ts';
import { operation } from '../operation.ts';
import type { Snapshot } from '../store/database.ts';
import { insertOffice } from '../store/office.ts';
import { insertOperator, storeCredential } from '../store/operators.ts';
import { consumeToken, deleteTokensOfKind, findToken, insertToken, newToken } from '../store/tokens.ts';
import type { World } from '../world.ts';

/** Labels of letters, digits and hyphens (RFC 5321 section 2.3.5), in A-label form where they are international. */
const MAIL_DOMAIN = /^(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** Makes the set-up link's token; the last one made is the one that is good. */
export const openSetUp = operation({
  action: 'office.open-set-up',
  permission: 'system',
  input: z.object({}),
  subject: () => 'office',
  async run(tx, _input, _by, world) {
    await deleteTokensOfKind(tx, 'setup');
    const token = newToken();
    await insertToken(tx, { secret: token, kind: 'setup', at: world.clock(), expiresAt: null });
    return { result: token, audit: {} };
  },
});

export const setUpOffice = operation({
  action: 'office.set-up',
  permission: { guard: () => true, description: 'the set-up link' },
  input: z.object({
    token: z.string(),
    organisation: z.string().trim().min(1).max(64),
    domains: z.array(z.string().trim().toLowerCase().regex(MAIL_DOMAIN, 'is not a mail domain')).min(1),
    caAlgorithm: z.enum(['ecdsa', 'rsa']),
    name: z.string().trim().min(1).max(200),
    address: z.email(),
    credential: ChosenCredential,
    /** Of the page, checked to be ours: a passkey belongs to it. */
    origin: z.string(),
    demo: z.boolean(),
  }),
  subject: () => 'office',
  async run(tx, input, _by, world) {
    const at = world.clock();
    if ((await consumeToken(tx, 'setup', input.token, at)) === undefined) throw setUpLinkGone();
    const domains = [...new Set(input.domains)];
    await insertOffice(tx, { organisation: input.organisation, domains, demo: input.demo }, at);
    await establishSecretsKey(tx, world);
    await establishProfiles(tx, world);
    await establishHierarchy(tx, world, { organisation: input.organisation, algorithm: input.caAlgorithm });
    await establishVault(tx, world, { threshold: world.config.escrow.threshold });
    const operatorId = randomUUID();
    const administrator = await insertOperator(tx, {
      id: operatorId,
      name: input.name,
      address: input.address,
      roles: ['administrator'],
      state: 'active',
      at,
    });
    const credential = await acceptCredential(world, tx, { ...input, operatorId });
    await storeCredential(tx, operatorId, credential, at);
    const session = await beginSession(tx, world, administrator);
    return {
      result: session,
      audit: {
        organisation: input.organisation,
        domains,
        caAlgorithm: input.caAlgorithm,
        administrator: { operatorId, name: input.name, address: input.address, credential: credential.kind },
      },
    };
  },
});

/** What the set-up page shows. @throws AuthorityError `wrong-credentials` */
export async function offerSetUp(
  world: World,
  snapshot: Snapshot,
  request: { token: string; origin: string; name: string; address?: string | undefined },
) {
  if ((await findToken(snapshot, 'setup', request.token, world.clock())) === undefined) throw setUpLinkGone();
  return offerCredential({
    token: request.token,
    origin: request.origin,
    organisation: '',
    name: request.name,
    address: null,
    typedAddress: request.address,
    roles: ['administrator'],
  });
}

function setUpLinkGone(): AuthorityError {
  return new AuthorityError(
    'wrong-credentials',
    'This set-up link was used already, or a later start printed another. Nothing was changed. Use the last one printed, or sign in.',
  );
}
