/** Profiles change here: a change is the next version, applies to new certificates only, and never touches an old one. */
import {
  type CertificateUse,
  ProfileDocument as Document,
  type ProfileDocument,
  ProfileId,
  profileChanges,
} from '@chancery/api';
import { z } from 'zod';
import { AuthorityError } from '../errors.ts';
import { operation } from '../operation.ts';
import type { Principal } from '../principal.ts';
import type { Transaction } from '../store/database.ts';
import {
  insertProfile,
  latestProfile,
  listProfiles,
  lockProfile,
  profileChoices,
  profileVersions,
  chooseProfile as storeChoice,
  type VersionedProfile,
} from '../store/profiles.ts';
import type { World } from '../world.ts';
import { checkProfile } from './check-profile.ts';
import { firstChoices, insertShipped, shippedProfiles } from './profile.ts';

const Note = z.string().trim().max(1000).default('');

/**
 * Applies a document as the next version; with `expectedVersion` 0, as the first of a new profile.
 * @throws AuthorityError `unusable-input` (a rule is broken: one field each), `lint-failed` (nobody could be issued a
 *   certificate by it), `conflict` (somebody changed it meanwhile), `wrong-state` (it says that already), `not-found`
 */
export const applyProfile = operation({
  action: 'profile.apply',
  permission: 'profile:write',
  input: z.object({ id: ProfileId, document: Document, expectedVersion: z.int().min(0), note: Note }),
  subject: ({ id }) => `profile:${id}`,
  async run(tx, { id, document, expectedVersion, note }, by, world) {
    const before = await lockProfile(tx, id);
    requireExpected(id, before, expectedVersion);
    return nextVersion(tx, world, by, { id, before, document, note, restoredFrom: null });
  },
});

/** Applies an older version anew. The same errors. */
export const restoreProfile = operation({
  action: 'profile.restore',
  permission: 'profile:write',
  input: z.object({ id: ProfileId, version: z.int().min(1), expectedVersion: z.int().min(1), note: Note }),
  subject: ({ id }) => `profile:${id}`,
  async run(tx, { id, version, expectedVersion, note }, by, world) {
    const before = await lockProfile(tx, id);
    requireExpected(id, before, expectedVersion);
    const old = (await profileVersions(tx, id)).find((one) => one.version === version);
    if (old === undefined)
      throw new AuthorityError('not-found', `The profile ${id} has no version ${version}. Nothing was changed.`);
    return nextVersion(tx, world, by, { id, before, document: old.document, note, restoredFrom: version });
  },
});

/**
 * Issues the certificates of a use by this profile from now on.
 * @throws AuthorityError `not-found`, `conflict` (another was chosen meanwhile), `wrong-state` (it is chosen already)
 */
export const chooseProfile = operation({
  action: 'profile.choose',
  permission: 'profile:write',
  input: z.object({ id: ProfileId, expected: ProfileId }),
  subject: ({ id }) => `profile:${id}`,
  async run(tx, { id, expected }) {
    const profile = await latestProfile(tx, id);
    if (profile === undefined) throw noSuchProfile(id);
    const { use } = profile.document;
    // All choices of a use wait for one another, and each sees what the one before chose.
    await lockProfile(tx, `for ${use}`);
    const present = (await profileChoices(tx)).get(use);
    if (present === id)
      throw new AuthorityError(
        'wrong-state',
        `Certificates for ${use} are issued by ${id} already. Nothing was changed.`,
      );
    if (present !== expected)
      throw new AuthorityError(
        'conflict',
        `Certificates for ${use} are issued by ${present} now, not by ${expected}: somebody chose it meanwhile. Nothing was changed. Look again.`,
      );
    await storeChoice(tx, use, id);
    return { result: undefined, audit: { use, before: present, after: id, version: profile.version } };
  },
});

/** Adds shipped profiles that an office of an older Chancery lacks; those it has stay as they are. */
export const shipProfiles = operation({
  action: 'profile.ship',
  permission: 'system',
  input: z.object({}),
  subject: () => null,
  async run(tx, _input, _by, world) {
    const present = new Set((await listProfiles(tx)).map(({ id }) => id));
    const added = Object.entries(shippedProfiles).filter(([id]) => !present.has(id));
    for (const [id, document] of added) await insertShipped(tx, world, id, document);
    const choices = await profileChoices(tx);
    const chosen = (Object.entries(firstChoices) as [CertificateUse, string][]).filter(([use]) => !choices.has(use));
    for (const [use, id] of chosen) await storeChoice(tx, use, id);
    return { result: undefined, audit: { added: added.map(([id]) => id), chosen: Object.fromEntries(chosen) } };
  },
});

/** Whether `shipProfiles` has something to add. */
export function lacksShipped(profiles: readonly VersionedProfile[]): boolean {
  return Object.keys(shippedProfiles).some((id) => !profiles.some((one) => one.id === id));
}

export function noSuchProfile(id: string): AuthorityError {
  return new AuthorityError('not-found', `There is no certificate profile ${id}.`);
}

function requireExpected(id: string, present: VersionedProfile | undefined, expected: number): void {
  if ((present?.version ?? 0) === expected) return;
  if (present === undefined) throw noSuchProfile(id);
  throw new AuthorityError(
    'conflict',
    expected === 0
      ? `There is a profile ${id} already. Nothing was changed. Choose another name.`
      : `${present.author} applied version ${present.version} of ${id} on ${present.createdAt.toISOString()}, while you worked on version ${expected}. Nothing was changed. Look at what is there now, and apply your change to that.`,
  );
}

interface Next {
  readonly id: string;
  readonly before: VersionedProfile | undefined;
  readonly document: ProfileDocument;
  readonly note: string;
  readonly restoredFrom: number | null;
}

async function nextVersion(tx: Transaction, world: World, by: Principal, next: Next) {
  const { id, before, document, note, restoredFrom } = next;
  const changes = profileChanges(before?.document, document);
  if (before !== undefined && changes.length === 0)
    throw new AuthorityError(
      'wrong-state',
      `That is what version ${before.version} of ${id} says already. Nothing was changed.`,
    );
  await checkProfile(world, tx, document, before?.document);
  const version = (before?.version ?? 0) + 1;
  await insertProfile(tx, { id, version, document, author: by.name, note, restoredFrom, createdAt: world.clock() });
  return {
    result: { version },
    audit: {
      version,
      note,
      ...(restoredFrom !== null && { restoredFrom }),
      changes: changes.map(({ sentence }) => sentence),
    },
  };
}
