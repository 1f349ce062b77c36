/**
 * Who runs the office is often one of its people, with a credential that no provider and no source takes away. When that person leaves or
 * is suspended, so does the operator: nobody signs in with what they still know. The last administrator stays until there is another,
 * since nobody could let others in; the office says so until then.
 */
import { z } from 'zod';
import { operation, perform } from '../operation.ts';
import { system } from '../principal.ts';
import type { Transaction } from '../store/database.ts';
import {
  lockActiveAdministrators,
  lockOperatorsDeparted,
  lockOperatorsNamed,
  type OperatorRow,
  operatorsToEnd,
  setDeparted,
} from '../store/operators.ts';
import { deleteTokensOfOperator } from '../store/tokens.ts';
import type { World } from '../world.ts';

/** Of one operator, for the trail. */
export interface AccessChange {
  readonly operatorId: string;
  readonly roles: readonly string[];
  /** `kept`: they are the last administrator. */
  readonly access: 'ended' | 'kept' | 'restored';
}

interface Leaver {
  readonly id: string;
  readonly address: string;
  readonly aliases: readonly string[];
}

/** Of every operator with one of that person's addresses: sessions, links and sign-in. Their row and credential stay. */
export async function endAccess(tx: Transaction, { id, address, aliases }: Leaver): Promise<AccessChange[]> {
  const changes: AccessChange[] = [];
  for (const operator of await lockOperatorsNamed(tx, [address, ...aliases], id)) {
    changes.push(await end(tx, operator, id));
  }
  return changes;
}

/**
 * Those whom the person's suspension shut out sign in again, with what they had. Whoever had left is invited anew by an administrator.
 * @param from what the person was
 */
export async function restoreAccess(
  tx: Transaction,
  { id, state }: { readonly id: string; readonly state: 'active' | 'suspended' | 'left' },
): Promise<AccessChange[]> {
  const changes: AccessChange[] = [];
  for (const { hasCredential, ...operator } of await lockOperatorsDeparted(tx, id)) {
    const restored = state === 'suspended' && operator.state === 'disabled' && hasCredential;
    await setDeparted(tx, operator.id, { person: null, state: restored ? 'active' : operator.state });
    if (restored) changes.push({ operatorId: operator.id, roles: operator.roles, access: 'restored' });
  }
  return changes;
}

export const endKeptAccess = operation({
  action: 'operator.end-access',
  permission: 'system',
  input: z.strictObject({ operatorId: z.uuid(), personId: z.uuid() }),
  subject: ({ operatorId }) => `operator:${operatorId}`,
  async run(tx, { operatorId, personId }) {
    const operator = (await lockOperatorsDeparted(tx, personId)).find(({ id }) => id === operatorId);
    const change = operator?.state === 'active' ? await end(tx, operator, personId) : undefined;
    return { result: undefined, audit: { personId, access: change?.access ?? 'unchanged' } };
  },
});

/** Of those who were the last administrator when they left, and are not any more. */
export async function endKeptAccesses(world: World): Promise<void> {
  for (const { id, departed_with } of await world.database.snapshot(operatorsToEnd)) {
    if (departed_with === null) continue;
    await perform(world, endKeptAccess, system, { operatorId: id, personId: departed_with });
  }
}

async function end(
  tx: Transaction,
  { id, roles }: Pick<OperatorRow, 'id' | 'roles'>,
  person: string,
): Promise<AccessChange> {
  const administrators = await lockActiveAdministrators(tx);
  const isLast = administrators.length === 1 && administrators[0] === id;
  await setDeparted(tx, id, { person, state: isLast ? 'active' : 'disabled' });
  if (!isLast) await deleteTokensOfOperator(tx, id);
  return { operatorId: id, roles, access: isLast ? 'kept' : 'ended' };
}
