import { createHash } from 'node:crypto';
import { formatName, isIssuedBy, pkiFailures, pkiStatuses } from '@chancery/smime';
import Fastify, { type FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { LoopbackIntune } from '../../../test/loopback-intune.ts';
import { type PkiOffice, pkiOffice } from '../../../test/pki-office.ts';
import { askScep, deviceKey, getCaCerts, raOf, scepMessage, sendScep } from '../../../test/scep-client.ts';
import { establishSecretsKey } from '../../identity/sealing.ts';
import { operation, perform } from '../../operation.ts';
import { system } from '../../principal.ts';
import { decideAndIssue } from '../../ra/device-enrolment.ts';
import { pollIntuneRevocations, tellIntune } from '../../ra/intune.ts';
import { certificateBySerial } from '../../store/certificates.ts';
import { listDeviceEnrolments } from '../../store/device-enrolments.ts';
import { scepEndpoint } from './scep-endpoint.ts';

process.env.INTUNE_SECRET = 'the secret of the application';
const intune = new LoopbackIntune();
let office: PkiOffice;
let app: FastifyInstance;
let url: string;
let ahead = 0;
const wait = (minutes: number) => {
  ahead += minutes * 60_000;
};

beforeAll(async () => {
  const base = await intune.start();
  office = await pkiOffice({
    clock: () => new Date(Date.now() + ahead),
    config: `[enrolment.label.intune]
intune = true
[enrolment.label.both]
intune = true
approval = "always"
[enrolment.label.early]
renewalDays = 3660
[enrolment.intune]
tenant = "example.onmicrosoft.com"
clientId = "11111111-2222-3333-4444-555555555555"
clientSecret = { env = "INTUNE_SECRET" }
login = "${base}/"
graph = "${base}"
`,
  });
  const setUp = operation({
    action: 'test.secrets-key',
    permission: 'system',
    input: z.object({}),
    subject: () => null,
    async run(tx) {
      await establishSecretsKey(tx, office.world);
      return { result: undefined, audit: {} };
    },
  });
  await perform(office.world, setUp, system, {});
  await office.person('alice@example.com', { name: 'Alice' });
  await office.person('bob@example.com', { name: 'Bob' });
  app = Fastify();
  await app.register(scepEndpoint(office.world));
  url = `${await app.listen({ host: '127.0.0.1', port: 0 })}/scep/intune`;
});
afterAll(async () => {
  await app.close();
  await office.close();
  await intune.stop();
});

const asking = (more = {}) => ({
  key: deviceKey(),
  challenge: 'what Intune made for this device',
  emails: ['alice@example.com'],
  transactionId: 'T1',
  ...more,
});

describe('SCEP that Intune validates', () => {
  it('issues once Intune said Success, and tells it what was issued', async () => {
    const ask = asking();
    const { certificate, reply } = await askScep(url, ask);
    expect(reply.status).toBe(pkiStatuses.SUCCESS);
    expect(certificate?.subjectAltNames.emails).toEqual(['alice@example.com']);
    const [token, graph, second, validate] = intune.calls;
    expect(token?.path).toBe('/example.onmicrosoft.com/oauth2/v2.0/token');
    expect(token?.body).toEqual({
      grant_type: 'client_credentials',
      client_id: '11111111-2222-3333-4444-555555555555',
      client_secret: 'the secret of the application',
      scope: `${intune.url}/.default`,
    });
    expect(graph?.path).toBe('/v1.0/servicePrincipals/appId=0000000a-0000-0000-c000-000000000000/endpoints');
    expect(graph?.headers.authorization).toBe('Bearer token-1');
    expect(second?.body).toMatchObject({ scope: 'https://api.manage.microsoft.com//.default' });
    expect(validate?.path).toBe('/TrafficGateway/Scep/ScepActions/validateRequest');
    expect(validate?.headers).toMatchObject({
      authorization: 'Bearer token-2',
      'api-version': '2018-02-20',
      'client-request-id': expect.stringMatching(/^[0-9a-f-]{36}$/),
      useragent: 'Chancery',
    });
    const { request } = (validate?.body ?? {}) as { request: Record<string, string> };
    expect(request).toEqual({
      transactionId: 'T1',
      certificateRequest: expect.stringMatching(/^MI[A-Za-z0-9+/]+=*$/),
      callerInfo: 'Chancery',
    });
    await office.drain();
    const issuer = (await getCaCerts(url)).find((one) => certificate && isIssuedBy(certificate, one));
    expect(intune.bodies('successNotification')).toEqual([
      {
        notification: {
          transactionId: 'T1',
          certificateRequest: request.certificateRequest,
          certificateThumbprint: createHash('sha1')
            .update(certificate?.der ?? '')
            .digest('hex')
            .toUpperCase(),
          certificateSerialNumber: certificate?.serialNumber,
          certificateExpirationDateUtc: certificate?.notAfter.toISOString(),
          issuingCertificateAuthority: issuer && formatName(issuer.subject),
          callerInfo: 'Chancery',
        },
      },
    ]);
    await office.drain();
    expect(intune.bodies('successNotification')).toHaveLength(1);
    // What it was told is kept nowhere.
    const { rows } = await office.world.database.pool.query('SELECT body, error FROM intune_notices');
    expect(rows).toEqual([{ body: null, error: null }]);
  });

  it('issues nothing for anything but Success', async () => {
    intune.code = 'ChallengeExpired';
    const { reply } = await askScep(url, asking());
    intune.code = 'Success';
    expect(reply).toMatchObject({ status: pkiStatuses.FAILURE, failure: pkiFailures.badRequest });
    expect(reply.failureText).toContain('ChallengeExpired');
    await office.drain();
    expect(intune.bodies('failureNotification')).toEqual([]);
  });

  it('tells Intune what it had let through and the office refuses', async () => {
    const several = await askScep(url, asking({ emails: ['alice@example.com', 'bob@example.com'] }));
    expect(several.reply.failureText).toContain('whose request');
    const foreign = await askScep(url, asking({ emails: ['alice@example.com', 'eve@elsewhere.example'] }));
    expect(foreign.reply.failureText).toContain('not this person');
    await office.drain();
    const told = intune.bodies('failureNotification') as { notification: Record<string, unknown> }[];
    expect(told).toHaveLength(2);
    const about = (said: string) =>
      told.find(({ notification }) => String(notification.errorDescription).includes(said));
    expect(about('whose request')).toBeDefined();
    expect(about('not this person')?.notification).toEqual({
      transactionId: 'T1',
      certificateRequest: expect.stringMatching(/^MI/),
      hResult: 2147500037,
      errorDescription: expect.stringContaining('not this person'),
      callerInfo: 'Chancery',
    });
  });

  it('waits for an operator where the label asks for both, and tells Intune of a refusal', async () => {
    const both = url.replace('/intune', '/both');
    const ask = asking({ transactionId: 'T2' });
    expect((await askScep(both, ask)).reply.status).toBe(pkiStatuses.PENDING);
    expect((await askScep(both, ask)).reply.status).toBe(pkiStatuses.PENDING);
    const waiting = await office.world.database.snapshot((snapshot) =>
      listDeviceEnrolments(snapshot, { state: 'waiting', limit: 10 }),
    );
    expect(waiting).toHaveLength(1);
    const before = intune.bodies('failureNotification').length;
    await decideAndIssue(office.world, system, {
      id: waiting[0]?.id ?? '',
      decision: 'refuse',
      reason: 'Not this one.',
    });
    await office.drain();
    expect(intune.bodies('failureNotification').slice(before)).toMatchObject([
      { notification: { transactionId: 'T2', errorDescription: 'Not this one.' } },
    ]);
  });

  it('asks for a token anew where Intune takes the old one no more', async () => {
    intune.mishaps.push('expired');
    const before = intune.calls.length;
    expect((await askScep(url, asking())).certificate).toBeDefined();
    const paths = intune.calls.slice(before).map(({ path }) => path.split('/').at(-1));
    expect(paths).toEqual(['validateRequest', 'token', 'validateRequest']);
  });

  it('leaves Intune alone for as long as it asks, and tells the device to come again', async () => {
    const ask = asking();
    const sent = await scepMessage(url, { ...ask, to: await raOf(url) });
    intune.mishaps.push('throttled');
    await expect(sendScep(url, sent, ask.key)).rejects.toThrow('503');
    const before = intune.calls.length;
    wait(1);
    await expect(sendScep(url, sent, ask.key)).rejects.toThrow('left alone until');
    expect(intune.calls.length).toBe(before);
    wait(1.1);
    expect((await sendScep(url, sent, ask.key)).certificate).toBeDefined();
  });

  it('issues nothing while Intune is gone, and tells it later what it missed', async () => {
    const ask = asking();
    const sent = await scepMessage(url, ask);
    intune.mishaps.push('gone');
    await expect(sendScep(url, sent, ask.key)).rejects.toThrow('503');
    await office.drain();
    const before = intune.bodies('successNotification').length;
    expect((await sendScep(url, sent, ask.key)).certificate).toBeDefined();
    intune.mishaps.push('gone');
    await expect(office.drain()).rejects.toThrow('does not answer');
    const { rows } = await office.world.database.pool.query(
      'SELECT id, kind FROM intune_notices WHERE settled_at IS NULL',
    );
    expect(rows).toEqual([{ id: expect.any(String), kind: 'success' }]);
    await tellIntune(office.world, rows[0].id);
    expect(intune.bodies('successNotification').length).toBe(before + 2);
  });

  it('revokes what Intune asks for and what was issued because Intune said so, once an hour', async () => {
    const ask = asking();
    const { certificate } = await askScep(url, ask);
    const renewed = await askScep(url.replace('/scep/intune', '/scep/early'), {
      key: deviceKey(),
      signedBy: { key: ask.key, certificate: certificate as NonNullable<typeof certificate> },
    });
    const other = await office.signing(await office.person('carol@example.com'));
    await office.drain();
    intune.revocations = [
      { requestContext: 'c1', serialNumber: certificate?.serialNumber.toUpperCase() ?? '' },
      { requestContext: 'c2', serialNumber: renewed.certificate?.serialNumber ?? '' },
      { requestContext: 'c3', serialNumber: other.serialNumber },
      { requestContext: 'c4', serialNumber: 'no number' },
    ];
    await pollIntuneRevocations(office.world);
    await office.drain();
    expect(intune.bodies('downloadRevocationRequests')).toEqual([
      { downloadParameters: { maxRequests: 100, issuerName: null } },
    ]);
    const unknown = { succeeded: false, errorCode: '4004', errorMessage: 'No such certificate was issued for Intune.' };
    const done = { succeeded: true, errorCode: '0', errorMessage: '' };
    expect(intune.bodies('uploadRevocationResults')).toEqual([
      {
        results: [
          { requestContext: 'c1', ...done },
          { requestContext: 'c2', ...done },
          { requestContext: 'c3', ...unknown },
          { requestContext: 'c4', ...unknown },
        ],
      },
    ]);
    const upload = intune.calls.find(({ path }) => path.endsWith('uploadRevocationResults'));
    expect(upload?.path).toBe('/TrafficGateway/Pki/CertificateAuthorityRequests/uploadRevocationResults');
    expect(upload?.headers['api-version']).toBe('5019-05-05');
    const standing = async (serialNumber = '') =>
      (await office.world.database.snapshot((snapshot) => certificateBySerial(snapshot, serialNumber)))
        ?.revocation_reason;
    expect(await standing(certificate?.serialNumber)).toBe('cessationOfOperation');
    expect(await standing(renewed.certificate?.serialNumber)).toBe('cessationOfOperation');
    expect(await standing(other.serialNumber)).toBeNull();
    // Not again within the hour; then what is revoked already is as it should be.
    await pollIntuneRevocations(office.world);
    expect(intune.bodies('downloadRevocationRequests')).toHaveLength(1);
    wait(61);
    intune.revocations = intune.revocations.slice(0, 1);
    await pollIntuneRevocations(office.world);
    await office.drain();
    expect(intune.bodies('uploadRevocationResults')[1]).toEqual({ results: [{ requestContext: 'c1', ...done }] });
  });
});
