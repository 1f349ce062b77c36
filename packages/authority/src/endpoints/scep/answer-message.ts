/** From a pkiMessage to its CertRep (RFC 8894 section 3): who signed it, what is inside, what the office makes of it, how it is said. */
import { createHash, randomBytes } from 'node:crypto';
import {
  type Certificate,
  type CertificateRequest,
  certsOnly,
  crlOnly,
  decryptContent,
  encryptContent,
  makePkiMessage,
  type PkiMessage,
  parseCertificate,
  parseRequest,
  pkiFailures,
  pkiMessageTypes,
  pkiStatuses,
  readCertificateQuery,
  readPkiMessage,
  SmimeError,
} from '@chancery/smime';
import type { EnrolmentLabel } from '../../enrolment-config.ts';
import { AuthorityError } from '../../errors.ts';
import { perform } from '../../operation.ts';
import { anonymous, type Principal, system } from '../../principal.ts';
import { challengeHolder, isOpenChallenge, staticHolder } from '../../ra/challenge.ts';
import { continueEnrolment, type Enrolled, enrolDevice, requestEnrolment } from '../../ra/device-enrolment.ts';
import { holderNamed, noteIntuneFailure, validateWithIntune } from '../../ra/intune.ts';
import { addressesIn } from '../../ra/judge-request.ts';
import { type RegistrationAuthority, registrationAuthorities } from '../../ra/registration-authority.ts';
import { mayRenew } from '../../ra/renewal.ts';
import { type CertificateRow, certificateBySerial } from '../../store/certificates.ts';
import { latestCrl, readCrl } from '../../store/crls.ts';
import { polledEnrolment } from '../../store/device-enrolments.ts';
import { personById } from '../../store/people.ts';
import type { World } from '../../world.ts';
import { scepFailures } from './failures.ts';

export interface ScepLabel {
  readonly name: string;
  readonly settings: EnrolmentLabel;
}

/**
 * DER CertRep. A refusal is an answer too.
 * @throws SmimeError for what is no pkiMessage, AuthorityError for what HTTP says (`scepFailures`)
 */
export async function answerMessage(world: World, label: ScepLabel, octets: Uint8Array): Promise<Uint8Array> {
  const message = readPkiMessage(octets);
  const ras = await registrationAuthorities(world);
  try {
    return await answer(world, label, message, ras);
  } catch (error) {
    const failure = failureOf(error);
    if (failure === undefined) throw error;
    world.log.info('scep.refused', { label: label.name, messageType: message.messageType, reason: failure.text });
    return reply(world, message, failure.ra ?? ras[0], failure);
  }
}

type Ra = RegistrationAuthority;

/** A failure that is SCEP's own to say. */
class Refusal extends Error {
  readonly failInfo: number;
  readonly ra: Ra | undefined;
  constructor(failInfo: number, text: string, ra?: Ra) {
    super(text);
    this.failInfo = failInfo;
    this.ra = ra;
  }
}

function failureOf(error: unknown): { failInfo: number; text: string; ra?: Ra | undefined } | undefined {
  if (error instanceof Refusal) return { failInfo: error.failInfo, text: error.message, ra: error.ra };
  if (!(error instanceof AuthorityError)) return undefined;
  const said = scepFailures[error.code];
  return 'failInfo' in said ? { failInfo: said.failInfo, text: error.message } : undefined;
}

async function answer(
  world: World,
  label: ScepLabel,
  message: PkiMessage,
  ras: readonly [Ra, ...Ra[]],
): Promise<Uint8Array> {
  const { signer } = message;
  if (signer === undefined || message.signature !== 'valid')
    throw new Refusal(pkiFailures.badMessageCheck, 'The signature of the message does not verify.');
  if (message.weakDigest && !label.settings.legacyCiphers)
    throw new Refusal(pkiFailures.badAlg, 'SHA-1 and MD5 are not taken here. Use SHA-256.');
  const asked = { world, label, message, signer, own: await ownCertificate(world, signer) };
  switch (message.messageType) {
    case pkiMessageTypes.PKCSReq:
    case pkiMessageTypes.RenewalReq:
    case pkiMessageTypes.UpdateReq:
      return enrol(asked, ras);
    case pkiMessageTypes.CertPoll:
      return poll(asked, ras);
    case pkiMessageTypes.GetCert:
      return lookUp(asked, ras);
    case pkiMessageTypes.GetCRL:
      return lookUpCrl(asked, ras);
    default:
      throw new Refusal(pkiFailures.badRequest, 'This type of message is not known here.');
  }
}

interface Asked {
  readonly world: World;
  readonly label: ScepLabel;
  readonly message: PkiMessage;
  readonly signer: Certificate;
  /** The signer's certificate, where this office issued it. */
  readonly own: CertificateRow | undefined;
}

/**
 * RFC 8894 2.3: signed with a key of the device's own, and a challenge inside; or with the certificate that is renewed. Which of the two
 * it is, the signer decides: clients renew with PKCSReq, and repeat a challenge that was used up long ago. The RFC has the first sign
 * with the key of the request; devices of Apple sign with one that they make for the day. The request proves its own key.
 */
async function enrol(asked: Asked, ras: readonly [Ra, ...Ra[]]): Promise<Uint8Array> {
  const { world, label, message, signer, own } = asked;
  const { ra, content } = await open(message, ras, label.settings.legacyCiphers);
  const request = requestIn(content, ra);
  const renews = own?.use === 'signing' && own.person_id !== null && !(await startsAnew(asked, own, request));
  if (!renews && message.messageType !== pkiMessageTypes.PKCSReq)
    throw new Refusal(pkiFailures.badCertId, 'A renewal is signed with a certificate of this office.', ra);
  const common = {
    protocol: 'scep',
    label: label.name,
    use: 'signing',
    request: content,
    transactionId: message.transactionId,
    signer: signer.spki,
  } as const;
  if (renews) {
    const by = await holderOf(world, own);
    const enrolled = await enrolDevice(world, by, {
      ...common,
      proof: { kind: 'certificate', serialNumber: own.serial_number },
    });
    return replyWith(asked, ra, enrolled);
  }
  if (label.settings.intune) return replyWith(asked, ra, await enrolValidated(world, common, addressesIn(request)));
  const secret = request.challengePassword ?? '';
  const fixed = await staticHolder(world, label.name, secret, addressesIn(request));
  const enrolled =
    fixed === undefined
      ? await enrolDevice(world, await challengeHolder(world, secret), {
          ...common,
          proof: { kind: 'challenge', secret: secret.slice(0, 500) },
        })
      : await enrolDevice(world, fixed, { ...common, proof: { kind: 'static' } });
  return replyWith(asked, ra, enrolled);
}

/**
 * Before its certificate is to be renewed, a device that its owner gave a new challenge enrols once more, though it signs with what it
 * has: certmonger does so for `getcert resubmit` with another challenge.
 */
async function startsAnew(
  { world, label, message }: Asked,
  { serial_number, person_id }: CertificateRow,
  { challengePassword }: CertificateRequest,
): Promise<boolean> {
  if (message.messageType !== pkiMessageTypes.PKCSReq || challengePassword === undefined || person_id === null)
    return false;
  const now = world.clock();
  return world.database.snapshot(
    async (snapshot) =>
      (await isOpenChallenge(snapshot, challengePassword, person_id, now)) &&
      !(await mayRenew(snapshot, serial_number, now, label.settings.renewalDays)).may,
  );
}

/**
 * Judged by Intune first. What it had let through, and the office did not take in, it is told; of all others the outbox tells it.
 */
async function enrolValidated(
  world: World,
  request: Omit<Parameters<typeof enrolDevice>[2], 'proof'> & { readonly transactionId: string },
  addresses: readonly string[],
): Promise<Enrolled> {
  const verdict = await validateWithIntune(world, request.transactionId, request.request);
  const by = await holderNamed(world, request.request, addresses);
  let id: string;
  try {
    id = await perform(world, requestEnrolment, by, { ...request, proof: { kind: 'intune', verdict } });
  } catch (error) {
    if (verdict === 'Success' && error instanceof AuthorityError && error.code !== 'unavailable') {
      const { transactionId, request: der } = request;
      await perform(world, noteIntuneFailure, system, { transactionId, request: der, reason: error.message });
    }
    throw error;
  }
  return continueEnrolment(world, id, true);
}

/** RFC 8894 3.3.3: matched on the transaction, and on the key that signs. What is inside says nothing more. */
async function poll(asked: Asked, [ra]: readonly [Ra, ...Ra[]]): Promise<Uint8Array> {
  const { world, label, message, signer, own } = asked;
  const row = await world.database.snapshot((snapshot) =>
    polledEnrolment(snapshot, {
      label: label.name,
      transactionId: message.transactionId,
      spkiSha256: createHash('sha256').update(signer.spki).digest(),
      renews: own?.serial_number,
    }),
  );
  if (row === undefined) throw new Refusal(pkiFailures.badCertId, 'There is no such transaction of this key.', ra);
  return replyWith(asked, ra, await continueEnrolment(world, row.id, true));
}

/** RFC 8894 3.3.4: a person's own certificates, to whoever signs with one of them. */
async function lookUp(asked: Asked, ras: readonly [Ra, ...Ra[]]): Promise<Uint8Array> {
  const { world, message, own, label } = asked;
  const { ra, content } = await open(message, ras, label.settings.legacyCiphers);
  const wanted = queryIn(content, ra);
  const found = await world.database.snapshot((snapshot) => certificateBySerial(snapshot, wanted.serialNumber));
  const certificate = found && parseCertificate(found.certificate);
  if (
    own?.person_id == null ||
    certificate === undefined ||
    found?.person_id !== own.person_id ||
    Buffer.compare(certificate.issuer.der, wanted.issuer) !== 0
  )
    throw new Refusal(pkiFailures.badCertId, 'There is no such certificate of yours.', ra);
  return replyCertificate(asked, ra, certificate);
}

/** RFC 8894 3.3.4: the complete list that has, or would have, that certificate; for whoever signs with a certificate of ours. */
async function lookUpCrl(asked: Asked, ras: readonly [Ra, ...Ra[]]): Promise<Uint8Array> {
  const { world, message, own, label } = asked;
  const { ra, content } = await open(message, ras, label.settings.legacyCiphers);
  const wanted = queryIn(content, ra);
  const refuse = (text: string) => new Refusal(pkiFailures.badCertId, text, ra);
  if (own === undefined) throw refuse('Whoever asks for a list signs with a certificate of this office.');
  const crl = await world.database.snapshot(async (snapshot) => {
    const found = await certificateBySerial(snapshot, wanted.serialNumber);
    if (found === undefined || Buffer.compare(parseCertificate(found.certificate).issuer.der, wanted.issuer) !== 0)
      return undefined;
    const scope = { authorityId: found.authority_id, shard: found.crl_shard };
    const row = await latestCrl(snapshot, scope);
    if (row !== undefined && row.octets > MOST_OF_A_LIST)
      throw refuse('That list is too long for a message: fetch it from where the certificate says.');
    return row && readCrl(snapshot, scope, row);
  });
  if (crl === undefined) throw refuse('There is no list for such a certificate.');
  return replySealed(asked, ra, crlOnly(crl));
}

/** Octets: clients of SCEP hold the whole reply in memory, some of them on a router. */
const MOST_OF_A_LIST = 1_048_576;

/**
 * Opens the envelope with whichever registration authority it is for. Nothing tells a client why it does not open: what is inside
 * is known to be a request only once it has opened.
 */
async function open(
  message: PkiMessage,
  ras: readonly [Ra, ...Ra[]],
  legacy: boolean,
): Promise<{ ra: Ra; content: Uint8Array }> {
  const { envelope } = message;
  if (envelope === undefined) throw unopened(ras[0]);
  for (const ra of ras) {
    try {
      const keys = [{ decrypter: await ra.decrypter(), certificate: ra.certificate }];
      const { content } = await decryptContent({ der: envelope, keys, legacy });
      return { ra, content };
    } catch (error) {
      if (!(error instanceof SmimeError)) throw error;
      if (error.code === 'no-matching-recipient') continue;
      if (error.code === 'legacy-algorithm' || error.code === 'unsupported')
        throw new Refusal(
          pkiFailures.badAlg,
          'The message is encrypted with a cipher that is not taken here. Use AES.',
          ra,
        );
      throw unopened(ra);
    }
  }
  throw unopened(ras[0]);
}

const unopened = (ra: Ra) =>
  new Refusal(
    pkiFailures.badMessageCheck,
    'The message does not open as a request to this registration authority.',
    ra,
  );

function requestIn(content: Uint8Array, ra: Ra): CertificateRequest {
  try {
    return parseRequest(content);
  } catch (error) {
    if (error instanceof SmimeError) throw unopened(ra);
    throw error;
  }
}

function queryIn(content: Uint8Array, ra: Ra): ReturnType<typeof readCertificateQuery> {
  try {
    return readCertificateQuery(content);
  } catch (error) {
    if (error instanceof SmimeError) throw unopened(ra);
    throw error;
  }
}

/** The certificate itself, octet for octet: another with its number and name is none of ours. */
async function ownCertificate(world: World, signer: Certificate): Promise<CertificateRow | undefined> {
  const row = await world.database.snapshot((snapshot) => certificateBySerial(snapshot, signer.serialNumber));
  return row !== undefined && Buffer.compare(row.certificate, signer.der) === 0 ? row : undefined;
}

async function holderOf(world: World, { person_id }: CertificateRow): Promise<Principal> {
  const person =
    person_id === null ? undefined : await world.database.snapshot((snapshot) => personById(snapshot, person_id));
  return person === undefined ? anonymous : { kind: 'person', id: person.id, name: person.name };
}

function replyWith(asked: Asked, ra: Ra, enrolled: Enrolled): Promise<Uint8Array> {
  if (enrolled.state === 'issued')
    return replyCertificate(asked, ra, parseCertificate(enrolled.certificate.certificate));
  return reply(asked.world, asked.message, ra, undefined);
}

/** RFC 8894 3.3.2.1: the certificate in a degenerate SignedData, encrypted to whoever signed the request. */
function replyCertificate(asked: Asked, ra: Ra, certificate: Certificate): Promise<Uint8Array> {
  return replySealed(asked, ra, certsOnly([certificate]));
}

async function replySealed(asked: Asked, ra: Ra, content: Uint8Array): Promise<Uint8Array> {
  const envelope = await encryptContent({
    content,
    recipients: [asked.signer],
    // What every client of today and of ten years ago opens.
    cipher: 'aes-128-cbc',
  });
  return signReply(asked.world, asked.message, ra, { status: pkiStatuses.SUCCESS, envelope });
}

function reply(
  world: World,
  message: PkiMessage,
  ra: Ra,
  failure: { readonly failInfo: number; readonly text: string } | undefined,
): Promise<Uint8Array> {
  return signReply(
    world,
    message,
    ra,
    failure === undefined
      ? { status: pkiStatuses.PENDING }
      : { status: pkiStatuses.FAILURE, failure: failure.failInfo, failureText: failure.text },
  );
}

async function signReply(
  world: World,
  message: PkiMessage,
  ra: Ra,
  said: {
    readonly status: number;
    readonly failure?: number;
    readonly failureText?: string;
    readonly envelope?: Uint8Array;
  },
): Promise<Uint8Array> {
  return makePkiMessage({
    messageType: pkiMessageTypes.CertRep,
    transactionId: message.transactionId,
    senderNonce: randomBytes(16),
    recipientNonce: message.senderNonce,
    ...said,
    signer: await ra.signer(),
    certificate: ra.certificate,
    signingTime: world.clock(),
  });
}
