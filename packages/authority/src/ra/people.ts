/** People as the console shows them: what they have, and why somebody cannot be written to. */
import type { CertificateSummary, Person, PersonDetail } from '@chancery/api';
import { describeCertificate } from '../ca/describe.ts';
import { AuthorityError } from '../errors.ts';
import { describeSourcesOf } from '../identity/sources/describe.ts';
import { publicationTargets } from '../publication-config.ts';
import {
  type CertificateEntry,
  type CertificateState,
  certificateState,
  certificatesOfPeople,
} from '../store/certificates.ts';
import { latestClaim, openClaims } from '../store/claims.ts';
import type { Snapshot } from '../store/database.ts';
import { type EnrollmentRow, waitingEnrollments } from '../store/enrollments.ts';
import { usableKeys } from '../store/escrow.ts';
import { importedOfPerson } from '../store/imported-certificates.ts';
import {
  formerAddresses,
  listPeople,
  nameCursor,
  type PeopleFilter,
  type PersonRow,
  peopleByIds,
  personById,
} from '../store/people.ts';
import { passkeysOfPerson } from '../store/person-passkeys.ts';
import { subjectsOf } from '../store/provider-subjects.ts';
import { type PublicationRow, publicationsOfPeople } from '../store/publications.ts';
import type { World } from '../world.ts';
import { describeDevices } from './enrolled-devices.ts';
import { describeImported } from './imported-status.ts';
import { describeKeyHistory } from './key-history.ts';

/** One page, in order of names. @throws AuthorityError `invalid-request` for a cursor that no page gave out */
export async function peoplePage(
  world: World,
  snapshot: Snapshot,
  query: Omit<PeopleFilter, 'after'> & { after?: string | undefined },
): Promise<{ items: Person[]; total: number; totalIsExact: boolean; next: string | null }> {
  const { after, ...filter } = query;
  const { rows, total, totalIsExact, hasMore } = await listPeople(
    snapshot,
    { ...filter, ...(after === undefined ? {} : { after: readCursor(after) }) },
    world.clock(),
  );
  const last = rows.at(-1);
  const next = hasMore && last !== undefined ? writeCursor(await nameCursor(snapshot, last.id), last.id) : null;
  return { items: await describePeople(world, snapshot, rows), total, totalIsExact, next };
}

/** @throws AuthorityError `not-found` */
export async function describePerson(world: World, snapshot: Snapshot, id: string): Promise<Person> {
  const [person] = await describePeople(world, snapshot, await peopleByIds(snapshot, [id]));
  if (person === undefined) throw noSuchPerson();
  return person;
}

/** @throws AuthorityError `not-found` */
export async function personDetail(world: World, snapshot: Snapshot, id: string): Promise<Omit<PersonDetail, 'phone'>> {
  const row = await personById(snapshot, id);
  if (row === undefined) throw noSuchPerson();
  const [person] = await describePeople(world, snapshot, [row]);
  if (person === undefined) throw noSuchPerson();
  const certificates = await certificatesOfPeople(snapshot, [id]);
  const imported = await importedOfPerson(snapshot, id);
  const keys = await describeKeyHistory(snapshot, id, certificates, imported);
  const claim = await latestClaim(snapshot, id);
  const passkeys = await passkeysOfPerson(snapshot, id);
  const former = await formerAddresses(snapshot, id);
  const accounts = await subjectsOf(snapshot, 'person', id);
  const isoOf = (date: Date | null | undefined) => date?.toISOString() ?? null;
  return {
    ...person,
    certificates: certificates.map((one) => describeCertificate(one, world.clock())),
    importedCertificates: imported.map((one) => describeImported(one, world.clock())),
    escrowedKeys: keys,
    enrolledDevices: await describeDevices(snapshot, row, world.clock()),
    claim:
      claim === undefined || (claim.closed_at !== null && claim.claimed_at === null)
        ? null
        : { expiresAt: claim.expires_at.toISOString(), claimedAt: isoOf(claim.claimed_at) },
    formerAddresses: former.map(({ address, until }) => ({ address, until: until.toISOString() })),
    ...(await describeSourcesOf(world, snapshot, row)),
    suspendedBy: row.suspended_by,
    profiles: row.profiles,
    passkeys: { all: passkeys.length, openingKeys: passkeys.filter(({ owner_key }) => owner_key !== null).length },
    providerAccounts: accounts.map((one) => ({
      issuer: one.issuer,
      lastSignInAt: one.last_sign_in_at.toISOString(),
    })),
  };
}

async function describePeople(world: World, snapshot: Snapshot, rows: readonly PersonRow[]): Promise<Person[]> {
  const ids = rows.map(({ id }) => id);
  const certificates = await certificatesOfPeople(snapshot, ids);
  const usable = await usableKeys(
    snapshot,
    certificates.flatMap((one) => one.escrowed_key_id ?? []),
  );
  const waiting = await waitingEnrollments(snapshot, ids);
  const claims = await openClaims(snapshot, ids);
  const publications = await publicationsOfPeople(snapshot, ids);
  const now = world.clock();
  return rows.map((row) => ({
    id: row.id,
    address: row.address,
    name: row.name,
    aliases: [...row.aliases],
    externalId: row.external_id,
    attributes: row.attributes,
    state: row.state,
    signingKey: row.signing_key,
    gatewayDecrypts: row.gateway_decrypts,
    createdAt: row.created_at.toISOString(),
    coverage: coverageOf({
      person: row,
      certificates: certificates.filter((one) => one.person_id === row.id),
      usable,
      waiting: waiting.filter((one) => one.person_id === row.id),
      linkShown: claims.some((one) => one.person_id === row.id && one.sealed_secret === null),
      targets: publicationTargets(world.config),
      publications: publications.filter((one) => one.person_id === row.id),
      now,
    }),
  }));
}

interface Facts {
  readonly person: PersonRow;
  /** Newest first. */
  readonly certificates: readonly CertificateEntry[];
  readonly usable: ReadonlySet<string>;
  readonly waiting: readonly EnrollmentRow[];
  /** The open claim link has been shown to somebody. */
  readonly linkShown: boolean;
  readonly targets: readonly string[];
  readonly publications: readonly PublicationRow[];
  readonly now: Date;
}

type Coverage = Person['coverage'];
type UseState = Exclude<CertificateSummary['state'], 'held'> | 'pending' | 'none';

function coverageOf(facts: Facts): Coverage {
  const signing = stateFor(facts, 'signing', () => true);
  const isUsable = (one: CertificateEntry) => one.escrowed_key_id !== null && facts.usable.has(one.escrowed_key_id);
  const encryption = stateFor(facts, 'encryption', isUsable);
  return {
    signing,
    encryption,
    published: publishedState(facts, isUsable),
    reason: reasonOf(facts, signing, encryption),
  };
}

/** The best certificate of that use decides; one whose key its owner does not have yet counts as pending. */
function stateFor(facts: Facts, use: 'signing' | 'encryption', isUsable: (one: CertificateEntry) => boolean): UseState {
  const all = facts.certificates.filter((one) => one.use === use);
  const states = all.map((one) => ({ state: certificateState(one, facts.now), ready: isUsable(one) }));
  const good = (state: CertificateState) => state === 'valid' || state === 'expiring';
  const best = (['valid', 'expiring'] as const).find((wanted) =>
    states.some((one) => one.ready && one.state === wanted),
  );
  if (best !== undefined) return best;
  if (states.some((one) => good(one.state)) || facts.waiting.some((one) => one.use === use)) return 'pending';
  const state = states[0]?.state ?? 'none';
  // For whoever writes to them it comes to the same.
  return state === 'held' ? 'revoked' : state;
}

function publishedState(facts: Facts, isUsable: (one: CertificateEntry) => boolean): Coverage['published'] {
  if (facts.targets.length === 0) return 'no-target';
  const current = facts.certificates.filter(
    (one) =>
      one.use === 'encryption' && isUsable(one) && ['valid', 'expiring'].includes(certificateState(one, facts.now)),
  );
  if (current.length === 0 || facts.person.state !== 'active') return 'not-published';
  const states = facts.targets.flatMap((target) =>
    current.map(
      (one) =>
        facts.publications.find((row) => row.target === target && row.serial_number === one.serial_number)?.state ??
        'pending',
    ),
  );
  if (states.includes('failed')) return 'failed';
  return states.every((state) => state === 'published') ? 'published' : 'pending';
}

/** Why somebody cannot be written to encrypted, or cannot sign: a sentence that says who does what next. */
function reasonOf({ person, waiting, linkShown }: Facts, signing: UseState, encryption: UseState): string | null {
  if (person.state === 'left') return 'Has left: nothing is issued or published any more. Old mail stays recoverable.';
  if (person.state === 'suspended') {
    return person.suspended_by === null
      ? 'Is suspended: everything is on hold until they return.'
      : `Is switched off at ${person.suspended_by}: everything is on hold until they are back there.`;
  }
  const delay = waiting.find((one) => one.use === 'encryption')?.error;
  switch (encryption) {
    case 'none':
      return 'Has no encryption certificate.';
    case 'expired':
      return 'The encryption certificate has expired.';
    case 'revoked':
      return 'The encryption certificate was revoked, or is on hold. Release it, or make a new claim link to replace it.';
    case 'pending':
      if (delay != null) return `The encryption key could not be made yet: ${delay}`;
      if (waiting.some((one) => one.use === 'encryption')) return 'The encryption key is being made.';
      return linkShown
        ? 'Has not collected the encryption key yet: the claim link waits to be opened.'
        : 'Has not collected the encryption key yet: give them their claim link.';
  }
  if (signing === 'valid' || signing === 'expiring') return null;
  return person.signing_key === 'gateway'
    ? 'Cannot sign yet: the gateway has not enrolled the signing key.'
    : 'Cannot sign: no signing certificate yet. The claim link makes one.';
}

function noSuchPerson(): AuthorityError {
  return new AuthorityError('not-found', 'There is no such person.');
}

function writeCursor(name: string, id: string): string {
  return Buffer.from(JSON.stringify([name, id])).toString('base64url');
}

function readCursor(text: string): { name: string; id: string } {
  try {
    const [name, id] = JSON.parse(Buffer.from(text, 'base64url').toString('utf8')) as [unknown, unknown];
    if (typeof name === 'string' && typeof id === 'string' && /^[0-9a-f-]{36}$/.test(id)) return { name, id };
  } catch {
    // Falls through: whatever it was, no page gave it out.
  }
  throw new AuthorityError('invalid-request', 'after: is not the "next" of a page.', {
    fields: [{ path: 'after', message: 'is not the "next" of a page' }],
  });
}
