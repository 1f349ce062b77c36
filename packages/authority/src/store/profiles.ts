/** Certificate profiles: data with versions that are never altered. The newest version of a profile is the one in force. */
import { type CertificateUse, ProfileDocument } from '@chancery/api';
import { type Selectable, sql } from 'kysely';
import type { Snapshot, Transaction } from './database.ts';
import type { PersonProfiles, Schema } from './schema.ts';

export interface VersionedProfile {
  readonly id: string;
  readonly version: number;
  readonly document: ProfileDocument;
  /** Who wrote this version, as the audit trail names them. */
  readonly author: string;
  readonly note: string;
  /** The older version that this one brought back. */
  readonly restoredFrom: number | null;
  readonly createdAt: Date;
}

/** The version in force; undefined where there is no such profile. */
export async function latestProfile(snapshot: Snapshot, id: string): Promise<VersionedProfile | undefined> {
  const row = await snapshot
    .selectFrom('profiles')
    .selectAll()
    .where('id', '=', id)
    .orderBy('version', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row && read(row);
}

/** The profile that certificates for this use are issued by. Throws where there is none: the office is not set up. */
export async function profileForUse(snapshot: Snapshot, use: CertificateUse): Promise<VersionedProfile> {
  const row = await snapshot
    .selectFrom('profile_choices as c')
    .innerJoin('profiles as p', 'p.id', 'c.profile')
    .selectAll('p')
    .where('c.use', '=', use)
    .orderBy('p.version', 'desc')
    .limit(1)
    .executeTakeFirst();
  if (row === undefined) throw new Error(`There is no certificate profile for ${use}`);
  return read(row);
}

/**
 * The one that this person's certificates for the use are issued by: what their groups give, else the office's choice.
 * @throws Error where there is none: the office is not set up
 */
export async function profileOfPerson(
  snapshot: Snapshot,
  { profiles }: { readonly profiles: PersonProfiles },
  use: 'signing' | 'encryption',
): Promise<VersionedProfile> {
  const chosen = profiles[use] === undefined ? undefined : await latestProfile(snapshot, profiles[use]);
  // One that was renamed or is for another use is nobody's: better the office's than none.
  return chosen?.document.use === use ? chosen : profileForUse(snapshot, use);
}

/** Every version, newest first. */
export async function profileVersions(snapshot: Snapshot, id: string): Promise<VersionedProfile[]> {
  const rows = await snapshot
    .selectFrom('profiles')
    .selectAll()
    .where('id', '=', id)
    .orderBy('version', 'desc')
    .execute();
  return rows.map(read);
}

/** One writer of a profile at a time, until commit. */
export async function lockProfile(tx: Transaction, id: string): Promise<VersionedProfile | undefined> {
  await sql`SELECT pg_advisory_xact_lock(hashtextextended(${`profile:${id}`}, 0))`.execute(tx);
  return latestProfile(tx, id);
}

/** Which profile each use is issued by. */
export async function profileChoices(snapshot: Snapshot): Promise<Map<CertificateUse, string>> {
  const rows = await snapshot.selectFrom('profile_choices').selectAll().execute();
  return new Map(rows.map(({ use, profile }) => [use, profile]));
}

/** Where certificates of each version of these profiles are published, by `profile/version`. */
export async function publicationByProfile(
  snapshot: Snapshot,
  ids: readonly string[],
): Promise<Map<string, ProfileDocument['publication']>> {
  if (ids.length === 0) return new Map();
  const rows = await snapshot
    .selectFrom('profiles')
    .selectAll()
    .where(sql<boolean>`id = ANY (${[...new Set(ids)]}::text[])`)
    .execute();
  return new Map(rows.map(read).map(({ id, version, document }) => [`${id}/${version}`, document.publication]));
}

/** Good certificates of each profile and version. */
export async function certificatesByProfile(
  snapshot: Snapshot,
  at: Date,
  id?: string,
): Promise<{ profile: string; version: number; certificates: number }[]> {
  let query = snapshot
    .selectFrom('certificates')
    .select(['profile', 'profile_version as version'])
    .select(({ fn }) => fn.countAll<string>().as('certificates'))
    .where('revoked_at', 'is', null)
    .where('not_after', '>', at)
    .groupBy(['profile', 'profile_version']);
  if (id !== undefined) query = query.where('profile', '=', id);
  const rows = await query.execute();
  return rows.map((row) => ({ ...row, certificates: Number(row.certificates) }));
}

/** Good certificates of a profile, those first that are to be renewed first; and how many there are, of how many people. */
export async function certificatesToRenew(snapshot: Snapshot, id: string, at: Date, limit: number) {
  const good = snapshot
    .selectFrom('certificates')
    .where('profile', '=', id)
    .where('revoked_at', 'is', null)
    .where('not_after', '>', at);
  const count = await good
    .select(({ fn }) => [
      fn.countAll<string>().as('certificates'),
      fn.count<string>('person_id').distinct().as('people'),
    ])
    .executeTakeFirstOrThrow();
  const next = await good
    .select(['serial_number', 'profile_version', 'person_id', 'subject', 'addresses', 'renew_at', 'not_after'])
    .orderBy('renew_at')
    .orderBy('serial_number')
    .limit(limit)
    .execute();
  return { certificates: Number(count.certificates), people: Number(count.people), next };
}

export async function insertProfile(tx: Transaction, profile: VersionedProfile): Promise<void> {
  await tx
    .insertInto('profiles')
    .values({
      id: profile.id,
      version: profile.version,
      document: JSON.stringify(profile.document),
      author: profile.author,
      note: profile.note,
      restored_from: profile.restoredFrom,
      created_at: profile.createdAt,
    })
    .execute();
}

/** From now on this use is issued by that profile. */
export async function chooseProfile(tx: Transaction, use: CertificateUse, id: string): Promise<void> {
  await tx
    .insertInto('profile_choices')
    .values({ use, profile: id })
    .onConflict((conflict) => conflict.column('use').doUpdateSet({ profile: id }))
    .execute();
}

function read(row: Selectable<Schema['profiles']>): VersionedProfile {
  return {
    id: row.id,
    version: row.version,
    document: ProfileDocument.parse(row.document),
    author: row.author,
    note: row.note,
    restoredFrom: row.restored_from,
    createdAt: row.created_at,
  };
}

/** The newest version of every profile. */
export async function listProfiles(snapshot: Snapshot): Promise<VersionedProfile[]> {
  const rows = await snapshot
    .selectFrom('profiles')
    .selectAll()
    .distinctOn('id')
    .orderBy('id')
    .orderBy('version', 'desc')
    .execute();
  return rows.map(read);
}
