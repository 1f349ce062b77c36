/**
 * Legal holds. One stays the destruction of a person's keys, and the notice that a key of theirs was asked for. A registration
 * officer or a recovery officer places it; another recovery officer lifts it. An administrator, who decides how long keys
 * are kept, does neither, and nobody decides about themselves.
 */
import { randomUUID } from 'node:crypto';
import { routes } from '@chancery/api';
import { z } from 'zod';
import { AuthorityError } from '../errors.ts';
import { operation } from '../operation.ts';
import { type Principal, permissionsOf } from '../principal.ts';
import { insertHold, type LegalHoldRow, lockHold, markLifted } from '../store/legal-holds.ts';
import { isAddressOf, lockPerson, type PersonRow } from '../store/people.ts';

/** @throws AuthorityError `not-found`, `forbidden` (no operator, or the person themselves), `conflict` (that case has one) */
export const placeHold = operation({
  action: 'hold.place',
  permission: 'hold:place',
  input: routes.placeHold.body.extend({
    personId: z.uuid(),
    id: z.uuid().default(() => randomUUID()),
  }),
  subject: ({ id }) => `hold:${id}`,
  async run(tx, { id, personId, caseNumber, reason }, by, world) {
    // Whoever destroys a key holds its person too: the one comes before the other, or after it.
    const person = await lockPerson(tx, personId);
    if (person === undefined) throw new AuthorityError('not-found', 'There is no such person. No hold was placed.');
    if (by.kind !== 'operator' || isAddressOf(person, by.address)) {
      throw new AuthorityError('forbidden', `${whyNotPlace(by, person)}. No hold was placed.`);
    }
    const placed = await insertHold(tx, {
      id,
      person_id: personId,
      case_number: caseNumber,
      reason,
      placed_by: by.id,
      placed_at: world.clock(),
    });
    if (!placed) {
      throw new AuthorityError(
        'conflict',
        `${person.name} is under a hold for the case ${caseNumber} already. Nothing was changed.`,
      );
    }
    return { result: { id }, audit: { personId, caseNumber, reason } };
  },
});

/** @throws AuthorityError `not-found`, `forbidden` (see `whyNotLift`), `wrong-state` (lifted already) */
export const liftHold = operation({
  action: 'hold.lift',
  permission: 'hold:lift',
  input: routes.liftHold.body.extend({ id: z.uuid() }),
  subject: ({ id }) => `hold:${id}`,
  async run(tx, { id, reason }, by, world) {
    const hold = await lockHold(tx, id);
    const person = hold && (await lockPerson(tx, hold.person_id));
    if (hold === undefined || person === undefined) throw noSuchHold();
    if (hold.lifted_at !== null) {
      throw new AuthorityError('wrong-state', 'This hold was lifted already. Nothing was changed.');
    }
    const refusal = whyNotLift(hold, person, by);
    if (refusal !== null) throw new AuthorityError('forbidden', `${refusal}. The hold stands.`);
    await markLifted(tx, id, { by: by.id, at: world.clock(), reason });
    return { result: undefined, audit: { personId: hold.person_id, caseNumber: hold.case_number, reason } };
  },
});

/** Null where the caller may lift it; else the rule that says no, without a full stop. */
export function whyNotLift(
  hold: Pick<LegalHoldRow, 'placed_by' | 'lifted_at'>,
  person: Pick<PersonRow, 'address' | 'aliases'>,
  by: Principal,
): string | null {
  if (hold.lifted_at !== null) return 'It was lifted already';
  if (by.kind !== 'operator' || !permissionsOf(by).has('hold:lift')) return 'Only a recovery officer lifts a hold';
  if (by.id === hold.placed_by) return 'Whoever placed a hold does not lift it: another recovery officer does';
  if (isAddressOf(person, by.address)) return 'Nobody lifts a hold on themselves';
  return null;
}

function whyNotPlace(by: Principal, person: PersonRow): string {
  return by.kind === 'operator' && isAddressOf(person, by.address)
    ? 'Nobody places a hold on themselves'
    : 'Only an operator places a hold, under their own name: sign in to the console';
}

export function noSuchHold(): AuthorityError {
  return new AuthorityError('not-found', 'There is no such hold. Nothing was changed.');
}
