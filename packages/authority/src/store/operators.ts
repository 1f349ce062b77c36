/** The people who run the office, and what they sign in with. */
import type { Role } from '@chancery/api';
import { type Selectable, sql } from 'kysely';
import type { Snapshot, Transaction } from './database.ts';
import type { Schema } from './schema.ts';

export type OperatorRow = Omit<Selectable<Schema['operators']>, 'roles'> & { readonly roles: Role[] };
export type PasskeyRow = Selectable<Schema['passkeys']>;

/** What `identity/credential.ts` made of a chosen credential. */
export type StoredCredential =
  | {
      readonly kind: 'password';
      readonly passwordHash: string;
      readonly sealedTotpSecret: Uint8Array;
      readonly totpStep: number;
    }
  | {
      readonly kind: 'passkey';
      readonly credentialId: string;
      readonly publicKey: Uint8Array;
      readonly counter: number;
      readonly transports: readonly string[];
    };

export async function listOperators(snapshot: Snapshot): Promise<OperatorRow[]> {
  return (await snapshot.selectFrom('operators').selectAll().orderBy('name').execute()) as OperatorRow[];
}

export async function operatorById(snapshot: Snapshot, id: string): Promise<OperatorRow | undefined> {
  return (await snapshot.selectFrom('operators').selectAll().where('id', '=', id).executeTakeFirst()) as
    | OperatorRow
    | undefined;
}

export async function operatorByAddress(snapshot: Snapshot, address: string): Promise<OperatorRow | undefined> {
  return (await snapshot
    .selectFrom('operators')
    .selectAll()
    .where(sql`lower(address)`, '=', address.toLowerCase())
    .executeTakeFirst()) as OperatorRow | undefined;
}

/** As `operatorByAddress`, holding the row until commit: one sign-in at a time, so a code is never taken twice. */
export async function lockOperatorByAddress(tx: Transaction, address: string): Promise<OperatorRow | undefined> {
  return (await tx
    .selectFrom('operators')
    .selectAll()
    .where(sql`lower(address)`, '=', address.toLowerCase())
    .forUpdate()
    .executeTakeFirst()) as OperatorRow | undefined;
}

export async function insertOperator(
  tx: Transaction,
  operator: {
    id: string;
    name: string;
    address: string;
    roles: readonly Role[];
    state: 'invited' | 'active';
    at: Date;
    /** Who vouches for them, where they have no credential of their own. */
    provider?: string;
    providerRoles?: readonly Role[];
    /** The person that they are. */
    personId?: string | null;
  },
): Promise<OperatorRow> {
  return (await tx
    .insertInto('operators')
    .values({
      id: operator.id,
      name: operator.name,
      address: operator.address,
      roles: [...operator.roles],
      state: operator.state,
      password_hash: null,
      totp_secret: null,
      totp_last_step: null,
      created_at: operator.at,
      last_sign_in_at: null,
      provider: operator.provider ?? null,
      provider_roles: [...(operator.providerRoles ?? [])],
      person_id: operator.personId ?? null,
    })
    .returningAll()
    .executeTakeFirstOrThrow()) as OperatorRow;
}

/** A fresh start for someone who never came, or who comes back: what they signed in with is gone, a provider's word too. */
export async function reinviteOperator(
  tx: Transaction,
  id: string,
  operator: { name: string; address: string; roles: readonly Role[] },
): Promise<OperatorRow> {
  await tx.deleteFrom('passkeys').where('operator_id', '=', id).execute();
  await tx.deleteFrom('provider_subjects').where('operator_id', '=', id).execute();
  return (await tx
    .updateTable('operators')
    .set({
      name: operator.name,
      address: operator.address,
      roles: [...operator.roles],
      state: 'invited',
      password_hash: null,
      totp_secret: null,
      totp_last_step: null,
      provider: null,
      provider_roles: [],
      person_id: null,
      departed_with: null,
    })
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirstOrThrow()) as OperatorRow;
}

export async function storeCredential(
  tx: Transaction,
  operatorId: string,
  credential: StoredCredential,
  at: Date,
): Promise<void> {
  if (credential.kind === 'password') {
    await tx
      .updateTable('operators')
      .set({
        state: 'active',
        password_hash: credential.passwordHash,
        totp_secret: Buffer.from(credential.sealedTotpSecret),
        totp_last_step: credential.totpStep,
      })
      .where('id', '=', operatorId)
      .execute();
    return;
  }
  await tx.updateTable('operators').set({ state: 'active' }).where('id', '=', operatorId).execute();
  await tx
    .insertInto('passkeys')
    .values({
      credential_id: credential.credentialId,
      operator_id: operatorId,
      public_key: Buffer.from(credential.publicKey),
      counter: credential.counter,
      transports: [...credential.transports],
      created_at: at,
    })
    .execute();
}

export async function noteSignIn(tx: Transaction, operatorId: string, at: Date): Promise<void> {
  await tx.updateTable('operators').set({ last_sign_in_at: at }).where('id', '=', operatorId).execute();
}

export async function setTotpStep(tx: Transaction, operatorId: string, step: number): Promise<void> {
  await tx.updateTable('operators').set({ totp_last_step: step }).where('id', '=', operatorId).execute();
}

export async function setOperatorDisabled(tx: Transaction, operatorId: string): Promise<OperatorRow | undefined> {
  // Whoever is disabled by hand is not let in again by a person's return.
  await tx.updateTable('operators').set({ departed_with: null }).where('id', '=', operatorId).execute();
  return (await tx
    .updateTable('operators')
    .set({ state: 'disabled' })
    .where('id', '=', operatorId)
    .where('state', '!=', 'disabled')
    .returningAll()
    .executeTakeFirst()) as OperatorRow | undefined;
}

/** What their provider says of them now; what is left out stays. */
export async function updateProviderOperator(
  tx: Transaction,
  id: string,
  operator: {
    readonly name: string;
    readonly address: string;
    readonly roles: readonly Role[];
    readonly providerRoles?: readonly Role[];
    readonly personId?: string | null;
  },
): Promise<void> {
  const { name, address, roles, providerRoles, personId } = operator;
  await tx
    .updateTable('operators')
    .set({
      name,
      address,
      roles: [...roles],
      ...(providerRoles !== undefined && { provider_roles: [...providerRoles] }),
      ...(personId !== undefined && { person_id: personId }),
    })
    .where('id', '=', id)
    .where('provider', 'is not', null)
    .execute();
}

/** Whom that provider vouches for, with a role and a person that they are; held until commit. */
export async function lockOperatorsOfPeople(tx: Transaction, provider: string): Promise<OperatorRow[]> {
  return (await tx
    .selectFrom('operators')
    .selectAll()
    .where('provider', '=', provider)
    .where('person_id', 'is not', null)
    .where(sql<boolean>`roles <> '{}'`)
    .orderBy('id')
    .forUpdate()
    .execute()) as OperatorRow[];
}

export async function operatorOfPerson(
  snapshot: Snapshot,
  provider: string,
  personId: string,
): Promise<OperatorRow | undefined> {
  return (await snapshot
    .selectFrom('operators')
    .selectAll()
    .where('provider', '=', provider)
    .where('person_id', '=', personId)
    .executeTakeFirst()) as OperatorRow | undefined;
}

/** Active administrators with a credential of their own, whom no provider can keep out; their rows held until commit. */
export async function lockActiveAdministrators(tx: Transaction): Promise<string[]> {
  return (await administrators(tx).forUpdate().execute()).map((row) => row.id);
}

export async function activeAdministrators(snapshot: Snapshot): Promise<string[]> {
  return (await administrators(snapshot).execute()).map((row) => row.id);
}

function administrators(snapshot: Snapshot) {
  return snapshot
    .selectFrom('operators')
    .select('id')
    .where('state', '=', 'active')
    .where('provider', 'is', null)
    .where(sql<boolean>`'administrator' = ANY (roles)`)
    .orderBy('id');
}

/** Not disabled, with a credential of their own, who have one of these addresses or left with that person before; held until commit. */
export async function lockOperatorsNamed(
  tx: Transaction,
  addresses: readonly string[],
  personId: string,
): Promise<OperatorRow[]> {
  const keys = addresses.map((one) => one.toLowerCase());
  return (await tx
    .selectFrom('operators')
    .selectAll()
    .where('provider', 'is', null)
    .where((where) =>
      where.or([
        where.and([where('state', '!=', 'disabled'), sql<boolean>`lower(address) = ANY (${keys}::text[])`]),
        where('departed_with', '=', personId),
      ]),
    )
    .orderBy('id')
    .forUpdate()
    .execute()) as OperatorRow[];
}

/** Who would lose their access with whoever has these addresses. */
export async function operatorsNamed(snapshot: Snapshot, addresses: readonly string[]): Promise<OperatorRow[]> {
  const keys = addresses.map((one) => one.toLowerCase());
  return (await snapshot
    .selectFrom('operators')
    .selectAll()
    .where('provider', 'is', null)
    .where('state', '!=', 'disabled')
    .where(sql<boolean>`lower(address) = ANY (${keys}::text[])`)
    .execute()) as OperatorRow[];
}

/** Who lost their access with that person, or is to lose it; held until commit. */
export async function lockOperatorsDeparted(
  tx: Transaction,
  personId: string,
): Promise<(OperatorRow & { readonly hasCredential: boolean })[]> {
  return (await tx
    .selectFrom('operators')
    .selectAll()
    .select(
      sql<boolean>`password_hash IS NOT NULL OR EXISTS (SELECT 1 FROM passkeys k WHERE k.operator_id = operators.id)`.as(
        'hasCredential',
      ),
    )
    .where('departed_with', '=', personId)
    .orderBy('id')
    .forUpdate()
    .execute()) as (OperatorRow & { readonly hasCredential: boolean })[];
}

/** Active, though the person they are has left or is suspended: because they were the last administrator. */
export async function operatorsKept(snapshot: Snapshot): Promise<OperatorRow[]> {
  return (await snapshot
    .selectFrom('operators')
    .selectAll()
    .where('departed_with', 'is not', null)
    .where('state', '=', 'active')
    .execute()) as OperatorRow[];
}

/** Of those, who is not the last any more. */
export async function operatorsToEnd(snapshot: Snapshot): Promise<OperatorRow[]> {
  const kept = await operatorsKept(snapshot);
  if (kept.length === 0) return [];
  const active = await activeAdministrators(snapshot);
  return active.some((id) => !kept.some((one) => one.id === id)) ? kept : [];
}

/** @param person because of whom; null: they are here again */
export async function setDeparted(
  tx: Transaction,
  id: string,
  { person, state }: { readonly person: string | null; readonly state: OperatorRow['state'] },
): Promise<void> {
  await tx.updateTable('operators').set({ departed_with: person, state }).where('id', '=', id).execute();
}

/** What the configuration excluded when it was last read. */
export async function configuredExclusions(snapshot: Snapshot): Promise<[string, string][]> {
  const rows = await snapshot.selectFrom('exclusive_roles').selectAll().where('shipped', '=', false).execute();
  return rows.map(({ one, other }) => [one, other]);
}

export async function replaceConfiguredExclusions(
  tx: Transaction,
  pairs: readonly (readonly [string, string])[],
): Promise<void> {
  await tx.deleteFrom('exclusive_roles').where('shipped', '=', false).execute();
  for (const pair of pairs) {
    const [one = '', other = ''] = [...pair].sort();
    await tx
      .insertInto('exclusive_roles')
      .values({ one, other, shipped: false })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  }
}

export async function lockPasskey(tx: Transaction, credentialId: string): Promise<PasskeyRow | undefined> {
  return tx.selectFrom('passkeys').selectAll().where('credential_id', '=', credentialId).forUpdate().executeTakeFirst();
}

export async function setPasskeyCounter(tx: Transaction, credentialId: string, counter: number): Promise<void> {
  await tx.updateTable('passkeys').set({ counter }).where('credential_id', '=', credentialId).execute();
}

/** Of every operator who has one, held until commit. */
export async function lockTotpSecrets(tx: Transaction): Promise<{ id: string; totp_secret: Buffer }[]> {
  const rows = await tx
    .selectFrom('operators')
    .select(['id', 'totp_secret'])
    .where('totp_secret', 'is not', null)
    .forUpdate()
    .execute();
  return rows.flatMap(({ id, totp_secret }) => (totp_secret === null ? [] : [{ id, totp_secret }]));
}

export async function setTotpSecret(tx: Transaction, operatorId: string, sealed: Buffer): Promise<void> {
  await tx.updateTable('operators').set({ totp_secret: sealed }).where('id', '=', operatorId).execute();
}

export async function namesOfOperators(snapshot: Snapshot, ids: readonly string[]): Promise<Map<string, string>> {
  const rows = await snapshot
    .selectFrom('operators')
    .select(['id', 'name'])
    .where(sql<boolean>`id = ANY (${ids}::uuid[])`)
    .execute();
  return new Map(rows.map(({ id, name }) => [id, name]));
}
