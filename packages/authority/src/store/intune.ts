/** What Intune is still to be told, sealed, and when it was last asked for revocations. */
import { type Selectable, sql } from 'kysely';
import type { Snapshot, Transaction } from './database.ts';
import type { Schema } from './schema.ts';

export type IntuneNoticeRow = Selectable<Schema['intune_notices']>;

export async function insertIntuneNotice(
  tx: Transaction,
  notice: Pick<IntuneNoticeRow, 'id' | 'kind' | 'body' | 'created_at'>,
): Promise<void> {
  await tx
    .insertInto('intune_notices')
    .values({ ...notice, settled_at: null, error: null })
    .execute();
}

export async function intuneNotice(snapshot: Snapshot, id: string): Promise<IntuneNoticeRow | undefined> {
  return snapshot.selectFrom('intune_notices').selectAll().where('id', '=', id).executeTakeFirst();
}

/** What it said is forgotten. */
export async function settleIntuneNotice(tx: Transaction, id: string, at: Date, error: string | null): Promise<void> {
  await tx
    .updateTable('intune_notices')
    .set({ body: null, settled_at: at, error })
    .where('id', '=', id)
    .where('settled_at', 'is', null)
    .execute();
}

export async function intunePolledAt(snapshot: Snapshot): Promise<Date | undefined> {
  return (await snapshot.selectFrom('intune_feed').select('polled_at').executeTakeFirst())?.polled_at;
}

export async function setIntunePolledAt(tx: Transaction, at: Date): Promise<void> {
  await tx
    .insertInto('intune_feed')
    .values({ polled_at: at })
    .onConflict((conflict) => conflict.column('sole').doUpdateSet({ polled_at: at }))
    .execute();
}

/** Was that certificate issued because Intune said so, or by renewing one that was? */
export async function isFromIntune(snapshot: Snapshot, serialNumber: string): Promise<boolean> {
  const { rows } = await sql<{ found: boolean }>`
    WITH RECURSIVE line AS (
      SELECT proof, renews, 1 AS depth FROM device_enrolments WHERE serial_number = ${serialNumber}
      UNION ALL
      SELECT e.proof, e.renews, l.depth + 1 FROM device_enrolments e JOIN line l ON e.serial_number = l.renews
      WHERE l.depth < 100
    )
    SELECT EXISTS (SELECT 1 FROM line WHERE proof = 'intune') AS found`.execute(snapshot as never);
  return rows[0]?.found === true;
}
