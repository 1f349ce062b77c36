/**
 * The first of the two steps of issuance: everything is decided, checked and stored, and nothing is signed yet.
 * What comes out is good for one call of `signCertificate`.
 */
import { hash } from 'node:crypto';
import type { CertificateUse, ProfileDocument } from '@chancery/api';
import { parseKeyReference } from '@chancery/keystore';
import {
  type CertificateRequest,
  formatName,
  keyKindOf,
  parseRequest,
  SmimeError,
  verifyRequestSignature,
} from '@chancery/smime';
import { z } from 'zod';
import type { AuditDetails } from '../audit/trail.ts';
import { AuthorityError } from '../errors.ts';
import type { EscrowReceipt } from '../kra/escrow.ts';
import { bulkOperation, type Done } from '../operation.ts';
import { type Principal, permissionsOf } from '../principal.ts';
import { type AuthorityRow, authorityById, issuingAuthority } from '../store/authorities.ts';
import type { CrlShard } from '../store/crl-shards.ts';
import type { Transaction } from '../store/database.ts';
import {
  abandonIntents,
  type EndEntity,
  escrowHolds,
  holdEndEntities,
  type IntentRow,
  insertIntents,
  lockKeys,
  organisationName,
  type UseOfKey,
  usesOfKeys,
} from '../store/intents.ts';
import { allotSerials, type ItemKey } from '../store/issuances.ts';
import { operatorById } from '../store/operators.ts';
import { profileForUse, type VersionedProfile } from '../store/profiles.ts';
import type { KeyOrigin } from '../store/schema.ts';
import type { World } from '../world.ts';
import { keyLabel } from './authority-key.ts';
import { shardFor, shardsInUse } from './crl-shard.ts';
import { buildEndEntity } from './end-entity.ts';
import { describeFinding, judgeByProfile, requireUnblocked } from './judge.ts';
import { modulusBits, weaknessesOf } from './key-strength.ts';
import { type Holder, type HolderNames, nameHolder, personAsHolder } from './name-holder.ts';
import { randomSerialNumber } from './serial-number.ts';

declare const preparedOnce: unique symbol;

/** The right to one signature. Only `prepareCertificate` makes one. */
export interface IssuanceIntent {
  readonly serialNumber: string;
  readonly [preparedOnce]: true;
}

/** PKCS#10, DER. */
const Request = z.custom<Uint8Array>((value) => value instanceof Uint8Array);

const PrepareInput = z.discriminatedUnion('use', [
  z.strictObject({
    use: z.literal('signing'),
    request: Request,
    personId: z.uuid(),
    keyOrigin: z.enum(['device', 'browser', 'gateway']),
    enrollmentId: z.uuid().optional(),
    /** The request of a batch that this certificate answers. */
    item: z.strictObject({ issuanceId: z.uuid(), position: z.int() }).optional(),
  }),
  z.strictObject({
    use: z.literal('encryption'),
    /** There is no encryption certificate for a key that was not escrowed first. */
    key: z.custom<EscrowReceipt>((value) => typeof value === 'object' && value !== null),
    personId: z.uuid(),
    enrollmentId: z.uuid().optional(),
  }),
  z.strictObject({ use: z.literal('gateway'), request: Request, gatewayId: z.uuid(), name: z.string().min(1) }),
  z.strictObject({
    use: z.literal('admin'),
    request: Request,
    operatorId: z.uuid(),
    keyOrigin: z.enum(['device', 'browser']),
  }),
  // A responder speaks for one authority, which signs its certificate itself (RFC 6960 4.2.2.2).
  z.strictObject({ use: z.literal('ocsp'), keyReference: z.string().min(1), authorityId: z.uuid() }),
  z.strictObject({ use: z.literal('scep-ra'), keyReference: z.string().min(1) }),
]);
type PrepareInput = z.output<typeof PrepareInput>;

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
  subject: (input) => {
    switch (input.use) {
      case 'ocsp':
        return 'responder';
      case 'scep-ra':
        return 'scep-ra';
      case 'gateway':
        return `gateway:${input.gatewayId}`;
      case 'admin':
        return `operator:${input.operatorId}`;
      default:
        return `person:${input.personId}`;
    }
  },
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
  /** Lists that the authority's certificates are shared out among. */
  readonly shards: readonly CrlShard[];
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
  const desk: Desk = {
    tx,
    by,
    world,
    people: await holdEndEntities(
      tx,
      inputs.flatMap((input) => ('personId' in input ? input.personId : [])),
    ),
    profiles: new Map(
      await Promise.all(
        [...new Set(inputs.map(({ use }) => use))].map(async (use) => [use, await profileForUse(tx, use)] as const),
      ),
    ),
    authority,
    shards: await shardsInUse(tx, world, authority),
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

/** A refusal is a value here: it stands for its own input, and leaves the others alone. */
async function orRefusal<T>(work: () => Promise<T>): Promise<T | AuthorityError> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof AuthorityError) return error;
    throw error;
  }
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
  if (request !== undefined && !verifyRequestSignature(request)) {
    throw unusable(
      'The certificate request is not signed by its own key, so nothing proves that whoever sent it has the key.',
    );
  }
  return { input, names, spki, spkiSha256: hash('sha256', spki, 'buffer') };
}

/** The certificate as it will be, linted, under a fresh serial number. */
function draw(desk: Desk, { input, names, spki, spkiSha256 }: Judged): { intent: IntentRow; audit: AuditDetails } {
  const { world } = desk;
  const authority = authorityFor(desk, input);
  const { id: profileId, version, document: profile } = profileFor(desk, input);
  const serialNumber = randomSerialNumber();
  const shard =
    profile.crlDistributionPoint && authority === desk.authority ? shardFor(desk.shards, serialNumber) : undefined;
  const { tbs, draft } = buildEndEntity({
    profile,
    authority,
    config: world.config,
    serialNumber,
    crl: shard?.urls[0],
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

function profileFor({ profiles }: Desk, { use }: PrepareInput): VersionedProfile {
  const row = profiles.get(use);
  if (row === undefined) throw new Error(`The profile for ${use} was not read`);
  return row;
}

/** Who the certificate is for, as the directory has it, once `by` may ask for it. */
async function holderOf({ tx, by, people }: Desk, input: PrepareInput): Promise<Holder> {
  const refused = () =>
    new AuthorityError('forbidden', `${by.name} may not ask for this certificate. Nothing was issued.`);
  const privileged = by.kind === 'system' || permissionsOf(by).has('certificate:issue');
  switch (input.use) {
    case 'ocsp':
    case 'scep-ra':
      if (by.kind !== 'system') throw refused();
      return { who: 'The office', values: { organisation: await organisationName(tx) }, addresses: [] };
    case 'gateway':
      if (!privileged && !(by.kind === 'gateway' && by.id === input.gatewayId)) throw refused();
      return {
        who: `The gateway ${input.name}`,
        values: { organisation: await organisationName(tx), id: input.gatewayId, name: input.name },
        addresses: [],
      };
    case 'admin':
      if (by.kind !== 'system' && !permissionsOf(by).has('operator:write')) throw refused();
      return operatorAsHolder(tx, input.operatorId);
    default: {
      const person = people.get(input.personId);
      if (person === undefined) throw new AuthorityError('not-found', 'There is no such person. Nothing was issued.');
      const own = by.kind === 'person' && by.id === input.personId;
      const served = by.kind === 'gateway' && input.use === 'signing' && person.signingKey === 'gateway';
      if (!privileged && !own && !served) throw refused();
      if (person.state === 'active') return personAsHolder(person);
      throw new AuthorityError(
        'wrong-state',
        `${person.name} has left. Nothing was issued, and keys in escrow are untouched.`,
      );
    }
  }
}

async function operatorAsHolder(tx: Transaction, id: string): Promise<Holder> {
  const operator = await operatorById(tx, id);
  if (operator === undefined) throw new AuthorityError('not-found', 'There is no such operator. Nothing was issued.');
  if (operator.state !== 'active')
    throw new AuthorityError('wrong-state', `${operator.name} is no operator in office. Nothing was issued.`);
  return {
    who: operator.name,
    values: { organisation: await organisationName(tx), id, name: operator.name },
    addresses: [operator.address],
  };
}

async function keyOf(
  world: World,
  input: PrepareInput,
): Promise<{ spki: Uint8Array; request: CertificateRequest | undefined }> {
  if (input.use === 'encryption') return { spki: input.key.spki, request: undefined };
  if ('keyReference' in input)
    return { spki: await world.keyStore.publicKey(parseKeyReference(input.keyReference)), request: undefined };
  try {
    const request = parseRequest(input.request);
    return { spki: request.spki, request };
  } catch (error) {
    if (!(error instanceof SmimeError)) throw error;
    const where = error.offset === undefined ? '' : ` at octet ${error.offset}`;
    throw unusable(`The certificate request cannot be read: ${error.message}${where}.`);
  }
}

function requireOrigin(profile: ProfileDocument, origin: KeyOrigin): void {
  if (profile.keyOrigins.includes(origin)) return;
  throw unusable(
    `The profile "${profile.name}" takes keys from ${profile.keyOrigins.join(', ')}, and this one comes from ${origin}.`,
  );
}

function requireSoundKey(spki: Uint8Array, { keys }: ProfileDocument): void {
  const weaknesses = weaknessesOf(spki);
  if (weaknesses.length > 0) throw unusable(`The key cannot be certified: ${weaknesses.join('; ')}.`);
  const kind = keyKindOf(spki);
  const bits = modulusBits(spki);
  if (!(keys.algorithms as readonly string[]).includes(kind))
    throw unusable(
      `The key cannot be certified: the profile accepts ${keys.algorithms.join(', ')}, and this is ${kind}.`,
    );
  const { minimum, maximum } = keys.rsaBits;
  if (bits !== undefined && (bits < minimum || bits > maximum))
    throw unusable(
      `The key cannot be certified: the profile wants RSA of ${minimum} to ${maximum} bits, and this has ${bits}.`,
    );
}

/**
 * One key, one holder, one purpose. An escrowed key alone may be certified again, for the same person: an address that
 * is added changes the certificate, and its owner has the key already.
 */
async function requireFreshKey(
  tx: Transaction,
  { input, spkiSha256 }: Judged,
  uses: readonly UseOfKey[],
): Promise<string[]> {
  const certificates = uses.filter(({ kind }) => kind === 'certificate');
  const intents = uses.filter(({ kind }) => kind === 'intent');
  const isSameHolder = (other: UseOfKey) =>
    other.use === input.use &&
    other.person_id === ('personId' in input ? input.personId : null) &&
    other.gateway_id === (input.use === 'gateway' ? input.gatewayId : null);
  if (input.use === 'encryption') {
    const genuine = await escrowHolds(tx, {
      escrowedKeyId: input.key.escrowedKeyId,
      personId: input.personId,
      spkiSha256,
    });
    if (!genuine) throw unusable('The escrow receipt is not for a key of this person.');
    if (certificates.some((other) => !isSameHolder(other) || other.revocation_reason === 'keyCompromise'))
      throw seenBefore();
  } else if (certificates.length > 0) throw seenBefore();
  if (!intents.every(isSameHolder)) throw seenBefore();
  return intents.map(({ serial_number }) => serial_number).sort();
}

function seenBefore(): AuthorityError {
  return new AuthorityError(
    'conflict',
    'This key has been certified before. Nothing was issued. Make a fresh key and ask again.',
  );
}

function originOf(input: PrepareInput): KeyOrigin {
  switch (input.use) {
    case 'signing':
    case 'admin':
      return input.keyOrigin;
    case 'encryption':
      return 'kra';
    case 'gateway':
      return 'gateway';
    case 'ocsp':
    case 'scep-ra':
      return 'authority';
  }
}

function unusable(what: string): AuthorityError {
  return new AuthorityError('unusable-input', `${what} Nothing was issued.`);
}
