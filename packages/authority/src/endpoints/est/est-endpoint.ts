/** EST (RFC 7030, 8951, 9908): cacerts, simpleenroll, simplereenroll, csrattrs, serverkeygen; for each label, before `.well-known` or after it. */

import { randomBytes } from 'node:crypto';
import {
  buildCsrAttributes,
  certsOnly,
  keyUsage,
  oids,
  parseCertificate,
  parseRequest,
  pemToDer,
  SmimeError,
} from '@chancery/smime';
import type { FastifyError, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import { type EnrolmentLabel, labelOf } from '../../enrolment-config.ts';
import { AuthorityError } from '../../errors.ts';
import { anonymous, type Principal } from '../../principal.ts';
import { challengeHolder, deviceProfile, staticHolder } from '../../ra/challenge.ts';
import { type Enrolled, enrolDevice } from '../../ra/device-enrolment.ts';
import { generateForDevice } from '../../ra/generated-key.ts';
import { addressesIn } from '../../ra/judge-request.ts';
import { issuingChain } from '../../ra/registration-authority.ts';
import type { CertificateRow } from '../../store/certificates.ts';
import { personByAddress, personById } from '../../store/people.ts';
import type { World } from '../../world.ts';
import { admitDevices } from '../device-door.ts';
import { type EstDoor, estCaller, isAdmitted } from './est-caller.ts';
import { estStatuses } from './statuses.ts';

/** Octets of a request in base64; one for a key of 16,384 bits has 10,000. */
const BODY = 65_536;
/** Seconds after which a device asks again for what an operator has to decide on. */
const RETRY = 300;

export function estEndpoint(world: World, door: EstDoor): FastifyPluginAsync {
  return async (app) => {
    app.setErrorHandler(answerError(world));
    await admitDevices(app, BODY);
    const serve = async (request: FastifyRequest, reply: FastifyReply) => {
      if (!isAdmitted(door, request)) throw new AuthorityError('not-found', 'There is nothing at this address.');
      return answer({ world, door, request, reply });
    };
    // RFC 7030 3.2.2 has the label behind, strongSwan puts it before.
    for (const url of [
      '/.well-known/est/:operation',
      '/.well-known/est/:label/:operation',
      '/:label/.well-known/est/:operation',
    ])
      app.route({ method: ['GET', 'POST'], url, handler: serve });
  };
}

interface Exchange {
  readonly world: World;
  readonly door: EstDoor;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

async function answer(exchange: Exchange): Promise<FastifyReply> {
  const { world, request, reply } = exchange;
  const { label: name = 'default', operation } = request.params as { label?: string; operation: string };
  const settings = labelOf(world.config.enrolment, name);
  if (settings === undefined) throw new AuthorityError('not-found', 'There is no such label.');
  reply.header('cache-control', 'no-store').header('x-content-type-options', 'nosniff');
  const label = { name, settings };
  switch (`${request.method} ${operation}`) {
    case 'GET cacerts':
      return sendCertificates(
        exchange,
        (await issuingChain(world)).map(({ der }) => der),
      );
    case 'GET csrattrs':
      return sendEncoded(exchange, 'application/csrattrs', await csrAttributes(world, settings));
    case 'POST simpleenroll':
      return sendEnrolled(exchange, await enrol(exchange, label, 'signing'));
    case 'POST simplereenroll':
      return sendEnrolled(exchange, await enrol(exchange, label, 'signing', true));
    case 'POST serverkeygen':
      return sendGenerated(exchange, await enrol(exchange, label, 'encryption'));
    case 'POST fullcmc':
      return reply.code(501).type('text/plain').send('Full CMC is not implemented here.\n');
    default:
      throw new AuthorityError('not-found', 'There is no such operation (RFC 7030 3.2.2).');
  }
}

interface Label {
  readonly name: string;
  readonly settings: EnrolmentLabel;
}

/** @param renews only the certificate that is renewed will do (RFC 7030 4.2.2) */
async function enrol(
  { world, door, request }: Exchange,
  label: Label,
  use: 'signing' | 'encryption',
  renews = false,
): Promise<Enrolled> {
  const caller = await estCaller(world, door, request);
  if (caller.basic === undefined && caller.certificate === undefined)
    throw new AuthorityError(
      'unauthenticated',
      'Show a challenge, or a certificate of this office. Nothing was issued.',
    );
  if (renews && caller.certificate === undefined)
    throw new AuthorityError('forbidden', 'Renew with the certificate that is renewed. Nothing was issued.');
  const der = requestIn(request.body);
  const common = { protocol: 'est', label: label.name, use, request: der, transactionId: null } as const;
  if (use === 'encryption') refuseWrapping(der);
  const { certificate, basic } = caller;
  if (certificate !== undefined && (renews || basic === undefined)) {
    const proof = { kind: 'certificate', serialNumber: certificate.serial_number } as const;
    return enrolDevice(world, await holderOf(world, certificate), { ...common, proof });
  }
  const { user, password } = basic ?? { user: '', password: '' };
  const fixed = await staticHolder(world, label.name, password, addressesNamed(user, der));
  if (fixed !== undefined)
    return enrolDevice(world, await unlessAnother(world, fixed, user), { ...common, proof: { kind: 'static' } });
  const by = await unlessAnother(world, await challengeHolder(world, password), user);
  return enrolDevice(world, by, { ...common, proof: { kind: 'challenge', secret: password.slice(0, 500) } });
}

function addressesNamed(user: string, der: Uint8Array): string[] {
  const named = addressesIn(parseRequest(der));
  return user.includes('@') ? [user, ...named] : named;
}

/** A user name may be anything; one that is an address is the person's own. */
async function unlessAnother(world: World, by: Principal, user: string): Promise<Principal> {
  if (by.kind !== 'person' || !user.includes('@')) return by;
  const named = await world.database.snapshot((snapshot) => personByAddress(snapshot, user));
  return named?.id === by.id ? by : anonymous;
}

async function holderOf(world: World, { person_id }: CertificateRow): Promise<Principal> {
  const person =
    person_id === null ? undefined : await world.database.snapshot((snapshot) => personById(snapshot, person_id));
  return person === undefined ? anonymous : { kind: 'person', id: person.id, name: person.name };
}

/**
 * RFC 8951 3: base64 with white space anywhere and whatever Content-Transfer-Encoding says. PEM and DER are understood too.
 * @throws AuthorityError `unusable-input`
 */
function requestIn(body: unknown): Uint8Array {
  const octets = Buffer.isBuffer(body) ? body : Buffer.alloc(0);
  try {
    if (octets[0] === 0x30 && octets[1] !== undefined && octets[1] >= 0x80) return parseRequest(octets).der;
    const text = octets.toString('latin1');
    if (text.includes('-----BEGIN'))
      return pemToDer(text, text.includes('NEW CERTIFICATE') ? 'NEW CERTIFICATE REQUEST' : 'CERTIFICATE REQUEST');
    const base64 = text.replace(/[ \t\r\n]/g, '');
    if (!/^[A-Za-z0-9+/]+={0,2}$/.test(base64)) throw unusable('it is not base64');
    return parseRequest(Buffer.from(base64, 'base64')).der;
  } catch (error) {
    if (error instanceof SmimeError) throw unusable(error.message);
    throw error;
  }
}

const unusable = (why: string) =>
  new AuthorityError('unusable-input', `The certificate request cannot be read: ${why}. Nothing was issued.`);

/** RFC 7030 4.4.1: whoever asks for the key to be encrypted beyond TLS is not given one that is not. */
function refuseWrapping(der: Uint8Array): void {
  const { attributeTypes } = parseRequest(der);
  if (![oids.decryptKeyIdentifier, oids.asymmetricDecryptKeyIdentifier].some((type) => attributeTypes.includes(type)))
    return;
  throw new AuthorityError('unusable-input', 'A generated key is protected by TLS alone here. Nothing was made.');
}

/** What the profile wants a request to say: the key, and its usage. */
async function csrAttributes(world: World, { profile: id }: EnrolmentLabel): Promise<Uint8Array> {
  const { document } = await world.database.snapshot((snapshot) => deviceProfile(snapshot, id));
  const { algorithms, rsaBits } = document.keys;
  const [first] = algorithms;
  if (first === undefined || first === 'rsa') {
    const bits = Math.min(rsaBits.maximum, Math.max(rsaBits.minimum, 3072));
    return buildCsrAttributes({ key: { rsaBits: bits }, extensions: [keyUsage(document.keyUsage.rsa)] });
  }
  const extensions = [keyUsage(document.keyUsage.ec)];
  return first === 'ed25519'
    ? buildCsrAttributes({ extensions })
    : buildCsrAttributes({ key: { curve: first }, extensions });
}

function sendEnrolled(exchange: Exchange, enrolled: Enrolled): FastifyReply {
  if (enrolled.state !== 'issued') return sendLater(exchange.reply);
  // RFC 7030 4.2.3: the certificate alone.
  return sendCertificates(exchange, [enrolled.certificate.certificate]);
}

/** RFC 7030 4.2.3: 202, and the same request again later. */
function sendLater(reply: FastifyReply): FastifyReply {
  return reply
    .code(202)
    .header('retry-after', String(RETRY))
    .type('text/plain')
    .send('An operator has to decide on this. Ask again with the same request.\n');
}

/** RFC 7030 4.4.2: the key, then its certificate. TLS protects both. */
async function sendGenerated({ world, request, reply }: Exchange, enrolled: Enrolled): Promise<FastifyReply> {
  if (enrolled.state === 'waiting') return sendLater(reply);
  const { pkcs8, certificate } = await generateForDevice(world, enrolled.id);
  const boundary = `est-${randomBytes(12).toString('hex')}`;
  const part = (type: string, der: Uint8Array) =>
    `--${boundary}\r\nContent-Type: ${type}\r\nContent-Transfer-Encoding: base64\r\n\r\n${encoded(request, der)}\r\n`;
  const body = `${part('application/pkcs8', pkcs8)}${part(CERTIFICATES, certsOnly([parseCertificate(certificate)]))}--${boundary}--\r\n`;
  pkcs8.fill(0);
  return reply.type(`multipart/mixed; boundary=${boundary}`).send(Buffer.from(body, 'latin1'));
}

const CERTIFICATES = 'application/pkcs7-mime; smime-type=certs-only';

function sendCertificates(exchange: Exchange, ders: readonly Uint8Array[]): FastifyReply {
  return sendEncoded(exchange, CERTIFICATES, certsOnly(ders.map((der) => parseCertificate(der))));
}

function sendEncoded({ request, reply }: Exchange, type: string, der: Uint8Array): FastifyReply {
  return reply
    .type(type)
    .header('content-transfer-encoding', 'base64')
    .send(Buffer.from(encoded(request, der), 'latin1'));
}

/** RFC 8951 3.1: in one line. libest reads it in lines of 64 alone, and strongSwan in one alone. */
function encoded(request: FastifyRequest, der: Uint8Array): string {
  const base64 = Buffer.from(der).toString('base64');
  return /^libest/i.test(request.headers['user-agent'] ?? '')
    ? `${base64.match(/.{1,64}/g)?.join('\n') ?? ''}\n`
    : base64;
}

function answerError(world: World) {
  return (error: FastifyError | AuthorityError | Error, _request: FastifyRequest, reply: FastifyReply) => {
    const say = (status: number, text: string) => {
      if (status === 401) reply.header('www-authenticate', 'Basic realm="Chancery", charset="UTF-8"');
      if (status === 429 || status === 503) reply.header('retry-after', '60');
      return reply.code(status).type('text/plain; charset=utf-8').header('cache-control', 'no-store').send(`${text}\n`);
    };
    if (error instanceof AuthorityError) return say(estStatuses[error.code], error.message);
    const status = 'statusCode' in error && typeof error.statusCode === 'number' ? error.statusCode : 500;
    if (status >= 400 && status < 500) return say(status, `${error.message}.`);
    world.log.error('est.failed', { error: error.message, stack: error.stack });
    return say(503, 'Something of the office is down. Nothing was lost. Try again in a minute.');
  };
}
