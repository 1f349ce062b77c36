/** The one row that says that the office is set up. */
import { AuthorityError } from '../errors.ts';
import type { Snapshot, Transaction } from './database.ts';

export interface Office {
  readonly organisation: string;
  readonly domains: readonly string[];
  readonly demo: boolean;
}

export async function findOffice(snapshot: Snapshot): Promise<Office | undefined> {
  return snapshot.selectFrom('office').select(['organisation', 'domains', 'demo']).executeTakeFirst();
}

/** @throws AuthorityError `not-set-up` */
export async function requireOffice(snapshot: Snapshot): Promise<Office> {
  const office = await findOffice(snapshot);
  if (office !== undefined) return office;
  throw new AuthorityError(
    'not-set-up',
    'The office has not been set up yet. Nothing was changed. Open the set-up link that the start printed.',
  );
}

/** @throws AuthorityError `wrong-state` where there is an office already, whoever came first */
export async function insertOffice(tx: Transaction, office: Office, at: Date): Promise<void> {
  const inserted = await tx
    .insertInto('office')
    .values({ organisation: office.organisation, domains: [...office.domains], demo: office.demo, set_up_at: at })
    .onConflict((conflict) => conflict.doNothing())
    .returning('only_row')
    .executeTakeFirst();
  if (inserted === undefined) {
    throw new AuthorityError('wrong-state', 'The office is set up already. Nothing was changed. Sign in instead.');
  }
}

/** Reference of the key that operators' secrets are sealed under; null in an office from before there was one. */
export async function secretsKey(snapshot: Snapshot): Promise<string | null | undefined> {
  return (await snapshot.selectFrom('office').select('secrets_key').executeTakeFirst())?.secrets_key;
}

export async function setSecretsKey(tx: Transaction, keyReference: string): Promise<void> {
  await tx.updateTable('office').set({ secrets_key: keyReference }).where('secrets_key', 'is', null).execute();
}
