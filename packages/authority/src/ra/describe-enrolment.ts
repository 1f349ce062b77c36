/** What devices asked for and the challenges that they show, as operators and their owners read them. */
import type { Challenges, DeviceEnrolment, DeviceEnrolmentDetail } from '@chancery/api';
import { parseRequest } from '@chancery/smime';
import { previewCertificate } from '../ca/preview.ts';
import { needsApproval } from '../enrolment-config.ts';
import { AuthorityError } from '../errors.ts';
import { openSecret } from '../identity/sealing.ts';
import type { Snapshot } from '../store/database.ts';
import {
  enrolmentChallengesByIds,
  type ListedChallenge,
  type ListedEnrolment,
  listEnrolmentChallenges,
  listedEnrolmentById,
  staticUses,
} from '../store/device-enrolments.ts';
import { namesOfOperators } from '../store/operators.ts';
import { latestProfile } from '../store/profiles.ts';
import type { World } from '../world.ts';
import { addressesIn, purposeOf } from './judge-request.ts';

/** Challenges in one list. */
const MOST = 200;

export function describeEnrolment(row: ListedEnrolment): DeviceEnrolment {
  return {
    id: row.id,
    personId: row.person_id,
    name: row.name,
    address: row.address,
    protocol: row.protocol,
    label: row.label,
    use: row.use,
    profile: row.profile,
    proof: row.proof,
    subject: row.subject,
    keyAlgorithm: row.key_algorithm,
    keySha256: row.spki_sha256.toString('hex'),
    state: row.state,
    requestedAt: row.requested_at.toISOString(),
    decidedAt: row.decided_at?.toISOString() ?? null,
    decidedBy: row.decided_by,
    reason: row.reason,
    serialNumber: row.serial_number,
  };
}

/** With what an operator decides by. @throws AuthorityError `not-found` */
export async function enrolmentDetail(world: World, snapshot: Snapshot, id: string): Promise<DeviceEnrolmentDetail> {
  const row = await listedEnrolmentById(snapshot, id);
  if (row === undefined) throw new AuthorityError('not-found', 'There is no such request.');
  // The request holds the challenge: it is opened here, and nothing but names and key leave.
  const request =
    row.request === null ? undefined : parseRequest(await openSecret(world, snapshot, purposeOf(id), row.request));
  const profile = await latestProfile(snapshot, row.profile);
  return {
    ...describeEnrolment(row),
    challenge: (await challengesBehind(snapshot, [row], row.name)).get(row.challenge_id ?? '') ?? null,
    addresses: request === undefined ? [] : addressesIn(request),
    preview:
      request === undefined || profile === undefined || row.use !== 'signing'
        ? null
        : await previewCertificate(world, snapshot, profile.document, { personId: row.person_id, key: request.spki }),
  };
}

export async function describeChallenges(
  world: World,
  snapshot: Snapshot,
  state: 'open' | 'ended',
): Promise<Challenges> {
  const rows = await listEnrolmentChallenges(snapshot, { open: state === 'open', at: world.clock(), limit: MOST });
  const names = await makers(snapshot, rows);
  const used = await staticUses(snapshot);
  return {
    items: rows.map((row) => describeChallenge(row, names, world.clock())),
    fixed: Object.entries(world.config.enrolment.label)
      .filter(([, { staticChallenge }]) => staticChallenge !== undefined)
      .map(([label, settings]) => ({
        label,
        approval: needsApproval(settings),
        uses: used.get(label)?.uses ?? 0,
        lastUsedAt: used.get(label)?.lastUsedAt.toISOString() ?? null,
      })),
  };
}

/** By the id of the challenge: who made it, and when. @param holder the name of the person whose requests these are */
export async function challengesBehind(
  snapshot: Snapshot,
  rows: readonly { readonly challenge_id: string | null }[],
  holder: string,
): Promise<Map<string, NonNullable<DeviceEnrolmentDetail['challenge']>>> {
  const ids = rows.flatMap(({ challenge_id }) => challenge_id ?? []);
  const found = await enrolmentChallengesByIds(snapshot, ids);
  const names = await makers(snapshot, found);
  return new Map(
    found.map(({ id, made_by, created_at }) => [
      id,
      { madeBy: made_by, madeByName: nameOfMaker(made_by, holder, names), createdAt: created_at.toISOString() },
    ]),
  );
}

function describeChallenge(
  row: ListedChallenge,
  names: ReadonlyMap<string, string>,
  now: Date,
): Challenges['items'][number] {
  const { enrolment_id, enrolment_state } = row;
  return {
    id: row.id,
    personId: row.person_id,
    name: row.name,
    address: row.address,
    profile: row.profile,
    use: row.use,
    approval: row.approval,
    madeBy: row.made_by,
    madeByName: nameOfMaker(row.made_by, row.name, names),
    createdAt: row.created_at.toISOString(),
    expiresAt: row.expires_at.toISOString(),
    ...ended(row, now),
    enrolment: enrolment_id === null || enrolment_state === null ? null : { id: enrolment_id, state: enrolment_state },
  };
}

function ended(
  { used_at, withdrawn_at, expires_at }: ListedChallenge,
  now: Date,
): Pick<Challenges['items'][number], 'state' | 'endedAt'> {
  if (used_at !== null) return { state: 'used', endedAt: used_at.toISOString() };
  if (withdrawn_at !== null) return { state: 'withdrawn', endedAt: withdrawn_at.toISOString() };
  return expires_at <= now ? { state: 'lapsed', endedAt: expires_at.toISOString() } : { state: 'open', endedAt: null };
}

/** Of the operators among whoever made them, by id. */
function makers(snapshot: Snapshot, made: readonly { readonly made_by: string }[]): Promise<Map<string, string>> {
  const ids = made.flatMap(({ made_by }) => (made_by.startsWith('operator:') ? made_by.slice('operator:'.length) : []));
  return namesOfOperators(snapshot, [...new Set(ids)]);
}

/** @param actor as the audit trail writes it @param holder whose challenge it is */
function nameOfMaker(actor: string, holder: string, names: ReadonlyMap<string, string>): string {
  const [kind, id = ''] = actor.split(':');
  if (kind === 'operator') return names.get(id) ?? 'An operator';
  if (kind === 'person') return holder;
  if (kind === 'manager') return `The program ${id}`;
  return 'The command line';
}
