/**
 * What devices ask for, whatever the protocol: a request that is judged, recorded, decided on where an operator has to, and answered
 * once. Names and addresses come from the directory; a request that names somebody else's address is refused.
 */
import { randomUUID } from 'node:crypto';
import { formatName } from '@chancery/smime';
import { z } from 'zod';
import { keyLabel } from '../ca/authority-key.ts';
import { requirePossession, requireSoundKey } from '../ca/check-key.ts';
import { prepareCertificate } from '../ca/prepare.ts';
import { changeIfPossible } from '../ca/revoke.ts';
import { type SignedCertificate, signCertificate } from '../ca/sign.ts';
import { labelOf, needsApproval } from '../enrolment-config.ts';
import { AuthorityError } from '../errors.ts';
import { openSecret, sealSecret } from '../identity/sealing.ts';
import { operation, perform } from '../operation.ts';
import { actorOf, type Principal, system } from '../principal.ts';
import { chainOf } from '../store/authorities.ts';
import { certificateByKey, certificateBySerial } from '../store/certificates.ts';
import type { Transaction } from '../store/database.ts';
import {
  changeDeviceEnrolment,
  type DeviceEnrolmentRow,
  deviceEnrolmentById,
  deviceEnrolmentsSince,
  insertDeviceEnrolment,
  lockDeviceEnrolment,
  markEnrolmentChallenge,
} from '../store/device-enrolments.ts';
import { waitingEnrollments } from '../store/enrollments.ts';
import { lockKeys } from '../store/intents.ts';
import { profileOfPerson } from '../store/profiles.ts';
import type { World } from '../world.ts';
import { readRequest } from './certificate-request.ts';
import { deviceProfile, requireSelfService } from './challenge.ts';
import { Proof, proofOf } from './device-proof.ts';
import { queueIntuneFailure, queueIntuneSuccess } from './intune.ts';
import { digestOf, purposeOf, refused, requireFresh, requireOwnNames, UNDONE } from './judge-request.ts';

const Der = z.custom<Uint8Array>((value) => value instanceof Uint8Array);

const EnrolmentRequest = z.strictObject({
  protocol: z.enum(['scep', 'est', 'upload']),
  /** Of the endpoint; `default` for the one without. */
  label: z.string().max(40),
  /** `encryption`: the office makes the key, and the request's own is of no use. */
  use: z.enum(['signing', 'encryption']),
  /** PKCS#10, DER. */
  request: Der,
  transactionId: z.string().max(255).nullable(),
  /** DER SubjectPublicKeyInfo of whoever signed around it; without it, the request's own. */
  signer: Der.optional(),
  proof: Proof,
});

export type Enrolled =
  | { readonly state: 'issued'; readonly id: string; readonly certificate: SignedCertificate }
  /** For an operator to decide on. */
  | { readonly state: 'waiting'; readonly id: string }
  /** The key is to be made and delivered. */
  | { readonly state: 'approved'; readonly id: string };

/**
 * Judges and records a request, and issues its certificate where nobody has to decide on it first. A request that waits, or was
 * approved meanwhile, may come again and is the same one.
 * @param by whom the proof proves; anonymous where it proves nobody
 * @throws AuthorityError by what is wrong
 */
export async function enrolDevice(
  world: World,
  by: Principal,
  input: z.input<typeof EnrolmentRequest>,
): Promise<Enrolled> {
  const id = await perform(world, requestEnrolment, by, input);
  return continueEnrolment(world, id, true);
}

/** @throws AuthorityError `wrong-credentials`, `forbidden`, `unusable-input`, `conflict`, `wrong-state`, `not-found` */
export const requestEnrolment = operation({
  action: 'enrolment.request',
  permission: { guard: () => true, description: 'a challenge, a certificate of ours, or their own page' },
  input: EnrolmentRequest,
  subject: ({ protocol, label }) => `enrolment:${protocol}:${label}`,
  async run(tx, input, by, world) {
    const at = world.clock();
    const settings = labelOf(world.config.enrolment, input.label);
    if (settings === undefined) throw refused('not-found', `There is no label "${input.label}"`);
    if (input.proof.kind === 'session') requireSelfService(world.config.enrolment);
    const request = readRequest(input.request, UNDONE);
    const spkiSha256 = digestOf(request.spki);
    const proven = await proofOf(tx, input, settings, { by, at, spkiSha256 });
    if ('known' in proven) return { result: proven.known, audit: { enrolmentId: proven.known, again: true } };
    const { person, challenge, renews } = proven;
    const wanted = settings.profile ?? proven.profile ?? (await profileOfPerson(tx, person, 'signing')).id;
    const profile = await deviceProfile(tx, wanted);
    // A challenge is for one profile, and so is a certificate that is renewed: an endpoint makes nothing else of them.
    if (proven.profile !== undefined && profile.id !== proven.profile)
      throw refused('forbidden', `This endpoint issues by the profile "${profile.id}", and this is for another`);
    if (profile.document.use !== input.use)
      throw refused('forbidden', `This is for a certificate for ${profile.document.use}`);
    requirePossession(request);
    requireOwnNames(request, person);
    if (input.use === 'signing') {
      requireSoundKey(request.spki, profile.document);
      await lockKeys(tx, [spkiSha256]);
      await requireFresh(tx, spkiSha256, renews);
    }
    const id = randomUUID();
    const waits =
      challenge?.approval === true ||
      (input.proof.kind === 'session' && world.config.enrolment.selfService === 'approval') ||
      profile.document.approval === 'always' ||
      // Whoever was let in before is known.
      ((needsApproval(settings) || profile.document.approval === 'first') && input.proof.kind !== 'certificate');
    await insertDeviceEnrolment(tx, {
      id,
      protocol: input.protocol,
      label: input.label,
      use: input.use,
      profile: profile.id,
      person_id: person.id,
      // The office makes the key for encryption, and needs nothing of this one.
      request: input.use === 'encryption' ? null : await sealRequest(world, tx, id, input.request),
      subject: formatName(request.subject).slice(0, 1000),
      key_algorithm: keyLabel(request),
      spki_sha256: spkiSha256,
      signer_sha256: input.signer === undefined ? spkiSha256 : digestOf(input.signer),
      transaction_id: input.transactionId,
      proof: input.proof.kind,
      challenge_id: challenge?.id ?? null,
      renews: renews ?? null,
      state: waits ? 'waiting' : 'approved',
      requested_at: at,
      decided_at: null,
      decided_by: null,
      reason: null,
      serial_number: null,
      delivered_at: null,
      lost_at: null,
    });
    if (challenge !== undefined) await markEnrolmentChallenge(tx, challenge.id, 'used_at', at);
    return {
      result: id,
      audit: {
        enrolmentId: id,
        personId: person.id,
        proof: input.proof.kind,
        ...(challenge && { challengeId: challenge.id }),
        ...(renews !== undefined && { renews }),
        profile: profile.id,
        spkiSha256: spkiSha256.toString('hex'),
        waits,
      },
    };
  },
});

/** The same words from whichever operator, and for the person's own trail. @throws AuthorityError `not-found`, `wrong-state` */
export const decideEnrolment = operation({
  action: 'enrolment.decide',
  permission: 'certificate:issue',
  input: z.strictObject({
    id: z.uuid(),
    decision: z.enum(['approve', 'refuse']),
    reason: z.string().trim().min(1).max(500),
  }),
  subject: ({ id }) => `enrolment:${id}`,
  async run(tx, { id, decision, reason }, by, world) {
    const enrolment = await lockDeviceEnrolment(tx, id);
    if (enrolment === undefined) throw refused('not-found', 'There is no such request');
    if (enrolment.state !== 'waiting') throw refused('wrong-state', `This request is ${enrolment.state} already`);
    if (decision === 'refuse' && enrolment.proof === 'intune') {
      const settled = { transactionId: enrolment.transaction_id, request: await openRequest(world, enrolment) };
      await queueIntuneFailure(tx, world, settled, reason);
    }
    await changeDeviceEnrolment(tx, id, {
      state: decision === 'approve' ? 'approved' : 'refused',
      ...(decision === 'refuse' && { request: null }),
      decided_at: world.clock(),
      decided_by: by.name,
      reason,
    });
    return { result: undefined, audit: { personId: enrolment.person_id, decision, reason, by: actorOf(by) } };
  },
});

/** The decision, and the certificate at once where one is to be issued: the device is given it when it asks again. */
export async function decideAndIssue(
  world: World,
  by: Principal,
  decision: z.input<(typeof decideEnrolment)['input']>,
): Promise<void> {
  await perform(world, decideEnrolment, by, decision);
  if (decision.decision === 'approve') await continueEnrolment(world, decision.id, false);
}

/** Where it stands, issued where that is to be done. @param deliver the device itself is asking, and is given what there is */
export async function continueEnrolment(world: World, id: string, deliver: boolean): Promise<Enrolled> {
  const row = await world.database.snapshot((snapshot) => deviceEnrolmentById(snapshot, id));
  if (row === undefined) throw refused('not-found', 'There is no such request');
  switch (row.state) {
    case 'waiting':
      return { state: 'waiting', id };
    case 'refused':
      throw new AuthorityError('forbidden', `This request was refused: ${row.reason}`);
    case 'approved':
      return row.use === 'encryption' ? { state: 'approved', id } : issue(world, row, deliver);
    case 'issued': {
      if (deliver && row.delivered_at === null)
        await perform(world, settleEnrolment, system, { id, outcome: 'delivered' });
      return { state: 'issued', id, certificate: await certificateOf(world, row.serial_number ?? '') };
    }
  }
}

/** What became of a request. */
export const settleEnrolment = operation({
  action: 'enrolment.settle',
  permission: 'system',
  input: z.strictObject({
    id: z.uuid(),
    outcome: z.enum(['issued', 'delivered', 'refused']),
    serialNumber: z.string().optional(),
    /** It is in the answer that the device waits for. */
    delivered: z.boolean().default(false),
    reason: z.string().optional(),
  }),
  subject: ({ id }) => `enrolment:${id}`,
  async run(tx, { id, outcome, serialNumber, delivered, reason }, _by, world) {
    const enrolment = await lockDeviceEnrolment(tx, id);
    if (enrolment === undefined) throw refused('not-found', 'There is no such request');
    const at = world.clock();
    const audit = {
      personId: enrolment.person_id,
      outcome,
      ...(serialNumber && { serialNumber }),
      ...(reason && { reason }),
    };
    if (enrolment.proof === 'intune' && enrolment.request !== null && outcome !== 'delivered') {
      const settled = { transactionId: enrolment.transaction_id, request: await openRequest(world, enrolment) };
      if (serialNumber !== undefined) await queueIntuneSuccess(tx, world, settled, serialNumber);
      else await queueIntuneFailure(tx, world, settled, reason ?? '');
    }
    if (outcome === 'delivered') await changeDeviceEnrolment(tx, id, { delivered_at: at });
    else if (enrolment.state === 'issued') return { result: undefined, audit: { ...audit, already: true } };
    else if (outcome === 'issued' && serialNumber !== undefined) {
      await changeDeviceEnrolment(tx, id, {
        state: 'issued',
        request: null,
        serial_number: serialNumber,
        ...(delivered && { delivered_at: at }),
      });
      // It was signed while the device was reported lost.
      if (enrolment.lost_at !== null)
        await changeIfPossible(tx, world, serialNumber, { act: 'revoke', reason: 'keyCompromise' });
    } else
      await changeDeviceEnrolment(tx, id, {
        state: 'refused',
        request: null,
        reason: reason ?? 'No reason was given.',
        decided_at: at,
      });
    return { result: undefined, audit };
  },
});

/** Days that a request waits for an operator. */
const WAITING_DAYS = 14;
/** Minutes after which an approved request is taken for the remains of a crash. */
const LEFT_MINUTES = 2;

/** For the scheduler: issues what a crash left behind, and gives up what nobody decided on. */
export async function sweepEnrolments(world: World): Promise<void> {
  const now = world.clock().getTime();
  const left = await world.database.snapshot((snapshot) =>
    deviceEnrolmentsSince(snapshot, 'approved', new Date(now - LEFT_MINUTES * 60_000), 100),
  );
  for (const row of left.filter(({ use }) => use === 'signing')) {
    await issue(world, row, false).catch((error: Error) =>
      world.log.warn('enrolment.not-issued', { enrolmentId: row.id, error: error.message }),
    );
  }
  const lapsed = await world.database.snapshot((snapshot) =>
    deviceEnrolmentsSince(snapshot, 'waiting', new Date(now - WAITING_DAYS * 86_400_000), 100),
  );
  for (const { id } of lapsed) {
    const reason = `Nobody decided on it within ${WAITING_DAYS} days.`;
    await perform(world, settleEnrolment, system, { id, outcome: 'refused', reason });
  }
}

async function issue(world: World, row: DeviceEnrolmentRow, deliver: boolean): Promise<Enrolled> {
  const settle = (serialNumber: string) =>
    perform(world, settleEnrolment, system, { id: row.id, outcome: 'issued', serialNumber, delivered: deliver });
  const before = await world.database.snapshot((snapshot) => certificateByKey(snapshot, row.spki_sha256, 'signing'));
  if (before !== undefined && before.person_id === row.person_id && before.issued_at >= row.requested_at) {
    await settle(before.serial_number);
    return { state: 'issued', id: row.id, certificate: await certificateOf(world, before.serial_number) };
  }
  const waiting = await world.database.snapshot((snapshot) => waitingEnrollments(snapshot, [row.person_id]));
  const enrollmentId = waiting.find(({ use }) => use === 'signing')?.id;
  const sameKey = before !== undefined && before.serial_number === row.renews;
  try {
    const intent = await perform(world, prepareCertificate, system, {
      use: 'signing',
      request: await openRequest(world, row),
      personId: row.person_id,
      keyOrigin: 'device',
      profile: row.profile,
      ...(sameKey && { renews: before.serial_number }),
      ...(enrollmentId !== undefined && { enrollmentId }),
    });
    const certificate = await perform(world, signCertificate, system, intent);
    await settle(certificate.serialNumber);
    return { state: 'issued', id: row.id, certificate };
  } catch (error) {
    if (error instanceof AuthorityError && !LATER.has(error.code))
      await perform(world, settleEnrolment, system, { id: row.id, outcome: 'refused', reason: error.message });
    throw error;
  }
}

/** It holds the challenge that the device showed. */
async function sealRequest(world: World, tx: Transaction, id: string, request: Uint8Array): Promise<Buffer> {
  return Buffer.from(await sealSecret(world, tx, purposeOf(id), request));
}

async function openRequest(world: World, { id, request }: DeviceEnrolmentRow): Promise<Uint8Array> {
  if (request === null) throw refused('wrong-state', 'This request was answered already');
  return world.database.snapshot((snapshot) => openSecret(world, snapshot, purposeOf(id), request));
}

/** What may be gone the next time. */
const LATER = new Set<AuthorityError['code']>(['unavailable', 'internal', 'rate-limited']);

/** One that was issued, with what stands above it. */
export async function certificateOf(world: World, serialNumber: string): Promise<SignedCertificate> {
  return world.database.snapshot(async (snapshot) => {
    const row = await certificateBySerial(snapshot, serialNumber);
    if (row === undefined) throw new Error('The certificate of an enrolment is not there');
    return { serialNumber, certificate: row.certificate, chain: await chainOf(snapshot, row.authority_id) };
  });
}
