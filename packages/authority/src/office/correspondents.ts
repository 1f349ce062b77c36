/** Correspondents outside: what the gateways report, and what operators decide about a changed certificate. */
import { CorrespondentDecision, CorrespondentReport } from '@chancery/api';
import { z } from 'zod';
import { AuthorityError } from '../errors.ts';
import { operation } from '../operation.ts';
import {
  correspondentById,
  decideOnCorrespondent,
  putCorrespondents,
  settleDecisions,
} from '../store/correspondents.ts';
import { storable } from '../store/storable.ts';

export const reportCorrespondents = operation({
  action: 'correspondent.report',
  permission: 'gateway:serve',
  input: CorrespondentReport,
  subject: () => null,
  async run(tx, { correspondents, done }, by, world) {
    if (by.kind !== 'gateway') {
      throw new AuthorityError('forbidden', 'Only a gateway reports correspondents. Nothing was changed.');
    }
    await settleDecisions(tx, by.id, done);
    await putCorrespondents(tx, by.id, storable(correspondents), world.clock());
    return { result: undefined, audit: { correspondents: correspondents.length, done: done.length } };
  },
});

export const decideCorrespondent = operation({
  action: 'correspondent.decide',
  permission: 'partner:write',
  input: z.intersection(z.object({ id: z.uuid() }), CorrespondentDecision),
  subject: ({ id }) => `correspondent:${id}`,
  async run(tx, input, by, world) {
    const row = await correspondentById(tx, input.id);
    if (row === undefined) {
      throw new AuthorityError('not-found', 'There is no such correspondent. Nothing was changed.');
    }
    const sha256 = input.kind === 'accept' ? input.sha256 : null;
    const chosen = row.standing.certificates.find((one) => one.sha256 === sha256);
    if (sha256 !== null && (chosen === undefined || chosen.state === 'pinned')) {
      const why = chosen === undefined ? 'has no such certificate' : 'is written to with that certificate already';
      throw new AuthorityError('wrong-state', `${row.address} ${why}. Nothing was changed.`);
    }
    await decideOnCorrespondent(tx, row.id, { kind: input.kind, sha256, by: by.name, at: world.clock() });
    return { result: undefined, audit: { decision: input.kind, address: row.address, sha256 } };
  },
});
