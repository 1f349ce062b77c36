/** Who somebody is at an identity provider: its own name for them, and which operator or person that is here. */
import { type Selectable, sql } from 'kysely';
import type { Snapshot, Transaction } from './database.ts';
import type { Schema } from './schema.ts';

type ProviderSubjectRow = Selectable<Schema['provider_subjects']>;

/** Whom a subject is: an operator and a person apart, though they be one human being. */
export type Holder = 'operator' | 'person';

export async function providerSubject(
  snapshot: Snapshot,
  holder: Holder,
  { issuer, subject }: { readonly issuer: string; readonly subject: string },
): Promise<ProviderSubjectRow | undefined> {
  return snapshot
    .selectFrom('provider_subjects')
    .selectAll()
    .where('issuer', '=', issuer)
    .where('subject', '=', subject)
    .where(columnOf(holder), 'is not', null)
    .executeTakeFirst();
}

/** At all providers. */
export async function subjectsOf(snapshot: Snapshot, holder: Holder, id: string): Promise<ProviderSubjectRow[]> {
  return snapshot.selectFrom('provider_subjects').selectAll().where(columnOf(holder), '=', id).execute();
}

/** One sign-in through a provider at a time: of two that would make the same account, the second finds it. */
export async function lockProviderSignIns(tx: Transaction): Promise<void> {
  await sql`SELECT pg_advisory_xact_lock(hashtext('provider_subjects'))`.execute(tx);
}

export async function insertProviderSubject(
  tx: Transaction,
  row: {
    readonly issuer: string;
    readonly subject: string;
    readonly holder: Holder;
    readonly id: string;
    readonly at: Date;
  },
): Promise<void> {
  await tx
    .insertInto('provider_subjects')
    .values({
      issuer: row.issuer,
      subject: row.subject,
      operator_id: row.holder === 'operator' ? row.id : null,
      person_id: row.holder === 'person' ? row.id : null,
      created_at: row.at,
      last_sign_in_at: row.at,
    })
    .execute();
}

export async function noteProviderSignIn(
  tx: Transaction,
  holder: Holder,
  { issuer, id, at }: { readonly issuer: string; readonly id: string; readonly at: Date },
): Promise<void> {
  await tx
    .updateTable('provider_subjects')
    .set({ last_sign_in_at: at })
    .where('issuer', '=', issuer)
    .where(columnOf(holder), '=', id)
    .execute();
}

/** Their next sign-in finds them by address again. */
export async function deleteProviderSubjects(tx: Transaction, holder: Holder, id: string): Promise<number> {
  const { numDeletedRows } = await tx
    .deleteFrom('provider_subjects')
    .where(columnOf(holder), '=', id)
    .executeTakeFirst();
  return Number(numDeletedRows);
}

const columnOf = (holder: Holder) => (holder === 'operator' ? 'operator_id' : 'person_id');
