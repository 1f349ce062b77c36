/** Where a phone fetches its profile: a plain address, since a phone takes one from nowhere else. */
import type { FastifyPluginAsync } from 'fastify';
import { fetchPickUp } from '../../delivery/pick-up.ts';
import { perform } from '../../operation.ts';
import { anonymous } from '../../principal.ts';
import type { World } from '../../world.ts';

/** @param perMinute from one address */
export function pickUpEndpoint(world: World, perMinute = 30): FastifyPluginAsync {
  return async (app) => {
    app.get<{ Params: { secret: string } }>(
      '/pick-up/:secret',
      {
        exposeHeadRoute: false,
        schema: { hide: true },
        config: { rateLimit: { max: perMinute, timeWindow: '1 minute' } },
      },
      async ({ params }, reply) => {
        const file = await perform(world, fetchPickUp, anonymous, { secret: params.secret });
        return reply
          .header('content-type', file.mediaType)
          .header('content-disposition', `attachment; filename="${file.fileName}"`)
          .header('cache-control', 'no-store')
          .header('x-content-type-options', 'nosniff')
          .send(Buffer.from(file.data));
      },
    );
  };
}
