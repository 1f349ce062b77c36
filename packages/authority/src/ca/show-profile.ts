/** Profiles as the console shows them, and what a change would alter. Reads alone. */
import {
  type CertificateUse,
  type Profile,
  type ProfileComparison,
  type ProfileDetail,
  type ProfileDocument,
  profileChanges,
} from '@chancery/api';
import type { Snapshot } from '../store/database.ts';
import { waitingCount } from '../store/enrollments.ts';
import {
  certificatesByProfile,
  certificatesToRenew,
  latestProfile,
  listProfiles,
  profileChoices,
  profileVersions,
  type VersionedProfile,
} from '../store/profiles.ts';
import type { World } from '../world.ts';
import { noSuchProfile } from './change-profile.ts';
import { problemsOf } from './check-profile.ts';
import { previewCertificate } from './preview.ts';

export async function profileList(world: World, snapshot: Snapshot): Promise<Profile[]> {
  const choices = await profileChoices(snapshot);
  const counts = await certificatesByProfile(snapshot, world.clock());
  return (await listProfiles(snapshot)).map((profile) =>
    describe(
      profile,
      choices,
      counts.filter((one) => one.profile === profile.id).reduce((sum, { certificates }) => sum + certificates, 0),
    ),
  );
}

/** @throws AuthorityError `not-found` */
export async function profileDetail(world: World, snapshot: Snapshot, id: string): Promise<ProfileDetail> {
  const versions = await profileVersions(snapshot, id);
  const [newest] = versions;
  if (newest === undefined) throw noSuchProfile(id);
  const counts = new Map(
    (await certificatesByProfile(snapshot, world.clock(), id)).map((one) => [one.version, one.certificates]),
  );
  const choices = await profileChoices(snapshot);
  const total = [...counts.values()].reduce((sum, one) => sum + one, 0);
  return {
    ...describe(newest, choices, total),
    chosenForUse: choices.get(newest.document.use) ?? id,
    versions: versions.map(({ version, createdAt, author, note, restoredFrom, document }) => ({
      version,
      createdAt: createdAt.toISOString(),
      author,
      note,
      restoredFrom,
      certificates: counts.get(version) ?? 0,
      document,
    })),
  };
}

/** How many of the certificates that follow a change are named. */
const NAMED = 20;

/** @throws AuthorityError `not-found` (the person) */
export async function compareProfile(
  world: World,
  snapshot: Snapshot,
  input: { readonly id: string; readonly document: ProfileDocument; readonly personId?: string | undefined },
): Promise<ProfileComparison> {
  const { id, document, personId } = input;
  const present = await latestProfile(snapshot, id);
  const chosen = (await profileChoices(snapshot)).get(document.use) === id;
  const isPersonal = document.use === 'signing' || document.use === 'encryption';
  const { next, ...affected } = await certificatesToRenew(snapshot, id, world.clock(), NAMED);
  return {
    version: present?.version ?? 0,
    changes: profileChanges(present?.document, document),
    problems: problemsOf(document, present?.document),
    before: present === undefined ? null : await previewCertificate(world, snapshot, present.document, { personId }),
    after: await previewCertificate(world, snapshot, document, { personId }),
    affected: {
      ...affected,
      waiting:
        chosen && isPersonal ? await waitingCount(snapshot, document.use === 'signing' ? 'signing' : 'encryption') : 0,
      next: next.map((row) => ({
        serialNumber: row.serial_number,
        version: row.profile_version,
        holder: row.addresses[0] ?? row.subject,
        personId: row.person_id,
        renewFrom: row.renew_at.toISOString(),
        notAfter: row.not_after.toISOString(),
      })),
    },
  };
}

function describe(
  { id, version, document, author, createdAt }: VersionedProfile,
  choices: ReadonlyMap<CertificateUse, string>,
  certificates: number,
): Profile {
  return {
    id,
    version,
    use: document.use,
    name: document.name,
    description: document.description,
    chosen: choices.get(document.use) === id,
    certificates,
    changedAt: createdAt.toISOString(),
    changedBy: author,
    document,
  };
}
