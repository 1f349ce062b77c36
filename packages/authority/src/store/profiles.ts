/** Certificate profiles: data with versions that are never altered. The newest version of a profile is the one in force. */
import { type CertificateUse, ProfileDocument } from '@chancery/api';
import type { Selectable } from 'kysely';
import type { Snapshot, Transaction } from './database.ts';
import type { Schema } from './schema.ts';

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
