/** Legal holds, and for each caller whether they may lift one. */
import type { LegalHold } from '@chancery/api';
import { liftHold, noSuchHold, placeHold, whyNotLift } from '../../kra/hold.ts';
import { consult, perform } from '../../operation.ts';
import type { Principal } from '../../principal.ts';
import type { Snapshot } from '../../store/database.ts';
import { type HoldFilter, listHolds, type NamedHold } from '../../store/legal-holds.ts';
import { type PersonRow, peopleByIds } from '../../store/people.ts';
import type { Context, Handlers } from './handler.ts';

export const legalHoldHandlers: Handlers<'legalHolds' | 'placeHold' | 'liftHold'> = {
  async legalHolds({ world, by }, { query }) {
    return consult(world, 'recovery:read', by, async (snapshot) => ({
      items: await describeHolds(snapshot, query, by),
    }));
  },
  async placeHold(context, { params, body }) {
    const { id } = await perform(context.world, placeHold, context.by, { personId: params.id, ...body });
    return described(context, id);
  },
  async liftHold(context, { params, body }) {
    await perform(context.world, liftHold, context.by, { ...params, ...body });
    return described(context, params.id);
  },
};

function described({ world, by }: Context, id: string): Promise<LegalHold> {
  return consult(world, 'recovery:read', by, async (snapshot) => {
    const [hold] = await describeHolds(snapshot, { id, limit: 1 }, by);
    if (hold === undefined) throw noSuchHold();
    return hold;
  });
}

async function describeHolds(snapshot: Snapshot, filter: HoldFilter, by: Principal): Promise<LegalHold[]> {
  const holds = await listHolds(snapshot, filter);
  const people = await peopleByIds(snapshot, [...new Set(holds.map((hold) => hold.person_id))]);
  return holds.flatMap((hold) => {
    const person = people.find(({ id }) => id === hold.person_id);
    return person === undefined ? [] : [describeHold(hold, person, by)];
  });
}

function describeHold(hold: NamedHold, person: PersonRow, by: Principal): LegalHold {
  const refusal = whyNotLift(hold, person, by);
  const { lifted_by, lifted_at, lift_reason, liftedByName } = hold;
  return {
    id: hold.id,
    personId: person.id,
    personName: person.name,
    personAddress: person.address,
    caseNumber: hold.case_number,
    reason: hold.reason,
    placedBy: { id: hold.placed_by, name: hold.placedByName },
    placedAt: hold.placed_at.toISOString(),
    lifted:
      lifted_by === null || lifted_at === null
        ? null
        : { by: { id: lifted_by, name: liftedByName ?? '' }, at: lifted_at.toISOString(), reason: lift_reason ?? '' },
    mayLift: refusal === null,
    whyNotLift: refusal,
  };
}
