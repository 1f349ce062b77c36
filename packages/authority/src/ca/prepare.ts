/**
 * The first of the two steps of issuance: everything is decided, checked and stored, and nothing is signed yet.
 * What comes out is good for one call of `signCertificate`.
 */
import { hash } from 'node:crypto';
import type { CertificateUse, ProfileDocument } from '@chancery/api';
import { formatName } from '@chancery/smime';
import type { AuditDetails } from '../audit/trail.ts';
import { AuthorityError } from '../errors.ts';
import { bulkOperation, type Done, orRefusal } from '../operation.ts';
import { type Principal, permissionsOf } from '../principal.ts';
import { type AuthorityRow, authorityById, issuingAuthority } from '../store/authorities.ts';
import type { CrlShard } from '../store/crl-shards.ts';
import { listCrossCertificates } from '../store/cross-certificates.ts';
import type { Transaction } from '../store/database.ts';
import {
  abandonIntents,
  type EndEntity,
  holdEndEntities,
  type IntentRow,
  insertIntents,
  lockKeys,
  usesOfKeys,
} from '../store/intents.ts';
import { allotSerials, type ItemKey } from '../store/issuances.ts';
import { latestProfile, profileForUse, profileOfPerson, type VersionedProfile } from '../store/profiles.ts';
import type { World } from '../world.ts';
import { keyLabel } from './authority-key.ts';
import { keyOf, requireFreshKey, requireOrigin, requirePossession, requireSoundKey, seenBefore } from './check-key.ts';
import { shardFor, shardsInUse } from './crl-shard.ts';
import { buildEndEntity } from './end-entity.ts';
import { holderOf } from './find-holder.ts';
import { describeFinding, judgeByProfile, requireUnblocked } from './judge.ts';
import { type HolderNames, nameHolder } from './name-holder.ts';
import { originOf, PrepareInput, subjectOf } from './prepare-input.ts';
import { randomSerialNumber } from './serial-number.ts';

declare const preparedOnce: unique symbol;

/** The right to one signature. Only `prepareCertificate` makes one. */
export interface IssuanceIntent {
  readonly serialNumber: string;
  readonly [preparedOnce]: true;
}

/**
 * Decides on one certificate and allots its serial number. Names and addresses come from the directory, never from
 * the request. An intent that a crash left behind for the same key and holder is closed: its serial number is burnt.
 * @throws AuthorityError `unusable-input` (request, key, proof of possession), `conflict` (the key was seen before),
 *   `not-found`, `wrong-state` (the person left), `lint-failed` (what the profile lets block), `forbidden`
 */
export const prepareCertificate = bulkOperation({
  action: 'certificate.prepare',
  permission: {
    guard: (by) => by.kind === 'gateway' || by.kind === 'person' || permissionsOf(by).has('certificate:issue'),
    description: 'the permission certificate:issue, or a key of their own',
  },
  input: PrepareInput,
  subject: subjectOf,
  runAll: prepareAll,
});

type Prepared = Done<IssuanceIntent> | AuthorityError;

/** What one input needs of the others' transaction, read once for all of them. */
interface Desk {
  readonly tx: Transaction;
  readonly by: Principal;
  readonly world: World;
  readonly authority: AuthorityRow;
  readonly people: ReadonlyMap<string, EndEntity>;
  readonly profiles: ReadonlyMap<CertificateUse, VersionedProfile>;
  /** Those that inputs name, by their ids. */
  readonly named: ReadonlyMap<string, VersionedProfile>;
  /** Of people whose groups give them another, by id and use. */
  readonly ownProfiles: ReadonlyMap<string, VersionedProfile>;
  /** Lists that the authority's certificates are shared out among. */
  readonly shards: readonly CrlShard[];
  /** Authorities that have cross-certificates. */
  readonly crossed: ReadonlySet<string | null>;
  /** Those that responders are asked for. */
  readonly responders: ReadonlyMap<string, AuthorityRow>;
}

async function prepareAll(
  tx: Transaction,
  inputs: readonly PrepareInput[],
  by: Principal,
  world: World,
): Promise<Prepared[]> {
  const authority = await issuingAuthority(tx);
  const people = await holdEndEntities(
    tx,
    inputs.flatMap((input) => ('personId' in input ? input.personId : [])),
  );
  const desk: Desk = {
    tx,
    by,
    world,
    people,
    ownProfiles: await ownProfiles(tx, people),
    profiles: new Map(
      await Promise.all(
        [...new Set(inputs.map(({ use }) => use))].map(async (use) => [use, await profileForUse(tx, use)] as const),
      ),
    ),
    named: await profilesNamed(tx, inputs),
    authority,
    shards: await shardsInUse(tx, world, authority),
    crossed: new Set((await listCrossCertificates(tx)).map(({ subjectId }) => subjectId)),
    responders: await authoritiesOf(
      tx,
      inputs.flatMap((input) => (input.use === 'ocsp' ? input.authorityId : [])),
    ),
  };
  const judged: (Judged | AuthorityError)[] = [];
  for (const input of inputs) judged.push(await orRefusal(() => judge(desk, input)));
  const keys = judged.flatMap((one) => (one instanceof AuthorityError ? [] : one.spkiSha256));
  await lockKeys(tx, keys);
  const uses = await usesOfKeys(tx, keys);

  const intents: IntentRow[] = [];
  const superseded: string[] = [];
  const allotted: (ItemKey & { serialNumber: string })[] = [];
  const taken = new Set<string>();
  const prepared: Prepared[] = [];
  for (const one of judged) {
    prepared.push(
      await orRefusal(async () => {
        if (one instanceof AuthorityError) throw one;
        const hex = one.spkiSha256.toString('hex');
        if (taken.has(hex)) throw seenBefore();
        const abandoned = await requireFreshKey(tx, one, uses.get(hex) ?? []);
        const { intent, audit } = draw(desk, one);
        taken.add(hex);
        intents.push(intent);
        superseded.push(...abandoned);
        if (one.input.use === 'signing' && one.input.item !== undefined)
          allotted.push({ ...one.input.item, serialNumber: intent.serialNumber });
        return {
          result: { serialNumber: intent.serialNumber } as IssuanceIntent,
          audit: { ...audit, ...(abandoned.length > 0 && { abandoned }) },
        };
      }),
    );
  }
  await abandonIntents(tx, superseded);
  await insertIntents(tx, intents, world.clock());
  await allotSerials(tx, allotted);
  return prepared;
}

interface Judged {
  readonly input: PrepareInput;
  readonly names: HolderNames;
  readonly spki: Uint8Array;
  readonly spkiSha256: Buffer;
}

/** Who it is for, and whether its key deserves it. */
async function judge(desk: Desk, input: PrepareInput): Promise<Judged> {
  const { document: profile } = profileFor(desk, input);
  const holder = await holderOf(desk, input);
  requireOrigin(profile, originOf(input));
  const names = nameHolder(profile, holder);
  const { spki, request } = await keyOf(desk.world, input);
  requireSoundKey(spki, profile);
  if (request !== undefined) requirePossession(request);
  return { input, names, spki, spkiSha256: hash('sha256', spki, 'buffer') };
}

/** The certificate as it will be, linted, under a fresh serial number. */
function draw(desk: Desk, { input, names, spki, spkiSha256 }: Judged): { intent: IntentRow; audit: AuditDetails } {
  const { world } = desk;
  const authority = authorityFor(desk, input);
  const { id: profileId, version, document } = profileFor(desk, input);
  const profile = input.use === 'partner' ? narrowed(document, input.usage) : document;
  const serialNumber = randomSerialNumber();
  const shard =
    profile.crlDistributionPoint && authority === desk.authority ? shardFor(desk.shards, serialNumber) : undefined;
  const { tbs, draft } = buildEndEntity({
    profile,
    authority,
    config: world.config,
    serialNumber,
    crl: shard?.urls[0],
    crossed: desk.crossed.has(authority.id),
    names,
    spki,
    now: world.clock(),
  });
  const findings = judgeByProfile(profile, draft, authority.certificate);
  requireUnblocked(findings);
  return {
    intent: {
      serialNumber,
      authorityId: authority.id,
      use: input.use,
      profile: profileId,
      profileVersion: version,
      renewalDays: profile.renewalDays,
      personId: 'personId' in input ? input.personId : null,
      gatewayId: input.use === 'gateway' ? input.gatewayId : null,
      enrollmentId: ('enrollmentId' in input ? input.enrollmentId : undefined) ?? null,
      escrowedKeyId: input.use === 'encryption' ? input.key.escrowedKeyId : null,
      keyOrigin: originOf(input),
      keyReference: 'keyReference' in input ? input.keyReference : null,
      tbs,
      spkiSha256,
      crlShard: shard?.shard ?? null,
    },
    audit: {
      serialNumber,
      use: input.use,
      profile: `${profileId}/${version}`,
      key: keyLabel(draft),
      spkiSha256: spkiSha256.toString('hex'),
      subject: formatName(draft.subject),
      addresses: [...names.emails],
      notAfter: draft.notAfter.toISOString(),
      lints: profile.lints.edition,
      warnings: findings.filter(({ verdict }) => verdict === 'noted').map(describeFinding),
      exceptions: findings.filter(({ verdict }) => verdict === 'excepted').map(describeFinding),
    },
  };
}

/** What a request may leave out of a key that does both: RFC 8823 3. */
function narrowed(document: ProfileDocument, usage: 'signing' | 'encryption' | 'both'): ProfileDocument {
  if (usage === 'both') return document;
  const signs = (one: string) => one === 'digitalSignature' || one === 'nonRepudiation';
  const kept = <U extends string>(usages: readonly U[]) => usages.filter((one) => signs(one) === (usage === 'signing'));
  const { rsa, ec } = document.keyUsage;
  return { ...document, keyUsage: { rsa: kept(rsa), ec: kept(ec) } };
}

function authorityFor({ authority, responders }: Desk, input: PrepareInput): AuthorityRow {
  if (input.use !== 'ocsp') return authority;
  const found = responders.get(input.authorityId);
  if (found === undefined) throw new AuthorityError('not-found', 'There is no such authority. Nothing was issued.');
  return found;
}

async function authoritiesOf(tx: Transaction, ids: readonly string[]): Promise<Map<string, AuthorityRow>> {
  const found = new Map<string, AuthorityRow>();
  for (const id of ids) {
    const authority = await authorityById(tx, id);
    if (authority !== undefined) found.set(id, authority);
  }
  return found;
}

async function ownProfiles(
  tx: Transaction,
  people: ReadonlyMap<string, EndEntity>,
): Promise<Map<string, VersionedProfile>> {
  const own = new Map<string, VersionedProfile>();
  for (const person of people.values()) {
    for (const use of ['signing', 'encryption'] as const) {
      if (person.profiles[use] !== undefined) own.set(`${person.id} ${use}`, await profileOfPerson(tx, person, use));
    }
  }
  return own;
}

async function profilesNamed(tx: Transaction, inputs: readonly PrepareInput[]): Promise<Map<string, VersionedProfile>> {
  const named = new Map<string, VersionedProfile>();
  for (const id of new Set(inputs.flatMap((input) => (input.use === 'signing' ? (input.profile ?? []) : [])))) {
    const profile = await latestProfile(tx, id);
    if (profile !== undefined) named.set(id, profile);
  }
  return named;
}

function profileFor({ profiles, named, ownProfiles }: Desk, input: PrepareInput): VersionedProfile {
  const { use } = input;
  if (input.use === 'signing' && input.profile !== undefined) {
    const wanted = named.get(input.profile);
    if (wanted?.document.use === 'signing') return wanted;
    throw new AuthorityError('not-found', `There is no profile "${input.profile}" for signing. Nothing was issued.`);
  }
  const row = ('personId' in input ? ownProfiles.get(`${input.personId} ${use}`) : undefined) ?? profiles.get(use);
  if (row === undefined) throw new Error(`The profile for ${use} was not read`);
  return row;
}
