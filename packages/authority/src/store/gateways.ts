/** Mail gateways: clients of the office that serve many people at once. */
import { AuthorityError } from '../errors.ts';
import type { Snapshot, Transaction } from './database.ts';

/** @throws AuthorityError `conflict` where the name is taken */
export async function insertGateway(tx: Transaction, name: string, at: Date): Promise<string> {
  const inserted = await tx
    .insertInto('gateways')
    .values({ name, created_at: at, last_seen_at: null })
    .onConflict((conflict) => conflict.column('name').doNothing())
    .returning('id')
    .executeTakeFirst();
  if (inserted !== undefined) return inserted.id;
  throw new AuthorityError(
    'conflict',
    `There is a gateway named ${name} already. Nothing was changed. Choose another name.`,
  );
}

export async function setGatewaySeen(tx: Transaction, id: string, at: Date): Promise<void> {
  await tx.updateTable('gateways').set({ last_seen_at: at }).where('id', '=', id).execute();
}

/** By id. */
export async function gatewayNames(snapshot: Snapshot): Promise<Map<string, string>> {
  const rows = await snapshot.selectFrom('gateways').select(['id', 'name']).execute();
  return new Map(rows.map(({ id, name }) => [id, name]));
}
