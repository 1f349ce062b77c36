/** The second step of issuance: one prepared intent becomes one certificate. */
import { hash } from 'node:crypto';
import { type Certificate, formatName, parseCertificate, verifyCertificateSignature } from '@chancery/smime';
import { z } from 'zod';
import { AuthorityError } from '../errors.ts';
import { bulkOperation, type Done, operation, perform } from '../operation.ts';
import { type Principal, permissionsOf, system } from '../principal.ts';
import { type AuthorityRow, authorityChain, ownAndOutside } from '../store/authorities.ts';
import { insertCertificates, type NewCertificateRow } from '../store/certificates.ts';
import type { Transaction } from '../store/database.ts';
import {
  abandonIntents,
  type EndEntity,
  holdEndEntities,
  holdIntents,
  holdWaitingEnrollments,
  type IntentRow,
  markEnrollmentsIssued,
  spendIntents,
  staleIntents,
} from '../store/intents.ts';
import { markItemsIssued } from '../store/issuances.ts';
import type { World } from '../world.ts';
import { keyLabel, signAsAuthority } from './authority-key.ts';
import type { IssuanceIntent } from './prepare.ts';

const ACTION = 'certificate.sign';

/** DER. The chain runs from the issuing authority's certificate to the root's. */
export interface SignedCertificate {
  readonly serialNumber: string;
  readonly certificate: Uint8Array;
  readonly chain: readonly Uint8Array[];
}

/**
 * Has the key store sign, stores the certificate, marks its enrolment issued and has it published, all in one
 * transaction. An intent is signed at most once, even where the first try failed: then prepare again.
 * @throws AuthorityError `wrong-state`
 */
export const signCertificate = bulkOperation({
  action: ACTION,
  // Whoever holds an intent was allowed to prepare it; the intent is the right.
  permission: {
    guard: (by) => by.kind === 'gateway' || by.kind === 'person' || permissionsOf(by).has('certificate:issue'),
    description: 'the permission certificate:issue, or a key of their own',
  },
  irreversible: true,
  input: z.custom<IssuanceIntent>((value) => SerialHolder.safeParse(value).success),
  subject: (intent) => `certificate:${intent.serialNumber}`,
  runAll: signAll,
});

type Signed = Done<SignedCertificate> | AuthorityError;

async function signAll(
  tx: Transaction,
  intents: readonly IssuanceIntent[],
  _by: Principal,
  world: World,
): Promise<Signed[]> {
  const held = await holdIntents(
    tx,
    ACTION,
    intents.map(({ serialNumber }) => serialNumber),
  );
  const ready = [...held.values()].map(({ intent }) => intent);
  const people = await holdEndEntities(
    tx,
    ready.flatMap(({ personId }) => personId ?? []),
  );
  const waiting = await holdWaitingEnrollments(
    tx,
    ready.flatMap(({ enrollmentId }) => enrollmentId ?? []),
  );
  const chains = new Map<string, Chain>();
  for (const { authorityId } of ready) {
    if (!chains.has(authorityId)) chains.set(authorityId, await authorityChain(tx, authorityId));
  }
  const signable = intents.map(({ serialNumber }) => takeIntent(serialNumber, held, people, waiting));

  // Side by side: the key store signs on threads, or in a token, of its own.
  const outcomes = await Promise.all(
    signable.map((one) =>
      one instanceof AuthorityError ? one : issue(world, one, chains.get(one.authorityId) as Chain),
    ),
  );
  const issued = outcomes.filter((one): one is Issued => !(one instanceof AuthorityError));
  const now = world.clock();
  await spendIntents(
    tx,
    issued.map(({ intent }) => intent.serialNumber),
  );
  await insertCertificates(
    tx,
    issued.map((one) => rowOf(one, now)),
  );
  await markItemsIssued(
    tx,
    issued.map(({ intent }) => intent.serialNumber),
    now,
  );
  await markEnrollmentsIssued(
    tx,
    issued.flatMap(({ intent }) => intent.enrollmentId ?? []),
    now,
  );
  const holders = new Set(issued.flatMap(({ intent }) => intent.personId ?? []));
  await world.jobs.enqueueAll(
    tx,
    'publish-person',
    [...holders].map((personId) => ({ personId })),
  );
  return outcomes.map((one) => (one instanceof AuthorityError ? one : describe(one)));
}

type Chain = readonly [AuthorityRow, ...AuthorityRow[]];

interface Issued {
  readonly intent: IntentRow;
  readonly chain: Chain;
  readonly certificate: Certificate;
  readonly fingerprint: Buffer;
}

/** The intent, taken out of those that can be signed, or why it must not be. */
function takeIntent(
  serialNumber: string,
  held: Map<string, { intent: IntentRow; attempts: number }>,
  people: ReadonlyMap<string, EndEntity>,
  waiting: Set<string>,
): IntentRow | AuthorityError {
  const one = held.get(serialNumber);
  held.delete(serialNumber);
  // The `attempted` record of this very try is the first; one more means that a signature may exist already.
  if (one === undefined || one.attempts > 1) return spentBefore();
  const { personId, enrollmentId } = one.intent;
  if (personId !== null && people.get(personId)?.state !== 'active')
    return new AuthorityError(
      'wrong-state',
      'The person has left or was suspended in the meantime. Nothing was issued.',
    );
  if (enrollmentId !== null && !waiting.delete(enrollmentId)) {
    // Of two workers at once one gives the enrolment its certificate.
    return new AuthorityError(
      'wrong-state',
      'This enrolment was fulfilled or withdrawn meanwhile. No certificate was made.',
    );
  }
  return one.intent;
}

function spentBefore(): AuthorityError {
  return new AuthorityError(
    'wrong-state',
    'This issuance was completed, given up or tried before, and its serial number is never used again. No second certificate was made. Prepare a new one.',
  );
}

async function issue(world: World, intent: IntentRow, chain: Chain): Promise<Issued> {
  const [authority] = chain;
  const der = await signAsAuthority(
    world,
    { keyReference: authority.keyReference, spki: authority.certificate.spki },
    intent.tbs,
  );
  const certificate = parseCertificate(der);
  if (
    certificate.serialNumber !== intent.serialNumber ||
    Buffer.compare(certificate.tbs, intent.tbs) !== 0 ||
    !verifyCertificateSignature(certificate, authority.certificate)
  )
    throw new Error('The key store returned a signature that does not verify. The certificate was thrown away.');
  return { intent, chain, certificate, fingerprint: hash('sha256', der, 'buffer') };
}

function rowOf({ intent, chain: [authority], certificate, fingerprint }: Issued, now: Date): NewCertificateRow {
  return {
    serial_number: intent.serialNumber,
    authority_id: authority.id,
    use: intent.use,
    profile: intent.profile,
    profile_version: intent.profileVersion,
    renewal_days: intent.renewalDays,
    person_id: intent.personId,
    gateway_id: intent.gatewayId,
    subject: formatName(certificate.subject),
    addresses: [...certificate.subjectAltNames.emails],
    key_algorithm: keyLabel(certificate),
    crl_shard: intent.crlShard,
    key_origin: intent.keyOrigin,
    key_reference: intent.keyReference,
    spki_sha256: intent.spkiSha256,
    fingerprint,
    certificate: Buffer.from(certificate.der),
    escrowed_key_id: intent.escrowedKeyId,
    not_before: certificate.notBefore,
    not_after: certificate.notAfter,
    issued_at: now,
    revoked_at: null,
    revocation_reason: null,
  };
}

function describe({ intent, chain, certificate, fingerprint }: Issued): Done<SignedCertificate> {
  return {
    result: {
      serialNumber: intent.serialNumber,
      certificate: certificate.der,
      chain: chain.flatMap(ownAndOutside),
    },
    audit: {
      use: intent.use,
      profile: `${intent.profile}/${intent.profileVersion}`,
      authority: chain[0].slug,
      holder: intent.personId ?? intent.gatewayId,
      fingerprint: fingerprint.toString('hex'),
      notAfter: certificate.notAfter.toISOString(),
    },
  };
}

const SerialHolder = z.object({ serialNumber: z.string().regex(/^[0-9a-f]{2,40}$/) });

/** Closes intents that no process will sign any more. Their serial numbers stay taken. */
export const closeStaleIntents = operation({
  action: 'certificate.close-stale-intents',
  permission: 'system',
  input: z.strictObject({ serialNumbers: z.array(z.string()).min(1) }),
  subject: () => null,
  async run(tx, { serialNumbers }) {
    const abandoned = await abandonIntents(tx, serialNumbers);
    return { result: abandoned, audit: { abandoned } };
  },
});

/** Minutes after which a prepared intent is taken for the remains of a crash. Signing follows preparing within seconds. */
const STALE_MINUTES = 10;

/** For the scheduler: finds stale intents and closes them; leaves no record where there are none. */
export async function sweepIntents(world: World): Promise<string[]> {
  const before = new Date(world.clock().getTime() - STALE_MINUTES * 60_000);
  const serialNumbers = await world.database.snapshot((snapshot) => staleIntents(snapshot, before));
  return serialNumbers.length === 0 ? [] : perform(world, closeStaleIntents, system, { serialNumbers });
}
