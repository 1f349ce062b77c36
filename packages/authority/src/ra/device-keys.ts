/**
 * Keys for encryption that a device made itself. It hands over a copy, sealed to the transport key, with a request that the key signed
 * over a challenge of ours; the copy is in escrow before there is a certificate, and the certificate comes without anybody's help.
 */
import { createHash } from 'node:crypto';
import type { CertificateRequest } from '@chancery/smime';
import { z } from 'zod';
import { keyLabel } from '../ca/authority-key.ts';
import { requireOrigin, requirePossession, requireSoundKey } from '../ca/check-key.ts';
import type { SignedCertificate } from '../ca/sign.ts';
import { AuthorityError } from '../errors.ts';
import { archiveDeviceKey } from '../kra/archive.ts';
import { transportKeyFor } from '../kra/transport.ts';
import { operation, perform } from '../operation.ts';
import { type Principal, permissionsOf } from '../principal.ts';
import {
  countOpenChallenges,
  forgetChallenges,
  insertChallenge,
  lockChallenge,
  markChallengeUsed,
} from '../store/archive-challenges.ts';
import { chainOf } from '../store/authorities.ts';
import { certificateByKey } from '../store/certificates.ts';
import type { Transaction } from '../store/database.ts';
import { insertEnrollments, withdrawEnrollments } from '../store/enrollments.ts';
import { acquaintanceWith } from '../store/imported-certificates.ts';
import { lockKeys, usesOfKeys } from '../store/intents.ts';
import { lockPerson, type PersonRow, whyAway } from '../store/people.ts';
import { profileOfPerson } from '../store/profiles.ts';
import { hashToken, newToken } from '../store/tokens.ts';
import type { World } from '../world.ts';
import { readRequest } from './certificate-request.ts';
import { fulfilEnrollment } from './enrollment.ts';

/** Milliseconds: a device makes its key first, and an RSA key takes a telephone some seconds. */
const CHALLENGE_LIFETIME = 15 * 60_000;
const DAY = 86_400_000;
/** Of one person at a time; a device that begins anew asks for another. */
const MOST_CHALLENGES = 20;

const ownKey = {
  guard: (by: Principal) => by.kind === 'person' || permissionsOf(by).has('certificate:issue'),
  description: 'the permission certificate:issue, or a key of their own',
};

/** What a device needs before it hands over a key: the challenge for its request, and what to seal the key to. */
export async function beginArchive(
  world: World,
  by: Principal,
  personId: string,
): Promise<{ challenge: string; expiresAt: Date; transport: { certificate: Uint8Array; notAfter: Date } }> {
  const challenge = await perform(world, challengeDevice, by, { personId });
  return { ...challenge, transport: await transportKeyFor(world) };
}

/** @throws AuthorityError `not-found`, `forbidden`, `wrong-state` (the person left), `rate-limited`, `unusable-input` (the profile takes no such keys) */
export const challengeDevice = operation({
  action: 'key.challenge',
  permission: ownKey,
  input: z.strictObject({ personId: z.uuid() }),
  subject: ({ personId }) => `person:${personId}`,
  async run(tx, { personId }, by, world) {
    const at = world.clock();
    const person = await receivingPerson(tx, personId, by);
    requireOrigin((await profileOfPerson(tx, person, 'encryption')).document, 'device');
    await forgetChallenges(tx, new Date(at.getTime() - DAY));
    if ((await countOpenChallenges(tx, personId, at)) >= MOST_CHALLENGES) {
      throw new AuthorityError(
        'rate-limited',
        'Too many devices of this person are about to hand over a key. Nothing was changed. Try again in a quarter of an hour.',
      );
    }
    const challenge = newToken();
    const expiresAt = new Date(at.getTime() + CHALLENGE_LIFETIME);
    await insertChallenge(tx, {
      hash: hashToken(challenge),
      person_id: personId,
      created_at: at,
      expires_at: expiresAt,
    });
    return { result: { challenge, expiresAt }, audit: { expiresAt: expiresAt.toISOString() } };
  },
});

const Der = z.custom<Uint8Array>((value) => value instanceof Uint8Array);

/**
 * Puts the key into escrow and begins its enrolment, in one transaction: whatever crashes then, the certificate comes.
 * @throws AuthorityError by what is wrong: see the refusals below
 */
export const archiveFromDevice = operation({
  action: 'key.archive',
  permission: ownKey,
  input: z.strictObject({
    personId: z.uuid(),
    /** PKCS#10, DER, signed by the key, the challenge as its challengePassword. */
    request: Der,
    /** CMS AuthEnvelopedData to the transport key, DER, of: length of the request (4 octets), request, PKCS#8. */
    sealed: Der,
    /**
     * A protocol of ours (SCEP, EST, CMP) has seen to it that the request is fresh and this person's: it needs no challenge.
     * Only the office itself says so.
     */
    vouched: z.boolean().default(false),
  }),
  subject: ({ personId }) => `person:${personId}`,
  async run(tx, { personId, request: der, sealed, vouched }, by, world) {
    const at = world.clock();
    const person = await receivingPerson(tx, personId, by);
    const { document: profile } = await profileOfPerson(tx, person, 'encryption');
    requireOrigin(profile, 'device');
    const request = readRequest(der, UNDONE);
    requirePossession(request);
    if (!(vouched && by.kind === 'system')) await spendChallenge(tx, request, personId, at);
    if (request.keyUsage?.has('digitalSignature') === true || request.keyUsage?.has('nonRepudiation') === true)
      throw refused('unusable-input', 'The request asks for a key that signs: a signing key is never escrowed');
    requireSoundKey(request.spki, profile);
    await requireNewKey(tx, request, personId);
    const algorithm = keyLabel(request);
    const { escrowedKeyId, audit } = await archiveDeviceKey(tx, world, { person, algorithm, sealed, request });
    // A key that the office would have made for them meanwhile is not needed.
    await withdrawEnrollments(tx, personId, 'encryption', at);
    const [begun] = await insertEnrollments(tx, [{ personId, use: 'encryption', escrowedKeyId }], at);
    if (begun === undefined) throw new Error('The enrolment of an archived key was not begun');
    await world.jobs.enqueue(tx, 'fulfil-enrollment', { enrollmentId: begun.id });
    return {
      result: { enrollmentId: begun.id, escrowedKeyId },
      audit: { escrowedKeyId, enrollmentId: begun.id, vouched, ...audit },
    };
  },
});

/**
 * The whole of it, for an endpoint: in escrow, then certified. Where the second fails a job goes on with it, and the certificate
 * is among the person's soon.
 */
export async function issueForDevice(
  world: World,
  by: Principal,
  input: z.input<(typeof archiveFromDevice)['input']>,
): Promise<SignedCertificate> {
  const { enrollmentId } = await perform(world, archiveFromDevice, by, input);
  await fulfilEnrollment(world, enrollmentId);
  const spkiSha256 = digestOf(readRequest(input.request, UNDONE).spki);
  const issued = await world.database.snapshot(async (snapshot) => {
    const row = await certificateByKey(snapshot, spkiSha256, 'encryption');
    return row && { row, chain: await chainOf(snapshot, row.authority_id) };
  });
  if (issued === undefined) throw new Error('The certificate of an archived key is not there');
  const { row, chain } = issued;
  return { serialNumber: row.serial_number, certificate: row.certificate, chain };
}

/** Held until commit. */
async function receivingPerson(tx: Transaction, personId: string, by: Principal): Promise<PersonRow> {
  if (by.kind === 'person' && by.id !== personId) throw refused('forbidden', 'This is not your own key');
  const person = await lockPerson(tx, personId);
  if (person === undefined) throw refused('not-found', 'There is no such person');
  if (person.state !== 'active') throw refused('wrong-state', whyAway(person));
  return person;
}

/** Replays end here: a challenge is for one person and one use, and the key itself signed it. */
async function spendChallenge(tx: Transaction, request: CertificateRequest, personId: string, at: Date): Promise<void> {
  if (request.challengePassword === undefined)
    throw refused('unusable-input', 'The request does not hold the challenge that this office gave out');
  const hash = hashToken(request.challengePassword);
  const challenge = await lockChallenge(tx, hash);
  if (challenge === undefined || challenge.person_id !== personId)
    throw refused(
      'unusable-input',
      'The challenge in the request is not one that this office gave out for this person',
    );
  if (challenge.used_at !== null)
    throw refused('conflict', 'This request was answered already: the same challenge is not taken twice');
  if (challenge.expires_at <= at) throw refused('wrong-state', 'The challenge in the request has lapsed');
  await markChallengeUsed(tx, hash, at);
}

/** Never seen before: not in escrow, in no certificate of ours or another office, whatever it is for. */
async function requireNewKey(tx: Transaction, request: CertificateRequest, personId: string): Promise<void> {
  const spkiSha256 = digestOf(request.spki);
  const hex = spkiSha256.toString('hex');
  await lockKeys(tx, [spkiSha256]);
  const known = await acquaintanceWith(tx, { fingerprints: [], keys: [spkiSha256], serials: [] });
  const uses = (await usesOfKeys(tx, [spkiSha256])).get(hex) ?? [];
  if (known.signing.has(hex) || uses.some(({ use }) => use !== 'encryption'))
    throw refused('conflict', 'This key has a certificate for signing: a signing key is never escrowed');
  const escrowed = known.escrowed.get(hex);
  if (escrowed !== undefined)
    throw refused(
      'conflict',
      escrowed.personId === personId
        ? 'This key is in escrow already'
        : 'This key is another person’s, and in escrow already',
    );
  if (uses.length > 0) throw refused('conflict', 'This key was certified before, without being in escrow');
}

const digestOf = (spki: Uint8Array): Buffer => createHash('sha256').update(spki).digest();

const UNDONE = 'Nothing was escrowed, and nothing issued.';

function refused(code: AuthorityError['code'], rule: string): AuthorityError {
  return new AuthorityError(code, `${rule}. ${UNDONE}`);
}
