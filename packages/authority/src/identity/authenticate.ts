/** From a token to whom it belongs. */
import type { Role } from '@chancery/api';
import { sql } from 'kysely';
import { z } from 'zod';
import { operation, perform } from '../operation.ts';
import { type Principal, system } from '../principal.ts';
import { setGatewaySeen } from '../store/gateways.ts';
import { hashToken } from '../store/tokens.ts';
import type { World } from '../world.ts';
import { exclusivePair } from './exclusive-roles.ts';

/** The operator or gateway that holds this token; undefined for a token that is unknown, expired, or of someone disabled or gone. */
export async function principalOfToken(world: World, token: string): Promise<Principal | undefined> {
  const at = world.clock();
  const found = await world.database.snapshot((snapshot) =>
    snapshot
      .selectFrom('tokens')
      .leftJoin('operators', (join) =>
        join.onRef('operators.id', '=', 'tokens.operator_id').on('operators.state', '=', 'active'),
      )
      .leftJoin('gateways', 'gateways.id', 'tokens.gateway_id')
      .select([
        'tokens.kind',
        'operators.id as operatorId',
        'operators.name as operatorName',
        'operators.address',
        'operators.roles',
        'operators.provider',
        departed.as('departed'),
        'gateways.id as gatewayId',
        'gateways.name as gatewayName',
        'gateways.last_seen_at',
      ])
      .where('tokens.hash', '=', hashToken(token))
      .where('tokens.kind', 'in', ['session', 'gateway'])
      .where(sql<boolean>`(tokens.expires_at IS NULL OR tokens.expires_at > ${at})`)
      .executeTakeFirst(),
  );
  if (found === undefined) return undefined;
  if (found.kind === 'gateway' && found.gatewayId !== null && found.gatewayName !== null) {
    await noteGateway(world, found.gatewayId, found.last_seen_at);
    return { kind: 'gateway', id: found.gatewayId, name: found.gatewayName };
  }
  const { operatorId, operatorName, address, roles, provider } = found;
  if (operatorId === null || operatorName === null || address === null || roles === null) return undefined;
  // Who left here is out at once, whatever the provider still says; so is everyone of a provider that is configured no more.
  if (provider !== null && (found.departed || !Object.hasOwn(world.config.identity.oidc, provider))) return undefined;
  return operatorPrincipal(world, { id: operatorId, name: operatorName, address, roles: roles as Role[] });
}

/** An operator as the principal that their roles make them today. */
export function operatorPrincipal(
  { config }: Pick<World, 'config'>,
  { id, name, address, roles }: { id: string; name: string; address: string; roles: readonly Role[] },
): Extract<Principal, { kind: 'operator' }> {
  const readsOnly = exclusivePair(config, roles) === undefined ? {} : ({ readsOnly: true } as const);
  return { kind: 'operator', id, name, address, roles, ...readsOnly };
}

/** That a gateway is there, told at most every quarter of an hour. */
export const gatewaySeen = operation({
  action: 'gateway.seen',
  permission: 'system',
  input: z.object({ gatewayId: z.uuid() }),
  subject: (input) => `gateway:${input.gatewayId}`,
  async run(tx, input, _by, world) {
    await setGatewaySeen(tx, input.gatewayId, world.clock());
    return { result: undefined, audit: {} };
  },
});

/** SQL: the operator is a person of ours who is not here any more. */
const departed = sql<boolean>`(EXISTS (
  SELECT 1 FROM person_addresses a JOIN people p ON p.id = a.person_id
  WHERE a.key = lower(operators.address) AND p.state <> 'active')
  OR EXISTS (SELECT 1 FROM people p WHERE p.id = operators.person_id AND p.state <> 'active'))`;

const SEEN_MS = 15 * 60_000;

async function noteGateway(world: World, gatewayId: string, lastSeen: Date | null): Promise<void> {
  if (lastSeen !== null && world.clock().getTime() - lastSeen.getTime() < SEEN_MS) return;
  await perform(world, gatewaySeen, system, { gatewayId });
}
