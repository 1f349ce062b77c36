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
