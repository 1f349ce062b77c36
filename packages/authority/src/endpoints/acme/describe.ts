/** Accounts, orders, authorizations and challenges as clients see them (RFC 8555 section 7.1, RFC 8823 section 3). */
import { publicUrlOf } from '../../config.ts';
import { stateOf } from '../../ra/acme/finalize.ts';
import type { AcmeAccountRow } from '../../store/acme-accounts.ts';
import type { AcmeAuthorizationRow, AcmeOrderRow } from '../../store/acme-orders.ts';
import type { World } from '../../world.ts';
import { typeUrn } from './problems.ts';

/** Below the address of the office. */
export const urlOf = (world: World, path: string): string => `${publicUrlOf(world.config)}/acme/${path}`;

export const accountUrl = (world: World, id: string): string => urlOf(world, `account/${id}`);
export const orderUrl = (world: World, id: string): string => urlOf(world, `order/${id}`);

export function describeDirectory(world: World) {
  const { externalAccountRequired, termsOfService } = world.config.acme ?? {};
  return {
    newNonce: urlOf(world, 'new-nonce'),
    newAccount: urlOf(world, 'new-account'),
    newOrder: urlOf(world, 'new-order'),
    revokeCert: urlOf(world, 'revoke-cert'),
    keyChange: urlOf(world, 'key-change'),
    meta: {
      website: publicUrlOf(world.config),
      externalAccountRequired,
      ...(termsOfService !== undefined && { termsOfService }),
    },
  };
}

export function describeAccount(world: World, { id, state, contacts }: AcmeAccountRow) {
  return { status: state, contact: contacts, orders: urlOf(world, `account/${id}/orders`) };
}

export function describeOrder(world: World, order: AcmeOrderRow, authorizations: readonly AcmeAuthorizationRow[]) {
  const status = stateOf(order, world.clock());
  return {
    status,
    expires: order.expires_at.toISOString(),
    identifiers: order.addresses.map(identifier),
    authorizations: authorizations.map(({ id }) => urlOf(world, `authorization/${id}`)),
    finalize: urlOf(world, `order/${order.id}/finalize`),
    ...(status === 'valid' && { certificate: urlOf(world, `order/${order.id}/certificate`) }),
    ...problemOf(order),
  };
}

export function describeAuthorization(world: World, authorization: AcmeAuthorizationRow) {
  const lapsed = authorization.expires_at <= world.clock();
  const { state } = authorization;
  return {
    status: lapsed && state === 'valid' ? 'expired' : lapsed && state === 'pending' ? 'invalid' : state,
    expires: authorization.expires_at.toISOString(),
    identifier: identifier(authorization.address),
    challenges: [describeChallenge(world, authorization)],
  };
}

export function describeChallenge(world: World, authorization: AcmeAuthorizationRow) {
  const { id, state, sender, token, responded_at, validated_at, expires_at } = authorization;
  const over = state === 'invalid' || (state !== 'valid' && (state === 'deactivated' || expires_at <= world.clock()));
  return {
    type: 'email-reply-00',
    url: urlOf(world, `challenge/${id}`),
    // RFC 8555 7.1.6: once the client has said that it answered, the office waits for the mail.
    status: over
      ? 'invalid'
      : validated_at !== null
        ? 'valid'
        : responded_at === null
          ? ('pending' as const)
          : 'processing',
    from: sender,
    token,
    ...(validated_at !== null && { validated: validated_at.toISOString() }),
    ...problemOf(authorization),
  };
}

const identifier = (value: string) => ({ type: 'email', value });

const problemOf = ({ problem, problem_type }: Pick<AcmeOrderRow, 'problem' | 'problem_type'>) =>
  problem === null || problem_type === null ? {} : { error: { type: typeUrn(problem_type), detail: problem } };
