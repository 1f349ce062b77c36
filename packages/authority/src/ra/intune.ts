/**
 * Devices whose challenge Intune made and judges (a SCEP profile of Intune's for a certification authority of another's): validated
 * before anything is issued, told afterwards what became of it, and revoked where Intune asks for it.
 */
import { createHash, randomUUID } from 'node:crypto';
import { formatName, parseCertificate, parseRequest } from '@chancery/smime';
import { z } from 'zod';
import { revokeInTransaction } from '../ca/revoke.ts';
import { readSecret } from '../config.ts';
import { AuthorityError } from '../errors.ts';
import { openSecret, sealSecret } from '../identity/sealing.ts';
import { operation, perform } from '../operation.ts';
import { anonymous, type Principal, system } from '../principal.ts';
import { certificateBySerial } from '../store/certificates.ts';
import type { Transaction } from '../store/database.ts';
import {
  type IntuneNoticeRow,
  insertIntuneNotice,
  intuneNotice,
  intunePolledAt,
  isFromIntune,
  setIntunePolledAt,
  settleIntuneNotice,
} from '../store/intune.ts';
import { personByAddress } from '../store/people.ts';
import type { World } from '../world.ts';
import { IntuneClient, type IntuneRevocationResult } from './intune-client.ts';

const clients = new WeakMap<World, IntuneClient>();

/** @throws AuthorityError `unavailable` where the configuration has no `[enrolment.intune]` */
function clientOf(world: World): IntuneClient {
  const { intune } = world.config.enrolment;
  if (intune === undefined)
    throw new AuthorityError('unavailable', 'This office does not know Intune. Nothing was issued.');
  const client =
    clients.get(world) ??
    new IntuneClient(intune, () => readSecret(intune.clientSecret, world.config.home), world.clock);
  clients.set(world, client);
  return client;
}

/** What Intune says of a request: anything but `Success` is no. @throws AuthorityError `unavailable` */
export async function validateWithIntune(world: World, transactionId: string, request: Uint8Array): Promise<string> {
  const { code, description } = await clientOf(world).validate(transactionId, request);
  if (code !== 'Success') world.log.info('intune.refused', { transactionId, code, description });
  return code;
}

/** Whom the addresses and sign-in names of a request name; nobody where they are several people's, or nobody's. */
export async function holderNamed(world: World, request: Uint8Array, addresses: readonly string[]): Promise<Principal> {
  const { userPrincipalNames } = parseRequest(request).subjectAltNames;
  const names = [...new Set([...addresses, ...userPrincipalNames])].slice(0, 50);
  const people = await world.database.snapshot((snapshot) =>
    Promise.all(names.map((name) => personByAddress(snapshot, name))),
  );
  const known = people.filter((person) => person !== undefined);
  const [first] = known;
  if (first === undefined || known.some(({ id }) => id !== first.id)) return anonymous;
  return { kind: 'person', id: first.id, name: first.name };
}

type Kind = IntuneNoticeRow['kind'];

/** In the transaction of what it tells of; a job says it. */
async function queueNotice(tx: Transaction, world: World, kind: Kind, body: unknown): Promise<void> {
  const id = randomUUID();
  const sealed = await sealSecret(world, tx, purposeOf(id), Buffer.from(JSON.stringify(body), 'utf8'));
  await insertIntuneNotice(tx, { id, kind, body: Buffer.from(sealed), created_at: world.clock() });
  await world.jobs.enqueue(tx, 'tell-intune', { id });
}

const purposeOf = (id: string): string => `chancery:intune-notice:${id}`;

interface Settled {
  readonly transactionId: string | null;
  /** DER PKCS#10. */
  readonly request: Uint8Array;
}

export async function queueIntuneSuccess(
  tx: Transaction,
  world: World,
  { transactionId, request }: Settled,
  serialNumber: string,
): Promise<void> {
  const row = await certificateBySerial(tx, serialNumber);
  if (row === undefined) throw new Error('The certificate of an enrolment is not there');
  const certificate = parseCertificate(row.certificate);
  await queueNotice(tx, world, 'success', {
    transactionId: transactionId ?? '',
    certificateRequest: Buffer.from(request).toString('base64'),
    certificateThumbprint: createHash('sha1').update(certificate.der).digest('hex').toUpperCase(),
    certificateSerialNumber: serialNumber,
    certificateExpirationDateUtc: certificate.notAfter.toISOString(),
    issuingCertificateAuthority: formatName(certificate.issuer),
  });
}

export async function queueIntuneFailure(
  tx: Transaction,
  world: World,
  { transactionId, request }: Settled,
  reason: string,
): Promise<void> {
  await queueNotice(tx, world, 'failure', {
    transactionId: transactionId ?? '',
    certificateRequest: Buffer.from(request).toString('base64'),
    // E_FAIL, as an unsigned number.
    hResult: 0x80004005,
    errorDescription: reason.slice(0, 255),
  });
}

/** A request that Intune had let through, and the office did not take in at all. */
export const noteIntuneFailure = operation({
  action: 'intune.note-failure',
  permission: 'system',
  input: z.strictObject({
    transactionId: z.string().max(255),
    request: z.custom<Uint8Array>((value) => value instanceof Uint8Array),
    reason: z.string(),
  }),
  subject: () => 'intune',
  async run(tx, { transactionId, request, reason }, _by, world) {
    await queueIntuneFailure(tx, world, { transactionId, request }, reason);
    return { result: undefined, audit: { transactionId, reason } };
  },
});

/** The job. Told at least once; Intune takes the same thing twice. */
export async function tellIntune(world: World, id: string): Promise<void> {
  const found = await world.database.snapshot(async (snapshot) => {
    const row = await intuneNotice(snapshot, id);
    if (row?.body == null) return undefined;
    const body = await openSecret(world, snapshot, purposeOf(id), row.body);
    return { kind: row.kind, body: JSON.parse(Buffer.from(body).toString('utf8')) as never };
  });
  if (found === undefined) return;
  const client = clientOf(world);
  let error: string | null = null;
  if (found.kind === 'revocations') await client.uploadRevocationResults(found.body);
  else {
    const tell = found.kind === 'success' ? client.tellSuccess(found.body) : client.tellFailure(found.body);
    const { code, description } = await tell;
    if (code !== 'Success') error = `${code}: ${description}`.slice(0, 500);
  }
  await perform(world, settleNotice, system, { id, error });
}

export const settleNotice = operation({
  action: 'intune.told',
  permission: 'system',
  input: z.strictObject({ id: z.uuid(), error: z.string().nullable() }),
  subject: ({ id }) => `intune-notice:${id}`,
  async run(tx, { id, error }, _by, world) {
    await settleIntuneNotice(tx, id, world.clock(), error);
    return { result: undefined, audit: error === null ? {} : { error } };
  },
});

/** Intune hands out nothing more within an hour. */
const POLL_MS = 3_600_000;

/** For the scheduler. */
export async function pollIntuneRevocations(world: World): Promise<void> {
  if (world.config.enrolment.intune?.revocations !== true) return;
  const last = await world.database.snapshot(intunePolledAt);
  if (last !== undefined && world.clock().getTime() - last.getTime() < POLL_MS) return;
  const asked = await clientOf(world).downloadRevocations();
  await perform(world, takeRevocations, system, { asked });
}

/** Revokes what was issued because Intune said so, and nothing else; the results go back by the outbox. */
export const takeRevocations = operation({
  action: 'intune.take-revocations',
  permission: 'system',
  input: z.strictObject({
    asked: z.array(z.object({ requestContext: z.string(), serialNumber: z.string() })).max(500),
  }),
  subject: () => 'intune',
  async run(tx, { asked }, _by, world) {
    await setIntunePolledAt(tx, world.clock());
    const results: IntuneRevocationResult[] = [];
    const revoked: string[] = [];
    for (const { requestContext, serialNumber: told } of asked) {
      const serialNumber = told
        .toLowerCase()
        .replace(/[^0-9a-f]/g, '')
        .replace(/^0+(?=.)/, '');
      const row = (await isFromIntune(tx, serialNumber)) ? await certificateBySerial(tx, serialNumber) : undefined;
      if (row === undefined) {
        const errorMessage = 'No such certificate was issued for Intune.';
        results.push({ requestContext, succeeded: false, errorCode: '4004', errorMessage });
        continue;
      }
      // On hold is not revoked for good; what is revoked already is as it should be.
      if (row.revoked_at === null || row.revocation_reason === 'certificateHold') {
        await revokeInTransaction(tx, world, { serialNumber, reason: 'cessationOfOperation' });
        revoked.push(serialNumber);
      }
      results.push({ requestContext, succeeded: true, errorCode: '0', errorMessage: '' });
    }
    if (results.length > 0) await queueNotice(tx, world, 'revocations', results);
    return { result: revoked, audit: { asked: asked.length, revoked } };
  },
});
