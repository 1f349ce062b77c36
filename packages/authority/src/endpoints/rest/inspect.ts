/** Taking a message apart for a person. Nothing of it is kept. */
import { inspectMessage, parseCertificate } from '@chancery/smime';
import { consult } from '../../operation.ts';
import { trustAnchors } from '../../store/authorities.ts';
import type { Handlers } from './handler.ts';

export const inspectHandlers: Handlers<'inspect'> = {
  async inspect({ world, by }, { body }) {
    const anchors = await consult(world, 'office:read', by, trustAnchors);
    return inspectMessage({
      message: Buffer.from(body.message, 'base64'),
      anchors: anchors.map((der) => parseCertificate(der)),
      at: world.clock(),
    });
  },
};
