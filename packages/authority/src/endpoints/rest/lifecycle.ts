/** Leaving, suspension, return, and keys that were given up. */
import { consult, perform } from '../../operation.ts';
import { reportCompromise } from '../../ra/compromise.ts';
import { describeDeparture } from '../../ra/departure.ts';
import { evidenceAbout } from '../../ra/evidence.ts';
import { describeHandover } from '../../ra/handover.ts';
import { returnPerson, suspendPerson } from '../../ra/offboarding.ts';
import type { Handlers } from './handler.ts';
import { toBase64 } from './issued.ts';
import { described } from './people.ts';

export const lifecycleHandlers: Handlers<
  | 'departure'
  | 'handover'
  | 'personEvidence'
  | 'suspendPerson'
  | 'returnPerson'
  | 'reportCompromise'
  | 'reportMyCompromise'
> = {
  async departure({ world, by }, { params }) {
    return consult(world, 'person:read', by, (snapshot) => describeDeparture(world, snapshot, params.id));
  },
  async handover({ world, by }, { params }) {
    return consult(world, 'recovery:request', by, (snapshot) => describeHandover(world, snapshot, params.id));
  },
  async personEvidence({ world, by }, { params }) {
    const { fileName, data, records } = await evidenceAbout(world, by, params.id);
    return { fileName, data: toBase64(data), records };
  },
  async suspendPerson(context, { params, body }) {
    await perform(context.world, suspendPerson, context.by, { ...params, ...body });
    return described(context, params.id);
  },
  async returnPerson(context, { params, body }) {
    await perform(context.world, returnPerson, context.by, { ...params, ...body });
    return described(context, params.id);
  },
  async reportCompromise({ world, by }, { params, body }) {
    return perform(world, reportCompromise, by, { personId: params.id, ...body });
  },
  async reportMyCompromise({ world, by }, { body }) {
    return perform(world, reportCompromise, by, { personId: by.id, ...body });
  },
};
