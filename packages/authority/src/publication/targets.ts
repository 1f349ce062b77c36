/** The targets by configuration that we ask ourselves, and when each is asked. */
import type { World } from '../world.ts';
import { smimeaTarget } from './dns/smimea.ts';
import { exchangeTarget, isInvoked } from './exchange/exchange.ts';
import { ldapTarget } from './ldap.ts';
import { type Holder, type Sight, type Target, TargetDown } from './target.ts';

export function targetsOf({ config, clock }: Pick<World, 'config' | 'clock'>): Target[] {
  const { ldap, dns, exchange } = config.publication;
  return [
    ...Object.entries(ldap).map(([name, target]) => ldapTarget(name, target, config.home)),
    ...Object.entries(dns).map(([name, target]) => smimeaTarget(name, target, config.home, clock)),
    ...Object.entries(exchange).flatMap(([name, target]) =>
      isInvoked(target) ? [exchangeTarget(name, target, config.home)] : [],
    ),
  ];
}

/**
 * Asks a target, unless it is resting: while one is down nobody waits for it. One timeout for each of five thousand people would
 * keep the targets that are up waiting for hours.
 * @throws TargetDown
 */
export async function visit(
  world: World,
  target: Target,
  holders: readonly Holder[],
  act: 'look' | 'mend',
): Promise<Sight[]> {
  const rests = resting.get(world) ?? new Map<string, { until: number; why: string }>();
  resting.set(world, rests);
  const now = world.clock().getTime();
  const rest = rests.get(target.name);
  if (rest !== undefined && rest.until > now) throw new TargetDown(rest.why, rest.until - now);
  try {
    const sights = await target.attend(holders, act);
    rests.delete(target.name);
    return sights;
  } catch (error) {
    if (error instanceof TargetDown)
      rests.set(target.name, { until: world.clock().getTime() + (error.restFor ?? REST), why: error.message });
    throw error;
  }
}

/** Milliseconds that a target which does not answer is left alone. */
const REST = 15_000;
const resting = new WeakMap<World, Map<string, { until: number; why: string }>>();
