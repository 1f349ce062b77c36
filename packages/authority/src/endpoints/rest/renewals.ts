/** Renewals and rollovers. */
import { consult, perform } from '../../operation.ts';
import { describeRollovers, forecast, overdue } from '../../ra/forecast.ts';
import { beginRollover, changeRollover } from '../../ra/rollover.ts';
import type { Context, Handlers } from './handler.ts';

export const renewalHandlers: Handlers<
  'renewalForecast' | 'overdueRenewals' | 'rollovers' | 'beginRollover' | 'changeRollover'
> = {
  async renewalForecast({ world, by }, { query }) {
    return consult(world, 'certificate:read', by, (snapshot) => forecast(world, snapshot, query));
  },
  async overdueRenewals({ world, by }) {
    return { items: await consult(world, 'certificate:read', by, (snapshot) => overdue(world, snapshot)) };
  },
  async rollovers({ world, by }) {
    return { items: await consult(world, 'certificate:read', by, (snapshot) => describeRollovers(world, snapshot)) };
  },
  async beginRollover(context, { body }) {
    const { id } = await perform(context.world, beginRollover, context.by, body);
    return described(context, id);
  },
  async changeRollover(context, { params, body }) {
    await perform(context.world, changeRollover, context.by, { ...params, ...body });
    return described(context, params.id);
  },
};

async function described({ world, by }: Context, id: string) {
  const all = await consult(world, 'certificate:read', by, (snapshot) => describeRollovers(world, snapshot));
  const found = all.find((one) => one.id === id);
  if (found === undefined) throw new Error('The rollover is not there');
  return found;
}
