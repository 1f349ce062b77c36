/**
 * The first of the two steps of issuance: everything is decided, checked and stored, and nothing is signed yet.
 * What comes out is good for one call of `signCertificate`.
 */
import { createHash } from 'node:crypto';
import { domainToASCII } from 'node:url';
import { parseKeyReference } from '@chancery/keystore';
import {
  buildName,
  type CertificateRequest,
  formatName,
  keyKindOf,
  type Name,
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
import { type AuthorityRow, issuingAuthority } from '../store/authorities.ts';
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
import { latestProfile, type VersionedProfile } from '../store/profiles.ts';
import type { CertificateUse, KeyOrigin } from '../store/schema.ts';
import type { World } from '../world.ts';
import { keyLabel } from './authority-key.ts';
import { buildEndEntity } from './end-entity.ts';
import { modulusBits, weaknessesOf } from './key-strength.ts';
import { lintForIssuance } from './lints/lint-certificate.ts';
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
  }),
  z.strictObject({
    use: z.literal('encryption'),
    /** There is no encryption certificate for a key that was not escrowed first. */
    key: z.custom<EscrowReceipt>((value) => typeof value === 'object' && value !== null),
    personId: z.uuid(),
    enrollmentId: z.uuid().optional(),
  }),
  z.strictObject({ use: z.literal('gateway'), request: Request, gatewayId: z.uuid(), name: z.string().min(1) }),
  z.strictObject({ use: z.literal('ocsp'), keyReference: z.string().min(1) }),
]);
type PrepareInput = z.output<typeof PrepareInput>;

/**
 * Decides on one certificate and allots its serial number. Names and addresses come from the directory, never from
 * the request. An intent that a crash left behind for the same key and holder is closed: its serial number is burnt.
 * @throws AuthorityError `unusable-input` (request, key, proof of possession), `conflict` (the key was seen before),
 *   `not-found`, `wrong-state` (the person left), `lint-failed`, `forbidden`
 */
export const prepareCertificate = bulkOperation({
  action: 'certificate.prepare',
  permission: {
    guard: (by) => by.kind === 'gateway' || by.kind === 'person' || permissionsOf(by).has('certificate:issue'),
    description: 'the permission certificate:issue, or a key of their own',
  },
  input: PrepareInput,
  subject: (input) =>
    input.use === 'ocsp'
      ? 'responder'
      : input.use === 'gateway'
        ? `gateway:${input.gatewayId}`
        : `person:${input.personId}`,
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
}

async function prepareAll(
  tx: Transaction,
  inputs: readonly PrepareInput[],
  by: Principal,
  world: World,
): Promise<Prepared[]> {
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
        [...new Set(inputs.map(({ use }) => use))].map(
          async (use) => [use, await latestProfile(tx, PROFILES[use])] as const,
        ),
      ),
    ),
    authority: await issuingAuthority(tx),
  };
  const judged: (Judged | AuthorityError)[] = [];
  for (const input of inputs) judged.push(await orRefusal(() => judge(desk, input)));
  const keys = judged.flatMap((one) => (one instanceof AuthorityError ? [] : one.spkiSha256));
  await lockKeys(tx, keys);
  const uses = await usesOfKeys(tx, keys);

  const intents: IntentRow[] = [];
  const superseded: string[] = [];
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
        return {
          result: { serialNumber: intent.serialNumber } as IssuanceIntent,
          audit: { ...audit, ...(abandoned.length > 0 && { abandoned }) },
        };
      }),
    );
  }
  await abandonIntents(tx, superseded);
  await insertIntents(tx, intents, world.clock());
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
  readonly holder: Holder;
  readonly spki: Uint8Array;
  readonly spkiSha256: Buffer;
}

/** Who it is for, and whether its key deserves it. */
async function judge(desk: Desk, input: PrepareInput): Promise<Judged> {
  const holder = await holderOf(desk, input);
  const { spki, request } = await keyOf(desk.world, input);
  requireSoundKey(spki, profileFor(desk, input).profile);
  if (request !== undefined && !verifyRequestSignature(request)) {
    throw unusable(
      'The certificate request is not signed by its own key, so nothing proves that whoever sent it has the key.',
    );
  }
  return { input, holder, spki, spkiSha256: createHash('sha256').update(spki).digest() };
}

/** The certificate as it will be, linted, under a fresh serial number. */
function draw(desk: Desk, { input, holder, spki, spkiSha256 }: Judged): { intent: IntentRow; audit: AuditDetails } {
  const { world, authority } = desk;
  const { id: profileId, version, profile } = profileFor(desk, input);
  const serialNumber = randomSerialNumber();
  const { tbs, draft } = buildEndEntity({
    profile,
    authority,
    config: world.config,
    serialNumber,
    subject: holder.subject,
    emails: holder.emails,
    spki,
    now: world.clock(),
  });
  const findings = lintForIssuance({ use: input.use, certificate: draft, issuer: authority.certificate });
  const errors = findings.filter(({ severity }) => severity === 'error');
  if (errors.length > 0) {
    throw new AuthorityError(
      'lint-failed',
      `The certificate would break its rules: ${errors.map(({ message, clause }) => `${message} (${clause})`).join('; ')}. It was not issued.`,
      { fields: errors.map(({ lint, message }) => ({ path: lint, message })) },
    );
  }
  return {
    intent: {
      serialNumber,
      authorityId: authority.id,
      use: input.use,
      profile: profileId,
      personId: 'personId' in input ? input.personId : null,
      gatewayId: input.use === 'gateway' ? input.gatewayId : null,
      enrollmentId: ('enrollmentId' in input ? input.enrollmentId : undefined) ?? null,
      escrowedKeyId: input.use === 'encryption' ? input.key.escrowedKeyId : null,
      keyOrigin: originOf(input),
      keyReference: input.use === 'ocsp' ? input.keyReference : null,
      tbs,
      spkiSha256,
    },
    audit: {
      serialNumber,
      use: input.use,
      profile: `${profileId}/${version}`,
      key: keyLabel(draft),
      spkiSha256: spkiSha256.toString('hex'),
      subject: formatName(draft.subject),
      addresses: [...holder.emails],
      notAfter: draft.notAfter.toISOString(),
      warnings: findings.map(({ lint, message }) => `${lint}: ${message}`),
    },
  };
}

function profileFor({ profiles }: Desk, { use }: PrepareInput): VersionedProfile {
  const row = profiles.get(use);
  if (row === undefined) throw new Error(`The profile for ${use} was not read`);
  return row;
}

const PROFILES: Record<CertificateUse, string> = {
  signing: 'signing',
  encryption: 'encryption',
  gateway: 'gateway',
  ocsp: 'ocsp-responder',
};

interface Holder {
  readonly subject: Name;
  /** In the form certificates have: the domain in A-labels. */
  readonly emails: readonly string[];
}

/** Who the certificate is for, as the directory has it, once `by` may ask for it. */
async function holderOf({ tx, by, people }: Desk, input: PrepareInput): Promise<Holder> {
  const refused = () =>
    new AuthorityError('forbidden', `${by.name} may not ask for this certificate. Nothing was issued.`);
  const privileged = by.kind === 'system' || permissionsOf(by).has('certificate:issue');
  if (input.use === 'ocsp') {
    if (by.kind !== 'system') throw refused();
    return { subject: buildName([...(await office(tx)), { type: 'commonName', value: 'OCSP responder' }]), emails: [] };
  }
  if (input.use === 'gateway') {
    if (!privileged && !(by.kind === 'gateway' && by.id === input.gatewayId)) throw refused();
    const name = [...(await office(tx)), { type: 'commonName' as const, value: bounded(input.name) }];
    return { subject: buildName([...name, { type: 'serialNumber', value: input.gatewayId }]), emails: [] };
  }
  const person = people.get(input.personId);
  if (person === undefined) throw new AuthorityError('not-found', 'There is no such person. Nothing was issued.');
  const own = by.kind === 'person' && by.id === input.personId;
  const served = by.kind === 'gateway' && input.use === 'signing' && person.signingKey === 'gateway';
  if (!privileged && !own && !served) throw refused();
  if (person.state !== 'active') {
    throw new AuthorityError(
      'wrong-state',
      `${person.name} has left. Nothing was issued, and keys in escrow are untouched.`,
    );
  }
  const subject = buildName([
    { type: 'organizationName', value: bounded(person.organisation) },
    { type: 'commonName', value: bounded(person.name) },
    // Names recur, addresses move on: RFC 5280 4.1.2.6 wants one subject per entity for ever.
    { type: 'serialNumber', value: person.id },
  ]);
  return { subject, emails: [...new Set(person.addresses.map(certificateForm))] };
}

async function office(tx: Transaction) {
  return [{ type: 'organizationName' as const, value: bounded(await organisationName(tx)) }];
}

/** RFC 5280 Appendix A.1: ub-common-name and ub-organization-name are 64 characters. */
function bounded(text: string): string {
  return [...text.trim()].slice(0, 64).join('').trim();
}

/** RFC 5280 7.5, RFC 9598 3: the domain in A-labels; the local part as it is. */
function certificateForm(address: string): string {
  const at = address.lastIndexOf('@');
  const domain = domainToASCII(address.slice(at + 1));
  if (domain === '') throw unusable(`The domain of ${address} cannot be written in a certificate.`);
  return `${address.slice(0, at)}@${domain}`;
}

async function keyOf(
  world: World,
  input: PrepareInput,
): Promise<{ spki: Uint8Array; request: CertificateRequest | undefined }> {
  if (input.use === 'encryption') return { spki: input.key.spki, request: undefined };
  if (input.use === 'ocsp')
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

function requireSoundKey(spki: Uint8Array, profile: { keys: readonly string[]; rsaMinimumBits: number }): void {
  const weaknesses = weaknessesOf(spki);
  if (weaknesses.length > 0) throw unusable(`The key cannot be certified: ${weaknesses.join('; ')}.`);
  const kind = keyKindOf(spki);
  const bits = modulusBits(spki);
  if (!profile.keys.includes(kind))
    throw unusable(`The key cannot be certified: the profile accepts ${profile.keys.join(', ')}, and this is ${kind}.`);
  if (bits !== undefined && bits < profile.rsaMinimumBits)
    throw unusable(`The key cannot be certified: the profile wants RSA of ${profile.rsaMinimumBits} bits or more.`);
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
      return input.keyOrigin;
    case 'encryption':
      return 'kra';
    case 'gateway':
      return 'gateway';
    case 'ocsp':
      return 'authority';
  }
}

function unusable(what: string): AuthorityError {
  return new AuthorityError('unusable-input', `${what} Nothing was issued.`);
}
