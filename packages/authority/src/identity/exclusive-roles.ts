/**
 * Roles that one operator never holds together: those that are shipped, and those that `[roles] exclusive` adds. They are refused
 * where roles are given, here and by the database; whoever held two of them before they excluded each other reads and writes nothing.
 */
import { exclusiveRoles, type Role } from '@chancery/api';
import { z } from 'zod';
import type { AuthorityConfig } from '../config.ts';
import { AuthorityError } from '../errors.ts';
import { operation, perform } from '../operation.ts';
import { system } from '../principal.ts';
import { configuredExclusions, replaceConfiguredExclusions } from '../store/operators.ts';
import type { World } from '../world.ts';

type Pair = readonly [Role, Role];

/** The first two of these roles that exclude each other. */
export function exclusivePair(config: Pick<AuthorityConfig, 'roles'>, roles: readonly Role[]): Pair | undefined {
  const pairs: readonly Pair[] = [...exclusiveRoles, ...config.roles.exclusive];
  return pairs.find(([one, other]) => one !== other && roles.includes(one) && roles.includes(other));
}

/** @throws AuthorityError `invalid-request` */
export function refuseExclusiveRoles(config: Pick<AuthorityConfig, 'roles'>, roles: readonly Role[]): void {
  const pair = exclusivePair(config, roles);
  if (pair === undefined) return;
  const message = `Nobody is both ${pair[0]} and ${pair[1]}: four eyes need four eyes`;
  throw new AuthorityError('invalid-request', `${message}. Nothing was changed. Choose one of the two.`, {
    fields: [{ path: 'roles', message }],
  });
}

/** Has the database refuse what the configuration excludes. */
export const settleExclusiveRoles = operation({
  action: 'roles.settle-exclusive',
  permission: 'system',
  input: z.strictObject({ exclusive: z.array(z.tuple([z.string(), z.string()])) }),
  subject: () => 'office',
  async run(tx, { exclusive }) {
    await replaceConfiguredExclusions(tx, exclusive);
    return { result: undefined, audit: { exclusive } };
  },
});

/** At each start; leaves no record where nothing has changed. */
export async function settleExclusiveRolesOnce(world: World): Promise<void> {
  const shipped = new Set(exclusiveRoles.map(nameOf));
  const wanted = world.config.roles.exclusive.filter((pair) => !shipped.has(nameOf(pair)));
  const known = await world.database.snapshot(configuredExclusions);
  const same = JSON.stringify(wanted.map(nameOf).sort()) === JSON.stringify(known.map(nameOf).sort());
  if (!same) await perform(world, settleExclusiveRoles, system, { exclusive: wanted });
}

const nameOf = (pair: readonly [string, string]): string => [...pair].sort().join(' ');
