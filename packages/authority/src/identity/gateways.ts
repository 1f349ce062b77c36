/** Mail gateways as principals: made by an administrator, known by a token. */
import { z } from 'zod';
import { operation } from '../operation.ts';
import { insertGateway } from '../store/gateways.ts';
import { insertToken, newToken } from '../store/tokens.ts';

export const createGateway = operation({
  action: 'gateway.create',
  permission: 'gateway:enrol',
  input: z.object({ name: z.string().regex(/^[a-z0-9-]{1,60}$/) }),
  subject: (input) => `gateway-name:${input.name}`,
  async run(tx, input, _by, world) {
    const at = world.clock();
    const gatewayId = await insertGateway(tx, input.name, at);
    const token = newToken();
    await insertToken(tx, { secret: token, kind: 'gateway', gatewayId, at, expiresAt: null });
    return { result: { name: input.name, token }, audit: { gatewayId } };
  },
});
