/** The inventory in pages: every list in the order of an index, every count to a thousand. Who is covered: `coverage.ts`. */
import type { HoldingFilter, InventoryList } from '@chancery/api';
import { type Selectable, sql } from 'kysely';
import { COUNTED, type Counted, counted } from './counted.ts';
import type { Snapshot, Transaction } from './database.ts';
import type { Schema } from './schema.ts';

// Holdings ------------------------------------------------------------------------------------------------------------

export interface HoldingRow
  extends Pick<
    Selectable<Schema['certificates']>,
    | 'serial_number'
    | 'profile'
    | 'key_origin'
    | 'key_algorithm'
    | 'escrowed_key_id'
    | 'issued_at'
    | 'not_after'
    | 'renew_at'
    | 'revoked_at'
    | 'revocation_reason'
  > {
  readonly use: 'signing' | 'encryption';
  readonly person_id: string;
  readonly name: string;
  readonly department: string | null;
  readonly address: string;
}

/** In force: what ends first; ended: what ended last; revoked and held: the newest. */
const ORDERS = {
  'in-force': ['not_after', 'asc'],
  ending: ['not_after', 'asc'],
  expired: ['not_after', 'desc'],
  held: ['issued_at', 'desc'],
  revoked: ['issued_at', 'desc'],
} as const;

/** One page. `after` is where the page before ended, in the order of that state. */
export async function listHoldings(
  snapshot: Snapshot,
  at: Date,
  filter: HoldingFilter & {
    readonly limit: number;
    readonly after?: { readonly at: string; readonly serialNumber: string } | undefined;
  },
): Promise<{ rows: HoldingRow[]; hasMore: boolean } & Counted> {
  const state = filter.state ?? 'in-force';
  const [column, direction] = ORDERS[state];
  let matching = snapshot
    .selectFrom('certificates as c')
    .innerJoin('people as p', 'p.id', 'c.person_id')
    .where('c.use', 'in', filter.use === undefined ? ['signing', 'encryption'] : [filter.use]);
  if (state === 'held' || state === 'revoked') {
    matching = matching
      .where('c.revoked_at', 'is not', null)
      .where('c.revocation_reason', state === 'held' ? '=' : '<>', 'certificateHold');
  } else {
    matching = matching.where('c.revoked_at', 'is', null).where('c.not_after', state === 'expired' ? '<' : '>=', at);
    if (state === 'ending') matching = matching.where('c.renew_at', '<=', at);
  }
  if (filter.endsWithinDays !== undefined) {
    matching = matching.where('c.not_after', '<=', new Date(at.getTime() + filter.endsWithinDays * 86_400_000));
  }
  if (filter.keyOrigin !== undefined) matching = matching.where('c.key_origin', '=', filter.keyOrigin);
  if (filter.profile !== undefined) matching = matching.where('c.profile', '=', filter.profile);
  if (filter.department !== undefined) {
    matching = matching.where(sql<boolean>`p.attributes->>'department' = ${filter.department}`);
  }
  if (filter.proven !== undefined) {
    const proven = sql<boolean>`EXISTS (SELECT 1 FROM vault_batch_records b
      WHERE b.escrowed_key_id = c.escrowed_key_id AND b.outcome = 'proven')`;
    matching = matching
      .where('c.escrowed_key_id', 'is not', null)
      .where(filter.proven === 'yes' ? proven : sql<boolean>`NOT ${proven}`);
  }
  if (filter.published !== undefined) {
    const standing = (wanted: string) => sql<boolean>`EXISTS (SELECT 1 FROM publications q
      WHERE q.serial_number = c.serial_number AND q.state = ${wanted})`;
    matching = matching.where(
      filter.published === 'failed'
        ? standing('failed')
        : filter.published === 'yes'
          ? standing('published')
          : sql<boolean>`NOT ${standing('published')}`,
    );
  }
  const search = filter.search ?? '';
  if (search !== '') matching = matching.where(found(search));
  const total = await matching
    .select('c.serial_number')
    .limit(COUNTED + 1)
    .execute();
  const key = sql.ref<Date>(`c.${column}`);
  let page = matching
    .select([
      'c.serial_number',
      'c.use',
      'c.profile',
      'c.key_origin',
      'c.key_algorithm',
      'c.escrowed_key_id',
      'c.issued_at',
      'c.not_after',
      'c.renew_at',
      'c.revoked_at',
      'c.revocation_reason',
      'c.person_id',
      'p.name',
      sql<string | null>`p.attributes->>'department'`.as('department'),
      sql<string>`(SELECT address FROM person_addresses a WHERE a.person_id = p.id AND a.is_primary)`.as('address'),
    ])
    .orderBy(key, direction)
    .orderBy('c.serial_number', direction)
    .limit(filter.limit + 1);
  if (filter.after !== undefined) {
    const beyond = sql.raw(direction === 'asc' ? '>' : '<');
    page = page.where(
      sql<boolean>`(${key}, c.serial_number) ${beyond} (${filter.after.at}::timestamptz, ${filter.after.serialNumber})`,
    );
  }
  const rows = (await page.execute()) as HoldingRow[];
  return { rows: rows.slice(0, filter.limit), hasMore: rows.length > filter.limit, ...counted(total.length) };
}

/** In the order of which state a page of holdings ends. */
export function endOf(state: HoldingFilter['state'], row: HoldingRow): { at: string; serialNumber: string } {
  const [column] = ORDERS[state ?? 'in-force'];
  return { at: row[column].toISOString(), serialNumber: row.serial_number };
}

const escapeLike = (text: string): string => text.replace(/[\\%_]/g, '\\$&');

function found(search: string) {
  const pattern = `%${escapeLike(search)}%`;
  const serial = search.replace(/[\s:]/g, '').toLowerCase().replace(/^0+/, '');
  const words = sql<boolean>`certificate_words(c.subject, c.addresses) ILIKE ${pattern}`;
  return /^[0-9a-f]{8,40}$/.test(serial) ? sql<boolean>`(${words} OR c.serial_number LIKE ${`${serial}%`})` : words;
}

export interface EscrowStanding {
  readonly id: string;
  readonly vault: string;
  readonly created_at: Date;
  readonly delivered_at: Date | null;
  readonly proven_at: Date | null;
}

/** Where each key is escrowed, and when a drill last showed that it comes back. */
export async function escrowStandings(snapshot: Snapshot, keyIds: readonly string[]): Promise<EscrowStanding[]> {
  if (keyIds.length === 0) return [];
  return snapshot
    .selectFrom('escrowed_keys as e')
    .innerJoin('vaults as v', 'v.id', 'e.vault_id')
    .select(['e.id', 'v.name as vault', 'e.created_at', 'e.delivered_at'])
    .select(
      sql<Date | null>`(SELECT max(b.at) FROM vault_batch_records b
        WHERE b.escrowed_key_id = e.id AND b.outcome = 'proven')`.as('proven_at'),
    )
    .where(sql<boolean>`e.id = ANY (${keyIds}::uuid[])`)
    .where('e.destroyed_at', 'is', null)
    .execute();
}

/** What a device was called to which each key went, newest first. */
export async function devicesOfKeys(
  snapshot: Snapshot,
  personIds: readonly string[],
): Promise<{ keys: string[]; device: string }[]> {
  if (personIds.length === 0) return [];
  const subjects = personIds.map((id) => `person:${id}`);
  const rows = await snapshot
    .selectFrom('audit_records')
    .select('details')
    .where(sql<boolean>`subject = ANY (${subjects}::text[])`)
    .where('action', '=', 'key.deliver')
    .where('outcome', '=', 'succeeded')
    .orderBy('sequence', 'desc')
    .limit(5_000)
    .execute();
  return rows.map(({ details }) => ({
    keys: Array.isArray(details.escrowedKeyIds) ? (details.escrowedKeyIds as string[]) : [],
    device: typeof details.device === 'string' ? details.device : '',
  }));
}

export async function publicationsOf(
  snapshot: Snapshot,
  serialNumbers: readonly string[],
): Promise<Pick<Selectable<Schema['publications']>, 'serial_number' | 'target' | 'state'>[]> {
  if (serialNumbers.length === 0) return [];
  return snapshot
    .selectFrom('publications')
    .select(['serial_number', 'target', 'state'])
    .where(sql<boolean>`serial_number = ANY (${serialNumbers}::text[])`)
    .orderBy('target')
    .execute();
}

// Views ---------------------------------------------------------------------------------------------------------------

export type ViewRow = Selectable<Schema['inventory_views']> & { readonly owner: string | null };

/** Those of that operator, and those that others share. */
export async function viewsFor(snapshot: Snapshot, ownerId: string | null): Promise<ViewRow[]> {
  return snapshot
    .selectFrom('inventory_views as v')
    .leftJoin('operators as o', 'o.id', 'v.owner_id')
    .selectAll('v')
    .select('o.name as owner')
    .where(sql<boolean>`v.shared OR v.owner_id IS NOT DISTINCT FROM ${ownerId}::uuid`)
    .orderBy(sql`lower(v.name)`)
    .orderBy('v.id')
    .limit(500)
    .execute();
}

export async function viewById(snapshot: Snapshot, id: string): Promise<ViewRow | undefined> {
  return snapshot
    .selectFrom('inventory_views as v')
    .leftJoin('operators as o', 'o.id', 'v.owner_id')
    .selectAll('v')
    .select('o.name as owner')
    .where('v.id', '=', id)
    .executeTakeFirst();
}

/** In the place of one of that owner and name, where there is one. @returns its id */
export async function upsertView(
  tx: Transaction,
  view: {
    readonly id: string;
    readonly name: string;
    readonly ownerId: string | null;
    readonly shared: boolean;
    readonly content: InventoryList;
    readonly at: Date;
  },
): Promise<string> {
  const { rows } = await sql<{ id: string }>`
    INSERT INTO inventory_views (id, name, owner_id, shared, list, filter, changed_at)
    VALUES (${view.id}, ${view.name}, ${view.ownerId}, ${view.shared}, ${view.content.list},
      ${JSON.stringify(view.content.filter)}::jsonb, ${view.at})
    ON CONFLICT (coalesce(owner_id, '00000000-0000-0000-0000-000000000000'), lower(name))
    DO UPDATE SET name = excluded.name, shared = excluded.shared, list = excluded.list, filter = excluded.filter,
      changed_at = excluded.changed_at
    RETURNING id`.execute(tx);
  return rows[0]?.id ?? view.id;
}

export async function deleteView(tx: Transaction, id: string): Promise<void> {
  await tx.deleteFrom('inventory_views').where('id', '=', id).execute();
}
