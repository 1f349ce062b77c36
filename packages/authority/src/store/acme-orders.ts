/** What ACME accounts order, and how each address of an order was proven. */
import { type Selectable, sql } from 'kysely';
import type { Snapshot, Transaction } from './database.ts';
import type { Schema } from './schema.ts';

export type AcmeOrderRow = Selectable<Schema['acme_orders']>;
export type AcmeAuthorizationRow = Selectable<Schema['acme_authorizations']>;
type AuthorizationOfAccount = AcmeAuthorizationRow & { readonly account_id: string };

export async function insertAcmeOrder(
  tx: Transaction,
  order: Pick<AcmeOrderRow, 'id' | 'account_id' | 'addresses' | 'created_at' | 'expires_at'>,
  authorizations: readonly Pick<
    AcmeAuthorizationRow,
    'id' | 'address' | 'token' | 'sealed_token' | 'sender' | 'message_id'
  >[],
): Promise<void> {
  await tx
    .insertInto('acme_orders')
    .values({
      ...order,
      state: 'pending',
      request: null,
      spki_sha256: null,
      finalized_at: null,
      serial_number: null,
      problem_type: null,
      problem: null,
    })
    .execute();
  await tx
    .insertInto('acme_authorizations')
    .values(
      authorizations.map((one) => ({
        ...one,
        order_id: order.id,
        state: 'pending' as const,
        mail: 'waiting' as const,
        next_try_at: order.created_at,
        created_at: order.created_at,
        expires_at: order.expires_at,
        responded_at: null,
        validated_at: null,
        problem_type: null,
        problem: null,
      })),
    )
    .execute();
}

export async function acmeOrderById(snapshot: Snapshot, id: string): Promise<AcmeOrderRow | undefined> {
  return snapshot.selectFrom('acme_orders').selectAll().where('id', '=', id).executeTakeFirst();
}

export async function acmeOrderOfCertificate(snapshot: Snapshot, serialNumber: string): Promise<string | undefined> {
  const query = snapshot.selectFrom('acme_orders').select('id').where('serial_number', '=', serialNumber);
  return (await query.executeTakeFirst())?.id;
}

/** Held until commit. */
export async function lockAcmeOrder(tx: Transaction, id: string): Promise<AcmeOrderRow | undefined> {
  return tx.selectFrom('acme_orders').selectAll().where('id', '=', id).forUpdate().executeTakeFirst();
}

export async function changeAcmeOrder(
  tx: Transaction,
  id: string,
  change: Partial<
    Pick<
      AcmeOrderRow,
      'state' | 'request' | 'spki_sha256' | 'finalized_at' | 'serial_number' | 'problem_type' | 'problem'
    >
  >,
): Promise<void> {
  await tx.updateTable('acme_orders').set(change).where('id', '=', id).execute();
}

/** Of one account, the newest first. @param after the id of the last one of the page before */
export async function acmeOrdersOfAccount(
  snapshot: Snapshot,
  accountId: string,
  { after, limit }: { readonly after: string | undefined; readonly limit: number },
): Promise<string[]> {
  let query = snapshot.selectFrom('acme_orders').select('id').where('account_id', '=', accountId);
  if (after !== undefined) {
    query = query.where(
      sql<boolean>`(created_at, id) < (SELECT created_at, id FROM acme_orders WHERE id = ${after} AND account_id = ${accountId})`,
    );
  }
  const rows = await query.orderBy('created_at', 'desc').orderBy('id', 'desc').limit(limit).execute();
  return rows.map(({ id }) => id);
}

/** Those of all accounts, with the name of the key that let each account in, the newest first. */
export async function listAcmeOrders(snapshot: Snapshot, limit: number) {
  return snapshot
    .selectFrom('acme_orders as o')
    .innerJoin('acme_accounts as a', 'a.id', 'o.account_id')
    .leftJoin('acme_keys as k', 'k.id', 'a.key_id')
    .select([
      'o.id',
      'o.account_id',
      'o.state',
      'o.addresses',
      'o.created_at',
      'o.expires_at',
      'o.serial_number',
      'o.problem',
      'k.name as partner',
    ])
    .orderBy('o.created_at', 'desc')
    .orderBy('o.id')
    .limit(limit)
    .execute();
}

/** Neither issued, failed nor lapsed. */
export async function countOpenAcmeOrders(snapshot: Snapshot, accountId: string, at: Date): Promise<number> {
  const { count } = await snapshot
    .selectFrom('acme_orders')
    .select((select) => select.fn.countAll<string>().as('count'))
    .where('account_id', '=', accountId)
    .where('state', 'in', ['pending', 'ready', 'processing'])
    .where('expires_at', '>', at)
    .executeTakeFirstOrThrow();
  return Number(count);
}

/** Serial numbers of certificates that an account was given. */
export async function certificatesOfAcmeAccount(snapshot: Snapshot, accountId: string): Promise<string[]> {
  const rows = await snapshot
    .selectFrom('acme_orders')
    .select('serial_number')
    .where('account_id', '=', accountId)
    .where('serial_number', 'is not', null)
    .execute();
  return rows.flatMap(({ serial_number }) => serial_number ?? []);
}

/** Orders whose certificate is being made since before that instant. */
export async function acmeOrdersLeft(snapshot: Snapshot, before: Date): Promise<string[]> {
  const rows = await snapshot
    .selectFrom('acme_orders')
    .select('id')
    .where('state', '=', 'processing')
    .where('finalized_at', '<', before)
    .orderBy('finalized_at')
    .limit(100)
    .execute();
  return rows.map(({ id }) => id);
}

/** In the order in which their addresses were named. */
export async function acmeAuthorizationsOf(
  snapshot: Snapshot,
  { id, addresses }: Pick<AcmeOrderRow, 'id' | 'addresses'>,
): Promise<AcmeAuthorizationRow[]> {
  const rows = await snapshot.selectFrom('acme_authorizations').selectAll().where('order_id', '=', id).execute();
  return rows.sort((one, other) => addresses.indexOf(one.address) - addresses.indexOf(other.address));
}

export async function acmeAuthorization(
  snapshot: Snapshot,
  by: { readonly id: string } | { readonly messageId: string },
): Promise<AuthorizationOfAccount | undefined> {
  const query = snapshot
    .selectFrom('acme_authorizations as z')
    .innerJoin('acme_orders as o', 'o.id', 'z.order_id')
    .selectAll('z')
    .select('o.account_id');
  return 'id' in by
    ? query.where('z.id', '=', by.id).executeTakeFirst()
    : query.where('z.message_id', '=', by.messageId).executeTakeFirst();
}

/** It and its order, held until commit: the order first, so that two addresses of one order do not wait for each other. */
export async function lockAcmeAuthorization(tx: Transaction, id: string): Promise<AuthorizationOfAccount | undefined> {
  const found = await tx.selectFrom('acme_authorizations').select('order_id').where('id', '=', id).executeTakeFirst();
  const order = found && (await lockAcmeOrder(tx, found.order_id));
  if (order === undefined) return undefined;
  const row = await tx
    .selectFrom('acme_authorizations')
    .selectAll()
    .where('id', '=', id)
    .forUpdate()
    .executeTakeFirstOrThrow();
  return { ...row, account_id: order.account_id };
}

export async function changeAcmeAuthorization(
  tx: Transaction,
  id: string,
  change: Partial<
    Pick<
      AcmeAuthorizationRow,
      | 'state'
      | 'sealed_token'
      | 'mail'
      | 'tries'
      | 'next_try_at'
      | 'responded_at'
      | 'validated_at'
      | 'problem_type'
      | 'problem'
    >
  >,
): Promise<void> {
  await tx.updateTable('acme_authorizations').set(change).where('id', '=', id).execute();
}

/** Addresses, in small letters, that the account has proven, and that have not lapsed. */
export async function provenAddresses(snapshot: Snapshot, accountId: string, at: Date): Promise<Set<string>> {
  const rows = await snapshot
    .selectFrom('acme_authorizations as z')
    .innerJoin('acme_orders as o', 'o.id', 'z.order_id')
    .select('z.address')
    .where('o.account_id', '=', accountId)
    .where('z.state', '=', 'valid')
    .where('z.expires_at', '>', at)
    .execute();
  return new Set(rows.map(({ address }) => address.toLowerCase()));
}

/** Challenges that were made for that address since then, by whatever account. */
export async function countAcmeChallenges(snapshot: Snapshot, address: string, since: Date): Promise<number> {
  const { count } = await snapshot
    .selectFrom('acme_authorizations')
    .select((select) => select.fn.countAll<string>().as('count'))
    .where(sql<boolean>`lower(address) = ${address.toLowerCase()}`)
    .where('created_at', '>', since)
    .executeTakeFirstOrThrow();
  return Number(count);
}

/** Challenges whose mail is due. */
export async function acmeMailsDue(snapshot: Snapshot, at: Date, limit: number): Promise<string[]> {
  const rows = await snapshot
    .selectFrom('acme_authorizations')
    .select('id')
    .where('mail', '=', 'waiting')
    .where('state', '=', 'pending')
    .where('next_try_at', '<=', at)
    .where('expires_at', '>', at)
    .orderBy('next_try_at')
    .limit(limit)
    .execute();
  return rows.map(({ id }) => id);
}

/** It and its order, held until commit, where its mail is still to be sent: of two who send it at once, the second finds it sent. */
export async function holdAcmeMail(tx: Transaction, id: string, at: Date): Promise<AcmeAuthorizationRow | undefined> {
  const one = await lockAcmeAuthorization(tx, id);
  const isDue = one?.mail === 'waiting' && one.state === 'pending' && one.next_try_at <= at && one.expires_at > at;
  return isDue ? one : undefined;
}

export async function countLapsedAcmeTokens(snapshot: Snapshot, at: Date): Promise<number> {
  const { count } = await snapshot
    .selectFrom('acme_authorizations')
    .select((select) => select.fn.countAll<string>().as('count'))
    .where('sealed_token', 'is not', null)
    .where('expires_at', '<=', at)
    .executeTakeFirstOrThrow();
  return Number(count);
}

/** Of challenges that nobody can answer any more. @returns how many */
export async function forgetLapsedAcmeTokens(tx: Transaction, at: Date): Promise<number> {
  const { numUpdatedRows } = await tx
    .updateTable('acme_authorizations')
    .set({ sealed_token: null })
    .where('sealed_token', 'is not', null)
    .where('expires_at', '<=', at)
    .executeTakeFirst();
  return Number(numUpdatedRows);
}

/** Certificates of partners that name this address and are good, newest first. */
export async function partnerCertificates(snapshot: Snapshot, address: string, at: Date) {
  return snapshot
    .selectFrom('certificates')
    .selectAll()
    .where('use', '=', 'partner')
    .where(sql<boolean>`lower_all(addresses) @> ARRAY[lower(${address})]`)
    .where('revoked_at', 'is', null)
    .where('not_before', '<=', at)
    .where('not_after', '>', at)
    .orderBy('issued_at', 'desc')
    .orderBy('serial_number')
    .limit(20)
    .execute();
}

/** Their addresses, each once, by its key. */
export async function partnerAddresses(snapshot: Snapshot, at: Date): Promise<string[]> {
  const rows = await snapshot
    .selectFrom('certificates')
    .select('addresses')
    .where('use', '=', 'partner')
    .where('revoked_at', 'is', null)
    .where('not_before', '<=', at)
    .where('not_after', '>', at)
    .execute();
  return [...new Set(rows.flatMap(({ addresses }) => addresses.map((one) => one.toLowerCase())))].sort();
}
