import {
  buildOcspRequest,
  type Certificate,
  oids,
  parseCertificate,
  parseOcspResponse,
  verifyOcspResponse,
} from '@chancery/smime';
import Fastify, { type FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type PkiOffice, pkiOffice } from '../../../test/pki-office.ts';
import { revokeCertificate } from '../../ca/revoke.ts';
import { perform } from '../../operation.ts';
import { system } from '../../principal.ts';
import { OcspResponder } from '../../status/ocsp-responder.ts';
import { renewResponder } from '../../status/renew-responder.ts';
import { issuingAuthority, listAuthorities } from '../../store/authorities.ts';
import type { World } from '../../world.ts';
import { ocspEndpoint } from './ocsp-endpoint.ts';

let now = new Date('2026-03-01T12:00:00Z');
let office: PkiOffice;
let app: FastifyInstance;
let issuer: Certificate;
let leaf: Certificate;

beforeAll(async () => {
  office = await pkiOffice({ clock: () => now });
  app = Fastify();
  await app.register(endpointOf(office.world));
  issuer = (await office.world.database.snapshot(issuingAuthority)).certificate;
  leaf = await certify('ada@example.com');
});
afterAll(async () => {
  await app.close();
  await office.close();
});

const endpointOf = (world: World) =>
  ocspEndpoint(new OcspResponder(world, (authority) => renewResponder(world, authority)), world.clock);

async function certify(address: string): Promise<Certificate> {
  return parseCertificate((await office.signing(await office.person(address))).certificate);
}

async function post(
  request: Uint8Array,
  headers: Record<string, string> = { 'content-type': 'application/ocsp-request' },
) {
  const reply = await app.inject({ method: 'POST', url: '/ocsp', payload: Buffer.from(request), headers });
  return { reply, response: parseOcspResponse(reply.rawPayload) };
}

async function statusOf(cert: Pick<Certificate, 'serialNumber'>, hash: 'sha1' | 'sha256' = 'sha1') {
  const { response } = await post(buildOcspRequest({ cert, issuer, hash }));
  return response.basic?.responses[0]?.status;
}

describe('an OCSP answer', () => {
  it('is good, signed by a delegate of the issuer, for both hashes', async () => {
    for (const hash of ['sha1', 'sha256'] as const) {
      const nonce = Buffer.from('a nonce of ours');
      const { reply, response } = await post(buildOcspRequest({ cert: leaf, issuer, nonce, hash }));
      expect(reply.headers['content-type']).toBe('application/ocsp-response');
      expect(reply.headers['cache-control']).toBe('no-store');
      const verdict = verifyOcspResponse({ response, issuer, at: now, nonce });
      expect(verdict.problems).toEqual([]);
      expect(verdict.responder?.extendedKeyUsage).toEqual([oids.ocspSigning]);
      expect(verdict.responder?.extensions.some(({ id }) => id === oids.ocspNoCheck)).toBe(true);
      expect(response.basic?.nonce).toEqual(nonce);
      expect(response.basic?.responses[0]).toMatchObject({ status: 'good', thisUpdate: now });
    }
  });

  it('is revoked from the moment of revocation on', async () => {
    const other = await certify('eve@example.com');
    expect(await statusOf(other)).toBe('good');
    await perform(office.world, revokeCertificate, system, {
      serialNumber: other.serialNumber,
      reason: 'keyCompromise',
    });
    expect(await statusOf(other)).toEqual({ revokedAt: now, reason: 'keyCompromise' });
    const third = await certify('mallory@example.com');
    await perform(office.world, revokeCertificate, system, { serialNumber: third.serialNumber, reason: 'unspecified' });
    expect(await statusOf(third)).toEqual({ revokedAt: now });
  });

  it('is unknown for a serial number that was never issued, prepared ones included', async () => {
    expect(await statusOf({ serialNumber: '1234567890abcdef' })).toBe('unknown');
    const intent = await office.prepareSigning(await office.person('intent@example.com'));
    expect(await statusOf(intent)).toBe('unknown');
  });

  it('is unauthorized for certificates of another authority', async () => {
    const [root] = await office.world.database.snapshot(listAuthorities);
    if (root === undefined) throw new Error('a root expected');
    const { response } = await post(buildOcspRequest({ cert: issuer, issuer: root.certificate }));
    expect(response.status).toBe('unauthorized');
  });

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['text', Buffer.from('is ada@example.com all right?')],
    ['a response', Buffer.from('30030a0101', 'hex')],
    ['a request that asks for nothing', Buffer.from('300430023000', 'hex')],
  ])('is malformedRequest for %s', async (_what, octets) => {
    const { reply, response } = await post(octets);
    expect(reply.statusCode).toBe(200);
    expect(response.status).toBe('malformedRequest');
  });

  it('is malformedRequest for a request cut short at any octet', async () => {
    const request = buildOcspRequest({ cert: leaf, issuer });
    for (let length = 1; length < request.length; length++)
      expect((await post(request.subarray(0, length))).response.status).toBe('malformedRequest');
  });

  it('comes whatever the content type, and to a body that is too long a refusal', async () => {
    const request = buildOcspRequest({ cert: leaf, issuer });
    for (const headers of [{}, { 'content-type': 'application/json' }, { 'content-type': 'text/plain' }])
      expect((await post(request, headers)).response.status).toBe('successful');
    const reply = await app.inject({ method: 'POST', url: '/ocsp', payload: Buffer.alloc(20_000) });
    expect(reply.statusCode).toBe(413);
  });

  it('comes by GET, percent-encoded or not, and may be cached for a while', async () => {
    // Of many requests some hold `+` and some `/`.
    for (let n = 0; n < 50; n++) {
      const serialNumber = Buffer.from([0x40 + n, 0xfb, 0xef, 0xff, 0xfe, n]).toString('hex');
      const base64 = Buffer.from(buildOcspRequest({ cert: { serialNumber }, issuer })).toString('base64');
      for (const path of [base64, encodeURIComponent(base64), base64.replaceAll('+', '%2b')]) {
        const reply = await app.inject({ method: 'GET', url: `/ocsp/${path}` });
        expect(parseOcspResponse(reply.rawPayload).basic?.responses[0]?.certId.serialNumber).toBe(serialNumber);
        expect(reply.headers['cache-control']).toBe('no-store');
      }
    }
    const base64 = Buffer.from(buildOcspRequest({ cert: leaf, issuer })).toString('base64');
    const reply = await app.inject({ method: 'GET', url: `/ocsp/${base64}` });
    expect(reply.headers['cache-control']).toBe('max-age=300, public, no-transform, must-revalidate');
    expect(reply.headers['last-modified']).toBe(now.toUTCString());
    expect(reply.headers.expires).toBe(new Date(now.getTime() + 8 * 3_600_000).toUTCString());
    for (const bad of ['%00', 'A', '***', base64.slice(0, -8)]) {
      const refused = await app.inject({ method: 'GET', url: `/ocsp/${bad}` });
      expect(parseOcspResponse(refused.rawPayload).status).toBe('malformedRequest');
    }
  });
});

describe('the responder', () => {
  it('keeps one certificate, renews it before it ends, and destroys keys that are done', async () => {
    const responders = async () =>
      (await office.world.database.pool.query(`SELECT 1 FROM certificates WHERE use = 'ocsp'`)).rows.length;
    const keys = async () =>
      (await office.world.keyStore.list()).filter(({ label }) => label === 'OCSP responder').length;
    expect(await responders()).toBe(1);
    now = new Date('2026-03-05T12:00:00Z');
    await statusOf(leaf);
    expect(await responders()).toBe(1);
    now = new Date('2026-03-12T12:00:00Z');
    await Promise.all(Array.from({ length: 10 }, () => statusOf(leaf)));
    expect([await responders(), await keys()]).toEqual([2, 2]);
    now = new Date('2026-03-25T12:00:00Z');
    expect(await statusOf(leaf)).toBe('good');
    expect([await responders(), await keys()]).toEqual([3, 2]);
  });

  it('says tryLater when the database is gone, and nothing more', async () => {
    const broken = {
      ...office.world,
      database: {
        ...office.world.database,
        snapshot: async () => {
          throw new Error('connection refused');
        },
        glance: async () => {
          throw new Error('connection refused');
        },
      },
    };
    const alone = Fastify();
    await alone.register(endpointOf(broken));
    const reply = await alone.inject({
      method: 'POST',
      url: '/ocsp',
      payload: Buffer.from(buildOcspRequest({ cert: leaf, issuer })),
    });
    expect(parseOcspResponse(reply.rawPayload).status).toBe('tryLater');
    await alone.close();
  });
});
