/** One-time challenges for devices, and what devices asked for. Of a challenge only the hash is kept. */
import { type Selectable, sql } from 'kysely';
import type { Snapshot, Transaction } from './database.ts';
import type { Schema } from './schema.ts';

export type EnrolmentChallengeRow = Selectable<Schema['enrolment_challenges']>;
export type DeviceEnrolmentRow = Selectable<Schema['device_enrolments']>;
type State = DeviceEnrolmentRow['state'];

export async function insertEnrolmentChallenge(
  tx: Transaction,
  challenge: Omit<EnrolmentChallengeRow, 'used_at' | 'withdrawn_at'>,
): Promise<void> {
  await tx
    .insertInto('enrolment_challenges')
    .values({ ...challenge, used_at: null, withdrawn_at: null })
    .execute();
}

export async function enrolmentChallengeByHash(
  snapshot: Snapshot,
  hash: Buffer,
): Promise<EnrolmentChallengeRow | undefined> {
  return snapshot.selectFrom('enrolment_challenges').selectAll().where('hash', '=', hash).executeTakeFirst();
}

/** Held until commit: of two who come with it at once, the second finds it used. */
export async function lockEnrolmentChallenge(
  tx: Transaction,
  by: { readonly hash: Buffer } | { readonly id: string },
): Promise<EnrolmentChallengeRow | undefined> {
  const query = tx.selectFrom('enrolment_challenges').selectAll().forUpdate();
  return 'id' in by
    ? query.where('id', '=', by.id).executeTakeFirst()
    : query.where('hash', '=', by.hash).executeTakeFirst();
}

export async function markEnrolmentChallenge(
  tx: Transaction,
  id: string,
  what: 'used_at' | 'withdrawn_at',
  at: Date,
): Promise<void> {
  await tx
    .updateTable('enrolment_challenges')
    .set({ [what]: at })
    .where('id', '=', id)
    .execute();
}

/** Neither used nor withdrawn nor lapsed, newest first. */
export async function openEnrolmentChallenges(
  snapshot: Snapshot,
  personId: string,
  at: Date,
): Promise<EnrolmentChallengeRow[]> {
  return snapshot
    .selectFrom('enrolment_challenges')
    .selectAll()
    .where('person_id', '=', personId)
    .where('used_at', 'is', null)
    .where('withdrawn_at', 'is', null)
    .where('expires_at', '>', at)
    .orderBy('created_at', 'desc')
    .orderBy('id')
    .execute();
}

export interface ListedChallenge extends Omit<EnrolmentChallengeRow, 'hash'> {
  readonly name: string;
  readonly address: string;
  readonly enrolment_id: string | null;
  readonly enrolment_state: State | null;
}

/** Of everybody, newest first. */
export async function listEnrolmentChallenges(
  snapshot: Snapshot,
  { open, at, limit }: { readonly open: boolean; readonly at: Date; readonly limit: number },
): Promise<ListedChallenge[]> {
  return snapshot
    .selectFrom('enrolment_challenges as c')
    .innerJoin('people as p', 'p.id', 'c.person_id')
    .innerJoin('person_addresses as a', (join) => join.onRef('a.person_id', '=', 'p.id').on('a.is_primary', '=', true))
    .leftJoin('device_enrolments as e', 'e.challenge_id', 'c.id')
    .select(['c.id', 'c.person_id', 'c.profile', 'c.use', 'c.approval', 'c.made_by', 'c.created_at', 'c.expires_at'])
    .select(['c.used_at', 'c.withdrawn_at', 'p.name', 'a.address'])
    .select(['e.id as enrolment_id', 'e.state as enrolment_state'])
    .where((where) => {
      const isOpen = where.and([
        where('c.used_at', 'is', null),
        where('c.withdrawn_at', 'is', null),
        where('c.expires_at', '>', at),
      ]);
      return open ? isOpen : where.not(isOpen);
    })
    .orderBy('c.created_at', 'desc')
    .orderBy('c.id')
    .limit(limit)
    .execute();
}

/** How often the static challenge of each label was shown, and when last. */
export async function staticUses(snapshot: Snapshot): Promise<Map<string, { uses: number; lastUsedAt: Date }>> {
  const rows = await snapshot
    .selectFrom('device_enrolments')
    .select(({ fn }) => ['label', fn.countAll<string>().as('uses'), fn.max('requested_at').as('last')])
    .where('proof', '=', 'static')
    .groupBy('label')
    .execute();
  return new Map(rows.map(({ label, uses, last }) => [label, { uses: Number(uses), lastUsedAt: last }]));
}

export async function insertDeviceEnrolment(tx: Transaction, enrolment: DeviceEnrolmentRow): Promise<void> {
  await tx.insertInto('device_enrolments').values(enrolment).execute();
}

export async function deviceEnrolmentById(snapshot: Snapshot, id: string): Promise<DeviceEnrolmentRow | undefined> {
  return snapshot.selectFrom('device_enrolments').selectAll().where('id', '=', id).executeTakeFirst();
}

/** Held until commit. */
export async function lockDeviceEnrolment(tx: Transaction, id: string): Promise<DeviceEnrolmentRow | undefined> {
  return tx.selectFrom('device_enrolments').selectAll().where('id', '=', id).forUpdate().executeTakeFirst();
}

/** The one that a challenge was used for, or that renews a certificate; refused ones do not count for the latter. */
export async function deviceEnrolmentWith(
  snapshot: Snapshot,
  by: { readonly challengeId: string } | { readonly renews: string; readonly use: DeviceEnrolmentRow['use'] },
): Promise<DeviceEnrolmentRow | undefined> {
  const query = snapshot.selectFrom('device_enrolments').selectAll();
  return 'challengeId' in by
    ? query.where('challenge_id', '=', by.challengeId).executeTakeFirst()
    : query
        .where('renews', '=', by.renews)
        .where('use', '=', by.use)
        .where('state', '<>', 'refused')
        .executeTakeFirst();
}

/** What was asked for that key there and is not answered yet. */
export async function openEnrolmentOfKey(
  snapshot: Snapshot,
  spkiSha256: Buffer,
  label: string,
): Promise<DeviceEnrolmentRow | undefined> {
  return snapshot
    .selectFrom('device_enrolments')
    .selectAll()
    .where('spki_sha256', '=', spkiSha256)
    .where('label', '=', label)
    .where('state', 'in', ['waiting', 'approved'])
    .orderBy('requested_at', 'desc')
    .limit(1)
    .executeTakeFirst();
}

/** What a client that polls may mean, newest first. */
export async function polledEnrolment(
  snapshot: Snapshot,
  poll: {
    readonly label: string;
    readonly transactionId: string;
    /** Of the key that signs the poll. */
    readonly spkiSha256: Buffer;
    /** Serial number of the certificate that signs it, where that is one of ours. */
    readonly renews: string | undefined;
  },
): Promise<DeviceEnrolmentRow | undefined> {
  const query = snapshot
    .selectFrom('device_enrolments')
    .selectAll()
    .where('protocol', '=', 'scep')
    .where('label', '=', poll.label)
    .where('transaction_id', '=', poll.transactionId)
    .orderBy('requested_at', 'desc')
    .limit(1);
  const signer = poll.spkiSha256;
  const { renews } = poll;
  return query
    .where((where) =>
      renews === undefined
        ? where.or([where('spki_sha256', '=', signer), where('signer_sha256', '=', signer)])
        : // Or it was asked for anew, with a challenge, by whoever signs with what they have.
          where.or([
            where('renews', '=', renews),
            where.and([where('renews', 'is', null), where('signer_sha256', '=', signer)]),
          ]),
    )
    .executeTakeFirst();
}

export async function changeDeviceEnrolment(
  tx: Transaction,
  id: string,
  change: Partial<
    Pick<
      DeviceEnrolmentRow,
      'state' | 'request' | 'decided_at' | 'decided_by' | 'reason' | 'serial_number' | 'delivered_at'
    >
  >,
): Promise<void> {
  await tx.updateTable('device_enrolments').set(change).where('id', '=', id).execute();
}

/** All that a person's devices asked for, oldest first. */
export async function enrolmentsOfPerson(snapshot: Snapshot, personId: string): Promise<DeviceEnrolmentRow[]> {
  return snapshot
    .selectFrom('device_enrolments')
    .selectAll()
    .where('person_id', '=', personId)
    .orderBy('requested_at')
    .orderBy('id')
    .execute();
}

export async function markEnrolmentsLost(tx: Transaction, ids: readonly string[], at: Date): Promise<void> {
  await tx
    .updateTable('device_enrolments')
    .set({ lost_at: at })
    .where(sql<boolean>`id = ANY (${ids}::uuid[])`)
    .where('lost_at', 'is', null)
    .execute();
}

export async function enrolmentChallengesByIds(
  snapshot: Snapshot,
  ids: readonly string[],
): Promise<EnrolmentChallengeRow[]> {
  return snapshot
    .selectFrom('enrolment_challenges')
    .selectAll()
    .where(sql<boolean>`id = ANY (${ids}::uuid[])`)
    .execute();
}

/** Asked for before that instant, and still in that state; oldest first. */
export async function deviceEnrolmentsSince(
  snapshot: Snapshot,
  state: State,
  before: Date,
  limit: number,
): Promise<DeviceEnrolmentRow[]> {
  return snapshot
    .selectFrom('device_enrolments')
    .selectAll()
    .where('state', '=', state)
    .where('requested_at', '<', before)
    .orderBy('requested_at')
    .limit(limit)
    .execute();
}

export interface ListedEnrolment extends DeviceEnrolmentRow {
  readonly name: string;
  readonly address: string;
}

/** Newest first; those that wait oldest first, since they are to be decided in that order. */
export async function listDeviceEnrolments(
  snapshot: Snapshot,
  filter: { readonly state?: State | undefined; readonly personId?: string; readonly limit: number },
): Promise<ListedEnrolment[]> {
  let query = listed(snapshot).limit(filter.limit);
  if (filter.state !== undefined) query = query.where('e.state', '=', filter.state);
  if (filter.personId !== undefined) query = query.where('e.person_id', '=', filter.personId);
  return query
    .orderBy('e.requested_at', filter.state === 'waiting' ? 'asc' : 'desc')
    .orderBy('e.id')
    .execute();
}

/** With whose it is. */
export async function listedEnrolmentById(snapshot: Snapshot, id: string): Promise<ListedEnrolment | undefined> {
  return listed(snapshot).where('e.id', '=', id).executeTakeFirst();
}

const listed = (snapshot: Snapshot) =>
  snapshot
    .selectFrom('device_enrolments as e')
    .innerJoin('people as p', 'p.id', 'e.person_id')
    .innerJoin('person_addresses as a', (join) => join.onRef('a.person_id', '=', 'p.id').on('a.is_primary', '=', true))
    .selectAll('e')
    .select(['p.name', 'a.address']);
