/** From an enrolment request to a certificate: kra and ca, one after the other, each step its own operation. */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { prepareCertificate } from '../ca/prepare.ts';
import { type SignedCertificate, signCertificate } from '../ca/sign.ts';
import { AuthorityError } from '../errors.ts';
import { escrowKey } from '../kra/escrow.ts';
import { consult, operation, perform } from '../operation.ts';
import { type Principal, system } from '../principal.ts';
import { chainOf } from '../store/authorities.ts';
import { certificateByKey, certificateState, certificatesOfPerson } from '../store/certificates.ts';
import type { Snapshot } from '../store/database.ts';
import { enrollmentById, setEnrollmentError, waitingEnrollments } from '../store/enrollments.ts';
import { peopleWithoutLockTo } from '../store/escrow.ts';
import { personByAddress, personById } from '../store/people.ts';
import { renewalsBegun } from '../store/renewals.ts';
import { performTogether } from '../together.ts';
import type { World } from '../world.ts';
import { requestOf, spkiOf } from './certificate-request.ts';
import { rotate } from './end-entity.ts';

/**
 * Makes, escrows and certifies the key of a waiting encryption enrolment. Idempotent: run again after a crash at any
 * line it goes on where it stood, with the same key. An enrolment that waits no longer is left alone.
 */
export async function fulfilEnrollment(world: World, enrollmentId: string): Promise<void> {
  const enrollment = await world.database.snapshot((snapshot) => enrollmentById(snapshot, enrollmentId));
  if (enrollment?.state !== 'waiting' || enrollment.use !== 'encryption') return;
  try {
    const key = await performTogether(world, escrowKey, system, { enrollmentId });
    const intent = await performTogether(world, prepareCertificate, system, {
      use: 'encryption',
      key,
      personId: enrollment.person_id,
      enrollmentId,
    });
    await performTogether(world, signCertificate, system, intent);
  } catch (error) {
    if (error instanceof AuthorityError) {
      if (OVERTAKEN.has(error.code) && (await isDoneByAnother(world, enrollmentId))) return;
      await perform(world, noteEnrollmentError, system, { enrollmentId, error: error.message });
    }
    throw error;
  }
}

/** What whoever comes second is told, where a job and a person who waits for the certificate are at it at the same time. */
const OVERTAKEN = new Set<AuthorityError['code']>(['wrong-state', 'conflict']);

/** Looks for two seconds: the other one has its intent, and signs. */
async function isDoneByAnother(world: World, enrollmentId: string): Promise<boolean> {
  for (let looks = 0; looks < 20; looks++) {
    const enrollment = await world.database.snapshot((snapshot) => enrollmentById(snapshot, enrollmentId));
    if (enrollment?.state !== 'waiting') return true;
    await sleep(100);
  }
  return false;
}

/** The sentence that a waiting enrolment shows beside its person. */
export const noteEnrollmentError = operation({
  action: 'enrollment.delay',
  permission: 'system',
  input: z.object({ enrollmentId: z.uuid(), error: z.string() }),
  subject: ({ enrollmentId }) => `enrollment:${enrollmentId}`,
  async run(tx, { enrollmentId, error }, _by, world) {
    await setEnrollmentError(tx, enrollmentId, error, world.clock());
    return { result: undefined, audit: { error } };
  },
});

export interface SigningInput {
  readonly personId: string;
  /** PKCS#10: PEM, or DER in base64. */
  readonly csr: string;
  readonly keyOrigin: 'device' | 'browser' | 'gateway';
}

/** A signing certificate for a person's own key. The same request again has the same answer: a lost reply costs nothing. */
export async function issueSigning(world: World, by: Principal, input: SigningInput): Promise<SignedCertificate> {
  const request = requestOf(input.csr);
  const issued = await alreadyIssued(world, request, 'signing', (row) => row.person_id === input.personId);
  if (issued !== undefined) return issued;
  if (by.kind === 'person') await requireNeeded(world, input.personId);
  const waiting = await world.database.snapshot((snapshot) => waitingEnrollments(snapshot, [input.personId]));
  const enrollmentId = waiting.find(({ use }) => use === 'signing')?.id;
  const intent = await performTogether(world, prepareCertificate, by, {
    use: 'signing',
    request,
    personId: input.personId,
    keyOrigin: input.keyOrigin,
    ...(enrollmentId === undefined ? {} : { enrollmentId }),
  });
  return performTogether(world, signCertificate, by, intent);
}

/** A claim link makes the one signing certificate that its person lacks, or that ends soon, and no supply of them. */
async function requireNeeded(world: World, personId: string): Promise<void> {
  const now = world.clock();
  const { person, good, replaced, waiting } = await world.database.snapshot(async (snapshot) => {
    const certificates = await certificatesOfPerson(snapshot, personId);
    const signing = certificates.filter((one) => one.use === 'signing' && certificateState(one, now) === 'valid');
    const serials = signing.map(({ serial_number }) => serial_number);
    return {
      person: await personById(snapshot, personId),
      good: serials,
      replaced: await renewalsBegun(snapshot, serials),
      waiting: await waitingEnrollments(snapshot, [personId]),
    };
  });
  if (person?.signing_key === 'gateway') {
    throw new AuthorityError('wrong-state', 'Your mail gateway signs for you. No certificate was made.');
  }
  const has = good.some((serial) => !replaced.has(serial));
  // One waits where they have another name or address since: the certificate that they have does not say so.
  if (!has || waiting.some(({ use }) => use === 'signing')) return;
  throw new AuthorityError(
    'wrong-state',
    'You have a signing certificate already. No second one was made. If its key is lost, ask your administrator to revoke it, then come back with this link.',
  );
}

/** A signing certificate for an address whose mail the calling gateway signs. @throws AuthorityError `not-found` */
export async function issueGatewaySigning(
  world: World,
  by: Principal,
  input: { readonly address: string; readonly csr: string },
): Promise<SignedCertificate> {
  const person = await consult(world, 'gateway:serve', by, (snapshot) => personByAddress(snapshot, input.address));
  if (person === undefined) {
    throw new AuthorityError('not-found', `Nobody here has the address ${input.address}. Nothing was issued.`);
  }
  return issueSigning(world, by, { personId: person.id, csr: input.csr, keyOrigin: 'gateway' });
}

/** The calling gateway's own certificate; people who let gateways open their mail get a key that is locked to it. */
export async function enrolGateway(world: World, by: Principal, csr: string): Promise<SignedCertificate> {
  if (by.kind !== 'gateway') {
    throw new AuthorityError('forbidden', 'A gateway enrols with its own token. Nothing was issued.');
  }
  const request = requestOf(csr);
  const certificate =
    (await alreadyIssued(world, request, 'gateway', (row) => row.gateway_id === by.id)) ??
    (await perform(
      world,
      signCertificate,
      by,
      await perform(world, prepareCertificate, by, { use: 'gateway', request, gatewayId: by.id, name: by.name }),
    ));
  await perform(world, lockToGateway, system, { gatewayId: by.id });
  return certificate;
}

/** Begins a fresh key for everyone whose mail this gateway should open and cannot. */
export const lockToGateway = operation({
  action: 'gateway.lock-keys',
  permission: 'system',
  input: z.object({ gatewayId: z.uuid() }),
  subject: ({ gatewayId }) => `gateway:${gatewayId}`,
  async run(tx, { gatewayId }, _by, world) {
    const people = await peopleWithoutLockTo(tx, gatewayId);
    await rotate(tx, world, people);
    return { result: undefined, audit: { people } };
  },
});

async function alreadyIssued(
  world: World,
  request: Uint8Array,
  use: 'signing' | 'gateway',
  isOurs: (row: { person_id: string | null; gateway_id: string | null }) => boolean,
): Promise<SignedCertificate | undefined> {
  const spki = spkiOf(request);
  if (spki === undefined) return undefined;
  return world.database.snapshot(async (snapshot: Snapshot) => {
    const row = await certificateByKey(snapshot, createHash('sha256').update(spki).digest(), use);
    if (row === undefined || row.revoked_at !== null || !isOurs(row)) return undefined;
    return {
      serialNumber: row.serial_number,
      certificate: row.certificate,
      chain: await chainOf(snapshot, row.authority_id),
    };
  });
}
